"""`views.open`, `views.push` and `views.update`."""

from bot.sandbox.slack.api.method import Call, Method, RefusalError
from bot.sandbox.slack.blockkit import check_view, view_is_too_large
from bot.sandbox.slack.grants import Trigger
from bot.sandbox.slack.inputs import view_values
from bot.sandbox.slack.views import MOST_VIEWS_IN_A_STACK, View, view_on_the_wire
from bot.sandbox.slack.wire import Json
from bot.sandbox.slack.workspace import SlackSandbox


def _open(call: Call) -> Json:
    trigger = _trigger(call)
    definition = _modal(call)
    trigger.used = True
    opened = call.slack.views.open(trigger.user, definition, call.slack.clock(), trigger.channel)
    return _answer(call, opened)


def _push(call: Call) -> Json:
    trigger = _trigger(call)
    definition = _modal(call)
    views = call.slack.views
    if trigger.view_id is None or views.get(trigger.view_id) is None:
        raise RefusalError("not_found")
    if len(views.stack(trigger.user)) >= MOST_VIEWS_IN_A_STACK:
        raise RefusalError("push_limit_reached")
    trigger.used = True
    return _answer(call, views.push(trigger.user, definition, call.slack.clock()))


def _update(call: Call) -> Json:
    view_id, external_id = call.text("view_id"), call.text("external_id")
    if not view_id and not external_id:
        raise RefusalError(
            "invalid_arguments", ["[ERROR] missing required field: view_id or external_id"]
        )
    views = call.slack.views
    view = views.get(view_id) if view_id else views.by_external_id(external_id or "")
    if view is None:
        raise RefusalError("not_found")
    definition = _modal(call, in_place_of=view)
    given_hash = call.text("hash")
    if given_hash and given_hash != view.hash:
        raise RefusalError("hash_conflict")
    return _answer(call, views.replace(view, definition, call.slack.clock()))


def _trigger(call: Call) -> Trigger:
    trigger_id = call.text("trigger_id") or call.text("interactivity_pointer")
    if not trigger_id:
        raise RefusalError("invalid_arguments", ["[ERROR] missing required field: trigger_id"])
    trigger, why = call.slack.grants.trigger(trigger_id)
    if trigger is None:
        raise RefusalError(why)
    return trigger


def _modal(call: Call, in_place_of: View | None = None) -> Json:
    view = call.arguments.get("view")
    problems = view_problems(call.slack, view, in_place_of)
    if problems:
        error = problems[0] if len(problems) == 1 and " " not in problems[0] else ""
        raise RefusalError(error or "invalid_arguments", None if error else problems)
    definition: Json = call.arguments["view"]
    return definition


def view_problems(slack: SlackSandbox, view: object, in_place_of: View | None = None) -> list[str]:
    """Why a view cannot be shown: one bare error code, or the validator's reasons."""
    if view_is_too_large(view):
        return ["view_too_large"]
    problems = check_view(view)
    if problems or not isinstance(view, dict):
        return problems
    if view["type"] != "modal":
        return ["[ERROR] must be a modal [json-pointer:/view/type]"]
    holder = slack.views.by_external_id(view["external_id"]) if view.get("external_id") else None
    return ["duplicate_external_id"] if holder not in (None, in_place_of) else []


def _answer(call: Call, view: View) -> Json:
    call.slack.changed()
    return {"view": view_on_the_wire(view, view_values(view))}


METHODS = (
    Method(
        "views.open",
        _open,
        {"trigger_id": "text", "interactivity_pointer": "text", "view": "json"},
        required=("view",),
    ),
    Method(
        "views.push",
        _push,
        {"trigger_id": "text", "interactivity_pointer": "text", "view": "json"},
        required=("view",),
    ),
    Method(
        "views.update",
        _update,
        {"view_id": "text", "external_id": "text", "hash": "text", "view": "json"},
        required=("view",),
    ),
)
