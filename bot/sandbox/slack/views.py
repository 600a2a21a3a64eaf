"""Modals: the stack of views each person has open, and how a view looks on the wire."""

import copy
import secrets
from dataclasses import dataclass, field

from bot.sandbox.slack.cast import APP_ID, BOT_ID, TEAM_ID
from bot.sandbox.slack.messages import with_ids
from bot.sandbox.slack.wire import Json

MOST_VIEWS_IN_A_STACK = 3


@dataclass
class View:
    id: str
    user: str
    channel: str | None
    root_id: str
    previous_id: str | None
    definition: Json
    hash: str
    values: Json = field(default_factory=dict)
    errors: dict[str, str] | None = None

    @property
    def blocks(self) -> list[Json]:
        blocks: list[Json] = self.definition["blocks"]
        return blocks

    @property
    def external_id(self) -> str:
        return str(self.definition.get("external_id") or "")


class Views:
    """Open views by id, and each person's stack of them, the top one last."""

    def __init__(self) -> None:
        self._by_id: dict[str, View] = {}
        self._stacks: dict[str, list[str]] = {}

    def clear(self) -> None:
        self._by_id.clear()
        self._stacks.clear()

    def get(self, view_id: str) -> View | None:
        return self._by_id.get(view_id)

    def by_external_id(self, external_id: str) -> View | None:
        return next((v for v in self._by_id.values() if v.external_id == external_id), None)

    def stack(self, user: str) -> list[View]:
        return [self._by_id[view_id] for view_id in self._stacks.get(user, ())]

    def open(self, user: str, definition: Json, now: float, channel: str | None) -> View:
        """A fresh stack with one view: in Slack a person has one stack of modals at a time."""
        self.close_all(user)
        return self._put(user, definition, now, channel, previous=None)

    def push(self, user: str, definition: Json, now: float) -> View:
        stack = self.stack(user)
        below = stack[-1] if stack else None
        return self._put(user, definition, now, below.channel if below else None, previous=below)

    def replace(self, view: View, definition: Json, now: float) -> View:
        """New content in the same place; what was typed stays where block and action stay."""
        view.definition = _stored(definition)
        view.hash = _new_hash(now)
        view.errors = None
        return view

    def close(self, view: View) -> None:
        self._by_id.pop(view.id, None)
        stack = self._stacks.get(view.user, [])
        if view.id in stack:
            stack.remove(view.id)

    def close_all(self, user: str) -> list[View]:
        closed = self.stack(user)
        for view in closed:
            self.close(view)
        return closed

    def _put(
        self, user: str, definition: Json, now: float, channel: str | None, previous: View | None
    ) -> View:
        view_id = f"V{secrets.token_hex(5).upper()}"
        view = View(
            id=view_id,
            user=user,
            channel=channel,
            root_id=previous.root_id if previous else view_id,
            previous_id=previous.id if previous else None,
            definition=_stored(definition),
            hash=_new_hash(now),
        )
        self._by_id[view_id] = view
        self._stacks.setdefault(user, []).append(view_id)
        return view


def view_on_the_wire(view: View, values: Json) -> Json:
    """A view as `views.*` answers it and as payloads carry it, with the given input values."""
    given = view.definition
    return {
        "id": view.id,
        "team_id": TEAM_ID,
        "type": given["type"],
        "blocks": view.blocks,
        "private_metadata": given.get("private_metadata", ""),
        "callback_id": given.get("callback_id", ""),
        "state": {"values": values},
        "hash": view.hash,
        "title": given.get("title"),
        "clear_on_close": given.get("clear_on_close", False),
        "notify_on_close": given.get("notify_on_close", False),
        "close": given.get("close"),
        "submit": given.get("submit"),
        "previous_view_id": view.previous_id,
        "root_view_id": view.root_id,
        "app_id": APP_ID,
        "external_id": view.external_id,
        "app_installed_team_id": TEAM_ID,
        "bot_id": BOT_ID,
    }


def _stored(definition: Json) -> Json:
    return {**copy.deepcopy(definition), "blocks": with_ids(definition["blocks"])}


def _new_hash(now: float) -> str:
    return f"{int(now)}.{secrets.token_hex(4)}"
