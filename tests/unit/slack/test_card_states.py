"""The card and its reply through a request's life: what each state tells, in words and figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.order import Destination, DestinationKind, LineKind
from bot.domain.quote import BlockCode, Notify, QuoteBlock, WarningCode, quote
from bot.domain.request import Actor, Decision, Failure, FailureCode, State, Verdict
from bot.domain.selection import Selection
from bot.domain.settlement import Receipt
from bot.slack.cards import card, reply, words
from bot.slack.cards.card import seen_revision
from tests.examples import APPROVER, NOW, VENUE, line, order, request, usd
from tests.unit.slack.rendered import buttons, everything, headers, objections

TITLES = {
    State.PENDING: "waiting for approval",
    State.APPROVED: "approved, being cancelled",
    State.EXECUTING: "being cancelled",
    State.DONE: "cancelled",
    State.FAILED: "not cancelled",
    State.UNKNOWN: "needs attention",
    State.REJECTED: "rejected",
    State.WITHDRAWN: "withdrawn",
    State.EXPIRED: "expired",
}


@pytest.mark.parametrize(("state", "title"), TITLES.items())
def test_the_header_and_the_fallback_tell_order_and_state(state: State, title: str) -> None:
    shown = card(request(state), VENUE)
    assert headers(shown)[0] == f"Order 100130807 · {title}"
    assert shown.text.startswith(f"Order 100130807, {title}: 4 tickets")


@pytest.mark.parametrize("state", TITLES)
def test_who_asked_and_why_stays_on_the_card(state: State) -> None:
    text = everything(card(request(state), VENUE))
    assert "<@U0REQUEST> asks to cancel *4 tickets*, the whole order" in text
    assert ">guest is ill" in text
    assert "of B. C. (b•••@example.com)" in text
    assert "Riverside Museum · order id 26644388" in text
    assert "Sat, Aug 1, 2026, 7:00" in text  # in the venue’s zone


DECIDED = {
    State.APPROVED: "Approved by <@U0APPROVE>",
    State.REJECTED: "Rejected by <@U0APPROVE>",
    State.WITHDRAWN: "Withdrawn by <@U0APPROVE>",
    State.DONE: "Approved by <@U0APPROVE>",
}


@pytest.mark.parametrize(("state", "sentence"), DECIDED.items())
def test_who_decided_stands_on_the_card(state: State, sentence: str) -> None:
    text = everything(card(request(state), VENUE))
    assert sentence in text
    assert ">as agreed" in text


@pytest.mark.parametrize("state", [State.FAILED, State.REJECTED, State.WITHDRAWN, State.EXPIRED])
def test_an_end_without_effect_says_that_nothing_happened(state: State) -> None:
    assert headers(card(request(state), VENUE))[1] == "Nothing was cancelled or refunded"


UTC_VENUE = replace(VENUE, timezone=None)


def test_a_card_that_waits_says_until_when() -> None:
    until = replace(request(State.PENDING), expires_at=NOW + timedelta(hours=4))
    assert "Expires Tue, Jul 14, 2026, 3:00 PM, unless" in everything(card(until, VENUE))
    assert "Expires Tue, Jul 14, 2026, 7:00 PM UTC, unless" in everything(card(until, UTC_VENUE))
    assert "Expires" not in everything(card(replace(until, expires_at=None), VENUE))
    assert "Expires" not in everything(card(replace(until, state=State.APPROVED), VENUE))


def test_a_card_that_expired_says_so_and_how_to_ask_again() -> None:
    expired = request(State.EXPIRED)
    shown = card(expired, VENUE)
    text = everything(shown)
    assert "Nobody decided in time, so nothing was changed." in text
    assert "ask again with `/cancel-order riverside:26644388`" in text
    assert buttons(shown) == []
    answer = reply(expired, VENUE)
    assert answer is not None
    assert objections(answer) == []
    assert answer.text.startswith("<@U0REQUEST> nobody decided on order 100130807 in time")
    assert "Nothing was changed." in answer.text
    assert "/cancel-order riverside:26644388" in answer.text


def test_a_part_is_told_from_the_whole() -> None:
    part = request(State.PENDING, order(line("1", quantity=4)), Selection({"1": 1}))
    text = everything(card(part, VENUE))
    assert "*1 ticket*, a part of the order" in text
    assert "• *1 of 4 × Adult*  1 × $100.00 = *$100.00*" in text
    assert "$300.00 stays on the order." in text
    done = replace(part, state=State.DONE, outcome=request(State.DONE).outcome)
    assert headers(card(done, VENUE))[0].endswith("partly cancelled")


def test_an_unpaid_balance_shows_both_figures() -> None:
    owing = replace(order(), balance=usd("150.00"))
    text = everything(card(request(of=owing), VENUE))
    assert "Refund $250.00" in text
    assert "The tickets are worth $400.00." in text
    assert "$150.00 of this order was never paid." in text


def test_fees_that_are_kept_are_named() -> None:
    mixed = order(line("1"), line("fee", quantity=1, price="3.50", kind=LineKind.FEE))
    assert "Fees of $3.50 are kept." in everything(card(request(of=mixed), VENUE))


def test_a_free_order_is_approved_without_an_amount() -> None:
    free = request(of=order(line("1", price="0.00")))
    shown = card(free, VENUE)
    assert "Approve cancellation" in everything(shown)
    assert "These tickets cost nothing" in everything(shown)


def test_a_drifted_order_shows_what_was_approved_and_what_it_is_now() -> None:
    before = quote(order(), Selection.everything(order()), NOW)
    drifted = replace(request(of=order(line("1", quantity=1))), previous_quote=before)
    text = everything(card(drifted, VENUE))
    assert "The order changed after it was approved" in text
    assert "*Approved before*\n4 tickets, $400.00" in text
    assert "*The order now*\n1 ticket, $100.00" in text
    answer = reply(drifted, VENUE)
    assert answer is not None
    assert "nothing was sent" in answer.text


@pytest.mark.parametrize(
    ("paid", "sentence"),
    [
        (Destination(), "goes back the way it was paid."),
        (Destination(payment_method="CreditCard", last_four="4242"), "(credit card •••• 4242)"),
        (Destination(payment_method="Cash"), "(cash)"),
        (Destination(payment_method="<!here>"), "(&lt;!here&gt;)"),
        (Destination(DestinationKind.ON_ACCOUNT), "goes On Account."),
    ],
)
def test_where_the_money_goes_is_said(paid: Destination, sentence: str) -> None:
    shown = card(request(of=replace(order(), destination=paid)), VENUE)
    assert sentence in everything(shown)


@pytest.mark.parametrize(
    ("notify", "words"),
    [
        (Notify.NONE, "The guest gets no e-mail."),
        (Notify.CONFIRMATION, "order confirmation e-mail (not its refund e-mail)"),
        (Notify.REFUND, "refund e-mail."),
    ],
)
def test_what_the_guest_is_sent_is_said(notify: Notify, words: str) -> None:
    assert words in everything(card(request(notify=notify), VENUE))


RECEIPT = Receipt(
    refund=usd("400.00"),
    total=usd("0.00"),
    paid=usd("400.00"),
    balance=usd("0.00"),
    last_four="1111",
    reference="881204",
    updated_on="2026-07-14T11:00:00-04:00",
)


def test_the_result_tells_everything_support_reads_out() -> None:
    done = request(State.DONE, receipt=RECEIPT)
    answer = reply(done, VENUE)
    assert answer is not None
    text = everything(answer)
    for detail in (
        "*Refunded $400.00* · 4 tickets of order 100130807 cancelled",
        "*Order number*\n100130807",
        "*Cancelled*\n4 × Adult",
        "*Refund*\n$400.00",
        "*New order total*\n$0.00",
        "*Paid*\n$400.00",
        "*Balance*\n$0.00",
        "*Payment method*\ncredit card •••• 1111",
        "*E-mail to the guest*\norder confirmation",
        "*Asked by*\n<@U0REQUEST>",
        "*Approved by*\n<@U0APPROVE>",
        "*Upstream reference*\n881204, order id 26644388, updated 2026-07-14T11:00:00-04:00",
        f"*Request*\n{done.id}",
        "states the same refund",
    ):
        assert detail in text
    assert answer.text == "Refunded $400.00: 4 tickets of order 100130807 cancelled."


def test_a_result_of_many_lines_names_the_first_and_counts_the_rest() -> None:
    many = order(*(line(str(n), quantity=1, price="1.00") for n in range(25)))
    answer = reply(request(State.DONE, many), VENUE)
    assert answer is not None
    assert everything(answer).count("1 × Adult") == 20
    assert "and 5 more lines" in everything(answer)


def test_a_card_of_many_lines_shows_the_first_and_counts_the_rest() -> None:
    many = order(*(line(str(n), quantity=2, price="1.00") for n in range(50)))
    text = everything(card(request(of=many), VENUE))
    assert text.count("• *2 × Adult*") == 40
    assert "and 10 more lines with 20 tickets, included in the amount" in text
    assert "Refund $100.00" in text


def test_a_lost_answer_is_said_and_its_figures_are_not_invented() -> None:
    answer = reply(request(State.DONE), VENUE)
    assert answer is not None
    text = everything(answer)
    assert "answer was lost" in text
    assert "*Paid*\nnot stated" in text
    assert "*Payment method*\ncredit card •••• 4242" in text
    assert "did not state a refund amount" in text


def test_a_refund_that_is_disputed_is_announced_nowhere() -> None:
    disputed = request(State.DONE, receipt=replace(RECEIPT, refund=usd("150.00")))
    shown, answer = card(disputed, VENUE), reply(disputed, VENUE)
    assert answer is not None
    assert headers(shown)[1] == "Cancelled; the refund needs a check"
    assert "Figures do not agree" in everything(shown)
    assert answer.text.startswith("The refund needs a check")
    assert "$400.00 by the tickets, $150.00 by ACME Ticketing" in everything(answer)
    for message in (shown, answer):
        assert "Refunded $" not in everything(message)


@pytest.mark.parametrize("state", [State.DONE, State.FAILED])
def test_what_a_person_settled_says_so(state: State) -> None:
    decision = Decision(Verdict.RESOLVED, APPROVER, NOW, 1, "saw it in the back office")
    failure = Failure(FailureCode.SETTLED) if state is State.FAILED else None
    settled = replace(request(state), decision=decision, outcome=None, failure=failure)
    text = everything(card(settled, VENUE))
    assert "Settled by <@U0APPROVE>" in text
    assert "saw it in the back office" in text
    answer = reply(settled, VENUE)
    assert answer is not None
    assert "Refunded $" not in text + everything(answer)


def test_what_is_not_known_says_what_to_look_for() -> None:
    failure = Failure(FailureCode.UNSETTLED, "Adult: 4 left, 0 intended")
    unknown = replace(request(State.UNKNOWN), failure=failure)
    answer = reply(unknown, VENUE)
    assert answer is not None
    for text in (everything(card(unknown, VENUE)), answer.text):
        assert "It is not known whether ACME Ticketing did it" in text
        assert "Adult: 4 left, 0 intended" in text
        assert "*Check again*" in text
    assert "<@U0REQUEST> <@U0APPROVE>" in answer.text


def test_a_check_is_told_from_an_execution() -> None:
    failure = Failure(FailureCode.UNSETTLED, None)
    checking = replace(request(State.EXECUTING), failure=failure)
    shown = card(checking, VENUE)
    assert headers(shown)[0].endswith("being checked again")
    assert "nothing is sent" in everything(shown)


@pytest.mark.parametrize("state", [State.PENDING, State.APPROVED, State.EXECUTING, State.WITHDRAWN])
def test_what_the_card_tells_well_enough_needs_no_reply(state: State) -> None:
    assert reply(request(state), VENUE) is None


@pytest.mark.parametrize("code", FailureCode)
def test_every_failure_says_why_and_what_to_do(code: FailureCode) -> None:
    detail = BlockCode.NOTHING_LEFT.value if code is FailureCode.BLOCKED else "<!channel> & so"
    failed = replace(request(State.FAILED), failure=Failure(code, detail))
    answer = reply(failed, VENUE)
    assert answer is not None
    assert objections(answer) == []
    assert "was *not* cancelled" in answer.text
    assert "<!channel>" not in everything(answer) + everything(card(failed, VENUE))
    assert len(words.failure(failed, Failure(code, detail), VENUE)) > 20


@pytest.mark.parametrize(
    ("cause", "advice"),
    [
        ("not_in_channel", "/invite"),
        ("channel_not_found", "/invite"),
        ("is_archived", "another one"),
        ("restricted_action", "Use another one"),
        ("invalid_blocks", "“invalid_blocks”"),
    ],
)
def test_a_card_that_could_not_be_posted_says_what_to_do(cause: str, advice: str) -> None:
    failed = replace(request(State.FAILED), failure=Failure(FailureCode.CARD_NOT_POSTED, cause))
    assert failed.failure is not None
    assert advice in words.failure(failed, failed.failure, VENUE)


def test_a_card_asked_for_in_a_direct_message_advises_a_channel() -> None:
    failure = Failure(FailureCode.CARD_NOT_POSTED, "channel_not_found")
    direct = replace(request(State.FAILED), channel="D0ROBIN", failure=failure)
    assert "Run the command in a channel" in words.failure(direct, failure, VENUE)


@pytest.mark.parametrize("code", BlockCode)
def test_every_block_is_said_and_keeps_the_approval_away(code: BlockCode) -> None:
    pending = request()
    assert pending.quote is not None
    blocked = replace(pending, quote=replace(pending.quote, blocks=(QuoteBlock(code, "1"),)))
    shown = card(blocked, VENUE)
    assert objections(shown) == []
    assert words.block(QuoteBlock(code), VENUE) in everything(shown)
    assert "Approve" not in everything(shown)
    assert "Choose tickets" in everything(shown)


def test_every_warning_is_said_on_a_card_that_waits_and_only_there() -> None:
    odd = replace(
        line("1", quantity=3, price="40.00", subtotal="80.00"),
        checked_in=2,
        converted=True,
        event_at=NOW - timedelta(days=1),
    )
    membership = line("2", quantity=1, kind=LineKind.MEMBERSHIP)
    some = replace(
        order(odd, membership),
        balance=usd("9.00"),
        organisation="Harbour School",
        destination=Destination(payment_method="Cash"),
        created_at=NOW - timedelta(days=60),
    )
    pending = request(of=some, selection=Selection({"1": 3}))
    assert pending.quote is not None
    codes = {warning.code for warning in pending.quote.warnings}
    # That an order is older than a policy allows, no quote tells.
    assert codes == set(WarningCode) - {WarningCode.FREE, WarningCode.TOO_OLD}
    shown = everything(card(pending, VENUE))
    for warning in pending.quote.warnings:
        assert words.warning(warning, pending.quote, VENUE) in shown
    approved = everything(card(replace(pending, state=State.APPROVED), VENUE))
    assert ":warning:" not in approved


def test_a_card_needs_a_quote() -> None:
    with pytest.raises(ValueError, match="no quote to show"):
        card(request(State.REQUESTED), VENUE)


@pytest.mark.parametrize(
    ("block_id", "revision"),
    [
        ("decision:3:7", 3),
        ("decision:12", 12),
        ("decision:x:7", None),
        ("decision:", None),
        ("decision:-1:2", None),
        ("other:3:7", None),
        ("", None),
    ],
)
def test_only_our_own_blocks_tell_a_revision(block_id: str, revision: int | None) -> None:
    assert seen_revision(block_id) == revision


def test_an_approver_of_another_name_is_mentioned_by_id_alone() -> None:
    odd = Actor("W0ANYBODY", "T0MUSEUM")
    decided = replace(request(State.APPROVED), decision=Decision(Verdict.APPROVED, odd, NOW, 1))
    assert "<@W0ANYBODY>" in everything(card(decided, VENUE))
