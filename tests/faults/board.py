"""What stands in Slack, read where the sandbox keeps it: thousands of looks must cost little."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from bot.sandbox.server import RunningSandbox
from bot.sandbox.slack.messages import Message
from bot.sandbox.story import words

Json = dict[str, Any]

_ORDER = re.compile(r"order id (\d+)")
_ENDS = (
    "· cancelled",
    "· partly cancelled",
    "· not cancelled",
    "· rejected",
    "· withdrawn",
)
_MONEY = re.compile(r"\$([\d,]+\.\d\d)")


class Board:
    """Cards, replies, private words and forms, as people see them."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self._slack = sandbox.sandbox.slack
        # A card names its order for ever; a message without one may yet become a card's copy.
        self._orders: dict[tuple[str, str], str] = {}

    def cards(self, order: str, channel: str) -> list[Json]:
        """The bot's top-level public messages about an order id, oldest first."""
        return [
            _shown(message)
            for message in self._slack.messages.within(channel)
            if message.is_bots
            and not message.is_reply
            and message.ephemeral_to is None
            and self._order_of(message) == order
        ]

    def replies(self, card: Json) -> list[Json]:
        """What the bot says in a card's thread."""
        return [
            _shown(message)
            for message in self._slack.messages.within(card["channel"])
            if message.is_bots and message.is_reply and message.thread_ts == card["ts"]
        ]

    def private(self, user: str, channel: str) -> list[str]:
        """What the bot told one person alone, in a channel, oldest first."""
        return [
            message.text
            for message in self._slack.messages.within(channel)
            if message.is_bots and message.ephemeral_to == user
        ]

    def form(self, user: str, callback_id: str, about: str) -> Json | None:
        """The form that stands before somebody, if it is that one."""
        try:
            views = self._slack.views.stack(user)
        except KeyError:
            return None  # it was closed while we looked
        for view in views:
            given = view.definition
            if given.get("callback_id") == callback_id and about in given["private_metadata"]:
                return {"id": view.id, "callback_id": callback_id, "blocks": view.blocks}
        return None

    def _order_of(self, message: Message) -> str | None:
        key = (message.channel, message.ts)
        if key not in self._orders:
            found = _ORDER.search(words(_shown(message)))
            if found is None:
                return None
            self._orders[key] = found[1]
        return self._orders[key]


def title(card: Json) -> str:
    return next(iter(_headers(card)), "")


def amount(card: Json) -> str:
    """The card's second headline: what is, or would be, refunded."""
    return next(iter(_headers(card)[1:]), "")


def money(text: str) -> Decimal | None:
    """The first amount in a text."""
    found = _MONEY.search(text)
    return Decimal(found[1].replace(",", "")) if found else None


def is_over(card: Json) -> bool:
    return title(card).endswith(_ENDS)


def request_id(card: Json) -> str:
    return str(card["metadata"]["event_payload"]["request_id"])


def _headers(card: Json) -> list[str]:
    return [block["text"]["text"] for block in card["blocks"] if block["type"] == "header"]


def _shown(message: Message) -> Json:
    return {
        "ts": message.ts,
        "channel": message.channel,
        "text": message.text,
        "blocks": message.blocks,
        "metadata": message.metadata,
    }
