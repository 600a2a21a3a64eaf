"""The Slack app manifest: within Slack's limits, least scopes, and what the bot listens to."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
import yaml
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.request import Request
from bot.manifest import load_manifest, render_manifest
from bot.slack.background import Background
from bot.slack.directory import Directory
from bot.slack.listeners import Front, build_app
from bot.slack.listeners.app import COMMAND
from bot.slack.poster import Poster, Recipient
from tests.conftest import ROOT
from tests.examples import VENUE
from tests.unit.slack.loopback import TEAM, slack_and_client

Json = dict[str, Any]

URL = {"type": "string", "pattern": "^https?://"}


def text(most: int, least: int = 1) -> Json:
    return {"type": "string", "minLength": least, "maxLength": most}


def record(required: list[str], **properties: Json) -> Json:
    return {
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": False,
    }


FLAG = {"type": "boolean"}
SHORTCUT = record(
    ["name", "type", "callback_id", "description"],
    name=text(24),
    type={"enum": ["global", "message"]},
    callback_id=text(255),
    description=text(150),
)
SLASH_COMMAND = record(
    ["command", "description"],
    command={"type": "string", "minLength": 2, "maxLength": 32, "pattern": "^/"},
    url=URL,
    description=text(2000),
    usage_hint=text(1000),
    should_escape=FLAG,
)
SCOPE_LIST: Json = {
    "type": "array",
    "uniqueItems": True,
    "maxItems": 255,
    "items": {"type": "string", "pattern": r"^[a-z]+(\.[a-z]+)*(:[a-z]+)*$"},
}
# Slack's documented limits (facts/slack.md, "Manifest" and "Slash commands").
SCHEMA = record(
    ["display_information", "features", "oauth_config", "settings"],
    display_information=record(
        ["name"],
        name=text(35),
        description=text(140),
        long_description=text(4000, 175),
        background_color={"type": "string", "pattern": "^#[0-9a-f]{3}([0-9a-f]{3})?$"},
    ),
    features=record(
        ["bot_user", "slash_commands"],
        bot_user=record(["display_name"], display_name=text(80), always_online=FLAG),
        shortcuts={"type": "array", "maxItems": 10, "items": SHORTCUT},
        slash_commands={"type": "array", "maxItems": 50, "items": SLASH_COMMAND},
    ),
    oauth_config=record(
        ["scopes"],
        scopes=record(["bot"], bot=SCOPE_LIST, bot_optional=SCOPE_LIST),
    ),
    settings=record(
        ["interactivity"],
        interactivity=record(["is_enabled"], is_enabled=FLAG, request_url=URL),
        org_deploy_enabled=FLAG,
        socket_mode_enabled=FLAG,
        token_rotation_enabled=FLAG,
    ),
)


def test_the_manifest_keeps_slacks_limits() -> None:
    jsonschema.validate(load_manifest(), SCHEMA)


# What a bot token needs for each method (docs.slack.dev, each method's page).
SCOPES: dict[str, set[str]] = {
    "auth_test": set(),
    "chat_postEphemeral": {"chat:write"},
    "chat_postMessage": {"chat:write"},
    "chat_update": {"chat:write"},
    "conversations_history": {"channels:history", "groups:history"},
    "conversations_open": {"im:write"},
    "conversations_replies": {"channels:history", "groups:history"},
    "usergroups_users_list": {"usergroups:read"},
    "users_info": {"users:read"},
    "views_open": set(),
}


def called_methods() -> Iterator[str]:
    """Name every Web API method that the bot's own code calls on a client.

    `rescind check` asks for what it may, and says what it may not.
    """
    code = ROOT / "bot"
    for path in sorted(code.rglob("*.py")):
        if path.relative_to(code).parts[0] in {"sandbox", "check"}:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and hasattr(AsyncWebClient, node.attr):
                owner = ast.unparse(node.value)
                if owner.split(".")[-1] in {"_client", "client"} and "_" in node.attr:
                    yield node.attr


def test_the_scopes_are_those_of_the_methods_called_and_no_more() -> None:
    methods = set(called_methods())
    assert methods == set(SCOPES)
    needed = {"commands"}.union(*(SCOPES[method] for method in methods))
    asked = load_manifest()["oauth_config"]["scopes"]
    assert set(asked["bot"]) == needed
    assert "*" not in asked["bot"]


def test_to_read_messages_and_user_groups_is_asked_for_as_a_favour() -> None:
    """Slack wants what is optional in both lists (docs.slack.dev, app manifest reference)."""
    asked = load_manifest()["oauth_config"]["scopes"]
    optional = {"channels:history", "groups:history", "usergroups:read"}
    assert set(asked["bot_optional"]) == optional
    assert set(asked["bot_optional"]) <= set(asked["bot"])


def test_who_acts_can_always_be_looked_up() -> None:
    """Without that nobody may do anything, so it is nothing to leave out."""
    asked = load_manifest()["oauth_config"]["scopes"]
    assert "users:read" in set(asked["bot"]) - set(asked["bot_optional"])


class SilentPoster(Poster):
    """Keeps which forms were opened and what was whispered."""

    def __init__(self) -> None:
        self.forms: list[str] = []
        self.whispers: list[str] = []
        self.workspace_url = None

    async def open_view(self, trigger_id: str, view: Json) -> None:  # noqa: ARG002
        self.forms.append(view["callback_id"])

    async def whisper(self, recipient: Recipient, text: str) -> None:  # noqa: ARG002
        self.whispers.append(text)


class NoWork:
    async def advance(self, request: Request) -> None:
        raise AssertionError(request.id)


def now() -> datetime:
    return datetime.now(UTC)


class Slack:
    """The bot's listeners, with everybody a full member and no database behind them."""

    def __init__(self, client: AsyncWebClient) -> None:
        self.poster = SilentPoster()
        self.background = Background()
        nobody: Any = None
        directory = Directory(client, now)
        venues = {VENUE.key: VENUE}
        front = Front(nobody, NoWork(), self.poster, venues, self.background, directory, now)
        self.app: AsyncApp = build_app(front, client)

    async def deliver(self, payload: Json) -> str:
        """Deliver a payload; return the body of the answer."""
        request = AsyncBoltRequest(body=payload, mode="socket_mode")
        response = await self.app.async_dispatch(request)
        assert response.status == 200
        await self.background.drain(5)
        return str(response.body or "")


INTERACTION: Json = {
    "user": {"id": "U0REQUEST", "team_id": TEAM},
    "team": {"id": TEAM},
    "trigger_id": "1.2.3",
}


@pytest.mark.anyio
async def test_every_shortcut_of_the_manifest_opens_the_form() -> None:
    for shortcut in load_manifest()["features"]["shortcuts"]:
        kinds = {"global": "shortcut", "message": "message_action"}
        payload = INTERACTION | {
            "type": kinds[shortcut["type"]],
            "callback_id": shortcut["callback_id"],
            "channel": {"id": "C0REFUNDS"},
            "message": {"ts": "1.2", "text": "please cancel 26644388"},
        }
        async with slack_and_client() as (_, client):
            slack = Slack(client)
            await slack.deliver(payload)
        assert slack.poster.forms == ["cancel_order"]


@pytest.mark.anyio
async def test_every_command_of_the_manifest_is_answered() -> None:
    for command in load_manifest()["features"]["slash_commands"]:
        assert command["command"] == COMMAND
        payload = {
            "command": command["command"],
            "text": "help",
            "user_id": "U0REQUEST",
            "team_id": TEAM,
            "channel_id": "C0REFUNDS",
            "trigger_id": "1.2.3",
        }
        async with slack_and_client() as (_, client):
            answer = await Slack(client).deliver(payload)
        assert json.loads(answer)["response_type"] == "ephemeral"
        assert COMMAND in answer


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://bot.example.org", "https://bot.example.org/slack/events"),
        ("https://bot.example.org/", "https://bot.example.org/slack/events"),
        ("https://example.org/rescind/", "https://example.org/rescind/slack/events"),
        ("https://bot.example.org/slack/events", "https://bot.example.org/slack/events"),
        ("https://bot.example.org:8443", "https://bot.example.org:8443/slack/events"),
    ],
)
def test_an_address_is_filled_in_wherever_slack_needs_it(url: str, endpoint: str) -> None:
    manifest = yaml.safe_load(render_manifest(url, socket_mode=False))
    jsonschema.validate(manifest, SCHEMA)
    assert [each["url"] for each in manifest["features"]["slash_commands"]] == [endpoint]
    assert manifest["settings"]["interactivity"]["request_url"] == endpoint
    assert not manifest["settings"]["socket_mode_enabled"]


@pytest.mark.parametrize("url", [None, "https://bot.example.org"])
def test_socket_mode_has_no_address_at_all(url: str | None) -> None:
    rendered = render_manifest(url, socket_mode=True)
    manifest = yaml.safe_load(rendered)
    jsonschema.validate(manifest, SCHEMA)
    assert manifest["settings"]["socket_mode_enabled"]
    assert "http" not in rendered


@pytest.mark.parametrize("url", [None, "", "bot.example.org", "http://bot.example.org", "https://"])
def test_slack_reaches_a_bot_by_https_only(url: str | None) -> None:
    with pytest.raises(ValueError, match=r"--url https://bot\.example\.org, or --socket"):
        render_manifest(url, socket_mode=False)


def test_rendering_changes_nothing_else() -> None:
    shipped = load_manifest()
    rendered = yaml.safe_load(render_manifest("https://bot.example.org", socket_mode=False))
    for manifest in (shipped, rendered):
        del manifest["settings"]["interactivity"]["request_url"]
        del manifest["features"]["slash_commands"][0]["url"]
    assert rendered == shipped
