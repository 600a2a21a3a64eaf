"""ACME misbehaves: the money is right, exactly once, and where it cannot be settled a person is

asked. Every fault is armed after the card has been shown, so that it strikes the money path.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.integration.stage import (
    APPROVER,
    REQUESTER,
    SECOND,
    Case,
    Stage,
    buttons,
    fields,
    headers,
    open_stage,
    words,
)

IMPATIENT = """
[execution]
settle_pauses = [0.05]
[[venues]]
key = "riverside"
name = "Riverside"
system = "acme"
base_url = "@ACME@"
api_key_env = "ACME_API_KEY"
currency = "USD"
read_timeout = 0.5
total_timeout = 1
"""
# More than the quiet period of the settings above, so that a change comes after it.
AFTER_THE_QUIET_PERIOD = 2.0
WITHIN_THE_QUIET_PERIOD = 0.1


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A bot that gives up on an answer after half a second, and on an order after two looks."""
    with open_stage(tmp_path_factory.mktemp("impatient"), IMPATIENT) as running:
        yield running


def approved_under(stage: Stage, fault: str, **how: float) -> Case:
    """Ask, arm the fault, approve."""
    case = stage.case()
    case.asked()
    case.people.fault(case.order, fault, **how)
    case.approve()
    return case


def assert_cancelled_once(case: Case, refund: str = "400.00") -> None:
    case.card("· cancelled")
    case.reply("Refunded $400.00")
    assert case.upstream()["refunded"] == refund
    cancellations = [n for n in case.upstream()["history"] if "cancelled by user" in n["what"]]
    assert len(cancellations) == 1
    assert len(case.people.replies(case.card())) == 1


def test_slow_is_waited_for(impatient: Stage) -> None:
    case = approved_under(impatient, "slow", seconds=0.2)
    assert_cancelled_once(case)
    assert len(case.changes()) == 1


def test_slow_beyond_patience_is_settled_by_reading(impatient: Stage) -> None:
    """The change is made at once and told of too late: it is read, not sent again."""
    case = approved_under(impatient, "slow", seconds=0.3, times=1)
    # While the order is being read once more, the fault is laid for the change that follows.
    case.people.wait_for("the read", lambda: len(case.people.upstream_requests(case.order)) == 2)
    case.people.fault(case.order, "slow", seconds=1.5, times=1)
    assert_cancelled_once(case)
    assert len(case.changes()) == 1


def test_slow_reading_beyond_patience_is_told_privately(impatient: Stage) -> None:
    case = impatient.case()
    case.people.fault(case.order, "slow", seconds=0.8)
    case.ask()
    case.told("cannot be reached right now")
    assert case.cards() == []


SENT_ONCE_AND_READ: dict[str, dict[str, float]] = {
    "error_after": {},
    "cut_after": {},
    "malformed": {},
    "late_commit": {"seconds": WITHIN_THE_QUIET_PERIOD},
}
SENT_AGAIN_ONCE: dict[str, dict[str, float]] = {
    "error_before": {"times": 1},
    "cut_before": {"times": 1},
    "malformed_before": {"times": 1},
}


@pytest.fixture(scope="module")
def struck(stage: Stage) -> dict[str, Case]:
    """One order under each fault, side by side."""
    faults = SENT_ONCE_AND_READ | SENT_AGAIN_ONCE
    return {name: approved_under(stage, name, **how) for name, how in faults.items()}


@pytest.mark.parametrize("fault", SENT_ONCE_AND_READ)
def test_a_lost_answer_is_settled_by_reading(struck: dict[str, Case], fault: str) -> None:
    assert_cancelled_once(struck[fault])
    assert len(struck[fault].changes()) == 1


@pytest.mark.parametrize("fault", SENT_AGAIN_ONCE)
def test_what_shows_no_change_is_sent_again_once(struck: dict[str, Case], fault: str) -> None:
    assert_cancelled_once(struck[fault])
    assert len(struck[fault].changes()) == 2


def test_figures_that_were_lost_are_not_made_up(struck: dict[str, Case]) -> None:
    details = struck["cut_after"].reply("Refunded $400.00")
    stated = fields(details)
    assert stated["Paid"] == stated["Balance"] == "not stated"
    assert stated["New order total"] == "$0.00"
    assert "did not state a refund amount" in words(details)


def test_late_commit_after_the_quiet_period_refunds_once(stage: Stage) -> None:
    """Both attempts state the same remaining quantities: whichever comes last does no harm."""
    case = approved_under(stage, "late_commit", seconds=AFTER_THE_QUIET_PERIOD, times=1)
    assert_cancelled_once(case)
    history = case.people.wait_for(
        "the late change", lambda: [n["what"] for n in case.upstream()["history"]]
    )
    assert sum("cancelled by user 340" in what for what in history) == 1
    assert case.upstream()["refunded"] == "400.00"


def test_changed_meanwhile_between_reading_and_sending_is_flagged(stage: Stage) -> None:
    """ACME has no lock: what somebody else takes in that moment shows in the figures alone."""
    case = approved_under(stage, "changed_meanwhile")
    card = case.card("Figures do not agree")
    reply = case.reply("$300.00")
    assert "Refunded $400.00" not in words(card) + words(reply) + reply["text"]
    assert len(case.changes()) == 1
    assert case.upstream()["refunded"] == "400.00"


def changed_by_somebody_else(stage: Stage) -> Case:
    """An order of which somebody else cancelled one ticket after the card was shown."""
    case = stage.case()
    case.people.fault(case.order, "changed_meanwhile")
    case.asked()
    assert case.upstream()["refunded"] == "100.00"
    return case


def test_a_drifted_order_is_not_touched_and_asked_about_anew(stage: Stage) -> None:
    case = changed_by_somebody_else(stage)
    assert headers(case.card())[1] == "Refund $400.00"
    case.approve()
    card = case.card("The order changed after it was approved")
    assert "4 tickets, $400.00" in words(card)
    assert "3 tickets, $300.00" in words(card)
    assert headers(card) == [f"Order {case.number} · waiting for approval", "Refund $300.00"]
    assert f"<@{REQUESTER}>" in words(case.reply("needs a new decision"))
    assert case.changes() == []

    case.approve()
    case.card("· cancelled")
    case.reply("Refunded $300.00")
    (change,) = case.changes()
    assert [item["quantity"] for item in change["body"]["orderItems"]] == [0]
    assert case.upstream()["refunded"] == "400.00"


def test_an_approval_of_the_card_before_the_drift_does_not_count(stage: Stage) -> None:
    case = changed_by_somebody_else(stage)
    outdated = case.card()
    case.approve()
    case.card("The order changed after it was approved")
    assert stage.outdated_click(outdated, "approve", SECOND) == 200
    case.told("The card changed since you saw it", SECOND)
    assert case.changes() == []


def test_an_order_cancelled_by_somebody_else_fails_without_sending(stage: Stage) -> None:
    case = stage.case("26644402")
    case.asked()
    cancelled = httpx.post(
        f"{stage.sandbox.acme_base_url}/v2/b2b/b2b/refunds",
        headers={"x-acme-api-key": stage.sandbox.settings.acme_api_key},
        json={"orderId": case.order},
    )
    assert cancelled.is_success
    case.approve()
    card = case.card("· not cancelled")
    assert "changed by somebody else after the approval" in words(card)
    case.reply("was *not* cancelled")
    assert len(case.changes()) == 1


def test_forbidden_fails_and_says_what_to_do(stage: Stage) -> None:
    case = approved_under(stage, "forbidden")
    card = case.card("· not cancelled")
    assert "does not accept our key" in words(card)
    assert headers(card)[1] == "Nothing was cancelled or refunded"
    assert f"<@{REQUESTER}>" in words(case.reply("was *not* cancelled"))
    assert case.changes() == []
    assert case.upstream()["refunded"] == "0.00"


def test_forbidden_when_asking_is_told_privately(stage: Stage) -> None:
    case = stage.case()
    case.people.fault(case.order, "forbidden")
    case.ask()
    case.told("does not accept our key")
    assert case.cards() == []


def test_read_error_when_asking_is_told_privately_after_trying(stage: Stage) -> None:
    case = stage.case()
    case.people.fault(case.order, "read_error")
    case.ask()
    case.told("cannot be reached right now")
    assert len(case.people.upstream_requests(case.order)) == 3


def test_read_error_once_is_not_noticed(stage: Stage) -> None:
    case = stage.case()
    case.people.fault(case.order, "read_error", times=1)
    case.asked()


def test_read_error_before_sending_fails_without_sending(stage: Stage) -> None:
    case = approved_under(stage, "read_error")
    card = case.card("· not cancelled")
    assert "cannot be reached right now" in words(card)
    assert case.changes() == []
    case.people.fault(case.order, None)
    case.asked("once more")
    case.approve()
    case.reply("Refunded $400.00")


@pytest.fixture(scope="module")
def blacked_out(impatient: Stage) -> list[Case]:
    """The change was made, its answer is lost, and the order cannot be read; twice over.

    Both at once, for reading is tried for a good while.
    """
    cases = [approved_under(impatient, "blackout") for _ in range(2)]
    for case in cases:
        case.card("needs attention")
    return cases


def test_blackout_needs_attention_and_checking_again_settles_it(
    blacked_out: list[Case],
) -> None:
    case = blacked_out[0]
    card = case.card()
    assert set(buttons(card)) == {"recheck", "resolve"}
    assert headers(card)[1] != "Nothing was cancelled or refunded"
    assert "Refunded" not in headers(card)[1]
    case.people.fault(case.order, None)
    case.click("recheck", SECOND)
    assert_cancelled_once(case)
    assert len(case.changes()) == 1


def test_blackout_that_lasts_still_needs_attention_after_checking(
    blacked_out: list[Case],
) -> None:
    case = blacked_out[1]
    before = buttons(case.card())["recheck"]["block_id"]
    case.click("recheck")
    case.people.wait_for(
        "the card after the check",
        lambda: buttons(case.card()).get("recheck", {}).get("block_id", before) != before,
    )
    assert len(case.changes()) == 1


@pytest.fixture(scope="module")
def doubts(stage: Stage) -> Iterator[Case]:
    """Orders of which no attempt was answered, and which show no change; made side by side."""
    return iter([approved_under(stage, "error_before") for _ in range(7)])


@pytest.fixture
def in_doubt(doubts: Iterator[Case]) -> Case:
    case = next(doubts)
    case.card("needs attention")
    return case


def test_error_before_every_change_needs_attention(in_doubt: Case) -> None:
    assert set(buttons(in_doubt.card())) == {"recheck", "resolve"}
    assert len(in_doubt.changes()) == 2
    assert in_doubt.upstream()["refunded"] == "0.00"


def test_an_unchanged_order_is_settled_by_checking_again_after_a_minute(
    stage: Stage, in_doubt: Case
) -> None:
    case = in_doubt
    case.click("recheck")
    case.card("being checked again")
    case.card("needs attention")
    stage.age_sends(case.request_id(), minutes=2)
    case.click("recheck")
    card = case.card("· not cancelled")
    assert "shows the order unchanged" in words(card)
    assert len(case.changes()) == 2


def test_needs_attention_is_listed_as_waiting(in_doubt: Case) -> None:
    case = in_doubt
    answer = case.people.command(f"status {case.order}", channel=case.channel)
    assert "*needs attention*" in answer["response"]["text"]
    assert "already a request" in case.ask()


def settle(case: Case, truth: str, reason: str, user: str = APPROVER) -> None:
    case.click("resolve", user)
    form = case.people.form("resolve_outcome", user)
    answer = case.people.submit(form, user, truth=truth, reason=reason)
    assert answer["ok"], answer


def test_settling_as_done_records_who_and_why(in_doubt: Case) -> None:
    case = in_doubt
    settle(case, "done", "Payments tab shows & proves it")
    card = case.card("· cancelled")
    assert f"Settled by <@{APPROVER}>" in words(card)
    assert "Amounts were not confirmed" in words(card)
    answer = words(case.reply("settled this by hand"))
    assert "Payments tab shows &amp; proves it" in answer
    assert buttons(card) == {}
    assert len(case.changes()) == 2


def test_settling_as_not_done_frees_the_order(in_doubt: Case) -> None:
    case = in_doubt
    settle(case, "failed", "Nothing in the history")
    card = case.card("· not cancelled")
    assert headers(card)[1] == "Settled by hand: not cancelled"
    case.people.fault(case.order, None)
    case.asked("once more")
    case.approve()
    case.reply("Refunded $400.00")
    assert case.upstream()["refunded"] == "400.00"


def test_who_asked_cannot_settle(in_doubt: Case) -> None:
    case = in_doubt
    case.click("resolve", REQUESTER)
    assert "somebody else must settle" in case.told("You asked for this yourself")
    case.card("needs attention")


def test_settling_without_saying_what_was_checked_stays_in_the_form(in_doubt: Case) -> None:
    case = in_doubt
    case.click("resolve")
    form = case.people.form("resolve_outcome", APPROVER)
    answer = case.people.submit(form, APPROVER)
    assert set(answer["errors"]) == {"truth", "reason"}
    case.people.dismiss(form, APPROVER)


def test_the_refund_api_is_never_sent_twice(stage: Stage) -> None:
    """Its quantities are what goes, so a second attempt could refund twice."""
    case = stage.case()
    case.people.command("", channel=case.channel)
    form = case.people.form("cancel_order")
    case.people.submit(form, order_id=case.order, notify="refund")
    case.card("waiting for approval")
    case.choose(1)
    case.people.fault(case.order, "error_before", times=1)
    case.approve()
    case.card("needs attention")
    assert len(case.changes()) == 1
    assert case.upstream()["refunded"] == "0.00"


def test_late_commit_of_the_refund_api_is_settled_by_checking_again(stage: Stage) -> None:
    case = stage.case()
    case.people.command("", channel=case.channel)
    form = case.people.form("cancel_order")
    case.people.submit(form, order_id=case.order, notify="refund")
    case.card("waiting for approval")
    case.choose(1)
    case.people.fault(case.order, "late_commit", seconds=AFTER_THE_QUIET_PERIOD)
    case.approve()
    case.card("needs attention")
    case.people.wait_for("the late change", lambda: case.upstream()["refunded"] == "100.00")
    case.click("recheck")
    case.card("partly cancelled")
    case.reply("Refunded $100.00")
    assert len(case.changes()) == 1
