"""Rows to domain values and back. Domain values are kept as JSON text, money as exact strings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

import sqlalchemy as sa
from pydantic import TypeAdapter

from bot.domain.order import Order
from bot.domain.quote import Notify, Quote
from bot.domain.request import (
    Actor,
    Decision,
    Failure,
    MessageRef,
    Request,
    Source,
    State,
)
from bot.domain.selection import Selection
from bot.domain.settlement import Outcome, Receipt

T = TypeVar("T")

# With a digit in it; a time may have a blank before its hour.
_IDLIKE = re.compile(r"(?=.*\d)[A-Za-z0-9_.:+/-]{1,64}(?: [0-9:.+-]{1,32})?")
_VOTES = TypeAdapter(tuple[Decision, ...])
_ADAPTERS: dict[type, TypeAdapter[Any]] = {
    kind: TypeAdapter(kind)
    for kind in (Order, Selection, Quote, Decision, Failure, Outcome, Receipt)
}


def dump(value: object | None) -> str | None:
    """Write a domain value as JSON text."""
    if isinstance(value, Failure):
        value = replace(value, detail=storable(value.detail))
    return None if value is None else _ADAPTERS[type(value)].dump_json(value).decode()


def storable(text: str | None) -> str | None:
    """Take out of an upstream's words what is no text: NULs and halves of characters."""
    if text is None:
        return None
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def load(kind: type[T], text: str | None) -> T | None:
    """Read a domain value that `dump` wrote."""
    if text is None:
        return None
    value: T = _ADAPTERS[kind].validate_json(text)
    return value


def request_from_row(row: sa.Row[Any]) -> Request:
    return Request(
        id=row.id,
        venue=row.venue,
        order_id=row.order_id,
        state=State(row.state),
        version=row.version,
        revision=row.revision,
        run=row.run,
        requester=Actor(row.requester_user, row.requester_team, row.requester_enterprise),
        channel=row.channel,
        source=Source(row.source),
        notify=Notify(row.notify),
        created_at=row.created_at,
        updated_at=row.updated_at,
        reason=row.reason,
        response_url=row.response_url,
        order=load(Order, row.order_snapshot),
        selection=load(Selection, row.selection),
        quote=load(Quote, row.quote),
        previous_quote=load(Quote, row.previous_quote),
        votes=() if row.votes is None else _VOTES.validate_json(row.votes),
        decision=load(Decision, row.decision),
        failure=load(Failure, row.failure),
        outcome=load(Outcome, row.outcome),
        card=_message(row.card_channel, row.card_ts),
        result=_message(row.result_channel, row.result_ts),
        delivered_version=row.delivered_version,
        reminders=row.reminders,
        due_at=row.due_at,
        escalates_at=row.escalates_at,
        expires_at=row.expires_at,
    )


def idlike(text: str | None) -> str | None:
    """An upstream's id, number or time; None for anything else, which may be words about people."""
    return text if text and _IDLIKE.fullmatch(text) else None


def columns_of(request: Request, names: Iterable[str]) -> dict[str, Any]:
    """Write the attributes `names` of `request` as columns; the reverse of `request_from_row`."""
    columns: dict[str, Any] = {}
    for name in names:
        value = getattr(request, name)
        match name:
            case "card" | "result":
                columns[f"{name}_channel"] = value.channel if value else None
                columns[f"{name}_ts"] = value.ts if value else None
            case "order":
                columns["order_snapshot"] = dump(value)
            case "votes":
                columns["votes"] = _VOTES.dump_json(value).decode() if value else None
            case "state":
                columns["state"] = value.value
            case _:
                columns[name] = dump(value) if type(value) in _ADAPTERS else value
    return columns


def _message(channel: str | None, ts: str | None) -> MessageRef | None:
    return MessageRef(channel, ts) if channel and ts else None
