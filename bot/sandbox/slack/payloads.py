"""Builds the payloads of slash commands and interactions, field for field as Slack sends them."""

from bot.sandbox.slack import cast
from bot.sandbox.slack.cast import PARTNER_TEAM, TEAM_ID, Channel, User
from bot.sandbox.slack.inputs import values_of, view_values
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.views import View, view_on_the_wire
from bot.sandbox.slack.wire import Json
from bot.sandbox.slack.workspace import SlackSandbox

_DOMAINS = {TEAM_ID: cast.TEAM_DOMAIN, PARTNER_TEAM: cast.PARTNER_DOMAIN}
_NAMELESS = {"private": "privategroup", "im": "directmessage"}


def slash_command(
    slack: SlackSandbox,
    user: User,
    channel: Channel,
    *,
    command: str,
    text: str,
    trigger_id: str,
    response_url: str,
) -> dict[str, str]:
    organisation = slack.organisation
    fields = {
        "token": cast.VERIFICATION_TOKEN,
        "team_id": TEAM_ID,
        "team_domain": cast.TEAM_DOMAIN,
        "channel_id": channel.id,
        "channel_name": _channel_name(channel),
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": text,
        "api_app_id": cast.APP_ID,
        "is_enterprise_install": "true" if _is_installed_on_all(slack) else "false",
        "response_url": response_url,
        "trigger_id": trigger_id,
    }
    if organisation is not None:
        fields |= {"enterprise_id": organisation.id, "enterprise_name": organisation.name}
    return fields


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
        **_interaction(slack, "block_actions", user, trigger_id),
        "container": container,
        "channel": {"id": channel.id, "name": _channel_name(channel)},
        "state": {"values": values_of(message.blocks, held)},
        "response_url": response_url,
        "actions": [action],
    }
    if not is_ephemeral:
        payload["message"] = slack.message_on_the_wire(message)
    return payload


def view_action_click(
    slack: SlackSandbox, user: User, view: View, action: Json, *, trigger_id: str
) -> Json:
    return {
        **_view_interaction(slack, "block_actions", user, view, trigger_id),
        "container": {"type": "view", "view_id": view.id},
        "actions": [action],
    }


def view_submission(
    slack: SlackSandbox, user: User, view: View, *, trigger_id: str, response_urls: list[Json]
) -> Json:
    return {
        **_view_interaction(slack, "view_submission", user, view, trigger_id),
        "response_urls": response_urls,
    }


def view_closed(slack: SlackSandbox, user: User, view: View, *, is_cleared: bool) -> Json:
    return {
        **_view_interaction(slack, "view_closed", user, view),
        "is_cleared": is_cleared,
    }


def global_shortcut(
    slack: SlackSandbox, user: User, *, callback_id: str, trigger_id: str, action_ts: str
) -> Json:
    return {
        **_interaction(slack, "shortcut", user, trigger_id),
        "team": _team_without_channel(slack, user),
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
        **_interaction(slack, "message_action", user, trigger_id),
        "callback_id": callback_id,
        "action_ts": action_ts,
        "channel": {"id": channel.id, "name": _channel_name(channel)},
        "message_ts": message.ts,
        "message": slack.message_on_the_wire(message),
        "response_url": response_url,
    }


def _interaction(slack: SlackSandbox, kind: str, user: User, trigger_id: str | None = None) -> Json:
    interaction: Json = {
        "type": kind,
        "team": _team(slack, TEAM_ID),
        "user": {
            "id": user.id,
            "username": user.name,
            "name": user.name,
            "team_id": _users_team(slack, user),
        },
        "api_app_id": cast.APP_ID,
        "token": cast.VERIFICATION_TOKEN,
        "enterprise": _enterprise(slack),
        "is_enterprise_install": _is_installed_on_all(slack),
    }
    if trigger_id is not None:
        interaction["trigger_id"] = trigger_id
    return interaction


def _view_interaction(
    slack: SlackSandbox, kind: str, user: User, view: View, trigger_id: str | None = None
) -> Json:
    """What happens in a modal happens in the person's own workspace (bolt-js issue 1614).

    Which workspace the app is installed in stands in the view alone.
    """
    is_outsider = slack.is_outsider(user)
    shown = view_on_the_wire(view, view_values(view))
    shown["team_id"] = user.team_id if is_outsider else TEAM_ID
    if slack.organisation is not None and slack.organisation.is_installed_on_all:
        shown["app_installed_team_id"] = slack.organisation.id
    return {
        **_interaction(slack, kind, user, trigger_id),
        "team": _team_without_channel(slack, user),
        "enterprise": None if is_outsider else _enterprise(slack),
        "view": shown,
    }


def _team_without_channel(slack: SlackSandbox, user: User) -> Json | None:
    """An app installed on a whole organisation is told no workspace (bolt-python pull 23)."""
    if slack.is_outsider(user):
        return _team(slack, user.team_id)
    return None if _is_installed_on_all(slack) else _team(slack, TEAM_ID)


def _team(slack: SlackSandbox, team_id: str) -> Json:
    team: Json = {"id": team_id, "domain": _DOMAINS.get(team_id, team_id.lower())}
    organisation = slack.organisation
    if organisation is not None and team_id in organisation.teams:
        team |= {"enterprise_id": organisation.id, "enterprise_name": organisation.name}
    return team


def _users_team(slack: SlackSandbox, user: User) -> str:
    organisation = slack.organisation
    if organisation is None or not organisation.has(user):
        return user.team_id
    return organisation.user_team_id or user.team_id


def _enterprise(slack: SlackSandbox) -> Json | None:
    organisation = slack.organisation
    return None if organisation is None else {"id": organisation.id, "name": organisation.name}


def _is_installed_on_all(slack: SlackSandbox) -> bool:
    return slack.organisation is not None and slack.organisation.is_installed_on_all


def _channel_name(channel: Channel) -> str:
    """Slack keeps the names of private conversations to itself."""
    return _NAMELESS.get(channel.kind, channel.name)


def _state_in(action: Json) -> Json:
    return {
        key: value
        for key, value in action.items()
        if key in ("type", "value") or key.startswith("selected_")
    }
