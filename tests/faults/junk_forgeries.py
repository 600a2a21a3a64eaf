"""What people who may send, with a good signature, about what is not there or not as it was."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.faults.junk import Shot
from tests.faults.junk_bait import ACTIONS, FORMS, Bait, body_of, form
from tests.faults.junk_mutation import NO_REQUESTS
from tests.faults.junk_payloads import EXPECTED, Send
from tests.integration.stage import REQUESTER, SECOND

Json = dict[str, Any]
Forgery = tuple[str, Json]

_CONTEXTS = (
    *("", "{", "[]", "null", "1", "\0", "\ud800", "{}", '{"request_id":1}', '{"request_id":null}'),
    *("[" * 2900, '{"a":' * 580, "9" * 2900, '{"revision":1e999}', "NaN", '{"request_id":["x"]}'),
)
_NO_REASONS = (None, "", " ", "\0", "\n\t", "\0 \0")
_NO_COUNTS = (
    "",
    "0",
    "-1",
    "5",
    "999999",
    "1e3",
    "1.5",
    "٣",
    "0x2",
    "9" * 400,
    "NaN",
    "\ud800",
    None,
)
_NO_ANSWERS: Mapping[str, Sequence[object]] = {
    "order_id": (
        *("", "0", "abc", "1e9", "9" * 20, "-5", "\ud800", {}, []),
        *("http://[/26644388", "https://x/1?2=12345&3=67890"),
    ),
    "venue": ("nowhere", "", "ACME", "acme\0x", "\ud800", [], {"acme": 1}),
    "notify": ("everybody", "REFUND", "\ud800", "a" * 10_000, ["refund"]),
}
_CHANNELS = ("C0NOWHERE", "C0GENERAL", "D0NOBODY", "C" * 5000, "\ud800", "<!channel>", "C0CASE01")


@dataclass(frozen=True, slots=True)
class Forgeries:
    """`spare`: an order nobody asks for; at the venue `gala`, asking takes a channel of its own."""

    chance: random.Random
    baits: Sequence[Bait]
    spare: str
    channel: str
    send: Send

    def forged(self) -> Iterator[Shot]:
        while True:
            waiting = [bait for bait in self.baits if bait.approvers]
            bait = self.chance.choice(waiting)
            other = self.chance.choice([each for each in self.baits if each is not bait])
            for what, payload in self._all(bait, other, self.chance.choice(sorted(bait.approvers))):
                # Told apart by their time, or the second of a kind would be a replay.
                payload["action_ts"] = str(self.chance.random())
                body = body_of(payload)
                yield Shot("forged details", what, partial(self.send, body), EXPECTED)

    def _all(self, bait: Bait, other: Bait, user: str) -> Iterator[Forgery]:
        yield from self._blocks(bait, user)
        yield from self._requests(bait, user)
        yield from self._origins(bait, other, user)
        yield from self._forms(bait, user)
        yield from self._questions()

    def _blocks(self, bait: Bait, user: str) -> Iterator[Forgery]:
        """Approvals of quotes that are no more, are not yet, or never were."""
        prefix, revision = bait.block_id.split(":")[0], bait.revision
        for block_id in (
            *("", "x", prefix, f"{prefix}:", f"{prefix}::", f":{revision}:1", f"x:{revision}:1"),
            *(
                f"{prefix}:{revision - 1}:3",
                f"{prefix}:{revision + 1}:9",
                f"{prefix}:-{revision}:1",
            ),
            *(
                f"{prefix}:{revision}.0:1",
                f"{prefix}:²:1",
                f" {prefix}:{revision}:1",
                f"{prefix}:1e0:1",
            ),
            *(f"{prefix}:{'9' * 200}:1", f"{prefix}:{'9' * 5000}:1", f"{prefix}:\0{revision}:1"),
            f"{prefix.upper()}:{revision}:1",
        ):
            yield f"block {block_id[:20]!r}", bait.click("approve", user, block_id=block_id)

    def _requests(self, bait: Bait, user: str) -> Iterator[Forgery]:
        """Decisions on requests that there are not."""
        for request in NO_REQUESTS:
            for action in ACTIONS:
                yield f"{action} of {request[:20]!r}", bait.click(action, user, value=request)
            for callback_id in FORMS:
                entered = {"reason": "x", "truth": "done", f"line:{bait.line}": "1"}
                payload = bait.form(callback_id, entered, user, request_id=request)
                yield f"{callback_id} of {request[:20]!r}", payload

    def _origins(self, bait: Bait, other: Bait, user: str) -> Iterator[Forgery]:
        """Good clicks from other workspaces, by buttons that there are not, on others' cards."""
        for team in ("T0OTHERS", "T0PARTNER", "E0OTHERS", "t0sandbox", "T" * 3000, "\ud800"):
            click = bait.click("approve", user)
            click["user"]["team_id"] = team
            yield f"a click from {team[:20]!r}", click
            elsewhere = bait.click("approve", user)
            elsewhere["user"].pop("team_id")
            yield f"a click in {team[:20]!r}", elsewhere | {"team": {"id": team}}
        for action in ("celebrate", "", "Approve", "approve ", "approve\0", "*", "approve" * 999):
            yield f"action {action[:20]!r}", bait.click(action, user)
        action = self.chance.choice(ACTIONS)
        nobody = bait.whoever_may_not(action, self.chance)
        moved = other.click(action, nobody, value=bait.request, block_id=bait.block_id)
        yield f"{action} on another's card", moved

    def _forms(self, bait: Bait, user: str) -> Iterator[Forgery]:
        """Forms about nothing, for no reason, with numbers that are none."""
        for context in _CONTEXTS:
            for callback_id in FORMS:
                decided = {"reason": "x", "truth": "done", f"line:{bait.line}": "1"}
                yield (
                    f"{callback_id} with {context[:20]!r}",
                    form(callback_id, context, decided, user),
                )
        for reason in _NO_REASONS:
            yield f"reject for {reason!r}", bait.form("reject_reason", {"reason": reason}, user)
        for count in _NO_COUNTS:
            entered: Json = {f"line:{bait.line}": count}
            payload = bait.form("choose_tickets", entered, REQUESTER)
            yield f"{str(count)[:20]!r} tickets", payload
            entered = {"line:0": "1", "line:": count}
            payload = bait.form("choose_tickets", entered, REQUESTER)
            yield f"{str(count)[:20]!r} tickets of no line", payload
        for revision in (None, 0, bait.revision - 1, bait.revision + 1, 10**30, "1", [2], True):
            entered = {"reason": "x"}
            payload = bait.form("break_glass", entered, SECOND, revision=revision)
            yield f"break_glass at {str(revision)[:20]}", payload

    def _questions(self) -> Iterator[Forgery]:
        """Entry forms with a field that is not as it has to be."""
        asked = {"order_id": self.spare, "venue": "acme", "reason": "x"}
        context = json.dumps({"channel": self.channel})
        for name, values in _NO_ANSWERS.items():
            for wrong in values:
                payload = form("cancel_order", context, asked | {name: wrong}, REQUESTER)
                yield f"{name} {str(wrong)[:20]!r}", payload
        for channel in _CHANNELS:
            entered = asked | {"venue": "gala"}
            context = json.dumps({"channel": channel})
            yield f"channel {channel[:20]!r}", form("cancel_order", context, entered, REQUESTER)
