"""The Slack app manifest: the repository's `manifest.yml` with an installation's address in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

# Beside the package in a checkout, within it when installed from a wheel.
_PLACES = (Path(__file__).parents[1] / "manifest.yml", Path(__file__).parent / "manifest.yml")


def load_manifest() -> dict[str, Any]:
    """Read the manifest as it ships."""
    path = next(place for place in _PLACES if place.exists())
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def render_manifest(url: str | None, *, socket_mode: bool) -> str:
    """Return the manifest as YAML for HTTP at `url`, or for Socket Mode; ValueError otherwise."""
    manifest = load_manifest()
    command = manifest["features"]["slash_commands"][0]
    interactivity = manifest["settings"]["interactivity"]
    if socket_mode:
        manifest["settings"]["socket_mode_enabled"] = True
        del command["url"], interactivity["request_url"]
    else:
        endpoint = f"{_checked(url)}/slack/events"
        command["url"] = interactivity["request_url"] = endpoint
    return yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True)


def _checked(url: str | None) -> str:
    parts = urlsplit(url or "")
    if parts.scheme != "https" or not parts.netloc:
        raise ValueError(
            "Give the bot's public address, for example --url https://bot.example.org, or --socket "
            "for Socket Mode."
        )
    return f"https://{parts.netloc}{parts.path}".rstrip("/").removesuffix("/slack/events")
