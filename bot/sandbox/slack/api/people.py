"""`auth.test`, `api.test`, `users.info` and `usergroups.users.list`."""

from bot.sandbox.slack import cast
from bot.sandbox.slack.api.method import Call, Method, RefusalError
from bot.sandbox.slack.cast import User
from bot.sandbox.slack.wire import Json, as_text


def _auth_test(_: Call) -> Json:
    return {
        "url": f"https://{cast.TEAM_DOMAIN}.slack.com/",
        "team": cast.TEAM_NAME,
        "user": cast.BOT_NAME,
        "team_id": cast.TEAM_ID,
        "user_id": cast.BOT_USER,
        "bot_id": cast.BOT_ID,
        "is_enterprise_install": False,
    }


def _api_test(call: Call) -> Json:
    error = as_text(call.arguments.get("error"))
    if error:
        raise RefusalError(error, args=call.arguments)
    return {"args": call.arguments}


def _users_info(call: Call) -> Json:
    user = call.slack.users.get(call.required("user"))
    if user is None:
        raise RefusalError("user_not_found")
    with_email = "users:read.email" in call.slack.settings.scopes
    return {"user": _user(user, with_email=with_email)}


def _user(user: User, *, with_email: bool) -> Json:
    profile: Json = {
        "real_name": user.real_name,
        "real_name_normalized": user.real_name,
        "display_name": user.real_name.split()[0],
        "display_name_normalized": user.real_name.split()[0],
        "team": cast.TEAM_ID,
    }
    if with_email and not user.is_bot:
        profile["email"] = f"{user.name}@{cast.TEAM_DOMAIN}.example"
    return {
        "id": user.id,
        "team_id": cast.TEAM_ID,
        "name": user.name,
        "deleted": False,
        "color": user.color.removeprefix("#"),
        "real_name": user.real_name,
        "tz": "Europe/London",
        "tz_label": "Greenwich Mean Time",
        "tz_offset": 0,
        "profile": profile,
        "is_admin": False,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": user.is_restricted,
        "is_ultra_restricted": False,
        "is_bot": user.id == cast.BOT_USER,  # Slackbot, oddly, is not one to Slack
        "is_app_user": False,
        "updated": 1_700_000_000,
    }


def _usergroup_members(call: Call) -> Json:
    group = call.slack.user_groups.get(call.required("usergroup"))
    if group is None:
        raise RefusalError("no_such_subteam")
    return {"users": list(group.users)}


METHODS = (
    Method("auth.test", _auth_test),
    Method("api.test", _api_test, open_to_all=True),
    Method(
        "users.info",
        _users_info,
        {"user": "text", "include_locale": "flag"},
        required=("user",),
        scopes=("users:read",),
        form_only=True,
    ),
    Method(
        "usergroups.users.list",
        _usergroup_members,
        {"usergroup": "text", "include_disabled": "flag", "team_id": "text"},
        required=("usergroup",),
        scopes=("usergroups:read",),
        form_only=True,
    ),
)
