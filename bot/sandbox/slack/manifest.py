"""Reads the app manifest: the scopes, slash commands and shortcuts Slack would know about."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from bot.sandbox.slack.wire import Json, as_list, as_object, as_text

_PACKAGE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class SlashCommand:
    command: str
    description: str
    usage_hint: str
    should_escape: bool


@dataclass(frozen=True)
class Shortcut:
    name: str
    type: str
    callback_id: str
    description: str


@dataclass(frozen=True)
class Manifest:
    """The parts of a manifest that decide what the sandbox allows.

    `optional_scopes`, some of `scopes`, are those whoever installs the app may withhold.
    """

    scopes: tuple[str, ...] = ()
    optional_scopes: tuple[str, ...] = ()
    commands: tuple[SlashCommand, ...] = ()
    shortcuts: tuple[Shortcut, ...] = ()

    def command(self, name: str) -> SlashCommand | None:
        return next((command for command in self.commands if command.command == name), None)

    def shortcut(self, callback_id: str) -> Shortcut | None:
        return next((s for s in self.shortcuts if s.callback_id == callback_id), None)


def load_manifest(path: Path | None = None) -> Manifest:
    """The manifest of the repository, or of the installed package.

    Raises FileNotFoundError if there is none, TypeError if it is not a mapping, ValueError if an
    optional scope is not among the bot's scopes, where Slack wants it as well.
    """
    document = yaml.safe_load((path or _find()).read_text(encoding="utf-8"))
    if not isinstance(document, dict):
        raise TypeError("manifest.yml has to be a mapping")
    return _manifest(document)


def _find() -> Path:
    candidates = (_PACKAGE.parent / "manifest.yml", _PACKAGE / "manifest.yml")
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise FileNotFoundError("manifest.yml stands neither beside the package nor in it")


def _manifest(document: Json) -> Manifest:
    features = as_object(document.get("features"))
    asked = as_object(as_object(document.get("oauth_config")).get("scopes"))
    scopes, optional = _names(asked.get("bot")), _names(asked.get("bot_optional"))
    if not set(optional) <= set(scopes):
        raise ValueError("manifest.yml: every scope of bot_optional has to be in bot as well")
    return Manifest(
        scopes=scopes,
        optional_scopes=optional,
        commands=tuple(
            SlashCommand(
                command=as_text(entry.get("command")),
                description=as_text(entry.get("description")),
                usage_hint=as_text(entry.get("usage_hint")),
                should_escape=entry.get("should_escape") is True,
            )
            for entry in map(as_object, as_list(features.get("slash_commands")))
        ),
        shortcuts=tuple(
            Shortcut(
                name=as_text(entry.get("name")),
                type=as_text(entry.get("type")),
                callback_id=as_text(entry.get("callback_id")),
                description=as_text(entry.get("description")),
            )
            for entry in map(as_object, as_list(features.get("shortcuts")))
        ),
    )


def _names(listed: object) -> tuple[str, ...]:
    return tuple(str(name) for name in as_list(listed))
