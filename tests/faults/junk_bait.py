"""Requests that wait, and must go on waiting; and the payloads that would be about them."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode

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

# Of no use to anybody who signs with them: guests, strangers, machines, leavers, and nobody.
NOBODIES = (
    *(GUEST, SINGLE, COURIER, LEFT, "U0PARTNER", "U0NOBODY", "U0RESCIND", "USLACKBOT", "", "W"),
)
MEMBERS = (REQUESTER, APPROVER, SECOND, MEMBER)
ACTIONS = (
    *("approve", "reject", "take_back", "break_glass", "edit", "withdraw", "recheck", "resolve"),
)
# Each form, and the button that opens it.
FORMS = {
    "reject_reason": "reject",
    "break_glass": "break_glass",
    "resolve_outcome": "resolve",
    "choose_tickets": "edit",
}
_CHOSEN = ("truth", "notify", "venue")


@dataclass(frozen=True, slots=True)
class Bait:
    """A request of REQUESTER's, and its card.

    `approvers` could still approve it, `voters` have; where both are empty, it is over.
    """

    order: str
    line: str
    request: str
    card: Json
    approvers: frozenset[str] = frozenset()
    voters: frozenset[str] = frozenset()

    @property
    def is_over(self) -> bool:
        return not (self.approvers or self.voters)

    @property
    def block_id(self) -> str:
        found = buttons(self.card)
        return str(found["approve"]["block_id"]) if "approve" in found else "decision:2:9"

    @property
    def revision(self) -> int:
        return int(self.block_id.split(":")[1])

    def whoever_may_not(self, action: str, chance: random.Random) -> str:
        """Draw somebody who must not be able to do that."""
        if self.is_over or action in {"recheck", "resolve"}:
            able = frozenset[str]()
        elif action in {"withdraw", "edit"}:
            able = frozenset({REQUESTER})
        elif action == "approve":
            able = self.approvers
        else:
            able = self.approvers | self.voters
        return chance.choice([user for user in (*NOBODIES, *MEMBERS) if user not in able])

    def click(self, action: str, user: str, **forged: str) -> Json:
        """A click on its card, with a button as it is, but for what is forged."""
        button = {"action_id": action, "block_id": self.block_id, "value": self.request}
        return slack_wire.click_payload(self.card, button | forged, user)

    def form(self, callback_id: str, entered: Json, user: str, **forged: object) -> Json:
        """A form about it, sent off; `forged` goes with the ids that the form carries."""
        context = {
            "request_id": self.request,
            "revision": self.revision,
            "channel": self.card["channel"],
            "card_ts": self.card["ts"],
        }
        return form(callback_id, json.dumps(context | forged), entered, user)


def form(callback_id: str, private_metadata: str, entered: Json, user: str) -> Json:
    """A form's payload; `entered` by block, as text or as what was chosen from a list."""
    states = {
        block: {"selected_option": {"value": value}} if block in _CHOSEN else {"value": value}
        for block, value in entered.items()
    }
    body = slack_wire.sent_form(callback_id, private_metadata, states, user)
    payload: Json = json.loads(parse_qs(body.decode())["payload"][0])
    return payload


def body_of(payload: Json) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()
