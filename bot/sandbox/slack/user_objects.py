"""A person as `users.info` describes them; how much Slack tells depends on who they are."""

from bot.sandbox.slack import cast
from bot.sandbox.slack.cast import BOT_USER, Organisation, User
from bot.sandbox.slack.wire import Json
from bot.sandbox.slack.workspace import SlackSandbox


def user_object(slack: SlackSandbox, user: User) -> Json:
    """Slack's user object.

    Of outsiders Slack withholds the flags and the time zone (docs.slack.dev, "Understanding Slack
    Connect"), of deactivated people whatever only the active have, as measured by others in 2026.
    """
    shown = _of_everybody(slack, user)
    is_outsider = slack.is_outsider(user)
    if is_outsider or user.is_stranger is not None:
        shown["is_stranger"] = _is_stranger(slack, user)
    if user.deleted:
        return shown
    shown["real_name"] = user.real_name
    if is_outsider:
        return shown
    shown |= _of_the_active(user)
    if slack.organisation is not None and slack.organisation.has(user) and not user.is_machine:
        shown["enterprise_user"] = _in_organisation(user, slack.organisation)
    return shown


def _of_everybody(slack: SlackSandbox, user: User) -> Json:
    first_name = user.real_name.split()[0]
    profile: Json = {
        "real_name": user.real_name,
        "real_name_normalized": user.real_name,
        "display_name": first_name,
        "display_name_normalized": first_name,
        "team": user.team_id,
    }
    if user.is_bot:
        profile |= {"api_app_id": _app_of(user), "bot_id": f"B{user.id[1:]}"}
    elif "users:read.email" in slack.settings.scopes and not user.is_machine:
        profile["email"] = f"{user.name}@{cast.TEAM_DOMAIN}.example"
    return {
        "id": user.id,
        "team_id": user.team_id,
        "name": user.name,
        "deleted": user.deleted,
        "profile": profile,
        "is_bot": user.is_bot,
        "is_app_user": user.is_app_user,
        "updated": 1_700_000_000,
    }


def _of_the_active(user: User) -> Json:
    return {
        "color": user.color.removeprefix("#"),
        "tz": "Europe/London",
        "tz_label": "Greenwich Mean Time",
        "tz_offset": 0,
        "is_admin": False,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": user.is_guest,
        "is_ultra_restricted": user.is_ultra_restricted,
        "is_email_confirmed": not user.is_machine,
        "who_can_share_contact_card": "EVERYONE",
    }


def _in_organisation(user: User, organisation: Organisation) -> Json:
    return {
        "id": user.id,
        "enterprise_id": organisation.id,
        "enterprise_name": organisation.name,
        "is_admin": False,
        "is_owner": False,
        "is_primary_owner": False,
        "teams": list(user.workspaces),
    }


def _is_stranger(slack: SlackSandbox, user: User) -> bool:
    """Slack's word for an outsider who is in no channel of the bot's; the others it calls none."""
    if user.is_stranger is not None:
        return user.is_stranger
    return not any({user.id, BOT_USER} <= channel.members for channel in slack.channels.values())


def _app_of(user: User) -> str:
    return cast.APP_ID if user.id == BOT_USER else f"A{user.id[1:]}"
