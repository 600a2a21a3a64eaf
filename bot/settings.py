"""Settings: the environment and `rescind.toml`, validated once, with one line per mistake.

Secrets come from the environment only; the file names the variables that hold them.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.config_file import (
    Currency,
    ExecutionSettings,
    File,
    PolicySettings,
    RetentionSettings,
    VenueSettings,
    WebAddress,
    mistake,
    shown,
    told,
)
from bot.domain.venue import Venue

DEFAULT_CONFIG = Path("rescind.toml")
_SYSTEM_NAMES = {"acme": "ACME Ticketing"}
# In an address that may be none: what cannot be parsed is repeated by whoever tries to.
_PASSWORDS = re.compile(r"://[^:/?#@]*:([^@]+)@|[?&]password=([^&#]+)")


class SettingsError(Exception):
    """What is wrong with the settings, a line for each mistake, naming the setting."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


def _sendable(secret: SecretStr) -> SecretStr:
    """What goes into a header has no line ends, blanks or letters of other alphabets."""
    if not re.fullmatch(r"[!-~]+", secret.get_secret_value()):
        raise mistake(
            "there is a character in it that no such secret has: a space, a line end, or one that "
            "cannot be seen. Copy it again"
        )
    return secret


_Secret = Annotated[SecretStr, AfterValidator(_sendable)]
_Port = Annotated[
    int,
    Field(ge=0, le=65535),
    told("a port", "a whole number from 0 to 65535, such as 3000"),
]
_LogFormat = Annotated[Literal["console", "json"], told("a format", "console or json")]
_LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR"],
    told("a level", "DEBUG, INFO, WARNING or ERROR"),
]


class Environment(BaseSettings):
    """The environment variables, whose names are a contract (docs/settings.md)."""

    model_config = SettingsConfigDict(
        extra="ignore", frozen=True, env_ignore_empty=True, hide_input_in_errors=True
    )

    slack_signing_secret: _Secret | None = None
    slack_signing_secret_previous: _Secret | None = None
    slack_bot_token: _Secret | None = None
    slack_app_token: _Secret | None = None
    slack_api_url: WebAddress = HttpUrl("https://slack.com/api/")
    database_url: str = "sqlite:///var/rescind.db"
    rescind_config: Path | None = None
    host: str = "127.0.0.1"
    port: _Port = 3000
    admin_host: str = "127.0.0.1"
    admin_port: int | Literal["off"] | None = None
    log_format: _LogFormat = "console"
    log_level: _LogLevel = "INFO"
    acme_base_url: WebAddress | None = None
    acme_api_key: _Secret | None = None
    acme_currency: Currency = "USD"

    @field_validator("slack_signing_secret_previous")
    @classmethod
    def _beside_the_current_one(
        cls, previous: SecretStr | None, others: ValidationInfo
    ) -> SecretStr | None:
        if previous and not others.data.get("slack_signing_secret"):
            raise mistake("it counts only beside SLACK_SIGNING_SECRET, which is missing")
        return previous

    @field_validator("admin_port", mode="plain")
    @classmethod
    def _port_or_off(cls, given: str | int | None) -> int | Literal["off"] | None:
        if given is None:
            return None
        text = str(given)
        if text.lower() == "off":
            return "off"
        if text.isdecimal() and len(text) <= 5 and int(text) <= 65535:
            return int(text)
        raise mistake(f"{shown(text)} is not a port. Write a whole number from 0 to 65535, or off")


class VenueConfig(BaseModel):
    """A venue and how to reach its system."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    venue: Venue
    api_key: SecretStr
    source: VenueSettings


class Settings(BaseModel):
    """Everything, checked."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    environment: Environment
    slack_bot_token: SecretStr
    venues: tuple[VenueConfig, ...]
    execution: ExecutionSettings
    retention: RetentionSettings

    def secrets(self) -> Iterator[str]:
        """Every secret there is, for whoever must keep them out of something."""
        given = self.environment
        for secret in (
            given.slack_signing_secret,
            given.slack_signing_secret_previous,
            given.slack_bot_token,
            given.slack_app_token,
            *(config.api_key for config in self.venues),
        ):
            if secret is not None:
                yield secret.get_secret_value()
        for found in _PASSWORDS.finditer(given.database_url):
            password = found[1] or found[2]
            yield from {password, unquote(password)}

    @property
    def slack_api_url(self) -> str:
        return str(self.environment.slack_api_url).rstrip("/") + "/"


class DatabaseSettings(BaseSettings):
    """What commands need that touch nothing but the database."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True)

    database_url: str = "sqlite:///var/rescind.db"


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and check the settings; SettingsError lists every mistake at once."""
    mistakes: list[str] = []
    environment = _environment(mistakes)
    file = _file(environment, mistakes)
    venues = _venues(environment, file, environ, mistakes)
    token = _slack(environment, mistakes)
    if mistakes or file is None or token is None:
        raise SettingsError(mistakes)
    return Settings(
        environment=environment,
        slack_bot_token=token,
        venues=tuple(venues),
        execution=file.execution,
        retention=file.retention,
    )


def _environment(mistakes: list[str]) -> Environment:
    """Read the environment; what is wrong is noted and takes its default, so that all is said."""
    try:
        return Environment()
    except ValidationError as error:
        mistakes.extend(_lines(error, str.upper))
        wrong = {str(mistake["loc"][0]) for mistake in error.errors(include_input=False)}
        fields = Environment.model_fields
        return Environment(**{name: fields[name].default for name in wrong})


def _slack(environment: Environment, mistakes: list[str]) -> SecretStr | None:
    ways_in = ("SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN")
    has_way_in = environment.slack_signing_secret or environment.slack_app_token
    if not has_way_in and not any(_mentioned(name, mistakes) for name in ways_in):
        mistakes.append(
            "SLACK_SIGNING_SECRET: missing. Copy it from the app's Basic Information page (or set "
            "SLACK_APP_TOKEN for Socket Mode)."
        )
    if environment.slack_bot_token is None and not _mentioned("SLACK_BOT_TOKEN", mistakes):
        mistakes.append(
            "SLACK_BOT_TOKEN: missing. Copy the bot token (xoxb-…) from the app's OAuth page."
        )
    return environment.slack_bot_token


def _file(environment: Environment, mistakes: list[str]) -> File | None:
    named = environment.rescind_config
    path = named or DEFAULT_CONFIG
    if named is None and not path.exists():
        return File()
    try:
        text = path.read_text(encoding="utf-8")
        return File.model_validate(tomllib.loads(text, parse_float=Decimal))
    except FileNotFoundError:
        mistakes.append(f"RESCIND_CONFIG: there is no file {path}.")
    except (OSError, UnicodeDecodeError) as error:
        mistakes.append(f"RESCIND_CONFIG: {path} cannot be read: {error}.")
    except tomllib.TOMLDecodeError as error:
        mistakes.append(f"{path}: not valid TOML: {error}.")
    except ValidationError as error:
        mistakes.extend(f"{path}: {line}" for line in _lines(error, str))
    except (ValueError, ArithmeticError):
        mistakes.append(f"{path}: a number in it is too large to be read. Correct it.")
    return None


def _venues(
    environment: Environment,
    file: File | None,
    environ: Mapping[str, str],
    mistakes: list[str],
) -> list[VenueConfig]:
    if file is None:
        return []
    mistakes.extend(_policy_mistakes(file))
    if not file.venues:
        return _single_venue(environment, file, mistakes)
    venues = []
    for source in file.venues:
        key = environ.get(source.api_key_env)
        if not key:
            mistakes.append(
                f"venues.{source.key}.api_key_env: the environment variable "
                f"{source.api_key_env} is not set."
            )
            continue
        try:
            secret = _sendable(SecretStr(key))
        except PydanticCustomError as error:
            mistakes.append(f"{source.api_key_env}: {error.message()}.")
        else:
            venues.append(_configured(source, secret, file.policy))
    keys = [source.key for source in file.venues]
    repeated = sorted({key for key in keys if keys.count(key) > 1})
    mistakes.extend(f"venues.{key}: two venues have this key." for key in repeated)
    return venues


def _policy_mistakes(file: File) -> Iterator[str]:
    """Each once: a venue that sets nothing of its own repeats what is wrong for all."""
    said = set(file.policy.mistakes())
    yield from (f"policy.{line}" for line in file.policy.mistakes())
    for source in file.venues:
        for line in file.policy.overlaid(source.policy).mistakes():
            if line not in said:
                yield f"venues.{source.key}.policy.{line}"


def _single_venue(environment: Environment, file: File, mistakes: list[str]) -> list[VenueConfig]:
    if environment.acme_base_url is None and not _mentioned("ACME_BASE_URL", mistakes):
        mistakes.append(
            "ACME_BASE_URL: missing. Set it and ACME_API_KEY, or list venues in rescind.toml."
        )
    if environment.acme_api_key is None and not _mentioned("ACME_API_KEY", mistakes):
        mistakes.append("ACME_API_KEY: missing. Ask ACME for a key of this venue.")
    if environment.acme_base_url is None or environment.acme_api_key is None:
        return []
    source = VenueSettings(
        key="acme",
        name="ACME",
        system="acme",
        base_url=environment.acme_base_url,
        api_key_env="ACME_API_KEY",
        currency=environment.acme_currency,
    )
    return [_configured(source, environment.acme_api_key, file.policy)]


def _mentioned(name: str, mistakes: list[str]) -> bool:
    return any(mistake.startswith(f"{name}:") for mistake in mistakes)


def _configured(source: VenueSettings, api_key: SecretStr, policy: PolicySettings) -> VenueConfig:
    effective = policy.overlaid(source.policy)
    timezone = ZoneInfo(source.timezone) if source.timezone else None
    return VenueConfig(
        venue=Venue(
            key=source.key,
            name=source.name,
            system=_SYSTEM_NAMES[source.system],
            currency=source.currency,
            timezone=timezone,
            locale=source.locale,
            channels=source.channels,
            policy=effective.policy(timezone or ZoneInfo("UTC")),
        ),
        api_key=api_key,
        source=source,
    )


def _lines(error: ValidationError, spelled: Any) -> list[str]:  # noqa: ANN401 - str -> str
    """One line per mistake, without the values: they may be secrets."""
    return [
        f"{spelled('.'.join(str(part) for part in mistake['loc']))}: {mistake['msg']}."
        for mistake in error.errors(include_url=False, include_input=False)
    ]
