"""Response URLs: what a bot may still say for half an hour after somebody has used it.

They work where the bot is no member. Only the message an action came from can be replaced or
deleted; asked for it after a slash command, Slack posts a new message (facts/slack.md).
"""

import copy

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from bot.sandbox.slack.api.chat import change, remove
from bot.sandbox.slack.api.content import Content, read_content
from bot.sandbox.slack.api.http import cut_connection, log_call, misbehave
from bot.sandbox.slack.api.method import RefusalError
from bot.sandbox.slack.body import BodyRefusedError, read_body
from bot.sandbox.slack.cast import BOT_USER
from bot.sandbox.slack.grants import ResponseUrl
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.wire import Json, as_flag, parse_json
from bot.sandbox.slack.workspace import SlackSandbox

_KNOWN = frozenset(
    {
        "text",
        "blocks",
        "attachments",
        "metadata",
        "response_type",
        "replace_original",
        "delete_original",
        "thread_ts",
        "mrkdwn",
        "parse",
        "link_names",
        "unfurl_links",
        "unfurl_media",
    }
)


async def response_url_endpoint(request: Request, slack: SlackSandbox) -> Response:
    """Answer one post of a bot. Its faults go by the method name `response_url`."""
    fault = slack.faults.take("response_url", alone=True)
    if fault is not None and fault.is_instead:
        return await misbehave(request, slack, "response_url", {}, fault)
    if fault is not None and fault.kind == "slow":
        await slack.pause(fault.seconds)
    given: Json = {}
    answer: Json = {"ok": True}
    status = 200
    try:
        url = _url(slack, request.path_params["token"])
        given = _object(await read_body(request))
        _use(slack, url, {name: value for name, value in given.items() if value is not None})
    except (BodyRefusedError, RefusalError) as refused:
        status = refused.status if refused.status != 200 else 400
        extra = refused.extra if isinstance(refused, RefusalError) else {}
        answer = {"ok": False, "error": refused.error, **extra}
    log_call(slack, "response_url", given, answer, status)
    if fault is not None and fault.kind == "drop":
        await cut_connection(request)
    return PlainTextResponse("ok") if answer["ok"] else JSONResponse(answer, status)


def _url(slack: SlackSandbox, token: str) -> ResponseUrl:
    url, why = slack.grants.use_response_url(token)
    if url is None:
        raise RefusalError(why, status=404)
    return url


def _object(body: bytes) -> Json:
    try:
        given = parse_json(body)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise RefusalError("invalid_payload")
    return given


def _use(slack: SlackSandbox, url: ResponseUrl, given: Json) -> None:
    unknown = sorted(set(given) - _KNOWN)
    if unknown:
        raise RefusalError(
            "invalid_arguments", [f"[ERROR] unsupported argument: {name}" for name in unknown]
        )
    original = slack.messages.get(url.channel, url.original_ts or "")
    if as_flag(given.get("delete_original")):
        if original is None or not original.is_bots:
            raise RefusalError("message_not_found")
        remove(slack, original)
        return
    content = read_content(given)
    if not (content.text or content.blocks or content.attachments):
        raise RefusalError("no_text")
    if as_flag(given.get("replace_original")) and original is not None and original.is_bots:
        _replace(slack, original, content)
    else:
        say(slack, url, content, given)


def _replace(slack: SlackSandbox, original: Message, content: Content) -> None:
    # Unlike chat.update, what is left out here is taken away.
    whole = Content(
        content.text or "", content.blocks or [], content.attachments or [], content.metadata
    )
    change(original, whole, edited_ts=slack.messages.new_ts())
    slack.changed()


def say(slack: SlackSandbox, url: ResponseUrl, content: Content, given: Json) -> Message:
    """A new message: for one person, or for the channel with the command they typed above it."""
    response_type = given.get("response_type", "ephemeral")
    if response_type not in ("ephemeral", "in_channel"):
        raise RefusalError(
            "invalid_arguments",
            ["[ERROR] must be a valid enum value [json-pointer:/response_type]"],
        )
    thread_ts = given.get("thread_ts")
    if thread_ts is not None and (
        not isinstance(thread_ts, str) or slack.messages.thread_root(url.channel, thread_ts) is None
    ):
        raise RefusalError("thread_not_found")
    for_all = response_type == "in_channel"
    if for_all and url.typed is not None:
        slack.post(url.channel, url.user, url.typed)
        url.typed = None
    return slack.post(
        url.channel,
        BOT_USER,
        content.text or "",
        blocks=content.blocks or [],
        attachments=copy.deepcopy(content.attachments or []),
        metadata=content.metadata or None,
        thread_ts=thread_ts,
        ephemeral_to=None if for_all else url.user,
    )
