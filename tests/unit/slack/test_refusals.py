"""Why somebody may not: a sentence for every no, and what to do instead."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.admission import rule_on_look, rule_on_request
from bot.domain.judgement import Judgement, Ruling, Usage
from bot.domain.money import Money
from bot.domain.person import Person, Standing
from bot.domain.policy import BreakGlass, Ceiling, Policy, Tier
from bot.domain.quote import BlockCode, QuoteBlock, WarningCode
from bot.domain.request import (
    Actor,
    Request,
    State,
    Verdict,
)
from bot.domain.ruling import Action, Circumstances, rule
from bot.slack.cards import refusals
from tests.examples import APPROVER, NOW, REQUESTER, VENUE, line, member, order, request, usd
from tests.scenes import policies
from tests.strategies import GUEST_EMAIL, actors, hostile, requests
from tests.unit.slack.refused import NOTHING_USED, UP_TO_300, said, venue, voted
from tests.unit.slack.rendered import calls_nobody, steers_nothing

NOES = [ruling for ruling in Ruling if ruling not in {Ruling.ALLOWED, Ruling.REPEATED}]
# What ends the asking, before there is anything to act on.
OF_ASKING = {
    Ruling.NOT_A_REQUESTER,
    Ruling.DENIED,
    Ruling.WRONG_CHANNEL,
    Ruling.REASON_MISSING,
    Ruling.REASON_NOT_LISTED,
    Ruling.NOT_VERIFIED,
    Ruling.OTHER_WORKSPACE,
    Ruling.GUEST,
    Ruling.BOT,
    Ruling.DEACTIVATED,
}
IN_EUROS = Ceiling((Money(usd("300.00").amount, "EUR"),))
FINANCE, FRONT = "S0FINANCE", "S0FRONT"


def is_sentence(text: str) -> bool:
    return (text[:1].isupper() or text.startswith("<@")) and text.endswith(".")


@pytest.mark.parametrize("ruling", NOES)
@pytest.mark.parametrize("state", State)
def test_every_refusal_is_a_sentence(ruling: Ruling, state: State) -> None:
    judgement, of = Judgement(ruling, "some.rule"), request(state)
    for action in Action:
        text = refusals.refusal(judgement, action, of, VENUE, member(APPROVER), NOW)
        assert is_sentence(text)
        assert "  " not in text


@pytest.mark.parametrize("ruling", NOES)
def test_everybody_who_cannot_ask_is_told_why(ruling: Ruling) -> None:
    policy = Policy(requesters=frozenset({FRONT}), channels=frozenset({"C0REFUNDS"}))
    text = refusals.refused_request(Judgement(ruling, "some.rule"), venue(policy))
    assert is_sentence(text)


@settings(max_examples=200)
@given(
    requests(voted=True),
    policies,
    st.sampled_from(NOES),
    st.sampled_from(Action),
    st.none() | st.integers(0, 10**12).map(lambda cents: usd(f"{cents}.00")),
    actors,
)
def test_no_refusal_calls_everybody_or_shows_an_address(
    of: Request, policy: Policy, ruling: Ruling, action: Action, bound: Money | None, actor: Actor
) -> None:
    judgement = Judgement(ruling, "tiers[0].up_to", bound=bound, used=bound)
    for text in (
        refusals.refusal(judgement, action, of, venue(policy), member(actor), NOW),
        refusals.refused_request(judgement, venue(policy)),
        refusals.moved_on(of, venue(policy)),
    ):
        assert is_sentence(text)
        assert calls_nobody(text)
        assert steers_nothing(text)
        assert GUEST_EMAIL not in text
        assert len(text) < 10_000


@given(st.lists(hostile, min_size=1, max_size=100), hostile)
def test_whatever_a_venue_is_called_and_wants_to_hear_calls_nobody(
    reasons: list[str], name: str
) -> None:
    odd = replace(venue(Policy(reasons=tuple(reasons))), name=name)
    for ruling in OF_ASKING:
        text = refusals.refused_request(Judgement(ruling), odd)
        assert calls_nobody(text)
        assert steers_nothing(text)


STANDINGS = {
    Standing.GUEST: "You are a guest in this workspace",
    Standing.BOT: "Bots can neither ask for refunds nor decide on them",
    Standing.DEACTIVATED: "Your account in this workspace is deactivated",
    Standing.STRANGER: "This belongs to another workspace than yours",
    Standing.UNKNOWN: "The bot could not find out from Slack who may do this",
}


@pytest.mark.parametrize(("standing", "sentence"), STANDINGS.items())
def test_who_somebody_is_stands_in_the_way_of_everything(standing: Standing, sentence: str) -> None:
    person = replace(member(APPROVER), standing=standing)
    for action in Action:
        assert sentence in (text := said(Policy(), action, who=person))
        assert "Nothing was changed." in text
    judgement = rule_on_request(Policy(), person, NOW, "C0REFUNDS", None)
    assert sentence in refusals.refused_request(judgement, VENUE)


def test_what_could_not_be_found_out_is_worth_another_try() -> None:
    stale = replace(member(APPROVER), known_at=NOW - timedelta(hours=1))
    text = said(Policy(), who=stale)
    assert "Try again in a moment" in text
    assert "tell whoever runs this bot" in text


TIERED = Policy(
    approvers=frozenset({FRONT}),
    tiers=(Tier(UP_TO_300), Tier(Ceiling((usd("500.00"),)), 2, frozenset({FINANCE, "U0CHIEF"}))),
)


def test_whoever_may_not_decide_learns_who_may() -> None:
    text = said(TIERED)
    assert "You are not among those who may decide on this" in text
    assert "<!subteam^S0FINANCE> or <@U0CHIEF>." in text
    assert FRONT not in text


def test_more_people_may_stop_it_than_may_approve_it() -> None:
    assert "<!subteam^S0FINANCE>, <!subteam^S0FRONT> or <@U0CHIEF>." in said(TIERED, Action.REJECT)


def test_above_all_tiers_the_amounts_and_the_other_way_are_named() -> None:
    text = said(Policy(tiers=(Tier(UP_TO_300),)))
    assert "Tickets worth $400.00 are more than may be cancelled through this bot" in text
    assert "(at most $300.00)" in text
    assert "in ACME Ticketing itself" in text
    assert "Nothing was changed." in text


BREAKING = Policy(break_glass=BreakGlass(frozenset({FINANCE}), UP_TO_300))
USED = Usage(usd("150.00"), usd("250.00"))
FOREIGN = [
    (Policy(tiers=(Tier(IN_EUROS),)), Action.APPROVE, member(APPROVER)),
    (
        Policy(self_approval=True, self_approval_up_to=IN_EUROS),
        Action.APPROVE,
        member(REQUESTER),
    ),
    (Policy(approver_daily=IN_EUROS), Action.APPROVE, member(APPROVER)),
    (Policy(requester_daily=IN_EUROS), Action.APPROVE, member(APPROVER)),
    (
        Policy(break_glass=BreakGlass(frozenset({FINANCE}), IN_EUROS)),
        Action.BREAK_GLASS,
        member(APPROVER, FINANCE),
    ),
]


@pytest.mark.parametrize(("policy", "action", "who"), FOREIGN)
def test_an_amount_without_the_orders_currency_is_said_to_be_missing(
    policy: Policy, action: Action, who: Person
) -> None:
    text = said(policy, action, who=who, usage=NOTHING_USED)
    assert "The policy names no amount in USD" in text
    assert "hoever runs this bot" in text
    assert "300" not in text


def test_up_to_what_amount_somebody_may_is_named() -> None:
    own = Policy(self_approval=True, self_approval_up_to=UP_TO_300)
    text = said(own, who=member(REQUESTER))
    assert "your own requests up to $300.00 only; somebody else must approve" in text
    text = said(BREAKING, Action.BREAK_GLASS, who=member(APPROVER, FINANCE))
    assert "nobody may approve more than $300.00 alone" in text


def test_a_limit_that_is_used_up_is_named_with_what_was_used() -> None:
    limit = Ceiling((usd("500.00"),))
    text = said(Policy(approver_daily=limit), usage=USED)
    assert "may approve $500.00 a day here, and you have approved $150.00 today" in text
    assert "Somebody else can approve it; your own sum begins anew at midnight. Nothing" in text
    text = said(Policy(requester_daily=limit), usage=USED)
    assert "may come to $500.00 a day here, and $250.00 was approved for <@U0REQUEST> today" in text
    assert "That sum begins anew at midnight. Nothing" in text


def test_a_limit_that_nobody_could_look_up_is_a_sentence_too() -> None:
    text = said(Policy(approver_daily=Ceiling((usd("500.00"),))))
    assert is_sentence(text)
    assert "no amount in USD" not in text


def test_who_may_break_the_glass_is_named() -> None:
    text = said(BREAKING, Action.BREAK_GLASS)
    assert "You are not among those who may approve alone in an emergency" in text
    assert "Ask one of them: <!subteam^S0FINANCE>." in text
    none = said(Policy(), Action.BREAK_GLASS)
    assert none == "Nobody may approve alone here, not even in an emergency. Nothing was changed."


def test_the_same_person_twice_is_told_how_to_undo_the_first_time() -> None:
    two = Policy(tiers=(Tier(approvals=2),))
    text = said(two, of=voted(Verdict.APPROVED))
    assert "You approved this already" in text
    assert "*Take back mine* undoes yours" in text
    assert "the next approval must be somebody else’s" in text
    text = said(two, of=voted(Verdict.REJECTED))
    assert text == "You rejected this already. To approve it instead, use *Take back mine* first."
    assert "nothing to take back" in said(two, Action.TAKE_BACK)


def test_whoever_rejects_twice_is_not_told_how_to_approve() -> None:
    quorum = Policy(tiers=(Tier(approvals=2),), rejections=2)
    assert said(quorum, Action.REJECT, voted(Verdict.REJECTED)) == (
        "You rejected this already, and once is what counts: the next rejection must be somebody "
        "else’s. *Take back mine* undoes yours."
    )


def test_nobody_is_named_who_could_not_do_it_either() -> None:
    """Not who asked for it, and not who is denied."""
    names = frozenset({REQUESTER.user, "U0CHIEF", "U0DENIED"})
    policy = Policy(approvers=names, deny_approvers=frozenset({"U0DENIED"}))
    for action in (Action.APPROVE, Action.REJECT):
        assert said(policy, action).endswith("Ask one of them: <@U0CHIEF>.")
    own = replace(policy, self_approval=True)
    assert said(own).endswith("Ask one of them: <@U0CHIEF> or <@U0REQUEST>.")
    assert said(own, Action.REJECT).endswith("Ask one of them: <@U0CHIEF>.")
    nobody = replace(policy, approvers=frozenset({REQUESTER.user}))
    assert said(nobody).endswith("Nobody else may either: tell whoever runs this bot.")
    glass = replace(policy, break_glass=BreakGlass(frozenset({"U0DENIED", "U0DUTY"})))
    assert said(glass, Action.BREAK_GLASS).endswith("Ask one of them: <@U0DUTY>.")


def test_ones_own_request_is_for_others_to_decide() -> None:
    own = member(REQUESTER)
    assert "somebody else must approve it" in said(Policy(), who=own)
    assert "use *Withdraw*" in said(Policy(), Action.REJECT, who=own)
    unknown = request(State.UNKNOWN)
    assert "somebody else must settle it" in said(Policy(), Action.RESOLVE, unknown, own)


@pytest.mark.parametrize("action", [Action.EDIT, Action.WITHDRAW])
def test_what_only_the_requester_can_do_says_so(action: Action) -> None:
    text = said(Policy(), action)
    assert text.startswith("Only <@U0REQUEST>, who asked, can do that.")
    assert "Whoever may approve can stop it with *Reject*." in text


def test_what_the_policy_bars_is_named_with_its_cause_once() -> None:
    used = replace(line("1"), checked_in=2), replace(line("2"), checked_in=2)
    text = said(Policy(block_on=frozenset({WarningCode.CHECKED_IN})), of=request(of=order(*used)))
    assert text.count("2 tickets of *Adult* already checked in") == 1
    assert "<@U0REQUEST> can *Choose tickets* to leave out what stands in the way" in text


def test_an_order_whose_date_nobody_states_is_for_an_operator_to_see_to() -> None:
    ageless = request(of=replace(order(), created_at=None))
    assert said(Policy(max_order_age=timedelta(days=30)), of=ageless) == (
        "The policy here does not let anybody approve this. The order’s age is not known, and the "
        "policy sets a limit to it (`max_order_age_days`): ACME Ticketing does not state when the "
        "order was made. Nothing was changed. Choosing other tickets does not help: <@U0REQUEST> "
        "can *Withdraw* it, or have whoever runs this bot change the policy."
    )


def test_an_event_that_has_begun_meanwhile_bars_as_well() -> None:
    soon = replace(line(), event_at=NOW + timedelta(hours=1))
    policy, of = Policy(block_on=frozenset({WarningCode.PAST_EVENT})), request(of=order(soon))
    later, now = member(APPROVER), NOW + timedelta(hours=2)
    judgement = rule(policy, Action.APPROVE, of, Circumstances(later, now, 1))
    text = refusals.refusal(judgement, Action.APPROVE, of, venue(policy), later, now)
    assert "is already over or has begun" in text


def test_what_the_card_shows_has_changed_or_cannot_be_approved() -> None:
    changed = refusals.refusal(
        Judgement(Ruling.QUOTE_CHANGED), Action.APPROVE, request(), VENUE, member(APPROVER), NOW
    )
    assert changed.startswith("The card changed since you saw it")
    of = request()
    assert of.quote is not None
    blocked = replace(of, quote=replace(of.quote, blocks=(QuoteBlock(BlockCode.FEE),)))
    assert "<@U0REQUEST> can use *Choose tickets*" in said(Policy(), of=blocked)


def test_whoever_may_not_ask_learns_who_may_and_where() -> None:
    policy = Policy(requesters=frozenset({FRONT}), channels=frozenset({"C0REFUNDS", "C0HARBOUR"}))
    refused = refusals.refused_request(Judgement(Ruling.NOT_A_REQUESTER), venue(policy))
    assert "Let one of them do it: <!subteam^S0FRONT>." in refused
    refused = refusals.refused_request(Judgement(Ruling.WRONG_CHANNEL), venue(policy))
    assert "Ask in <#C0HARBOUR>, <#C0REFUNDS>." in refused


def test_whoever_may_not_look_is_told_so() -> None:
    policy = Policy(requesters=frozenset({FRONT}), approvers=frozenset({FINANCE}))
    judgement = rule_on_look(policy, member(APPROVER), NOW)
    text = refusals.refused_look(judgement, replace(venue(policy), name="Hall <!here>"))
    assert "may neither ask for cancellations at Hall &lt;!here&gt; nor approve them" in text
    guest = replace(member(APPROVER), standing=Standing.GUEST)
    text = refusals.refused_look(rule_on_look(policy, guest, NOW), venue(policy))
    assert "You are a guest" in text


def test_a_reason_that_is_missing_or_not_listed_is_asked_for() -> None:
    listed = venue(Policy(reasons=("guest is ill", "event moved")))
    for ruling in (Ruling.REASON_MISSING, Ruling.REASON_NOT_LISTED):
        text = refusals.refused_request(Judgement(ruling), listed)
        assert "“guest is ill”, “event moved”" in text
        assert text.endswith("More words may follow. Type it after the order id.")
        beside = refusals.reason_wanted_in_form(Judgement(ruling), listed)
        assert "At Riverside Museum" in beside
        assert "“guest is ill”, “event moved”" in beside
        assert beside.endswith("More words may follow.")
    free = refusals.refused_request(Judgement(Ruling.REASON_MISSING), VENUE)
    asked = "A reason is required here: Riverside Museum cancels nothing without one."
    assert free == f"{asked} Type it after the order id."
    assert refusals.reason_wanted_in_form(Judgement(Ruling.REASON_MISSING), VENUE) == asked


def test_beside_a_field_nothing_is_escaped_and_a_reason_can_be_copied_whole() -> None:
    longest = "R&B <Live> " + "x" * 64
    odd = replace(venue(Policy(reasons=(longest,))), name="Hall & Co")
    beside = refusals.reason_wanted_in_form(Judgement(Ruling.REASON_NOT_LISTED), odd)
    assert f"At Hall & Co the reason must begin with one of these: “{longest}”." in beside
    assert "Hall &amp; Co" in refusals.refused_request(Judgement(Ruling.REASON_NOT_LISTED), odd)
