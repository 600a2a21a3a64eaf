"""`auth.test`, `api.test`, `users.info` and `usergroups.users.list`."""

from bot.sandbox.slack import cast
from bot.sandbox.slack.api.method import Call, Method, RefusalError
from bot.sandbox.slack.user_objects import user_object
from bot.sandbox.slack.wire import Json, as_text


def _auth_test(call: Call) -> Json:
    organisation = call.slack.organisation
    answer: Json = {
        "url": f"https://{cast.TEAM_DOMAIN}.slack.com/",
        "team": cast.TEAM_NAME,
        "user": cast.BOT_NAME,
        "team_id": cast.TEAM_ID,
        "user_id": cast.BOT_USER,
        "bot_id": cast.BOT_ID,
        "is_enterprise_install": False,
    }
    if organisation is not None:
        answer["enterprise_id"] = organisation.id
        if organisation.is_installed_on_all:
            answer |= {
                "team": organisation.name,
                "team_id": organisation.id,
                "is_enterprise_install": True,
            }
    return answer


def _api_test(call: Call) -> Json:
    error = as_text(call.arguments.get("error"))
    if error:
        raise RefusalError(error, args=call.arguments)
    return {"args": call.arguments}


def _users_info(call: Call) -> Json:
    user = call.slack.users.get(call.required("user"))
    if user is None:
        raise RefusalError("user_not_found")
    return {"user": user_object(call.slack, user)}


def _usergroup_members(call: Call) -> Json:
    """Deactivated members stay listed.

    What Slack answers for a disabled group without `include_disabled` is not documented; the only
    documented error that fits is the one for groups that do not exist.
    """
    group = call.slack.user_groups.get(call.required("usergroup"))
    if group is None or (group.disabled and not call.flag("include_disabled")):
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
