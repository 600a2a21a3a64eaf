"""The file as a whole: venues, `[policy]`, `[execution]`, `[retention]`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError
from pydantic import AfterValidator, BeforeValidator, Field

from bot.config_file.policy import PolicySettings
from bot.config_file.tables import FileModel
from bot.config_file.values import ChannelId, Currency, WebAddress, each_once, number
from bot.config_file.words import told


def _timezone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("unknown")
    return name


def _locale(name: str) -> str:
    try:
        Locale.parse(name)
    except UnknownLocaleError as error:
        raise ValueError("unknown") from error
    return name


def _some(pauses: tuple[float, ...]) -> tuple[float, ...]:
    """Not `min_length`: with that, a wrong pause is a second mistake."""
    if not 1 <= len(pauses) <= 20:
        raise ValueError("none, or too many")
    return pauses


_Key = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$"),
    told(
        "the key of a venue",
        "a letter and then letters, digits, - or _, all of them small and 64 at most, such as "
        '"riverside"',
    ),
]
_Name = Annotated[
    str,
    Field(min_length=1, max_length=80),
    told("the name of a venue", '1 to 80 characters, such as "Riverside Museum"'),
]
_System = Annotated[
    Literal["acme"], told("a ticketing system that Rescind can work with", '"acme"')
]
# Never shown: whoever pasted the key itself here would find it in the log.
_VariableName = Annotated[
    str,
    Field(pattern=r"^[A-Z][A-Z0-9_]{0,99}$"),
    told(
        "the name of an environment variable",
        'one in capital letters, such as "ACME_API_KEY", and put the key itself into the '
        "environment",
        is_shown=False,
    ),
]
_Timezone = Annotated[
    str, AfterValidator(_timezone), told("a time zone", 'a name such as "America/New_York"')
]
_Locale = Annotated[str, AfterValidator(_locale), told("a locale", 'a name such as "en_US"')]
_Channels = Annotated[
    frozenset[ChannelId],
    BeforeValidator(each_once),
    told("a list of channels", 'their ids in brackets, such as ["C0REFUNDS"]; [] is for none'),
]
_Path = Annotated[
    str,
    Field(pattern=r"^/[!-~]*$"),
    told("a path", 'what follows the host, beginning with /, such as "/v2/b2b/b2b/refunds"'),
]
_Seconds = Annotated[
    float,
    BeforeValidator(number),
    Field(gt=0, le=600),
    told("a number of seconds above 0 and up to 600", "one without quotes, such as 20"),
]
_Pauses = Annotated[
    tuple[_Seconds, ...],
    AfterValidator(_some),
    told("a list of 1 to 20 pauses", "them in seconds, in brackets, such as [1, 2, 4, 8]"),
]
_AtOnce = Annotated[
    int,
    Field(strict=True, ge=1, le=200),
    told("a whole number from 1 to 200", "one without quotes, such as 32"),
]
_Days = Annotated[
    int,
    Field(strict=True, ge=0, le=3660),
    told(
        "a whole number of days from 0 to 3660",
        "one without quotes, such as 365; 0 is for never",
    ),
]


class VenueSettings(FileModel):
    """One `[[venues]]` table. `api_key_env` is the NAME of an environment variable."""

    key: _Key
    name: _Name
    system: _System
    base_url: WebAddress
    api_key_env: _VariableName
    currency: Currency
    timezone: _Timezone | None = None
    locale: _Locale = "en_US"
    channels: _Channels = frozenset()
    refund_path: _Path = "/v2/b2b/b2b/refunds"
    connect_timeout: _Seconds = 5
    read_timeout: _Seconds = 20
    total_timeout: _Seconds = 30
    policy: PolicySettings | None = None


class ExecutionSettings(FileModel):
    """`[execution]`.

    `settle_pauses`: seconds before each further look at an order whose change is in doubt.
    `at_once`: how many requests one process works on at the same time; the rest waits its turn.
    """

    settle_pauses: _Pauses = (1, 2, 4, 8)
    at_once: _AtOnce = 32


class RetentionSettings(FileModel):
    """`[retention]`. `personal_days`: after how many days what is over names nobody; 0: never."""

    personal_days: _Days = 365

    @property
    def personal(self) -> timedelta | None:
        return timedelta(days=self.personal_days) if self.personal_days else None


_Venues = Annotated[
    tuple[VenueSettings, ...],
    told("a list of tables", "each venue below a line [[venues]], with two brackets"),
]


class File(FileModel):
    """`rescind.toml`."""

    venues: _Venues = ()
    policy: PolicySettings = PolicySettings()
    execution: ExecutionSettings = ExecutionSettings()
    retention: RetentionSettings = RetentionSettings()
