"""Settings: the environment and `rescind.toml`, validated once, with one line per mistake.

Secrets come from the environment only; the file names the variables that hold them.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale, UnknownLocaleError
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
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.domain.venue import Venue
from bot.policy_file import ChannelId, Currency, FileModel, PolicySettings

DEFAULT_CONFIG = Path("rescind.toml")
_SYSTEM_NAMES = {"acme": "ACME Ticketing"}
# In an address that may be none: what cannot be parsed is repeated by whoever tries to.
_PASSWORDS = re.compile(r"://[^:/?#@]*:([^@]+)@|[?&]password=([^&#]+)")


class SettingsError(Exception):
    """What is wrong with the settings, a line for each mistake, naming the setting."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


def _timezone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is not a time zone; use a name like America/New_York")
    return name


def _locale(name: str) -> str:
    try:
        Locale.parse(name)
    except (UnknownLocaleError, ValueError) as error:
        raise ValueError(f"{name!r} is not a locale; use a name like en_US") from error
    return name


def _some(pauses: tuple[float, ...]) -> tuple[float, ...]:
    if not 1 <= len(pauses) <= 20:
        raise ValueError("give between 1 and 20 pauses")
    return pauses


Seconds = Annotated[float, Field(gt=0, le=600)]
Pauses = Annotated[tuple[Seconds, ...], AfterValidator(_some)]


class VenueSettings(FileModel):
    """One `[[venues]]` table. `api_key_env` is the NAME of an environment variable."""

    key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
    name: Annotated[str, Field(min_length=1, max_length=80)]
    system: Literal["acme"]
    base_url: HttpUrl
    # A pattern, so that a key pasted here by mistake is refused without being printed.
    api_key_env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,99}$")]
    currency: Currency
    timezone: Annotated[str | None, AfterValidator(lambda name: name and _timezone(name))] = None
    locale: Annotated[str, AfterValidator(_locale)] = "en_US"
    channels: frozenset[ChannelId] = frozenset()
    refund_path: Annotated[str, Field(pattern=r"^/")] = "/v2/b2b/b2b/refunds"
    connect_timeout: Seconds = 5
    read_timeout: Seconds = 20
    total_timeout: Seconds = 30
    policy: PolicySettings | None = None


class ExecutionSettings(FileModel):
    """`[execution]`.

    `settle_pauses`: seconds before each further look at an order whose change is in doubt.
    `at_once`: how many requests one process works on at the same time; the rest waits its turn.
    """

    settle_pauses: Pauses = (1, 2, 4, 8)
    at_once: Annotated[int, Field(ge=1, le=200)] = 32


class RetentionSettings(FileModel):
    """`[retention]`. `personal_days`: after how many days what is over names nobody; 0: never."""

    personal_days: Annotated[int, Field(ge=0, le=3660)] = 365

    @property
    def personal(self) -> timedelta | None:
        return timedelta(days=self.personal_days) if self.personal_days else None


class File(FileModel):
    """`rescind.toml` as a whole."""

    venues: tuple[VenueSettings, ...] = ()
    policy: PolicySettings = PolicySettings()
    execution: ExecutionSettings = ExecutionSettings()
    retention: RetentionSettings = RetentionSettings()


class Environment(BaseSettings):
    """The environment variables, whose names are a contract (docs/settings.md)."""

    model_config = SettingsConfigDict(
        extra="ignore", frozen=True, env_ignore_empty=True, hide_input_in_errors=True
    )

    slack_signing_secret: SecretStr | None = None
    slack_signing_secret_previous: SecretStr | None = None
    slack_bot_token: SecretStr | None = None
    slack_app_token: SecretStr | None = None
    slack_api_url: HttpUrl = HttpUrl("https://slack.com/api/")
    database_url: str = "sqlite:///var/rescind.db"
    rescind_config: Path | None = None
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 3000
    admin_host: str = "127.0.0.1"
    admin_port: int | Literal["off"] | None = None
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    acme_base_url: HttpUrl | None = None
    acme_api_key: SecretStr | None = None
    acme_currency: Currency = "USD"

    @field_validator("slack_signing_secret_previous")
    @classmethod
    def _beside_the_current_one(
        cls, previous: SecretStr | None, others: ValidationInfo
    ) -> SecretStr | None:
        if previous and not others.data.get("slack_signing_secret"):
            raise ValueError("it counts only beside SLACK_SIGNING_SECRET, which is missing")
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
        raise ValueError("give a port number, or off")


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
    if not (environment.slack_signing_secret or environment.slack_app_token):
        mistakes.append(
            "SLACK_SIGNING_SECRET: missing. Copy it from the app's Basic Information page (or set "
            "SLACK_APP_TOKEN for Socket Mode)."
        )
    if environment.slack_bot_token is None:
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
        else:
            venues.append(_configured(source, SecretStr(key), file.policy))
    keys = [source.key for source in file.venues]
    repeated = sorted({key for key in keys if keys.count(key) > 1})
    mistakes.extend(f"venues.{key}: two venues have this key." for key in repeated)
    return venues


def _policy_mistakes(file: File) -> Iterator[str]:
    """Each once: a venue that sets nothing of its own repeats what is wrong for all."""
    said = set(file.policy.mistakes())
    yield from (f"policy.{mistake}" for mistake in file.policy.mistakes())
    for source in file.venues:
        for mistake in file.policy.overlaid(source.policy).mistakes():
            if mistake not in said:
                yield f"venues.{source.key}.policy.{mistake}"


def _single_venue(environment: Environment, file: File, mistakes: list[str]) -> list[VenueConfig]:
    if environment.acme_base_url is None and not _mentioned("ACME_BASE_URL", mistakes):
        mistakes.append(
            "ACME_BASE_URL: missing. Set it and ACME_API_KEY, or list venues in rescind.toml."
        )
    if environment.acme_api_key is None:
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
