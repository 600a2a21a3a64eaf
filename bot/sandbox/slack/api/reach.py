"""Which channels the bot can reach, and how Slack refuses the others."""

from bot.sandbox.slack.api.method import Call, RefusalError
from bot.sandbox.slack.cast import BOT_USER, Channel


def known_channel(call: Call, channel_id: str) -> Channel:
    """A channel the bot may know of: to a bot, private channels without it do not exist."""
    channel = call.slack.channels.get(channel_id)
    if channel is None or (channel.is_private and BOT_USER not in channel.members):
        raise RefusalError("channel_not_found")
    return channel


def joined_channel(call: Call, channel_id: str) -> Channel:
    channel = known_channel(call, channel_id)
    if BOT_USER not in channel.members:
        raise RefusalError("not_in_channel")
    return channel


def channel_to_post_in(call: Call, given: str) -> Channel:
    """Where `chat.postMessage` goes: an id, a `#name`, or a person (their DM with the bot)."""
    slack = call.slack
    if given.startswith(("U", "W")):
        user = slack.users.get(given)
        if user is None:
            raise RefusalError("channel_not_found")
        if user.is_machine:
            raise RefusalError("cannot_dm_bot")
        return slack.direct_message(given)
    if given.startswith("#"):
        named = [channel for channel in slack.channels.values() if f"#{channel.name}" == given]
        given = named[0].id if named else given
    channel = known_channel(call, given)
    if channel.archived:
        raise RefusalError("is_archived")
    if BOT_USER not in channel.members and "chat:write.public" not in slack.settings.scopes:
        raise RefusalError("not_in_channel")
    return channel
