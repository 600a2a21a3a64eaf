"""Clicks and choices on interactive elements of messages and modals: `block_actions`."""

import copy

from bot.sandbox.slack import payloads
from bot.sandbox.slack.cast import User
from bot.sandbox.slack.delivery import Delivery, DeliveryFailedError
from bot.sandbox.slack.inputs import InputRefusedError, adopt, find_element, state_field
from bot.sandbox.slack.people import ActRefusedError, answered, channel_of, person
from bot.sandbox.slack.views import View
from bot.sandbox.slack.wire import Json, as_object, as_text
from bot.sandbox.slack.workspace import SlackSandbox

_COPIED = ("placeholder", "confirm")
_INITIAL = ("initial_option", "initial_options", "initial_date", "initial_user")


async def click(slack: SlackSandbox, delivery: Delivery, given: Json) -> Json:
    """Use an element that really stands in the message or view, and tell the bot."""
    user = person(slack, given)
    if given.get("view_id"):
        payload = _in_view(slack, user, given)
    else:
        payload = _in_message(slack, user, given)
    try:
        return answered(await delivery.send_payload(payload))
    except DeliveryFailedError as failure:
        raise ActRefusedError(
            failure.error,
            f'This app did not answer: "{failure.error}". Try again.',
            status=failure.status,
        ) from None


def _in_message(slack: SlackSandbox, user: User, given: Json) -> Json:
    channel = channel_of(slack, user, given)
    message = slack.messages.get(channel.id, as_text(given.get("message_ts")))
    if message is None or not message.visible_to(user.id):
        raise ActRefusedError("message_not_found", "This message is not there any more.")
    action = _action(slack, user, message.blocks, given)
    token = slack.grants.new_response_url(user.id, channel.id, "action", original_ts=message.ts)
    return payloads.message_action_click(
        slack,
        user,
        channel,
        message,
        action,
        trigger_id=slack.grants.new_trigger(user.id, channel=channel.id),
        response_url=slack.response_address(token),
    )


def _in_view(slack: SlackSandbox, user: User, given: Json) -> Json:
    view = open_view(slack, user, given)
    action = _action(slack, user, view.blocks, given)
    remember(slack, view, as_object(given.get("values")))
    if action["type"] not in ("button", "overflow"):
        field = state_field(action)
        state = {"type": action["type"], field: copy.deepcopy(action.get(field))}
        view.values.setdefault(action["block_id"], {})[action["action_id"]] = state
        slack.changed()
    return payloads.view_action_click(
        slack,
        user,
        view,
        action,
        trigger_id=slack.grants.new_trigger(user.id, channel=view.channel, view_id=view.id),
    )


def open_view(slack: SlackSandbox, user: User, given: Json) -> View:
    view = slack.views.get(as_text(given.get("view_id")))
    if view is None or view.user != user.id:
        raise ActRefusedError("view_not_found", "This window is not open any more.")
    return view


def remember(slack: SlackSandbox, view: View, values: Json) -> dict[str, str]:
    """Keep what a person has entered so far; the answer is what is wrong with it, by block."""
    wrong: dict[str, str] = {}
    for block_id, elements in values.items():
        for action_id, state in as_object(elements).items():
            element = find_element(view.blocks, block_id, action_id)
            if element is None:
                wrong[block_id] = "There is no such field in this window."
                continue
            try:
                adopted = adopt(slack, view.user, element, as_object(state))
            except InputRefusedError as refused:
                wrong[block_id] = str(refused)
            else:
                view.values.setdefault(block_id, {})[action_id] = adopted
    return wrong


def _action(slack: SlackSandbox, user: User, blocks: list[Json], given: Json) -> Json:
    block_id, action_id = as_text(given.get("block_id")), as_text(given.get("action_id"))
    element = find_element(blocks, block_id, action_id)
    if element is None:
        raise ActRefusedError("no_such_action", "There is no such button or menu here any more.")
    action: Json = {"action_id": action_id, "block_id": block_id, "type": element["type"]}
    action |= {name: copy.deepcopy(element[name]) for name in _COPIED if name in element}
    if element["type"] == "button":
        action |= _pressed(element, given)
    else:
        action |= _chosen(slack, user, element, given)
    action["action_ts"] = slack.messages.new_ts()
    return action


def _pressed(button: Json, given: Json) -> Json:
    if given.get("value") is not None and given["value"] != button.get("value"):
        raise ActRefusedError("no_such_action", "This button has changed meanwhile.")
    pressed: Json = {"text": copy.deepcopy(button["text"])}
    return pressed | {name: button[name] for name in ("value", "style") if name in button}


def _chosen(slack: SlackSandbox, user: User, element: Json, given: Json) -> Json:
    field = state_field(element)
    if field not in given:
        raise ActRefusedError("missing_choice", f"This element needs `{field}`.")
    try:
        state = adopt(slack, user.id, element, given)
    except InputRefusedError as refused:
        raise ActRefusedError("no_such_option", str(refused)) from None
    initial = {name: copy.deepcopy(element[name]) for name in _INITIAL if name in element}
    return {**initial, field: copy.deepcopy(state[field])}
