"""`conversations.*`: open a DM, describe a channel, read its messages and threads."""

import base64
import re
from decimal import Decimal

from bot.sandbox.slack import cast
from bot.sandbox.slack.api.method import Call, Kind, Method, RefusalError
from bot.sandbox.slack.api.reach import joined_channel, known_channel
from bot.sandbox.slack.cast import BOT_USER, Channel
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.wire import Json
from bot.sandbox.slack.workspace import SlackSandbox

_MOST_PER_PAGE = 999
_MOMENT = re.compile(r"\d{1,12}(\.\d{1,6})?", re.ASCII)


def _open(call: Call) -> Json:
    slack = call.slack
    users = [user for user in (call.text("users") or "").split(",") if user]
    given = call.text("channel")
    if given:
        channel = known_channel(call, given)
        if channel.kind != "im":
            raise RefusalError("method_not_supported_for_channel_type")
        already = True
    elif not users:
        raise RefusalError("users_list_not_supplied")
    elif len(users) > 1:
        call.need_scope("mpim:write")
        raise RefusalError("not_enough_users")  # the sandbox has no group conversations
    else:
        user = slack.users.get(users[0])
        if user is None:
            raise RefusalError("user_not_found")
        if user.is_machine:
            raise RefusalError("cannot_dm_bot")
        if user.deleted:
            raise RefusalError("user_disabled")
        already = f"D{user.id[1:]}" in slack.channels
        channel = slack.direct_message(user.id)
    described = _describe(slack, channel) if call.flag("return_im") else {"id": channel.id}
    return {**({"no_op": True, "already_open": True} if already else {}), "channel": described}


def _info(call: Call) -> Json:
    channel = known_channel(call, call.required("channel"))
    call.need_scope(*_scopes(channel, "read"))
    described = _describe(call.slack, channel)
    if call.flag("include_num_members"):
        described["num_members"] = len(call.slack.present(channel))
    return {"channel": described}


def _history(call: Call) -> Json:
    channel = joined_channel(call, call.required("channel"))
    call.need_scope(*_scopes(channel, "history"))
    messages = [
        message
        for message in call.slack.messages.public_within(channel.id)
        if not message.is_reply or message.broadcast
    ]
    return {"pin_count": 0, **_page(call, _in_window(call, messages)[::-1])}


def _replies(call: Call) -> Json:
    channel = joined_channel(call, call.required("channel"))
    call.need_scope(*_scopes(channel, "history"))
    root = call.slack.messages.get(channel.id, call.required("ts"))
    if root is not None and root.is_reply:
        root = call.slack.messages.get(channel.id, root.thread_ts or "")
    if root is None or root.ephemeral_to is not None:
        raise RefusalError("thread_not_found")
    return _page(call, [root, *_in_window(call, call.slack.messages.replies(root))])


def _scopes(channel: Channel, what: str) -> tuple[str, ...]:
    family = {"public": "channels", "private": "groups", "im": "im"}[channel.kind]
    return (f"{family}:{what}",)


def _in_window(call: Call, messages: list[Message]) -> list[Message]:
    oldest, latest = _moment(call, "oldest"), _moment(call, "latest")
    inclusive = call.flag("inclusive")

    def wanted(message: Message) -> bool:
        ts = Decimal(message.ts)
        if inclusive and ts in (oldest, latest):
            return True
        return (oldest is None or ts > oldest) and (latest is None or ts < latest)

    return [message for message in messages if wanted(message)]


def _moment(call: Call, name: str) -> Decimal | None:
    given = call.text(name)
    if not given:
        return None
    if not _MOMENT.fullmatch(given):
        raise RefusalError(f"invalid_ts_{name}")
    return Decimal(given)


def _page(call: Call, messages: list[Message]) -> Json:
    size = max(1, min(call.number("limit", 100), _MOST_PER_PAGE))
    start = _position(call.text("cursor"))
    page = messages[start : start + size]
    more = start + size < len(messages)
    with_metadata = call.flag("include_all_metadata")
    answer: Json = {
        "messages": [
            call.slack.message_on_the_wire(message, with_metadata=with_metadata) for message in page
        ],
        "has_more": more,
    }
    if more:
        cursor = base64.b64encode(f"next:{start + size}".encode()).decode()
        answer["response_metadata"] = {"next_cursor": cursor}
    return answer


def _position(cursor: str | None) -> int:
    if not cursor:
        return 0
    try:
        mark, _, position = base64.b64decode(cursor, validate=True).decode().partition(":")
    except ValueError:
        mark, position = "", ""
    if mark != "next" or not position.isdecimal() or len(position) > 9:
        raise RefusalError("invalid_cursor")
    return int(position)


def _describe(slack: SlackSandbox, channel: Channel) -> Json:
    if channel.kind == "im":
        person = next(member for member in channel.members if member != BOT_USER)
        return {
            "id": channel.id,
            "created": channel.created,
            "is_im": True,
            "is_archived": False,
            "is_org_shared": False,
            "user": person,
            "is_open": True,
            "context_team_id": cast.TEAM_ID,
        }
    connected = slack.connected_teams(channel)
    return {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": True,
        "is_group": False,
        "is_im": False,
        "is_mpim": False,
        "is_private": channel.is_private,
        "created": channel.created,
        "is_archived": channel.archived,
        "is_general": channel.name == "general",
        "is_shared": bool(connected),
        "is_org_shared": False,
        "is_ext_shared": bool(connected),
        "is_pending_ext_shared": False,
        "is_member": BOT_USER in channel.members,
        "context_team_id": cast.TEAM_ID,
        "shared_team_ids": [cast.TEAM_ID, *connected],
        "connected_team_ids": connected,
        "creator": "U0APPROVE",
        "topic": {"value": channel.topic, "creator": "U0APPROVE", "last_set": channel.created},
        "purpose": {"value": "", "creator": "", "last_set": 0},
        "previous_names": [],
    }


_PAGED: dict[str, Kind] = {
    "channel": "text",
    "cursor": "text",
    "inclusive": "flag",
    "include_all_metadata": "flag",
    "latest": "text",
    "oldest": "text",
    "limit": "number",
}

METHODS = (
    Method(
        "conversations.open",
        _open,
        {"channel": "text", "users": "text", "return_im": "flag", "prevent_creation": "flag"},
        scopes=("im:write", "mpim:write", "channels:manage", "groups:write"),
    ),
    Method(
        "conversations.info",
        _info,
        {"channel": "text", "include_locale": "flag", "include_num_members": "flag"},
        required=("channel",),
        scopes=("channels:read", "groups:read", "im:read", "mpim:read"),
        form_only=True,
    ),
    Method(
        "conversations.history",
        _history,
        _PAGED,
        required=("channel",),
        scopes=("channels:history", "groups:history", "im:history", "mpim:history"),
    ),
    Method(
        "conversations.replies",
        _replies,
        {**_PAGED, "ts": "text"},
        required=("channel", "ts"),
        scopes=("channels:history", "groups:history", "im:history", "mpim:history"),
    ),
)
