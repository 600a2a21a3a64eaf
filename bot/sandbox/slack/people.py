"""What every act of a person has in common: who, where, and how an act is refused or answered."""

from bot.sandbox.slack.cast import BOT_USER, SLACKBOT, Channel, User
from bot.sandbox.slack.delivery import Acknowledgement
from bot.sandbox.slack.wire import Json, as_text
from bot.sandbox.slack.workspace import SlackSandbox


class ActRefusedError(Exception):
    """An act that did not work; `error` is its code, the message a sentence for the person."""

    def __init__(self, error: str, message: str, **extra: object) -> None:
        super().__init__(message)
        self.error = error
        self.extra = extra


def known_person(slack: SlackSandbox, user_id: object) -> User:
    """Anybody but our own bot and Slackbot: another app's bot user may be somebody's tool."""
    user = slack.users.get(as_text(user_id))
    if user is None or user.id in (BOT_USER, SLACKBOT):
        raise ActRefusedError("user_not_found", "There is no such person in this workspace.")
    return user


def person(slack: SlackSandbox, given: Json) -> User:
    """Who acts. Deactivated people only do what was `in_flight` when it happened."""
    user = known_person(slack, given.get("user"))
    if user.deleted and given.get("in_flight") is not True:
        raise ActRefusedError(
            "user_deactivated", f"{user.real_name} was deactivated and can do nothing in Slack."
        )
    return user


def channel_of(slack: SlackSandbox, user: User, given: Json) -> Channel:
    channel = slack.visible_channel(user.id, as_text(given.get("channel")))
    if channel is None:
        raise ActRefusedError("channel_not_found", "You cannot see such a channel.")
    return channel


def open_channel(slack: SlackSandbox, user: User, given: Json) -> Channel:
    """A channel the person can write in."""
    channel = channel_of(slack, user, given)
    if channel.archived:
        raise ActRefusedError("is_archived", f"#{channel.name} is archived.")
    if user.id not in channel.members:
        raise ActRefusedError("not_in_channel", f"Join #{channel.name} first.")
    return channel


def answered(acknowledgement: Acknowledgement, response: object = None) -> Json:
    shown = acknowledgement.body if response is None else response
    return {
        "status": acknowledgement.status,
        "ms": acknowledgement.ms,
        "response": shown,
    }
