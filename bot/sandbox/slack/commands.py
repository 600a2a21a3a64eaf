"""Messages and slash commands as people type them, and the bot's answer to a command."""

import re
from typing import Literal

from bot.sandbox.slack import payloads
from bot.sandbox.slack.api.content import read_content
from bot.sandbox.slack.api.method import RefusalError
from bot.sandbox.slack.cast import Channel, User
from bot.sandbox.slack.delivery import Acknowledgement, Delivery, DeliveryFailedError
from bot.sandbox.slack.grants import ResponseUrl
from bot.sandbox.slack.people import ActRefusedError, answered, open_channel, person
from bot.sandbox.slack.response_url import say
from bot.sandbox.slack.wire import Json, as_text
from bot.sandbox.slack.workspace import SlackSandbox

_REFERENCE = re.compile(
    r"<(?P<id>[@#][A-Z][A-Z0-9]+)(?:\|[^<>]*)?>"
    r"|(?<!\S)@(?P<user>[a-z0-9][a-z0-9._-]*[a-z0-9])"
    r"|(?<!\S)#(?P<channel>[a-z0-9][a-z0-9_-]*)"
    r"|(?P<url>https?://[^\s<>|]*[^\s<>|.,;:!?)'\"])"
)
Form = Literal["message", "command", "plain"]

_MOST_TYPED = 12_000


async def write(slack: SlackSandbox, delivery: Delivery, given: Json) -> Json:
    """An ordinary message; a text that starts with a slash is a command."""
    user, channel = _author(slack, given)
    text = as_text(given.get("text"))
    if not text.strip() or len(text) > _MOST_TYPED:
        raise ActRefusedError("invalid_text", "A message has 1 to 12,000 characters.")
    thread_ts = as_text(given.get("thread_ts")) or None
    if thread_ts and slack.messages.thread_root(channel.id, thread_ts) is None:
        raise ActRefusedError("thread_not_found", "There is no such thread.")
    if text.startswith("/"):
        if thread_ts:
            raise ActRefusedError(
                "not_in_threads", "Slash commands are not supported in threads. Sorry!"
            )
        name, _, rest = text.partition(" ")
        return await run(slack, delivery, {**given, "command": name, "text": rest})
    said = escape(slack, text, "message")
    message = slack.post(channel.id, user.id, said, thread_ts=thread_ts)
    return {"ts": message.ts}


async def run(slack: SlackSandbox, delivery: Delivery, given: Json) -> Json:
    """Send a slash command and show what the bot answers at once."""
    user, channel = _author(slack, given)
    name, text = as_text(given.get("command")), as_text(given.get("text")).strip()
    command = slack.settings.manifest.command(name)
    if command is None or not slack.may_start(user):
        sentence = f"{name or 'This'} is not a valid command."
        slack.tell_privately(channel.id, user.id, sentence)
        raise ActRefusedError("unknown_command", sentence)
    typed = f"{name} {text}".strip()
    token = slack.grants.new_response_url(user.id, channel.id, "command", typed=typed)
    fields = payloads.slash_command(
        slack,
        user,
        channel,
        command=name,
        text=escape(slack, text, "command" if command.should_escape else "plain"),
        trigger_id=slack.grants.new_trigger(user.id, channel=channel.id),
        response_url=slack.response_address(token),
    )
    try:
        acknowledgement = await delivery.send_form(fields)
        response = _show(slack, acknowledgement, token)
    except DeliveryFailedError as failure:
        raise _failed(slack, user, channel, name, failure.error, failure.status) from None
    except (RefusalError, ValueError):
        raise _failed(slack, user, channel, name, "invalid_command_response", 200) from None
    return answered(acknowledgement, response)


def escape(slack: SlackSandbox, text: str, form: Form) -> str:
    """What people type, as Slack passes it on: `& < >` escaped, people, channels and links marked.

    A command whose manifest entry lacks `should_escape` gets its references as `plain` text; only
    in a command a person's mark also bears the name.
    """
    parts: list[str] = []
    end = 0
    for match in _REFERENCE.finditer(text):
        marked = None if form == "plain" else _marked(slack, match, form)
        if marked is not None:
            parts += [_escaped(text[end : match.start()]), marked]
            end = match.end()
    return "".join([*parts, _escaped(text[end:])])


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _marked(slack: SlackSandbox, match: re.Match[str], form: Form) -> str | None:
    if match["url"]:
        return f"<{_escaped(match['url'])}>"
    reference = match["id"] or ""
    for user in slack.users.values():
        if reference == f"@{user.id}" or match["user"] == user.name:
            return f"<@{user.id}|{user.name}>" if form == "command" else f"<@{user.id}>"
    for channel in slack.channels.values():
        if channel.kind != "im" and (
            reference == f"#{channel.id}" or match["channel"] == channel.name
        ):
            return f"<#{channel.id}|{channel.name}>"
    return None


def _author(slack: SlackSandbox, given: Json) -> tuple[User, Channel]:
    user = person(slack, given)
    return user, open_channel(slack, user, given)


def _show(slack: SlackSandbox, acknowledgement: Acknowledgement, token: str) -> object:
    """Put the immediate response into the channel and return it as the bot gave it."""
    if not acknowledgement.body.strip():
        return ""
    response: object = acknowledgement.body
    given: Json = {"text": acknowledgement.body}
    if acknowledgement.says_json:
        response = acknowledgement.document()
        if not isinstance(response, dict):
            raise ValueError("a command is answered with a JSON object")
        given = {name: value for name, value in response.items() if value is not None}
    url: ResponseUrl = slack.grants.response_url(token)
    content = read_content(given)
    if content.text or content.blocks or content.attachments:
        say(slack, url, content, given)
    return response


def _failed(
    slack: SlackSandbox, user: User, channel: Channel, name: str, error: str, status: int | None
) -> ActRefusedError:
    sentence = f'{name} failed with the error "{error}"'
    slack.tell_privately(channel.id, user.id, sentence)
    return ActRefusedError(error, sentence, status=status)
