"""Global shortcuts, and shortcuts on a message."""

from bot.sandbox.slack import payloads
from bot.sandbox.slack.cast import User
from bot.sandbox.slack.delivery import Delivery, DeliveryFailedError
from bot.sandbox.slack.people import ActRefusedError, answered, channel_of, person
from bot.sandbox.slack.wire import Json, as_text
from bot.sandbox.slack.workspace import SlackSandbox


async def use(slack: SlackSandbox, delivery: Delivery, given: Json) -> Json:
    """Run one of the manifest's shortcuts; one on a message needs its channel and ts."""
    user = person(slack, given)
    callback_id = as_text(given.get("callback_id"))
    shortcut = slack.settings.manifest.shortcut(callback_id)
    if shortcut is None or not slack.may_start(user):
        raise ActRefusedError("unknown_shortcut", "The app has no such shortcut.")
    payload = (
        _on_message(slack, user, callback_id, given)
        if shortcut.type == "message"
        else payloads.global_shortcut(
            slack,
            user,
            callback_id=callback_id,
            trigger_id=slack.grants.new_trigger(user.id),
            action_ts=slack.messages.new_ts(),
        )
    )
    try:
        return answered(await delivery.send_payload(payload))
    except DeliveryFailedError as failure:
        sentence = f'{shortcut.name} failed with the error "{failure.error}"'
        channel = slack.visible_channel(user.id, as_text(given.get("channel")))
        if channel is not None:
            slack.tell_privately(channel.id, user.id, sentence)
        raise ActRefusedError(failure.error, sentence, status=failure.status) from None


def _on_message(slack: SlackSandbox, user: User, callback_id: str, given: Json) -> Json:
    channel = channel_of(slack, user, given)
    message = slack.messages.get(channel.id, as_text(given.get("message_ts")))
    if message is None or message.ephemeral_to is not None:
        raise ActRefusedError("message_not_found", "This message is not there any more.")
    token = slack.grants.new_response_url(
        user.id, channel.id, "message_action", original_ts=message.ts
    )
    return payloads.message_shortcut(
        slack,
        user,
        channel,
        message,
        callback_id=callback_id,
        trigger_id=slack.grants.new_trigger(user.id, channel=channel.id),
        action_ts=slack.messages.new_ts(),
        response_url=slack.response_address(token),
    )
