"""Signed requests as Slack sends them, for what the sandbox's people cannot do by themselves.

A click on an outdated rendering, the same delivery twice, a forged signature.
"""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import urlencode

import httpx

from bot.sandbox.slack.delivery import signature

Json = dict[str, Any]

TEAM = "T0SANDBOX"
_TRIGGER = "1234567890.1234567890.{}"


class SlackWire:
    """Sends what Slack would to a bot's one endpoint."""

    def __init__(self, bot_url: str, signing_secret: str) -> None:
        self.url = f"{bot_url}/slack/events"
        self.secret = signing_secret
        self._http = httpx.Client(timeout=15)

    def close(self) -> None:
        self._http.close()

    def send(self, body: bytes, **headers: str) -> httpx.Response:
        return self._http.post(self.url, content=body, headers=self.signed(body) | headers)

    def signed(self, body: bytes, moment: float | None = None) -> dict[str, str]:
        timestamp = str(int(moment or time.time()))
        return {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature(self.secret, timestamp, body),
        }


def command(text: str, user: str, channel: str, response_url: str = "") -> bytes:
    """A slash command's body."""
    return form(command_fields(text, user, channel, response_url))


def form(fields: dict[str, str]) -> bytes:
    return urlencode(fields).encode()


def command_fields(text: str, user: str, channel: str, response_url: str = "") -> dict[str, str]:
    return {
        "command": "/cancel-order",
        "text": text,
        "user_id": user,
        "user_name": "somebody",
        "team_id": TEAM,
        "team_domain": "riverside-arts",
        "channel_id": channel,
        "channel_name": "somewhere",
        "api_app_id": "A0RESCIND",
        "is_enterprise_install": "false",
        "trigger_id": _TRIGGER.format(time.monotonic_ns()),
        "response_url": response_url,
    }


def click(card: Json, button: Json, user: str, team: str = TEAM, **more: str) -> bytes:
    """A click's body: `button` as it stood on `card`, with its `block_id`.

    `more`: other fields of the payload, such as a `response_url` or a `trigger_id` that works.
    """
    return _payload(click_payload(card, button, user, team) | more)


def click_payload(card: Json, button: Json, user: str, team: str = TEAM) -> Json:
    return _interaction("block_actions", user, team) | {
        "container": {
            "type": "message",
            "message_ts": card["ts"],
            "channel_id": card["channel"],
            "is_ephemeral": False,
        },
        "channel": {"id": card["channel"], "name": "somewhere"},
        "message": {"ts": card["ts"], "text": card["text"], "blocks": card["blocks"]},
        "actions": [
            {
                "type": "button",
                "action_id": button["action_id"],
                "block_id": button["block_id"],
                "value": button["value"],
                "action_ts": card["ts"],
            }
        ],
    }


def submission(form: Json, user: str, numbers: dict[str, str]) -> bytes:
    """A submitted form, with `numbers` by block id, whatever the form itself would let through."""
    entered = {
        block: {"type": "number_input", "value": number} for block, number in numbers.items()
    }
    return sent_form(form["callback_id"], form["private_metadata"], entered, user)


def sent_form(
    callback_id: str, private_metadata: str, entered: dict[str, Json], user: str, team: str = TEAM
) -> bytes:
    """A submitted form that may never have been open; `entered`: its elements' states by block."""
    view = {
        "id": "V0SOMEFORM",
        "type": "modal",
        "callback_id": callback_id,
        "private_metadata": private_metadata,
        "state": {"values": {block: {"value": state} for block, state in entered.items()}},
    }
    payload = _interaction("view_submission", user, team)
    return _payload(payload | {"view": view, "response_urls": []})


def _interaction(kind: str, user: str, team: str) -> Json:
    return {
        "type": kind,
        "team": {"id": TEAM, "domain": "riverside-arts"},
        "user": {"id": user, "username": "somebody", "team_id": team},
        "api_app_id": "A0RESCIND",
        "enterprise": None,
        "is_enterprise_install": False,
        "trigger_id": _TRIGGER.format(time.monotonic_ns()),
    }


def _payload(payload: Json) -> bytes:
    return form({"payload": json.dumps(payload)})
