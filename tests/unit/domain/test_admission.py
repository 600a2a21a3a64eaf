"""Who may ask, where and why; who may look; and what is approved by nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.admission import listed_reason, rule_on_automation, rule_on_look, rule_on_request
from bot.domain.judgement import Judgement, Ruling, Usage
from bot.domain.money import Money
from bot.domain.order import LineKind, Order
from bot.domain.person import Person, Standing
from bot.domain.policy import Ceiling, Policy, Tier
from bot.domain.quote import WarningCode
from bot.domain.request import Actor
from tests.examples import CHANNEL, NOW, REQUESTER, line, member, order, request, usd
from tests.scenes import (
    Scene,
    any_id,
    ceilings,
    denying,
    people,
    policies,
    promising,
    scenes,
    some_groups,
)
from tests.unit.domain import restated

ASKER = member(REQUESTER)
LISTED = Policy(requesters=frozenset({"U0REQUEST", "S0FRONT"}))
COLLEAGUE = Actor("U0CLICKER", "T0MUSEUM")
BOARD = frozenset({"S0BOARD"})
ILL = "guest is ill"
OFFERED = Policy(reasons=("Event moved", "Event moved online", "Guest is ill", "No show"))
NOTHING_USED = Usage(usd("0.00"), usd("0.00"))


def up_to(amount: str) -> Ceiling:
    return Ceiling((usd(amount),))


def asked(policy: Policy, person: Person = ASKER, reason: str | None = ILL) -> Judgement:
    return rule_on_request(policy, person, NOW, CHANNEL, reason)


def test_where_nothing_is_configured_any_full_member_asks_anywhere_without_a_reason() -> None:
    judgement = rule_on_request(Policy(), member(COLLEAGUE), NOW, "C0ELSEWHERE", None)
    assert judgement == Judgement(Ruling.ALLOWED, "default of requesters: any full member")


@pytest.mark.parametrize(
    ("standing", "ruling"),
    [
        (Standing.GUEST, Ruling.GUEST),
        (Standing.BOT, Ruling.BOT),
        (Standing.DEACTIVATED, Ruling.DEACTIVATED),
        (Standing.STRANGER, Ruling.OTHER_WORKSPACE),
        (Standing.UNKNOWN, Ruling.NOT_VERIFIED),
    ],
)
def test_only_full_members_ask_or_look(standing: Standing, ruling: Ruling) -> None:
    person = replace(ASKER, standing=standing)
    assert asked(Policy(), person).ruling is ruling
    assert asked(LISTED, person).ruling is ruling
    assert rule_on_look(Policy(), person, NOW).ruling is ruling


def test_who_asks_or_looks_was_known_to_be_a_member_a_minute_ago() -> None:
    for age, is_allowed in ((60, True), (61, False)):
        person = replace(ASKER, known_at=NOW - timedelta(seconds=age))
        assert asked(Policy(), person).is_allowed is is_allowed
        assert rule_on_look(Policy(), person, NOW).is_allowed is is_allowed
    never = replace(ASKER, known_at=None)
    assert rule_on_look(Policy(), never, NOW).ruling is Ruling.NOT_VERIFIED


def test_who_is_listed_by_id_or_by_group_asks_and_nobody_else() -> None:
    assert asked(LISTED) == Judgement(Ruling.ALLOWED, "requesters")
    assert asked(LISTED, member(COLLEAGUE, "S0FRONT")).is_allowed
    refused = asked(LISTED, member(COLLEAGUE, "S0BOARD"))
    assert refused == Judgement(Ruling.NOT_A_REQUESTER, "requesters")
    in_doubt = replace(member(COLLEAGUE), unread=frozenset({"S0FRONT"}))
    assert asked(LISTED, in_doubt) == Judgement(Ruling.NOT_VERIFIED, "requesters")
    assert asked(Policy(requesters=frozenset())).ruling is Ruling.NOT_A_REQUESTER


@pytest.mark.parametrize("denied", ["U0REQUEST", "S0BOARD"])
def test_a_denied_requester_asks_for_nothing_however_often_they_are_listed(denied: str) -> None:
    person = member(REQUESTER, "S0FRONT", "S0BOARD")
    policy = replace(LISTED, deny_requesters=frozenset({denied}))
    assert asked(policy, person) == Judgement(Ruling.DENIED, "deny_requesters")
    assert asked(replace(LISTED, deny_approvers=frozenset({denied})), person).is_allowed


def test_whoever_may_be_in_a_denied_group_asks_for_nothing() -> None:
    policy = replace(LISTED, deny_requesters=frozenset({"S0BOARD"}))
    person = replace(ASKER, unread=frozenset({"S0BOARD"}))
    assert asked(policy, person) == Judgement(Ruling.NOT_VERIFIED, "deny_requesters")


def test_who_may_ask_or_approve_may_look_and_nobody_else() -> None:
    policy = replace(LISTED, approvers=frozenset({"S0FINANCE"}), tiers=(Tier(approvers=BOARD),))
    for person, rests_on in (
        (ASKER, "requesters"),
        (member(COLLEAGUE, "S0FRONT"), "requesters"),
        (member(COLLEAGUE, "S0FINANCE"), "approvers"),
        (member(COLLEAGUE, "S0BOARD"), "approvers"),
    ):
        assert rule_on_look(policy, person, NOW) == Judgement(Ruling.ALLOWED, rests_on)
    for person in (member(COLLEAGUE), replace(member(COLLEAGUE), unread=frozenset({"S0FRONT"}))):
        assert not rule_on_look(policy, person, NOW).is_allowed
    assert rule_on_look(Policy(), member(COLLEAGUE), NOW).is_allowed


def test_requests_are_made_in_the_channels_for_them() -> None:
    policy = Policy(channels=frozenset({"C0OTHER"}))
    assert asked(policy) == Judgement(Ruling.WRONG_CHANNEL, "channels")
    assert rule_on_request(policy, ASKER, NOW, "C0OTHER", None).is_allowed


@pytest.mark.parametrize("policy", [Policy(reason_required=True), OFFERED])
@pytest.mark.parametrize("reason", [None, "", " \n\t"])
def test_a_reason_is_given_where_one_is_asked_for(policy: Policy, reason: str | None) -> None:
    assert asked(policy, reason=reason).ruling is Ruling.REASON_MISSING
    assert asked(policy, reason=ILL).is_allowed


def test_a_reason_that_is_not_listed_is_none() -> None:
    assert asked(OFFERED, reason="Because") == Judgement(Ruling.REASON_NOT_LISTED, "reasons")
    assert asked(Policy(reason_required=True), reason="Because").is_allowed


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Guest is ill", "Guest is ill"),
        ("GUEST is iLL", "Guest is ill"),
        ("  guest \n is\till ", "Guest is ill"),
        ("guest is ill, will come in May", "Guest is ill"),
        ("guest is ill – see ticket 12", "Guest is ill"),
        ("guest is illiterate", None),
        ("guest is ill2", None),
        ("my guest is ill", None),
        ("guest is", None),
        ("event moved", "Event moved"),
        ("event moved on", "Event moved"),
        ("event moved online", "Event moved online"),
        ("event moved online again", "Event moved online"),
        ("event moved onliner", "Event moved"),
        ("", None),
    ],
)
def test_a_reason_is_known_by_its_words(text: str, reason: str | None) -> None:
    assert listed_reason(OFFERED, text) == reason


def test_a_listed_reason_without_any_words_is_none() -> None:
    assert listed_reason(Policy(reasons=("  ", "")), "anything") is None


def test_words_are_the_same_in_any_case_of_any_script() -> None:
    assert listed_reason(Policy(reasons=("Straße gesperrt",)), "STRASSE GESPERRT!")
    assert listed_reason(Policy(reasons=("ΝΌΣΟΣ",)), "νόσος")


_words = st.text(st.characters(whitelist_categories=("L", "N")), min_size=1, max_size=6)
_reasons = st.lists(_words, min_size=1, max_size=3).map(" ".join)


@given(st.lists(_reasons, max_size=4), st.integers(0, 3), st.sampled_from(("", " more", ", so")))
def test_a_listed_reason_is_always_accepted_with_or_without_more_words(
    reasons: list[str], index: int, rest: str
) -> None:
    policy = Policy(reasons=tuple(reasons))
    if index < len(reasons):
        found = listed_reason(policy, reasons[index] + rest)
        assert found is not None
        assert len(found) >= len(reasons[index])


@settings(max_examples=200)
@given(policies, people(NOW), any_id, some_groups)
def test_a_denial_or_a_doubt_never_lets_anybody_ask(
    policy: Policy, person: Person, denied: str, unread: frozenset[str]
) -> None:
    unsure = replace(person, groups=person.groups - unread, unread=person.unread | unread)
    if not asked(policy, person).is_allowed:
        assert not asked(policy, unsure).is_allowed
        for stricter in denying(policy, denied):
            assert not asked(stricter, person).is_allowed
    if not restated.is_member(person, NOW):
        assert not asked(policy, person).is_allowed


# What follows is approved without anybody's decision.
AUTOMATIC = Policy(auto_approve_up_to=up_to("400.00"))


def automatic(
    policy: Policy, of: Order | None = None, usage: Usage | None = NOTHING_USED
) -> Judgement:
    return rule_on_automation(policy, request(of=of), NOW, usage)


def test_nothing_is_approved_by_nobody_unless_the_policy_says_up_to_what_amount() -> None:
    no = Judgement(Ruling.NOT_AUTOMATIC, "auto_approve_up_to")
    assert automatic(Policy()) == no
    assert automatic(Policy(auto_approve_up_to=up_to("399.99"))) == no
    assert automatic(Policy(auto_approve_up_to=Ceiling(()))) == no
    assert automatic(AUTOMATIC) == Judgement(Ruling.ALLOWED, "auto_approve_up_to")
    bare = replace(request(), quote=None)
    assert rule_on_automation(AUTOMATIC, bare, NOW, NOTHING_USED) == no


@pytest.mark.parametrize(
    "subject",
    [
        order(replace(line(), checked_in=1)),
        order(line("1", 1), line("2", 1, kind=LineKind.DONATION)),
        replace(order(), balance=usd("1.00")),
    ],
)
def test_what_somebody_should_look_at_is_not_automatic(subject: Order) -> None:
    assert automatic(AUTOMATIC, subject).ruling is Ruling.NOT_AUTOMATIC


def test_what_is_barred_is_not_automatic() -> None:
    subject = replace(order(), created_at=None)
    assert automatic(AUTOMATIC, subject).is_allowed
    strict = replace(AUTOMATIC, max_order_age=timedelta(days=30))
    assert automatic(strict, subject).ruling is Ruling.NOT_AUTOMATIC
    begun = replace(AUTOMATIC, block_on=frozenset({WarningCode.PAST_EVENT}))
    soon = request(of=order(replace(line(), event_at=NOW + timedelta(hours=1))))
    assert rule_on_automation(begun, soon, NOW, NOTHING_USED).is_allowed
    late = NOW + timedelta(hours=2)
    judgement = rule_on_automation(begun, soon, late, NOTHING_USED)
    assert judgement.ruling is Ruling.NOT_AUTOMATIC


def test_what_no_tier_covers_is_not_automatic_either() -> None:
    low = replace(AUTOMATIC, tiers=(Tier(up_to("399.99")),))
    assert automatic(low).ruling is Ruling.ABOVE_ALL_TIERS
    other = replace(AUTOMATIC, tiers=(Tier(Ceiling(())),))
    assert automatic(other).ruling is Ruling.NO_TIER_IN_CURRENCY


def test_what_asks_for_several_or_for_certain_people_is_not_automatic() -> None:
    one = replace(AUTOMATIC, tiers=(Tier(up_to("400.00")), Tier(approvals=2)))
    assert automatic(one).is_allowed
    for tier in (Tier(approvals=2), Tier(approvers=BOARD)):
        judgement = automatic(replace(AUTOMATIC, tiers=(tier,)))
        assert judgement == Judgement(Ruling.NOT_AUTOMATIC, "tiers")


def test_what_one_person_has_approved_by_nobody_in_a_day_is_limited_too() -> None:
    policy = replace(AUTOMATIC, requester_daily=up_to("1000.00"))
    exact, over = (Usage(usd("0.00"), usd(used)) for used in ("600.00", "600.01"))
    assert automatic(policy, usage=exact).is_allowed
    assert automatic(policy, usage=over).ruling is Ruling.REQUESTER_LIMIT
    assert automatic(policy, usage=None).ruling is Ruling.REQUESTER_LIMIT


@settings(max_examples=200)
@given(scenes() | promising())
def test_only_what_is_below_the_amount_and_without_a_warning_is_approved_by_nobody(
    scene: Scene,
) -> None:
    request, policy, at = scene.request, scene.policy, scene.at
    judgement = rule_on_automation(policy, request, at.now, at.usage)
    assert judgement.rule
    if not judgement.is_allowed:
        return
    assert request.quote is not None
    assert policy.auto_approve_up_to is not None
    bound = policy.auto_approve_up_to.in_currency_of(request.quote.value)
    assert bound is not None
    assert request.quote.value <= bound
    assert not request.quote.warnings
    assert not request.quote.blocks
    tier = restated.tier_of(policy, request.quote.value)
    assert tier is not None
    assert (tier.approvals, tier.approvers) == (1, None)
    assert not restated.is_held_back(policy, request, at.now)


@settings(max_examples=200)
@given(promising(), ceilings())
def test_a_lower_ceiling_never_approves_more_by_nobody(scene: Scene, ceiling: Ceiling) -> None:
    policy, request, at = scene.policy, scene.request, scene.at
    lower = replace(policy, auto_approve_up_to=_lowered(policy.auto_approve_up_to, ceiling))
    limited = replace(policy, requester_daily=_lowered(policy.requester_daily, ceiling) or ceiling)
    if not rule_on_automation(policy, request, at.now, at.usage).is_allowed:
        for stricter in (lower, limited):
            assert not rule_on_automation(stricter, request, at.now, at.usage).is_allowed


def _lowered(ceiling: Ceiling | None, by: Ceiling) -> Ceiling | None:
    """Lower in each currency, and without the first."""
    return ceiling and Ceiling(tuple(_least(each, by) for each in ceiling.amounts[1:]))


def _least(bound: Money, by: Ceiling) -> Money:
    other = by.in_currency_of(bound)
    return bound if other is None else min(bound, other)
