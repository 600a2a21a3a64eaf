"""Messages: one value per message, the store that holds them, and how each looks on the wire."""

import copy
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.sandbox.slack.blockkit import interactive_elements
from bot.sandbox.slack.cast import APP_ID, BOT_ID, BOT_NAME, BOT_USER, TEAM_ID
from bot.sandbox.slack.wire import Json


@dataclass
class Message:
    ts: str
    channel: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
    ephemeral_to: str | None = None
    edited_ts: str | None = None
    metadata: Json | None = None
    broadcast: bool = False
    subtype: str | None = None

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts

    @property
    def is_bots(self) -> bool:
        return self.user == BOT_USER

    def visible_to(self, user: str) -> bool:
        return self.ephemeral_to in (None, user)


class Messages:
    """All messages of the workspace, by channel, oldest first. Every `ts` is unique and grows."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last = 0
        self._by_channel: dict[str, dict[str, Message]] = {}
        self._threads: dict[tuple[str, str], list[Message]] = {}

    def new_ts(self) -> str:
        self._last = max(self._last + 100, int(self._clock() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def add(self, message: Message) -> Message:
        message.blocks = with_ids(message.blocks)
        self._by_channel.setdefault(message.channel, {})[message.ts] = message
        if message.thread_ts is not None and message.is_reply:
            self._threads.setdefault((message.channel, message.thread_ts), []).append(message)
        return message

    def get(self, channel: str, ts: str) -> Message | None:
        return self._by_channel.get(channel, {}).get(ts)

    def remove(self, message: Message) -> None:
        self._by_channel.get(message.channel, {}).pop(message.ts, None)
        thread = self._threads.get((message.channel, message.thread_ts or ""), [])
        if message in thread:
            thread.remove(message)

    def clear(self) -> None:
        self._by_channel.clear()
        self._threads.clear()

    def within(self, channel: str) -> list[Message]:
        return list(self._by_channel.get(channel, {}).values())

    def public_within(self, channel: str) -> list[Message]:
        return [message for message in self.within(channel) if message.ephemeral_to is None]

    def replies(self, root: Message) -> list[Message]:
        """The public replies in a message's thread, oldest first."""
        thread = self._threads.get((root.channel, root.ts), [])
        return [message for message in thread if message.ephemeral_to is None]

    def thread_root(self, channel: str, thread_ts: str) -> Message | None:
        """The message a thread hangs on; a reply is not one, neither is an ephemeral message."""
        root = self.get(channel, thread_ts)
        return None if root is None or root.is_reply or root.ephemeral_to else root


def with_ids(blocks: list[Json]) -> list[Json]:
    """A copy with a fresh block_id and action_id wherever the sender left it out, as Slack does."""
    named = copy.deepcopy(blocks)
    for block in named:
        block.setdefault("block_id", secrets.token_urlsafe(4)[:5])
        for _, element in interactive_elements(block):
            element.setdefault("action_id", secrets.token_urlsafe(4)[:5])
    return named


def message_on_the_wire(
    message: Message, replies: list[Message], *, with_metadata: bool = True
) -> Json:
    """A message as the Web API and the payloads of actions show it; for writing out at once."""
    shown: Json = {
        "type": "message",
        "user": message.user,
        "ts": message.ts,
        "text": message.text,
        "team": TEAM_ID,
    }
    if message.is_bots:
        shown |= {
            "bot_id": BOT_ID,
            "app_id": APP_ID,
            "bot_profile": {
                "id": BOT_ID,
                "app_id": APP_ID,
                "user_id": BOT_USER,
                "name": BOT_NAME,
                "deleted": False,
                "team_id": TEAM_ID,
            },
        }
    if message.subtype:
        shown["subtype"] = message.subtype
    if message.blocks:
        shown["blocks"] = message.blocks
    if message.attachments:
        shown["attachments"] = message.attachments
    if message.edited_ts:
        shown["edited"] = {"user": message.user, "ts": message.edited_ts}
    if message.metadata and with_metadata:
        shown["metadata"] = message.metadata
    if message.is_reply:
        shown["thread_ts"] = message.thread_ts
    elif replies:
        writers = sorted({reply.user for reply in replies})
        shown |= {
            "thread_ts": message.ts,
            "reply_count": len(replies),
            "reply_users_count": len(writers),
            "reply_users": writers,
            "latest_reply": replies[-1].ts,
        }
    return shown
