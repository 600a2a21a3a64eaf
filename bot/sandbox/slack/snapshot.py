"""The workspace as one person sees it: what `GET /ui/state` answers."""

from bot.sandbox.slack import cast
from bot.sandbox.slack.cast import BOT_USER, Channel, User
from bot.sandbox.slack.inputs import view_values
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.views import View
from bot.sandbox.slack.wire import Json
from bot.sandbox.slack.workspace import SlackSandbox


def snapshot(slack: SlackSandbox, user: User, wanted_channel: str, version: int) -> Json:
    """A channel the person cannot see is answered with the first one they can."""
    channels = slack.visible_channels(user.id)
    ids = [channel.id for channel in channels]
    channel_id = wanted_channel if wanted_channel in ids else next(iter(ids), "")
    manifest = slack.settings.manifest
    may_start = slack.may_start(user)
    return {
        "version": version,
        "team": {"id": cast.TEAM_ID, "name": cast.TEAM_NAME, "domain": cast.TEAM_DOMAIN},
        "me": _user(slack, user),
        "users": [_user(slack, other) for other in slack.users.values()],
        "groups": [{"id": g.id, "handle": g.handle} for g in slack.user_groups.values()],
        "channels": [_channel(slack, channel, user) for channel in channels],
        "channel": channel_id,
        "messages": [
            _message(slack, message)
            for message in slack.messages.within(channel_id)
            if message.visible_to(user.id)
        ],
        "views": [_view(view) for view in slack.views.stack(user.id)],
        "commands": [
            {"command": c.command, "description": c.description, "usage_hint": c.usage_hint}
            for c in manifest.commands
            if may_start
        ],
        "shortcuts": [
            {
                "name": s.name,
                "type": s.type,
                "callback_id": s.callback_id,
                "description": s.description,
            }
            for s in manifest.shortcuts
            if may_start
        ],
    }


def _user(slack: SlackSandbox, user: User) -> Json:
    return {
        "id": user.id,
        "name": user.name,
        "real_name": user.real_name,
        "role": user.role,
        "is_restricted": user.is_guest,
        "is_ultra_restricted": user.is_ultra_restricted,
        "is_outsider": slack.is_outsider(user),
        "is_bot": user.is_bot,
        "deleted": user.deleted,
        "color": user.color,
    }


def _channel(slack: SlackSandbox, channel: Channel, user: User) -> Json:
    newest_first = reversed(slack.messages.within(channel.id))
    last = next((message for message in newest_first if message.visible_to(user.id)), None)
    return {
        "id": channel.id,
        "name": channel.name,
        "kind": channel.kind,
        "bot_is_member": BOT_USER in channel.members,
        "is_member": user.id in channel.members,
        "archived": channel.archived,
        "is_shared": bool(slack.connected_teams(channel)),
        "topic": channel.topic,
        "last_ts": last.ts if last else None,
    }


def _message(slack: SlackSandbox, message: Message) -> Json:
    replies = [] if message.is_reply else slack.messages.replies(message)
    return {
        "ts": message.ts,
        "thread_ts": message.thread_ts if message.is_reply else (message.ts if replies else None),
        "channel": message.channel,
        "user": message.user,
        "bot": message.is_bots,
        "text": message.text,
        "blocks": message.blocks,
        "attachments": message.attachments,
        "ephemeral": message.ephemeral_to is not None,
        "edited": message.edited_ts is not None,
        "broadcast": message.broadcast,
        "reply_count": len(replies),
        "metadata": message.metadata,
    }


def _view(view: View) -> Json:
    given = view.definition
    return {
        "id": view.id,
        "type": given["type"],
        "callback_id": given.get("callback_id", ""),
        "title": given.get("title"),
        "submit": given.get("submit"),
        "close": given.get("close"),
        "blocks": view.blocks,
        "private_metadata": given.get("private_metadata", ""),
        "hash": view.hash,
        "state": {"values": view_values(view)},
        "errors": view.errors,
    }
