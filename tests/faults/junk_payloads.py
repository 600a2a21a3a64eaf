"""What comes with a good signature and is no good: bent, broken, forged, or of whoever may not.

`Bait` is a request that waits, and goes on waiting if the bot is right.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from tests.faults.junk import Shot
from tests.faults.junk_mutation import NO_REQUESTS, bent, broken, nested, weird
from tests.faults.junk_strangers import CANARY
from tests.faults.junk_texts import hostile
from tests.integration import slack_wire
from tests.integration.stage import (
    APPROVER,
    COURIER,
    GUEST,
    LEFT,
    MEMBER,
    REQUESTER,
    SECOND,
    SINGLE,
    buttons,
)

Json = dict[str, Any]
Send = Callable[[bytes], Awaitable[Sequence[str]]]

# Slack's answer to each is one or the other: read, or not readable.
_EXPECTED = frozenset({"200", "400"})
NOBODIES = (GUEST, SINGLE, COURIER, LEFT, "U0PARTNER", "U0NOBODY", "U0RESCIND", "USLACKBOT", "", "W")
_ACTIONS = (
    *("approve", "reject", "take_back", "break_glass", "edit", "withdraw", "recheck", "resolve"),
)
_FORMS = ("reject_reason", "break_glass", "resolve_outcome", "choose_tickets")
_KINDS = (
    *("event_callback", "url_verification", "app_rate_limited", "view_closed", "block_suggestion"),
    *("interactive_message", "dialog_submission", "dialog_cancellation", "workflow_step_edit"),
    *("function_executed", "options", "message", "", CANARY, "block_actions", "view_submission"),
)


@dataclass(frozen=True, slots=True)
class Bait:
    """A request and its card. `approvers`: who might approve it; `is_over`: nobody any more."""

    order: str
    request: str
    card: Json
    approvers: frozenset[str]
    is_over: bool = False

    @property
    def revision(self) -> int:
        return int(self.block_id.split(":")[1])

    @property
    def block_id(self) -> str:
        found = buttons(self.card)
        return str(next(iter(found.values()))["block_id"]) if found else "rescind:2:9"

    def button(self, action_id: str, **forged: Any) -> Json:  # noqa: ANN401 - JSON
        button = {"action_id": action_id, "block_id": self.block_id, "value": self.request}
        return button | forged

    def harmless(self, chance: random.Random) -> tuple[str, str]:
        """An action, and somebody who may not do that to it."""
        action = chance.choice(_ACTIONS)
        everybody = (*NOBODIES, REQUESTER, APPROVER, SECOND, MEMBER)
        if self.is_over or action in {"recheck", "resolve"}:
            return action, chance.choice(everybody)
        if action in {"withdraw", "edit"}:
            return action, chance.choice([who for who in everybody if who != REQUESTER])
        return action, chance.choice([who for who in everybody if who not in self.approvers])


def approval(bait: Bait, user: str) -> bytes:
    """The click that would approve it."""
    return slack_wire.click(bait.card, bait.button("approve"), user)


@dataclass(frozen=True, slots=True)
class Payloads:
    """`spare`: an order that nobody asks for, so whoever gets it in has got through."""

    chance: random.Random
    baits: Sequence[Bait]
    spare: str
    send: Send

    def clicks(self) -> Iterator[Shot]:
        """Clicks of whoever may not, bent out of shape."""
        while True:
            bait = self.chance.choice(self.baits)
            action, user = bait.harmless(self.chance)
            payload = slack_wire.click_payload(bait.card, bait.button(action), user)
            yield self._bent(f"clicks, bent", payload, f"{action} by {user!r}")

    def forms(self) -> Iterator[Shot]:
        """Forms of whoever may not, with the same done to them."""
        while True:
            bait, form = self.chance.choice(self.baits), self.chance.choice(_FORMS)
            action = {"resolve_outcome": "resolve", "choose_tickets": "edit"}.get(form, form)
            user = REQUESTER
            while action != "":
                drawn, user = bait.harmless(self.chance)
                if action.startswith(drawn):
                    break
            payload = self._form(form, self._context(bait), self._entered(bait, form), user)
            yield self._bent("forms, bent", payload, f"{form} by {user!r}")

    def questions(self) -> Iterator[Shot]:
        """Forms, commands and shortcuts of people who may not ask for anything."""
        while True:
            user = self.chance.choice(NOBODIES)
            entered = {"order_id": self.spare, "venue": "acme", "reason": hostile(self.chance)}
            form = self._form("cancel_order", {"channel": "C0CASE00"}, entered, user)
            yield self._bent("questions, bent", form, f"cancel_order by {user!r}")
            text = self.chance.choice((f"acme:{self.spare} {hostile(self.chance)}", "", "pending"))
            command = slack_wire.command_fields(text, user, "C0CASE00")
            yield self._command(command, f"command by {user!r}")
            yield self._bent("questions, bent", self._shortcut(user), f"shortcut of {user!r}")

    def junk(self) -> Iterator[Shot]:
        """What cannot be read at all, or is of a kind that nobody sends to this bot."""
        while True:
            bait = self.chance.choice(self.baits)
            action, user = bait.harmless(self.chance)
            payload = slack_wire.click_payload(bait.card, bait.button(action), user)
            yield self._shot("signed junk", "broken", broken(payload, self.chance))
            other = payload | {"type": self.chance.choice(_KINDS), "callback_id": CANARY}
            other |= {"event": weird(self.chance), "challenge": CANARY}
            yield self._shot("signed junk", str(other["type"])[:20], _form(other))
            for what, body in _JUNK.items():
                yield self._shot("signed junk", what, body)
            noise = self.chance.randbytes(self.chance.randrange(1, 3000))
            yield self._shot("signed junk", "noise", noise)

    def forged(self) -> Iterator[Shot]:
        """Clicks and forms of people who may, about what is not there, or is not what it was."""
        while True:
            for what, payload in self._forged():
                # A time of their own, or the second would be a replay of the first.
                payload["trigger_id"] = f"{time.monotonic_ns()}.1.x"
                yield self._shot("forged details", what, _form(payload))

    def _forged(self) -> Iterator[tuple[str, Json]]:
        bait = self.chance.choice([bait for bait in self.baits if not bait.is_over])
        other = self.chance.choice([each for each in self.baits if each is not bait])
        who = self.chance.choice(sorted(bait.approvers))
        for block_id in _blocks(bait):
            button = bait.button("approve", block_id=block_id)
            yield f"block {block_id[:30]!r}", slack_wire.click_payload(bait.card, button, who)
        for request in NO_REQUESTS:
            for action in ("approve", "edit", "reject"):
                button = bait.button(action, value=request)
                yield f"{action} of {request[:20]!r}", slack_wire.click_payload(bait.card, button, who)
            context = self._context(bait) | {"request_id": request}
            for form in _FORMS:
                entered = self._entered(bait, form)
                yield f"{form} of {request[:20]!r}", self._form(form, context, entered, REQUESTER)
        for team in ("T0OTHERS", "T0PARTNER", "E0OTHERS", "T" * 3000):
            click = slack_wire.click_payload(bait.card, bait.button("approve"), who, team)
            yield f"of team {team[:20]}", click
        action, user = bait.harmless(self.chance)
        elsewhere = slack_wire.click_payload(other.card, bait.button(action), user)
        yield f"{action} on another's card", elsewhere
        for action in ("celebrate", "", "Approve", "approve ", "approve\0", "*", "approve" * 999):
            yield f"action {action[:20]!r}", slack_wire.click_payload(
                bait.card, bait.button(action), who
            )
        yield from self._forged_forms(bait, who)

    def _forged_forms(self, bait: Bait, who: str) -> Iterator[tuple[str, Json]]:
        context = self._context(bait)
        for text in ("", "{", "[]", "null", "\0", "\ud800", "[" * 2900, '{"request_id":', '{"a":' * 500):
            form = self._form("reject_reason", context, {"reason": "x"}, who)
            form["view"]["private_metadata"] = text
            yield f"reject with {text[:20]!r}", form
        for reason in (None, "", " ", "\0", "\u200b\n"[1:]):
            yield f"reject for {reason!r}", self._form(
                "reject_reason", context, {"reason": reason}, who
            )
        for counts in _COUNTS:
            entered = {f"line:{line}": count for line, count in counts.items()}
            yield f"counts {str(counts)[:30]}", self._form(
                "choose_tickets", context, entered, REQUESTER
            )
        asked = {"order_id": self.spare, "venue": "acme", "reason": "x"}
        for name, value in _ENTERED:
            where = {} if name == "channel" else {"channel": "C0CASE00"}
            form = self._form("cancel_order", where, asked | {name: value}, REQUESTER)
            yield f"asks with {name} {str(value)[:20]!r}", form

    def _bent(self, kind: str, payload: Json, what: str) -> Shot:
        if self.chance.random() < 0.8:
            payload = bent(payload, self.chance)
        return self._shot(kind, what, _form(payload))

    def _command(self, fields: dict[str, str], what: str) -> Shot:
        changed: Json = bent(dict(fields), self.chance) if self.chance.random() < 0.8 else fields
        # Mostly as Slack sends commands; as JSON, values can be of other kinds.
        if self.chance.random() < 0.6:
            texts = {str(key): str(value) for key, value in changed.items()}
            return self._shot("questions, bent", what, urlencode(texts, errors="replace").encode())
        return self._shot("questions, bent", what, json.dumps(changed).encode())

    def _shortcut(self, user: str) -> Json:
        payload = slack_wire.click_payload(self.baits[0].card, {"action_id": "", "block_id": "", "value": ""}, user)
        name = self.chance.choice(("cancel_order_global", "cancel_order_message", CANARY))
        kind = "shortcut" if name.endswith("global") else "message_action"
        message = {"ts": "1.2", "text": f"{self.spare} {hostile(self.chance)}"}
        return payload | {"type": kind, "callback_id": name, "message": message}

    def _context(self, bait: Bait) -> Json:
        """What a form about a bait would carry."""
        return {
            "request_id": bait.request,
            "revision": bait.revision,
            "channel": bait.card["channel"],
            "card_ts": bait.card["ts"],
        }

    def _entered(self, bait: Bait, form: str) -> Json:
        match form:
            case "choose_tickets":
                return {"line:1": "1"}
            case "resolve_outcome":
                return {"reason": hostile(self.chance), "truth": "failed"}
            case _:
                return {"reason": hostile(self.chance)}

    def _form(self, callback_id: str, context: Json, entered: Json, user: str) -> Json:
        values: Json = {block: {"value": {"value": given}} for block, given in entered.items()}
        for block in ("truth", "notify", "venue"):
            if block in entered:
                values[block] = {"value": {"selected_option": {"value": entered[block]}}}
        body = slack_wire.sent_form(callback_id, json.dumps(context), {}, user)
        payload: Json = json.loads(_fields(body)["payload"])
        payload["view"]["state"]["values"] = values
        return payload

    def _shot(self, kind: str, what: str, body: bytes) -> Shot:
        return Shot(kind, what, partial(self.send, body), _EXPECTED)
