"""Slack's payloads, as much of them as we use: validated once, then typed."""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import AfterValidator, AliasPath, BaseModel, ConfigDict, Field

from bot.domain.request import Actor, MessageRef
from bot.slack.cards.format import is_blank
from bot.slack.cards.modals import VALUE
from bot.slack.poster import Recipient


def _whole(text: str) -> str:
    """Refuse halves of characters: JSON can hold them, and no database does."""
    text.encode()
    return text


# As people type it.
Text = Annotated[str, AfterValidator(_whole)]
# PostgreSQL keeps no NUL in text, and Slack has none in what is not typed by people.
Words = Annotated[Text, Field(pattern=r"^[^\x00]*$")]
# As long as a column for ids is; Slack's have a dozen characters or two.
Id = Annotated[Words, Field(max_length=32)]
# As long as Slack lets apps make an id of their own.
OwnId = Annotated[Words, Field(max_length=255)]


class Payload(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class Named(Payload):
    """A team, an organisation or a channel, by its id."""

    id: Id | None = None


class SlashCommand(Payload):
    text: Text = ""
    user_id: Id
    team_id: Id = ""
    enterprise_id: Id | None = None
    channel_id: Id
    trigger_id: Words = Field("", max_length=240)
    response_url: Words | None = None

    @property
    def actor(self) -> Actor:
        return Actor(self.user_id, self.team_id, self.enterprise_id)

    @property
    def recipient(self) -> Recipient:
        return Recipient(self.user_id, self.channel_id, self.response_url)


class Interaction(Payload):
    """What clicks, submissions and shortcuts have in common."""

    user_id: Id = Field(validation_alias=AliasPath("user", "id"))
    user_team: Id | None = Field(None, validation_alias=AliasPath("user", "team_id"))
    team: Named | None = None
    enterprise: Named | None = None
    trigger_id: Words = Field("", max_length=240)

    @property
    def actor(self) -> Actor:
        """The person. In an organisation-wide installation `team` is null, the user's is not."""
        team = self.user_team or (self.team and self.team.id) or ""
        enterprise = self.enterprise and self.enterprise.id
        return Actor(self.user_id, team, enterprise or None)


class ClickedMessage(Payload):
    ts: Id | None = None
    text: Text | None = None


class Container(Payload):
    """Where a click happened, where its message is not shown."""

    channel_id: Id | None = None
    message_ts: Id | None = None


class Located(Interaction):
    """An interaction that happened in a channel, or at least may have."""

    channel: Named | None = None
    message: ClickedMessage | None = None
    container: Container | None = None
    response_url: Words | None = None

    @property
    def channel_id(self) -> str | None:
        found = self.channel and self.channel.id
        return found or (self.container and self.container.channel_id) or None

    @property
    def recipient(self) -> Recipient:
        return Recipient(self.user_id, self.channel_id, self.response_url)


class ButtonAction(Payload):
    action_id: OwnId
    action_ts: Id | None = None
    block_id: OwnId = ""
    value: Words = ""


class Click(Located):
    actions: tuple[ButtonAction, ...] = Field(min_length=1)

    @property
    def action(self) -> ButtonAction:
        return self.actions[0]

    @property
    def clicked(self) -> MessageRef | None:
        ts = (self.message and self.message.ts) or (self.container and self.container.message_ts)
        return MessageRef(self.channel_id, ts) if self.channel_id and ts else None


class Chosen(Payload):
    value: Text | None = None


class Element(Payload):
    """The state of one element of a form: what was typed, or chosen."""

    value: Text | None = None
    selected_option: Chosen | None = None
    selected_conversation: Id | None = None


class Submission(Interaction):
    """A submitted form. `values`: block id -> action id -> the element's state."""

    private_metadata: str = Field("", validation_alias=AliasPath("view", "private_metadata"))
    values: dict[str, dict[str, Element]] = Field(
        validation_alias=AliasPath("view", "state", "values")
    )

    def entered(self, block_id: str) -> str | None:
        """What was typed or chosen in a block; None if it is not on the form or shows nothing."""
        element = self._element(block_id)
        chosen = element.selected_option and element.selected_option.value
        # PostgreSQL keeps no NUL in text.
        text = (element.value or chosen or "").replace("\0", "").strip()
        return None if is_blank(text) else text

    def conversation(self, block_id: str) -> str | None:
        """The channel chosen in a block, as `entered`."""
        return self._element(block_id).selected_conversation or None

    def _element(self, block_id: str) -> Element:
        return self.values.get(block_id, {}).get(VALUE, Element())


class Shortcut(Located):
    @property
    def message_text(self) -> str:
        return (self.message and self.message.text) or ""


class FormContext(Payload):
    """What travels in a form's `private_metadata`: ids, and how to answer the person privately."""

    request_id: Id | None = None
    revision: int | None = None
    channel: Id | None = None
    card_ts: Id | None = None
    response_url: Words | None = None

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
        except (ValueError, RecursionError):
            return cls()
