"""What an administrator of Slack does, as tests ask for it: people, user groups, an organisation.

A reset takes it all back.
"""

from collections.abc import Callable
from dataclasses import replace

from bot.sandbox.slack.cast import TEAM_ID, Organisation, UserGroup
from bot.sandbox.slack.people import ActRefusedError, known_person
from bot.sandbox.slack.user_objects import user_object
from bot.sandbox.slack.wire import Json, as_text
from bot.sandbox.slack.workspace import SlackSandbox


def change_person(slack: SlackSandbox, given: Json) -> Json:
    """Change what is given of a `user`; the answer is `users.info`'s user object."""
    changes = _changes(given, "user", _OF_PEOPLE)
    user = replace(known_person(slack, given.get("user")), **changes)
    slack.users[user.id] = user
    slack.changed()
    return {"user": user_object(slack, user)}


def change_group(slack: SlackSandbox, given: Json) -> Json:
    """Change what is given of a `group`; one with a `handle` is made if it does not exist."""
    changes = _changes(given, "group", _OF_GROUPS)
    group_id = as_text(given.get("group"))
    group = slack.user_groups.get(group_id)
    if group is None:
        if not group_id or "handle" not in changes:
            raise ActRefusedError("group_not_found", "There is no such user group.")
        group = UserGroup(group_id, "", ())
    group = replace(group, **changes)
    unknown = sorted(set(group.users) - slack.users.keys())
    if unknown:
        raise ActRefusedError("user_not_found", f"Nobody here has the id {unknown[0]}.")
    slack.user_groups[group_id] = group
    slack.changed()
    return {"group": _group(group)}


def change_organisation(slack: SlackSandbox, given: Json) -> Json:
    """Make the workspace part of an organisation; without an `id`, make it one by itself."""
    changes = _changes(given, "id", _OF_ORGANISATIONS)
    organisation_id = given.get("id")
    if organisation_id is None:
        slack.organisation = None
    elif not isinstance(organisation_id, str) or not organisation_id.startswith("E"):
        raise ActRefusedError("invalid_id", "An organisation's id begins with E.")
    else:
        named = {"name": organisation_id, **changes}
        slack.organisation = Organisation(organisation_id, **named)
    slack.changed()
    return {}


def _group(group: UserGroup) -> Json:
    return {
        "id": group.id,
        "handle": group.handle,
        "users": list(group.users),
        "disabled": group.disabled,
    }


Reader = Callable[[object], object]


class _UnfitError(Exception):
    """The message says what the value has to be."""


def _changes(given: Json, subject: str, readers: dict[str, Reader]) -> Json:
    """What is to be changed, in its types. Raises ActRefusedError for what cannot be."""
    changes: Json = {}
    for name, value in given.items():
        if name == subject:
            continue
        if name not in readers:
            raise ActRefusedError("unknown_change", f"`{name}` cannot be changed.")
        try:
            changes[name] = readers[name](value)
        except _UnfitError as unfit:
            raise ActRefusedError(f"invalid_{name}", f"`{name}` has to be {unfit}.") from None
    return changes


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise _UnfitError("true or false")
    return value


def _flag_or_none(value: object) -> bool | None:
    return None if value is None else _flag(value)


def _name(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise _UnfitError("text")
    return value


def _name_or_none(value: object) -> str | None:
    return None if value is None else _name(value)


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _UnfitError("a list of ids")
    return tuple(_name(entry) for entry in value)


def _teams(value: object) -> tuple[str, ...]:
    teams = _names(value)
    if TEAM_ID not in teams:
        raise _UnfitError(f"a list of workspaces with {TEAM_ID} among them")
    return teams


_OF_PEOPLE: dict[str, Reader] = {
    "deleted": _flag,
    "is_restricted": _flag,
    "is_ultra_restricted": _flag,
    "is_bot": _flag,
    "is_app_user": _flag,
    "is_stranger": _flag_or_none,
    "team_id": _name,
    "teams": _names,
}
_OF_GROUPS: dict[str, Reader] = {"handle": _name, "users": _names, "disabled": _flag}
_OF_ORGANISATIONS: dict[str, Reader] = {
    "name": _name,
    "teams": _teams,
    "user_team_id": _name_or_none,
    "is_installed_on_all": _flag,
}
