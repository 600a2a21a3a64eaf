"""Money: an exact decimal amount in one currency. Formatting for people lives in `slack.cards`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal, InvalidOperation

# ISO 4217: currencies whose minor unit is not a hundredth.
_MINOR_DIGITS = dict.fromkeys(
    ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND",
     "VUV", "XAF", "XOF", "XPF"), 0,
) | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)  # fmt: skip


class CurrencyMismatchError(ValueError):
    """Two amounts of different currencies were mixed; there is no exchange rate here."""


def minor_digits(currency: str) -> int:
    """Return how many decimals `currency` (ISO 4217) has."""
    return _MINOR_DIGITS.get(currency, 2)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount (finite, no finer than the currency's minor unit) and its ISO 4217 currency."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        code = self.currency
        if not (len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()):
            raise ValueError(f"not an ISO 4217 currency code: {self.currency!r}")
        if not self.amount.is_finite():
            raise ValueError("an amount of money must be finite")
        try:
            exact = self.amount.quantize(self._minor_unit)
        except InvalidOperation as error:
            raise ValueError("not an amount of money: out of every range") from error
        if exact != self.amount:
            raise ValueError(f"{self.amount} is finer than the minor unit of {self.currency}")
        # One spelling for one amount, so that equal sums have equal fingerprints.
        object.__setattr__(self, "amount", exact or abs(exact))

    @property
    def _minor_unit(self) -> Decimal:
        return Decimal(1).scaleb(-minor_digits(self.currency))

    @classmethod
    def parse(cls, text: str | int | Decimal, currency: str) -> Money:
        """Read an upstream amount such as "400.00"; ValueError if it is not an exact amount."""
        try:
            return cls(Decimal(text), currency)
        except InvalidOperation as error:
            raise ValueError(f"not an amount of money: {text!r}") from error

    @classmethod
    def zero(cls, currency: str) -> Money:
        return cls(Decimal(0), currency)

    def _same_currency(self, other: Money) -> Decimal:
        if other.currency != self.currency:
            raise CurrencyMismatchError(f"cannot combine {self.currency} and {other.currency}")
        return other.amount

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same_currency(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same_currency(other), self.currency)

    def __mul__(self, count: int) -> Money:
        return Money(self.amount * count, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same_currency(other)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same_currency(other)

    def __bool__(self) -> bool:
        return bool(self.amount)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def share(self, parts: int) -> Money:
        """Return one of `parts` equal shares, rounded down to the minor unit."""
        share = (self.amount / parts).quantize(self._minor_unit, rounding=ROUND_DOWN)
        return Money(share, self.currency)


def total(amounts: Iterable[Money], currency: str) -> Money:
    """Add up `amounts`, all of which must be in `currency`."""
    result = Money.zero(currency)
    for amount in amounts:
        result += amount
    return result
