"""The workspace: people, channels, messages, open modals, grants; everything a bot can change."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from bot.sandbox.settings import SandboxSettings
from bot.sandbox.slack import cast
from bot.sandbox.slack.cast import BOT_USER, SLACKBOT, Channel, Organisation, User, UserGroup
from bot.sandbox.slack.faults import Faults, PostingLimit
from bot.sandbox.slack.grants import Grants
from bot.sandbox.slack.messages import Message, Messages, message_on_the_wire
from bot.sandbox.slack.views import Views
from bot.sandbox.slack.wire import Json

_MOST_CALLS = 2000


class SlackSandbox:
    """All of Slack's state in memory. Touched by one event loop only."""

    def __init__(
        self,
        settings: SandboxSettings,
        on_change: Callable[[], None],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.settings = settings
        self.changed = on_change
        self.pause = pause
        self.clock = settings.clock
        self.base_url = f"http://{settings.host}:{settings.port}"
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.user_groups: dict[str, UserGroup] = {}
        self.organisation: Organisation | None = None
        self.messages = Messages(self.clock)
        self.views = Views()
        self.grants = Grants(
            self.clock,
            trigger_seconds=settings.trigger_seconds,
            url_seconds=settings.response_url_seconds,
            uses=settings.response_url_uses,
        )
        self.faults = Faults()
        self.posting_limit = PostingLimit(
            self.clock, burst=settings.post_burst, per_second=settings.posts_per_second
        )
        self.calls: deque[Json] = deque(maxlen=_MOST_CALLS)
        self._people_the_workspace()

    def reset(self) -> None:
        for part in (self.messages, self.views, self.grants, self.faults, self.posting_limit):
            part.clear()
        self.calls.clear()
        self._people_the_workspace()
        self.changed()

    def _people_the_workspace(self) -> None:
        self.users = {user.id: user for user in cast.first_users()}
        self.channels = {channel.id: channel for channel in cast.first_channels()}
        self.user_groups = {group.id: group for group in cast.first_user_groups()}
        self.organisation = None

    def visible_channels(self, user: str) -> list[Channel]:
        """Guests and outsiders see only what they are members of; others every public channel."""
        person = self.users.get(user)
        open_to_all = person is not None and not (person.is_guest or self.is_outsider(person))
        return [
            channel
            for channel in self.channels.values()
            if user in channel.members or (open_to_all and channel.kind == "public")
        ]

    def visible_channel(self, user: str, channel: str) -> Channel | None:
        return next((c for c in self.visible_channels(user) if c.id == channel), None)

    def is_outsider(self, user: User) -> bool:
        """Neither of the workspace nor of its organisation: they meet the bot by Slack Connect."""
        of_ours = self.organisation is not None and self.organisation.has(user)
        return not of_ours and cast.TEAM_ID not in user.workspaces

    def may_start(self, user: User) -> bool:
        """Slash commands and shortcuts are of the workspaces where the app is installed."""
        if self.organisation is not None and self.organisation.is_installed_on_all:
            return self.organisation.has(user)
        return cast.TEAM_ID in user.workspaces

    def present(self, channel: Channel) -> list[User]:
        """A channel's members as Slack counts them: nobody who was deactivated."""
        members = (self.users.get(member) for member in sorted(channel.members))
        return [user for user in members if user is not None and not user.deleted]

    def connected_teams(self, channel: Channel) -> list[str]:
        """The other workspaces a channel is shared with."""
        return sorted({user.team_id for user in self.present(channel) if self.is_outsider(user)})

    def direct_message(self, user: str) -> Channel:
        """The person's conversation with the bot, made when it is first needed."""
        channel_id = f"D{user[1:]}"
        if channel_id not in self.channels:
            self.channels[channel_id] = Channel(
                channel_id, cast.BOT_NAME, "im", {user, BOT_USER}, created=int(self.clock())
            )
            self.changed()
        return self.channels[channel_id]

    def post(
        self,
        channel: str,
        user: str,
        text: str,
        *,
        blocks: list[Json] | None = None,
        attachments: list[Json] | None = None,
        metadata: Json | None = None,
        thread_ts: str | None = None,
        broadcast: bool = False,
        ephemeral_to: str | None = None,
    ) -> Message:
        """Put a new message into a channel, for everybody or for one person's eyes."""
        message = Message(
            ts=self.messages.new_ts(),
            channel=channel,
            user=user,
            text=text,
            blocks=blocks or [],
            attachments=attachments or [],
            metadata=metadata or None,
            thread_ts=thread_ts,
            broadcast=broadcast,
            ephemeral_to=ephemeral_to,
        )
        self.messages.add(message)
        self.changed()
        return message

    def tell_privately(self, channel: str, user: str, text: str) -> Message:
        """What Slackbot tells one person when an app has failed them."""
        return self.post(channel, SLACKBOT, text, ephemeral_to=user)

    def message_on_the_wire(self, message: Message, *, with_metadata: bool = True) -> Json:
        shown = message_on_the_wire(
            message, self.messages.replies(message), with_metadata=with_metadata
        )
        if message.user in self.users:
            shown["team"] = self.users[message.user].team_id
        root = self.messages.get(message.channel, message.thread_ts or "")
        if message.is_reply and root is not None:
            shown["parent_user_id"] = root.user
        return shown

    def response_address(self, token: str) -> str:
        """The full address under which a response URL's token works."""
        return f"{self.base_url}/response/{token}"
