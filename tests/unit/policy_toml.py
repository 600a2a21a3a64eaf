"""A `rescind.toml` for a test: a general policy and venues, and what reading it comes to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.domain.policy import Policy
from bot.settings import Environment, SettingsError, load

KEYS = {
    "SLACK_SIGNING_SECRET": "signing-secret",
    "SLACK_BOT_TOKEN": "xoxb-token",
    "RIVERSIDE_KEY": "riverside-key",
    "HARBOUR_KEY": "harbour-key",
}

# What only pydantic would say.
NOT_OURS = re.compile(
    r"input should|validation error|value error|type=|pydantic|extra inputs|field required|"
    r"should have|should match|unable to parse|\bstr\b|\bdict\b|decimal|tuple|frozenset",
    re.IGNORECASE,
)


def move_to(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, with nothing set but what the settings cannot do without."""
    for name in Environment.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)


def venue(key: str, own: str = "", currency: str = "USD", more: str = "") -> str:
    table = f"[venues.policy]\n{own}\n" if own else ""
    return f"""
[[venues]]
key = "{key}"
name = "{key}"
system = "acme"
base_url = "https://acme.example"
api_key_env = "{key.upper()}_KEY"
currency = "{currency}"
{more}
{table}"""


def written(general: str, *venues: str) -> None:
    every = "".join(venues or [venue("riverside")])
    Path("rescind.toml").write_text(f"[policy]\n{general}\n{every}", encoding="utf-8")


def policies(general: str, *venues: str) -> Mapping[str, Policy]:
    """The policy of each venue, by its key."""
    written(general, *venues)
    return {config.venue.key: config.venue.policy for config in load().venues}


def policy(general: str) -> Policy:
    return policies(general)["riverside"]


def mistakes(general: str, *venues: str) -> list[str]:
    """What is wrong, without the file's name; nothing of it spans lines."""
    written(general, *venues)
    with pytest.raises(SettingsError) as refused:
        load()
    assert all("\n" not in line for line in refused.value.mistakes)
    return [line.removeprefix("rescind.toml: ") for line in refused.value.mistakes]
