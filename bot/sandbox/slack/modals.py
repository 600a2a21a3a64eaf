"""Submitting and closing modals: `view_submission`, its `response_action`, and `view_closed`."""

from bot.sandbox.slack import payloads
from bot.sandbox.slack.api.views import view_problems
from bot.sandbox.slack.blockkit import interactive_elements
from bot.sandbox.slack.cast import User
from bot.sandbox.slack.clicks import open_view, remember
from bot.sandbox.slack.delivery import Acknowledgement, Delivery, DeliveryFailedError
from bot.sandbox.slack.inputs import REQUIRED, is_empty, view_values
from bot.sandbox.slack.people import ActRefusedError, answered, person
from bot.sandbox.slack.views import MOST_VIEWS_IN_A_STACK, View
from bot.sandbox.slack.wire import Json, as_object
from bot.sandbox.slack.workspace import SlackSandbox

_TROUBLE = "We had some trouble connecting. Try again?"


async def submit(slack: SlackSandbox, delivery: Delivery, given: Json) -> Json:
    """Submit the person's modal. Raises ActRefusedError with `errors` by block where it stays."""
    user = person(slack, given)
    view = open_view(slack, user, given)
    if view.definition.get("submit") is None:
        raise ActRefusedError("no_submit", "This window has nothing to submit.")
    wrong = remember(slack, view, as_object(given.get("values")))
    wrong = {**_missing(view), **wrong}
    view.errors = wrong or None
    slack.changed()
    if wrong:
        raise ActRefusedError("missing_input", "Please look at the marked fields.", errors=wrong)
    payload = payloads.view_submission(
        slack,
        user,
        view,
        trigger_id=slack.grants.new_trigger(user.id, channel=view.channel, view_id=view.id),
        response_urls=_response_urls(slack, user, view),
    )
    try:
        acknowledgement = await delivery.send_payload(payload)
        response = acknowledgement.document()
    except DeliveryFailedError as failure:
        raise ActRefusedError(failure.error, _TROUBLE, status=failure.status) from None
    except ValueError:
        raise ActRefusedError("invalid_response", _TROUBLE, status=200) from None
    return _obey(slack, user, view, acknowledgement, response)


async def close(slack: SlackSandbox, delivery: Delivery, given: Json) -> Json:
    """Close the person's modal, and those below it if it clears on close; tell the bot if asked."""
    user = person(slack, given)
    view = open_view(slack, user, given)
    clears = view.definition.get("clear_on_close") is True or given.get("all") is True
    closed = slack.views.close_all(user.id) if clears else [view]
    slack.views.close(view)
    slack.changed()
    for gone in reversed(closed):
        if gone.definition.get("notify_on_close") is True:
            try:
                payload = payloads.view_closed(slack, user, gone, is_cleared=clears)
                await delivery.send_payload(payload)
            except DeliveryFailedError as failure:
                # To the person the window is closed whether the app heard of it or not.
                return {"notified": failure.error}
    return {}


def _missing(view: View) -> dict[str, str]:
    values = view_values(view)
    return {
        block["block_id"]: REQUIRED
        for block in view.blocks
        if block["type"] == "input"
        and not block.get("optional", False)
        and is_empty(values[block["block_id"]][block["element"]["action_id"]])
    }


def _response_urls(slack: SlackSandbox, user: User, view: View) -> list[Json]:
    """One for each conversation chosen in an element with `response_url_enabled`."""
    values = view_values(view)
    urls: list[Json] = []
    for block in view.blocks:
        for _, element in interactive_elements(block):
            if not element.get("response_url_enabled"):
                continue
            state = values[block["block_id"]][element["action_id"]]
            channel = state.get("selected_conversation") or state.get("selected_channel")
            if channel:
                token = slack.grants.new_response_url(user.id, channel, "view")
                urls.append(
                    {
                        "block_id": block["block_id"],
                        "action_id": element["action_id"],
                        "channel_id": channel,
                        "response_url": slack.response_address(token),
                    }
                )
    return urls


def _obey(
    slack: SlackSandbox,
    user: User,
    view: View,
    acknowledgement: Acknowledgement,
    response: object,
) -> Json:
    wanted = as_object(response)
    match wanted.get("response_action"):
        case None if not wanted:
            slack.views.close(view)
        case "clear":
            slack.views.close_all(user.id)
        case "errors":
            _show_errors(slack, view, wanted.get("errors"))
        case "update":
            slack.views.replace(view, _next_view(slack, wanted, view), slack.clock())
        case "push":
            if len(slack.views.stack(user.id)) >= MOST_VIEWS_IN_A_STACK:
                raise ActRefusedError("push_limit_reached", _TROUBLE, status=200)
            slack.views.push(user.id, _next_view(slack, wanted), slack.clock())
        case _:
            raise ActRefusedError("invalid_response", _TROUBLE, status=200)
    slack.changed()
    return answered(acknowledgement, response)


def _show_errors(slack: SlackSandbox, view: View, errors: object) -> None:
    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    sound = (
        isinstance(errors, dict)
        and bool(errors)
        and all(isinstance(text, str) and text for text in errors.values())
        and set(errors) <= inputs
    )
    if not sound or not isinstance(errors, dict):
        # Slack shows its general sentence when errors name a block that is no input.
        raise ActRefusedError("invalid_errors", _TROUBLE, status=200)
    view.errors = errors
    slack.changed()
    raise ActRefusedError("view_errors", "Please look at the marked fields.", errors=errors)


def _next_view(slack: SlackSandbox, wanted: Json, in_place_of: View | None = None) -> Json:
    definition = wanted.get("view")
    problems = view_problems(slack, definition, in_place_of)
    if problems:
        raise ActRefusedError("invalid_view", _TROUBLE, status=200, reasons=problems)
    return as_object(definition)
