"""What comes with a good signature from whoever may not do that, bent; and what nobody can read."""

from __future__ import annotations

import json
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from tests.faults.junk import Came, Shot
from tests.faults.junk_bait import ACTIONS, FORMS, NOBODIES, Bait, body_of, form
from tests.faults.junk_mutation import bent, broken, nested, weird
from tests.faults.junk_strangers import CANARY
from tests.faults.junk_texts import hostile
from tests.integration import slack_wire

Json = dict[str, Any]
Send = Callable[[bytes], Awaitable[Came]]

# It was read, or it is not readable: nothing else is an answer to Slack.
EXPECTED = frozenset({"200", "400"})
_BENT = 0.8
_LIMIT = 1024 * 1024
# What httpx calls it when the refusal comes while the rest of the body is still being sent.
_CUT_SHORT = ("ReadError", "WriteError", "RemoteProtocolError")
_KINDS = (
    *("event_callback", "url_verification", "app_rate_limited", "view_closed", "block_suggestion"),
    *("interactive_message", "dialog_submission", "dialog_cancellation", "workflow_step_edit"),
    *("function_executed", "options", "message", "", CANARY, "block_actions", "view_submission"),
)


@dataclass(frozen=True, slots=True)
class Payloads:
    """`spare`: an order nobody asks for, so that whoever gets it in has got through."""

    chance: random.Random
    baits: Sequence[Bait]
    spare: str
    channel: str
    send: Send

    def clicks(self) -> Iterator[Shot]:
        while True:
            bait, action = self.chance.choice(self.baits), self.chance.choice(ACTIONS)
            user = bait.whoever_may_not(action, self.chance)
            yield self._bent("clicks, bent", f"{action} by {user!r}", bait.click(action, user))

    def forms(self) -> Iterator[Shot]:
        while True:
            bait, callback_id = self.chance.choice(self.baits), self.chance.choice([*FORMS])
            user = bait.whoever_may_not(FORMS[callback_id], self.chance)
            entered = {"reason": hostile(self.chance), "truth": "failed", f"line:{bait.line}": "1"}
            payload = bait.form(callback_id, entered, user)
            if self.chance.random() < _BENT / 2:
                view = payload["view"]
                context = bent(json.loads(view["private_metadata"]), self.chance)
                view["private_metadata"] = json.dumps(context)
            yield self._bent("forms, bent", f"{callback_id} by {user!r}", payload)

    def questions(self) -> Iterator[Shot]:
        """Commands, entry forms and shortcuts of people who may not ask for anything."""
        while True:
            user = self.chance.choice(NOBODIES)
            entered = {"order_id": self.spare, "venue": "acme", "reason": hostile(self.chance)}
            asked = form("cancel_order", json.dumps({"channel": self.channel}), entered, user)
            yield self._bent("questions, bent", f"cancel_order by {user!r}", asked)
            yield self._bent("questions, bent", f"shortcut of {user!r}", self._shortcut(user))
            body = self._command(user)
            yield Shot(
                "questions, bent", f"command of {user!r}", partial(self.send, body), EXPECTED
            )

    def junk(self) -> Iterator[Shot]:
        """What cannot be read at all, or is of a kind that nobody sends to this bot."""
        while True:
            bait, action = self.chance.choice(self.baits), self.chance.choice(ACTIONS)
            payload = bait.click(action, bait.whoever_may_not(action, self.chance))
            yield self._junk("broken", broken(payload, self.chance))
            other = payload | {"type": self.chance.choice(_KINDS), "callback_id": CANARY}
            other |= {"event": weird(self.chance), "challenge": CANARY}
            yield self._junk(f"type {other['type']!r}", body_of(other))
            yield self._junk("noise", self.chance.randbytes(self.chance.randrange(1, 3000)))
            for what, body in _JUNK.items():
                yield self._junk(what, body)

    def _junk(self, what: str, body: bytes) -> Shot:
        return Shot("signed junk", what, partial(self.send, body), EXPECTED)

    def _bent(self, kind: str, what: str, payload: Json) -> Shot:
        if self.chance.random() < _BENT:
            payload = bent(payload, self.chance)
        body = body_of(payload)
        expected = EXPECTED if len(body) < _LIMIT else frozenset({"413", *_CUT_SHORT})
        return Shot(kind, what, partial(self.send, body), expected)

    def _shortcut(self, user: str) -> Json:
        name = self.chance.choice(("cancel_order_global", "cancel_order_message", CANARY))
        return self.baits[0].click("", user) | {
            "type": "shortcut" if name.endswith("global") else "message_action",
            "callback_id": name,
            "message": {"ts": "1.2", "text": f"{self.spare} {hostile(self.chance)}"},
        }

    def _command(self, user: str) -> bytes:
        text = self.chance.choice(
            (f"acme:{self.spare} {hostile(self.chance)}", hostile(self.chance), "pending", "help")
        )
        fields: Json = dict(slack_wire.command_fields(text, user, self.channel))
        if self.chance.random() < _BENT:
            fields = bent(fields, self.chance)
        # Slack sends forms; but in JSON, values can be of other kinds.
        if self.chance.random() < 0.4:
            return json.dumps(fields).encode()
        texts = {str(key): str(value) for key, value in fields.items()}
        return urlencode(texts, errors="replace").encode()


def _payload(text: str) -> bytes:
    return urlencode({"payload": text}).encode()


_JUNK = {
    "nothing": b"",
    "no field": b"=",
    "a field": b"a=b",
    "an empty payload": b"payload=",
    "two payloads": b"payload=%7B%7D&payload=%5B%5D",
    "payload and command": b"payload=%7B%7D&command=/cancel-order&text=1",
    "percents": b"payload=%zz%%%&" + b"%" * 1000,
    "no UTF-8": b"\xff\xfe\x00payload=\xc3\x28",
    "UTF-16": '{"type":"block_actions"}'.encode("utf-16"),
    "a mark of the byte order": b"\xef\xbb\xbfpayload=%7B%7D",
    "many fields": b"&".join(b"f%d=x" % number for number in range(20_000)),
    "ampersands": b"&" * 100_000,
    "a list": _payload("[1]"),
    "a number": _payload("1"),
    "null": _payload("null"),
    "NaN": _payload("NaN"),
    "a long number": _payload("9" * 5000),
    "brackets": _payload("[" * 100_000),
    "braces": _payload('{"a":' * 50_000),
    "deep": _payload(json.dumps({"type": "block_actions", "user": nested(400, "object")})),
    "the same key": _payload("{" + ",".join(['"type":"block_actions"'] * 1000) + "}"),
    "an empty click": _payload('{"type":"block_actions"}'),
    "no actions": _payload('{"type":"block_actions","actions":[],"user":{"id":"U0NOBODY"}}'),
    "actions of nothing": _payload('{"type":"block_actions","actions":[null],"user":null}'),
    "actions by name": _payload('{"type":"block_actions","actions":{"0":"approve"}}'),
    "an empty form": _payload('{"type":"view_submission"}'),
    "a form of nothing": _payload('{"type":"view_submission","view":null,"user":null}'),
    "a form of words": _payload('{"type":"view_submission","view":"reject_reason"}'),
    "a command of nobody": b"command=/cancel-order",
    "another command": b"command=/refund&text=all&user_id=U0REQUEST&channel_id=C0CASE00",
    "an event": b'{"type":"event_callback","event":{"type":"message","text":"<!channel>"}}',
    "an event of nothing": b'{"type":"event_callback","event":null,"authorizations":[{}]}',
    "authorizations": b'{"type":"event_callback","authorizations":{"0":1},"event":{"type":1}}',
    "authorizations within": b'{"authorizations":[' * 300 + b"{}" + b"]}" * 300,
    "a verification": b'{"type":"url_verification","challenge":"x"}',
    "a certificate": b"ssl_check=1&token=x",
    "response urls": b'{"type":"view_submission","response_urls":[{},{}]}',
    "a megabyte": b"payload=" + b"a" * 1_000_000,
}
