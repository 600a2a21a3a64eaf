"""Slack's payloads, as much of them as we use: validated once, then typed."""

from __future__ import annotations

import json
from typing import Any

from pydantic import AliasPath, BaseModel, ConfigDict, Field, ValidationError

from bot.domain.request import Actor, MessageRef
from bot.slack.cards.modals import VALUE
from bot.slack.poster import Recipient


class Payload(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class SlashCommand(Payload):
    text: str = ""
    user_id: str
    team_id: str = ""
    enterprise_id: str | None = None
    channel_id: str
    trigger_id: str = ""
    response_url: str | None = None

    @property
    def actor(self) -> Actor:
        return Actor(self.user_id, self.team_id, self.enterprise_id)

    @property
    def recipient(self) -> Recipient:
        return Recipient(self.user_id, self.channel_id, self.response_url)


class Interaction(Payload):
    """What clicks, submissions and shortcuts have in common."""

    user_id: str = Field(validation_alias=AliasPath("user", "id"))
    user_team: str | None = Field(None, validation_alias=AliasPath("user", "team_id"))
    team: dict[str, Any] | None = None
    enterprise: dict[str, Any] | None = None
    trigger_id: str = ""

    @property
    def actor(self) -> Actor:
        """The person. In an organisation-wide installation `team` is null, the user's is not."""
        team = self.user_team or str((self.team or {}).get("id") or "")
        enterprise = (self.enterprise or {}).get("id")
        return Actor(self.user_id, team, str(enterprise) if enterprise else None)


class Located(Interaction):
    """An interaction that happened in a channel, or at least may have."""

    channel: dict[str, Any] | None = None
    message: dict[str, Any] | None = None
    container: dict[str, Any] | None = None
    response_url: str | None = None

    @property
    def channel_id(self) -> str | None:
        found = (self.channel or {}).get("id") or (self.container or {}).get("channel_id")
        return str(found) if found else None

    @property
    def recipient(self) -> Recipient:
        return Recipient(self.user_id, self.channel_id, self.response_url)


class ButtonAction(Payload):
    action_id: str
    action_ts: str | None = None
    block_id: str = ""
    value: str = ""


class Click(Located):
    actions: tuple[ButtonAction, ...] = Field(min_length=1)

    @property
    def action(self) -> ButtonAction:
        return self.actions[0]

    @property
    def clicked(self) -> MessageRef | None:
        ts = (self.message or {}).get("ts") or (self.container or {}).get("message_ts")
        return MessageRef(self.channel_id, str(ts)) if self.channel_id and ts else None


class Submission(Interaction):
    """A submitted form. `values`: block id -> action id -> the element's state."""

    private_metadata: str = Field("", validation_alias=AliasPath("view", "private_metadata"))
    values: dict[str, dict[str, dict[str, Any]]] = Field(
        validation_alias=AliasPath("view", "state", "values")
    )

    def entered(self, block_id: str) -> str | None:
        """What was typed or chosen in a block; None if it is not on the form or was left empty."""
        element = self.values.get(block_id, {}).get(VALUE, {})
        chosen = element.get("selected_option") or {}
        found = element.get("value") or chosen.get("value") or element.get("selected_conversation")
        # PostgreSQL keeps no NUL in text.
        return str(found).replace("\0", "").strip() or None if found is not None else None


class Shortcut(Located):
    @property
    def message_text(self) -> str:
        return str((self.message or {}).get("text") or "")


class FormContext(Payload):
    """What travels in a form's `private_metadata`: ids, and how to answer the person privately."""

    request_id: str | None = None
    revision: int | None = None
    channel: str | None = None
    card_ts: str | None = None
    response_url: str | None = None

    @property
    def card(self) -> MessageRef | None:
        """The card on which the form was asked for."""
        return MessageRef(self.channel, self.card_ts) if self.channel and self.card_ts else None

    def dump(self) -> str:
        return self.model_dump_json(exclude_none=True)

    @classmethod
    def load(cls, text: str) -> FormContext:
        try:
            return cls.model_validate(json.loads(text or "{}"))
        except (ValueError, ValidationError):
            return cls()
