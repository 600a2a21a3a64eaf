"""Money: exact, in one currency, one spelling per amount."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.money import CurrencyMismatchError, Money, minor_digits, total
from tests.examples import usd
from tests.strategies import CURRENCIES, amounts, currencies

of_one_currency = currencies.flatmap(lambda code: st.tuples(amounts(code), amounts(code)))
signed = currencies.flatmap(lambda code: amounts(code, 10**12, -(10**12)))


@given(signed)
def test_what_is_written_reads_back_as_the_same_money(money: Money) -> None:
    amount, currency = str(money).split()
    assert Money.parse(amount, currency) == money


@given(signed)
def test_an_amount_is_spelled_with_all_decimals_of_its_currency(money: Money) -> None:
    amount = str(money).split()[0]
    decimals = amount.partition(".")[2]
    assert len(decimals) == minor_digits(money.currency)


@pytest.mark.parametrize(
    ("text", "currency", "spelled"),
    [
        ("400.00", "USD", "400.00 USD"),
        ("400", "USD", "400.00 USD"),
        ("4E2", "EUR", "400.00 EUR"),
        ("400.0000", "EUR", "400.00 EUR"),
        ("1200", "JPY", "1200 JPY"),
        ("1200.0", "JPY", "1200 JPY"),
        ("1.5", "KWD", "1.500 KWD"),
        ("-0.00", "USD", "0.00 USD"),
        ("-12.30", "USD", "-12.30 USD"),
    ],
)
def test_spellings_of_one_amount_are_one_amount(text: str, currency: str, spelled: str) -> None:
    assert str(Money.parse(text, currency)) == spelled


@pytest.mark.parametrize("text", ["", "free", "1.2.3", "12,50", "$4", "NaN", "Infinity", "-inf"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Money.parse(text, "USD")


@pytest.mark.parametrize(
    ("text", "currency"), [("0.001", "USD"), ("0.5", "JPY"), ("0.0001", "KWD"), ("1E-9", "EUR")]
)
def test_an_amount_finer_than_its_currency_is_refused(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match="finer than the minor unit"):
        Money.parse(text, currency)


def test_an_amount_beyond_exact_arithmetic_is_refused() -> None:
    with pytest.raises(ValueError, match="not an amount"):
        Money.parse("1E+40", "USD")


@pytest.mark.parametrize("currency", ["", "US", "usd", "USDT", "€€€", "Usd"])
def test_what_is_no_currency_code_is_refused(currency: str) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        Money(Decimal(1), currency)


@given(of_one_currency)
def test_adding_and_taking_away_again_changes_nothing(pair: tuple[Money, Money]) -> None:
    one, other = pair
    assert one + other - other == one


@given(of_one_currency)
def test_amounts_are_ordered_as_their_numbers_are(pair: tuple[Money, Money]) -> None:
    one, other = pair
    assert (one < other) == (one.amount < other.amount)
    assert (one <= other) == (one.amount <= other.amount)


@given(currencies.flatmap(amounts), st.integers(0, 50))
def test_a_multiple_is_the_sum_of_its_parts(money: Money, count: int) -> None:
    assert money * count == total([money] * count, money.currency)


@given(currencies.flatmap(amounts), st.integers(1, 50))
def test_equal_shares_never_add_up_to_more_than_the_whole(money: Money, parts: int) -> None:
    share = money.share(parts)
    assert share * parts <= money
    assert money - share * parts < Money(Decimal(parts), money.currency)


@pytest.mark.parametrize("one", CURRENCIES)
@pytest.mark.parametrize("other", CURRENCIES)
def test_currencies_never_mix(one: str, other: str) -> None:
    left, right = Money(Decimal(1), one), Money(Decimal(2), other)
    if one == other:
        assert left < right
        return
    for combine in (left.__add__, left.__sub__, left.__lt__, left.__le__):
        with pytest.raises(CurrencyMismatchError):
            combine(right)
    assert left != right


def test_a_total_refuses_a_foreign_amount() -> None:
    with pytest.raises(CurrencyMismatchError):
        total([usd("1.00"), Money(Decimal(1), "EUR")], "USD")


def test_nothing_is_false_and_something_is_true() -> None:
    assert not Money.zero("USD")
    assert usd("0.01")
    assert total([], "JPY") == Money.zero("JPY")
