"""Builds the payloads of slash commands and interactions, field for field as Slack sends them."""

from bot.sandbox.slack import cast
from bot.sandbox.slack.cast import Channel, User
from bot.sandbox.slack.inputs import values_of, view_values
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.views import View, view_on_the_wire
from bot.sandbox.slack.wire import Json
from bot.sandbox.slack.workspace import SlackSandbox

_TEAM = {"id": cast.TEAM_ID, "domain": cast.TEAM_DOMAIN}
_NAMELESS = {"private": "privategroup", "im": "directmessage"}


def slash_command(
    user: User, channel: Channel, *, command: str, text: str, trigger_id: str, response_url: str
) -> dict[str, str]:
    return {
        "token": cast.VERIFICATION_TOKEN,
        "team_id": cast.TEAM_ID,
        "team_domain": cast.TEAM_DOMAIN,
        "channel_id": channel.id,
        "channel_name": _channel_name(channel),
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": text,
        "api_app_id": cast.APP_ID,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger_id,
    }


def message_action_click(
    slack: SlackSandbox,
    user: User,
    channel: Channel,
    message: Message,
    action: Json,
    *,
    trigger_id: str,
    response_url: str,
) -> Json:
    """`block_actions` from a message. Slack sends no `message` for an ephemeral one."""
    is_ephemeral = message.ephemeral_to is not None
    container: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": is_ephemeral,
    }
    if message.thread_ts is not None:
        container["thread_ts"] = message.thread_ts
    held = {action["block_id"]: {action["action_id"]: _state_in(action)}}
    payload = {
        **_interaction("block_actions", user, trigger_id),
        "container": container,
        "channel": {"id": channel.id, "name": _channel_name(channel)},
        "state": {"values": values_of(message.blocks, held)},
        "response_url": response_url,
        "actions": [action],
    }
    if not is_ephemeral:
        payload["message"] = slack.message_on_the_wire(message)
    return payload


def view_action_click(user: User, view: View, action: Json, *, trigger_id: str) -> Json:
    return {
        **_interaction("block_actions", user, trigger_id),
        "container": {"type": "view", "view_id": view.id},
        "view": view_on_the_wire(view, view_values(view)),
        "actions": [action],
    }


def view_submission(user: User, view: View, *, trigger_id: str, response_urls: list[Json]) -> Json:
    return {
        **_interaction("view_submission", user, trigger_id),
        "view": view_on_the_wire(view, view_values(view)),
        "response_urls": response_urls,
    }


def view_closed(user: User, view: View, *, is_cleared: bool) -> Json:
    return {
        **_interaction("view_closed", user),
        "view": view_on_the_wire(view, view_values(view)),
        "is_cleared": is_cleared,
    }


def global_shortcut(user: User, *, callback_id: str, trigger_id: str, action_ts: str) -> Json:
    return {
        **_interaction("shortcut", user, trigger_id),
        "callback_id": callback_id,
        "action_ts": action_ts,
    }


def message_shortcut(
    slack: SlackSandbox,
    user: User,
    channel: Channel,
    message: Message,
    *,
    callback_id: str,
    trigger_id: str,
    action_ts: str,
    response_url: str,
) -> Json:
    return {
        **_interaction("message_action", user, trigger_id),
        "callback_id": callback_id,
        "action_ts": action_ts,
        "channel": {"id": channel.id, "name": _channel_name(channel)},
        "message_ts": message.ts,
        "message": slack.message_on_the_wire(message),
        "response_url": response_url,
    }


def _interaction(kind: str, user: User, trigger_id: str | None = None) -> Json:
    interaction: Json = {
        "type": kind,
        "team": dict(_TEAM),
        "user": {
            "id": user.id,
            "username": user.name,
            "name": user.name,
            "team_id": cast.TEAM_ID,
        },
        "api_app_id": cast.APP_ID,
        "token": cast.VERIFICATION_TOKEN,
        "enterprise": None,
        "is_enterprise_install": False,
    }
    if trigger_id is not None:
        interaction["trigger_id"] = trigger_id
    return interaction


def _channel_name(channel: Channel) -> str:
    """Slack keeps the names of private conversations to itself."""
    return _NAMELESS.get(channel.kind, channel.name)


def _state_in(action: Json) -> Json:
    return {
        key: value
        for key, value in action.items()
        if key in ("type", "value") or key.startswith("selected_")
    }
