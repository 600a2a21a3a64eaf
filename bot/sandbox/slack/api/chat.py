"""`chat.*`: post, update, delete, post privately, and link to a message."""

from bot.sandbox.slack.api.content import Content, read_content
from bot.sandbox.slack.api.method import Call, Kind, Method, RateLimitedError, RefusalError
from bot.sandbox.slack.api.reach import channel_to_post_in, joined_channel, known_channel
from bot.sandbox.slack.blockkit import MOST_UPDATE_CHARACTERS
from bot.sandbox.slack.cast import BOT_USER, SLACKBOT, TEAM_DOMAIN, Channel
from bot.sandbox.slack.messages import Message, with_ids
from bot.sandbox.slack.wire import Json
from bot.sandbox.slack.workspace import SlackSandbox

_CUSTOMISED = ("username", "icon_emoji", "icon_url")


def _post(call: Call) -> Json:
    _need_customize_scope(call)
    content = _content_with_something(call)
    channel = channel_to_post_in(call, call.required("channel"))
    thread_ts = _thread(call, channel)
    if not call.slack.posting_limit.allows(channel.id):
        raise RateLimitedError(1)
    message = call.slack.post(
        channel.id,
        BOT_USER,
        content.text or "",
        blocks=content.blocks or [],
        attachments=content.attachments or [],
        metadata=content.metadata or None,
        thread_ts=thread_ts,
        broadcast=call.flag("reply_broadcast") and thread_ts is not None,
    )
    return {
        "channel": channel.id,
        "ts": message.ts,
        "message": call.slack.message_on_the_wire(message),
    }


def _post_ephemeral(call: Call) -> Json:
    _need_customize_scope(call)
    content = _content_with_something(call)
    channel = joined_channel(call, call.required("channel"))
    if channel.archived:
        raise RefusalError("is_archived")
    user = call.required("user")
    if user not in {member.id for member in call.slack.present(channel)}:
        raise RefusalError("user_not_in_channel")
    message = call.slack.post(
        channel.id,
        BOT_USER,
        content.text or "",
        blocks=content.blocks or [],
        attachments=content.attachments or [],
        thread_ts=_thread(call, channel),
        ephemeral_to=user,
    )
    return {"message_ts": message.ts}


def _update(call: Call) -> Json:
    content = read_content(call.arguments, MOST_UPDATE_CHARACTERS)
    if content == Content(None, None, None, None):
        raise RefusalError("no_text")
    channel = known_channel(call, call.required("channel"))
    if channel.archived:
        raise RefusalError("is_inactive")
    message = _own_message(call, channel, call.required("ts"), "cant_update_message")
    change(message, content, edited_ts=call.slack.messages.new_ts())
    if not (message.text or message.blocks or message.attachments):
        raise RefusalError("no_text")
    call.slack.changed()
    return {
        "channel": channel.id,
        "ts": message.ts,
        "text": message.text,
        "message": call.slack.message_on_the_wire(message),
    }


def change(message: Message, content: Content, *, edited_ts: str) -> None:
    """Put new content into a message.

    Text without blocks takes the old blocks away, and only such an update shows "(edited)";
    metadata stays unless an empty object removes it (documentation of chat.update).
    """
    if content.blocks is not None:
        message.blocks = with_ids(content.blocks)
    elif content.text is not None:
        message.blocks = []
        if content.text != message.text:
            message.edited_ts = edited_ts
    if content.text is not None:
        message.text = content.text
    if content.attachments is not None:
        message.attachments = content.attachments
    if content.metadata is not None:
        message.metadata = content.metadata or None


def _delete(call: Call) -> Json:
    channel = known_channel(call, call.required("channel"))
    message = _own_message(call, channel, call.required("ts"), "cant_delete_message")
    remove(call.slack, message)
    return {"channel": channel.id, "ts": message.ts}


def remove(slack: SlackSandbox, message: Message) -> None:
    """Take a message away; one with replies leaves a tombstone, so that its thread stays."""
    if slack.messages.replies(message):
        message.text, message.user, message.subtype = (
            "This message was deleted.",
            SLACKBOT,
            "tombstone",
        )
        message.blocks, message.attachments, message.metadata = [], [], None
    else:
        slack.messages.remove(message)
    slack.changed()


def _permalink(call: Call) -> Json:
    channel = known_channel(call, call.required("channel"))
    message = call.slack.messages.get(channel.id, call.required("message_ts"))
    if message is None or message.ephemeral_to is not None:
        raise RefusalError("message_not_found")
    link = f"https://{TEAM_DOMAIN}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def _content_with_something(call: Call) -> Content:
    content = read_content(call.arguments)
    if not (content.text or content.blocks or content.attachments):
        raise RefusalError("no_text")
    return content


def _need_customize_scope(call: Call) -> None:
    if any(call.arguments.get(name) for name in _CUSTOMISED):
        call.need_scope("chat:write.customize")


def _thread(call: Call, channel: Channel) -> str | None:
    thread_ts = call.text("thread_ts")
    if not thread_ts:
        return None
    if call.slack.messages.thread_root(channel.id, thread_ts) is None:
        raise RefusalError("thread_not_found")
    return thread_ts


def _own_message(call: Call, channel: Channel, ts: str, refusal: str) -> Message:
    message = call.slack.messages.get(channel.id, ts)
    if message is None or message.ephemeral_to is not None or message.subtype == "tombstone":
        raise RefusalError("message_not_found")
    if not message.is_bots:
        raise RefusalError(refusal)
    return message


_CONTENT: dict[str, Kind] = {
    "channel": "text",
    "text": "text",
    "markdown_text": "text",
    "blocks": "json",
    "attachments": "json",
    "as_user": "flag",
    "link_names": "flag",
    "parse": "text",
}
_FACE: dict[str, Kind] = {"username": "text", "icon_emoji": "text", "icon_url": "text"}

METHODS = (
    Method(
        "chat.postMessage",
        _post,
        {
            **_CONTENT,
            **_FACE,
            "thread_ts": "text",
            "reply_broadcast": "flag",
            "unfurl_links": "flag",
            "unfurl_media": "flag",
            "mrkdwn": "flag",
            "metadata": "json",
            "container_id": "text",
        },
        required=("channel",),
        scopes=("chat:write",),
    ),
    Method(
        "chat.postEphemeral",
        _post_ephemeral,
        {**_CONTENT, **_FACE, "user": "text", "thread_ts": "text"},
        required=("channel", "user"),
        scopes=("chat:write",),
    ),
    Method(
        "chat.update",
        _update,
        {
            **_CONTENT,
            "ts": "text",
            "metadata": "json",
            "reply_broadcast": "flag",
            "file_ids": "text",
        },
        required=("channel", "ts"),
        scopes=("chat:write",),
    ),
    Method(
        "chat.delete",
        _delete,
        {"channel": "text", "ts": "text", "as_user": "flag"},
        required=("channel", "ts"),
        scopes=("chat:write",),
    ),
    Method(
        "chat.getPermalink",
        _permalink,
        {"channel": "text", "message_ts": "text"},
        required=("channel", "message_ts"),
        form_only=True,
    ),
)
