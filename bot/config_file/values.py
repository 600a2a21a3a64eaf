"""The kinds of values in the file, each strict about its type, and with its own words."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, HttpUrl

from bot.config_file.words import mistake, shown, told
from bot.domain.money import Money, minor_digits
from bot.domain.policy import GuestDetails
from bot.domain.quote import WarningCode

BLOCKABLE = frozenset(WarningCode) - {WarningCode.TOO_OLD}
# Ids of users (U…, W…) and user groups (S…): names change, ids do not.
_ID = r"^[USW][A-Z0-9]{2,30}$"
_CHANNEL = r"^[CGD][A-Z0-9]{2,30}$"
_CURRENCY = r"^[A-Z]{3}$"


def number(given: object) -> int | Decimal:
    if isinstance(given, bool) or not isinstance(given, int | Decimal):
        raise ValueError("not a number")  # noqa: TRY004 - pydantic lets a TypeError through
    return given


def _visible(reason: str) -> str:
    if not any(char.isprintable() and not char.isspace() for char in reason):
        raise ValueError("blank")
    return reason


def each_once(given: object) -> object:
    """Whoever lists one thing twice meant another, which is then missing."""
    texts = [each for each in given if isinstance(each, str)] if isinstance(given, list) else []
    spelled = [" ".join(each.casefold().split()) for each in texts]
    for number, each in enumerate(spelled):
        if each in spelled[:number]:
            raise mistake(f"{shown(texts[number])} is listed twice. Leave one out")
    return given


def _in_currencies(given: object) -> object:
    for currency in given if isinstance(given, dict) else ():
        if not re.fullmatch(_CURRENCY, currency):
            raise mistake(
                f"{shown(currency)} is not a currency. Write its three capital letters, such as "
                "{ USD = 200 }"
            )
    return given


def _payable(amounts: dict[str, Decimal]) -> dict[str, Decimal]:
    for currency, amount in amounts.items():
        try:
            Money(amount, currency)
        except ValueError:
            digits = minor_digits(currency)
            most = f"at most {digits} digits after the point" if digits else "a whole number"
            raise mistake(
                f"{shown(amount)} is finer than the smallest coin of {currency}. Write {most}"
            ) from None
    return amounts


ONE_ID = "a list of one or more ids"
SUCH_IDS = 'ids in brackets, such as ["U0SAMITO", "S0LEADS"]'
_ANY_IDS = told("a list of ids", f"{SUCH_IDS}; [] is for nobody")
_AMOUNTS = "a table of amounts"
_SUCH_AMOUNTS = "an amount for each currency, such as { USD = 200 }"

Currency = Annotated[
    str,
    Field(pattern=_CURRENCY),
    told("a currency", 'its three capital letters, such as "USD"'),
]
# Never shown: there may be a password in it.
WebAddress = Annotated[
    HttpUrl,
    told("a web address", 'one such as "https://api.example.com"', is_shown=False),
]
SlackId = Annotated[
    str,
    Field(pattern=_ID),
    told(
        "the id of a user or user group",
        'what Slack copies as member ID or group ID, such as "U0SAMITO" or "S0LEADS"',
    ),
]
ChannelId = Annotated[
    str,
    Field(pattern=_CHANNEL),
    told("the id of a channel", 'what stands at the end of its details, such as "C0REFUNDS"'),
]

SomeIds = Annotated[frozenset[SlackId], Field(min_length=1), BeforeValidator(each_once)]
Allowed = Annotated[SomeIds | None, told(ONE_ID, SUCH_IDS, "any full member")]
Denied = Annotated[frozenset[SlackId], BeforeValidator(each_once), _ANY_IDS]
Called = Annotated[tuple[SlackId, ...], BeforeValidator(each_once), _ANY_IDS]
_SomeChannels = Annotated[frozenset[ChannelId], Field(min_length=1), BeforeValidator(each_once)]
Channels = Annotated[
    _SomeChannels | None,
    told(
        "a list of one or more channels",
        'their ids in brackets, such as ["C0REFUNDS"]',
        "anywhere",
    ),
]

_Amount = Annotated[
    Decimal,
    BeforeValidator(number),
    Field(ge=0, le=10**18),
    told("an amount of money", "a number without quotes, such as 200 or 180.50"),
]
_Amounts = Annotated[
    dict[str, _Amount],
    Field(min_length=1),
    BeforeValidator(_in_currencies),
    AfterValidator(_payable),
]
UpTo = Annotated[_Amounts | None, told(_AMOUNTS, _SUCH_AMOUNTS, "any amount")]
DailyLimit = Annotated[_Amounts | None, told(_AMOUNTS, _SUCH_AMOUNTS, "no limit")]
AutomaticUpTo = Annotated[_Amounts | None, told(_AMOUNTS, _SUCH_AMOUNTS, "off")]

YesOrNo = Annotated[bool, Field(strict=True), told("true or false", "one of them without quotes")]
Count = Annotated[
    int,
    Field(strict=True, ge=1, le=20),
    told("a whole number from 1 to 20", "one without quotes, such as 2"),
]
_Days = Annotated[int, Field(strict=True, ge=0, le=3660)]
Age = Annotated[
    _Days | None,
    told("a whole number of days from 0 to 3660", "one without quotes, such as 90", "any age"),
]
_Minutes = Annotated[float, BeforeValidator(number), Field(gt=0, le=60 * 24 * 366)]
_MINUTES = "a number of minutes above 0 and up to 527040"
Wait = Annotated[_Minutes | None, told(_MINUTES, "one without quotes, such as 120", "never")]
Waits = Annotated[
    tuple[Annotated[_Minutes, told(_MINUTES, "one without quotes, such as 30")], ...],
    told("a list of minutes", "them in brackets, such as [30, 120]; [] is for none"),
]
Hours = Annotated[
    float,
    BeforeValidator(number),
    Field(ge=0, le=24 * 366),
    told("a number of hours from 0 to 8784", "one without quotes, such as 24; 0 is for never"),
]

_Reason = Annotated[
    str,
    Field(max_length=75),
    AfterValidator(_visible),
    told("a reason", 'some words, of 75 characters at most, such as "Guest is ill"'),
]
Reasons = Annotated[
    tuple[_Reason, ...],
    Field(max_length=100),
    BeforeValidator(each_once),
    told(
        "a list of at most 100 reasons",
        'them in brackets, such as ["Guest is ill", "Duplicate order"]; [] is for any',
    ),
]
_Code = Annotated[
    WarningCode,
    told("the code of a warning", f"one of these in quotes: {', '.join(sorted(BLOCKABLE))}"),
]
Codes = Annotated[
    frozenset[_Code],
    BeforeValidator(each_once),
    told("a list of codes", 'them in brackets, such as ["checked_in"]; [] is for none'),
]
Details = Annotated[
    GuestDetails, told("how guests can be shown", '"full", "masked" or "none", with the quotes')
]
