"""The alarm: whoever approves alone is seen to do so by everybody who might have been asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from bot.domain.policy import Policy, Tier
from bot.domain.request import Decision, Request, State, Verdict
from bot.domain.venue import Venue
from bot.slack.cards import Message, alarm
from bot.slack.cards.alarm import alarm_kind
from bot.slack.cards.message import simplified
from tests.examples import APPROVER, NOW, VENUE, request
from tests.scenes import policies
from tests.strategies import GUEST_EMAIL, hostile, requests
from tests.unit.slack.rendered import calls_nobody, everything, objections, steers_nothing, texts

NOTE = "the guest leaves in an hour"
BROKEN = replace(
    request(State.APPROVED), decision=Decision(Verdict.BROKE_GLASS, APPROVER, NOW, 1, NOTE)
)
POLICY = Policy(
    approvers=frozenset({"S0FRONT", "U0APPROVE"}),
    tiers=(Tier(approvers=frozenset({"S0FINANCE"})),),
    mentions=("W0CHIEF", "S0FRONT"),
)


def shown(of: Request = BROKEN, policy: Policy = POLICY) -> Message:
    found = alarm(of, replace(VENUE, policy=policy))
    assert found is not None
    assert objections(found) == []
    return found


def test_it_says_who_did_what_and_why() -> None:
    text = shown().text
    for detail in (
        "*<@U0APPROVE> approved this alone, in an emergency*",
        "order 100130807, a refund of $400.00",
        "Please check that it was right.",
        f"\n>{NOTE}",
    ):
        assert detail in text


def test_it_calls_everybody_who_may_approve_but_not_who_did() -> None:
    called = "<!subteam^S0FINANCE> <!subteam^S0FRONT> <@W0CHIEF>\n"
    assert shown().text.startswith(called)
    assert next(texts(shown().blocks)).startswith(called)


def test_where_any_member_may_approve_those_are_called_whom_the_policy_names() -> None:
    assert shown(policy=Policy(mentions=("W0CHIEF",))).text.startswith("<@W0CHIEF>\n:rotating")
    assert shown(policy=Policy()).text.startswith(":rotating_light:")


@pytest.mark.parametrize("count", [20, 21, 500])
def test_it_calls_them_all_however_many_they_are(count: int) -> None:
    named = frozenset(f"U0{n:028}A" for n in range(count))
    blocks = "\n".join(texts(shown(policy=Policy(approvers=named)).blocks))
    assert all(f"<@{each}>" in blocks for each in named)


def test_it_is_shown_in_the_channel_and_names_itself() -> None:
    found = shown()
    assert found.broadcast
    assert simplified(found).broadcast
    assert found.metadata["event_payload"] == {
        "request_id": BROKEN.id,
        "kind": alarm_kind(BROKEN),
        "version": BROKEN.version,
    }


def test_every_alarm_has_a_name_of_its_own() -> None:
    others = [replace(BROKEN, revision=2), replace(BROKEN, run=2)]
    assert len({alarm_kind(each) for each in (BROKEN, *others)}) == 3
    assert alarm_kind(replace(BROKEN, state=State.DONE, version=9)) == alarm_kind(BROKEN)
    assert len(alarm_kind(replace(BROKEN, revision=10**6, run=10**6))) <= 32


@pytest.mark.parametrize("verdict", [each for each in Verdict if each is not Verdict.BROKE_GLASS])
def test_only_who_approved_alone_raises_it(verdict: Verdict) -> None:
    decision = Decision(verdict, APPROVER, NOW, 1)
    assert alarm(replace(BROKEN, decision=decision), VENUE) is None


def test_without_a_decision_there_is_none() -> None:
    for state in (State.REQUESTED, State.PENDING):
        assert alarm(request(state), VENUE) is None


def at(policy: Policy) -> Venue:
    return replace(VENUE, policy=policy)


@settings(max_examples=150)
@given(requests(quoted=True), policies, hostile)
def test_nothing_of_an_order_or_a_reason_calls_anybody(
    of: Request, policy: Policy, note: str
) -> None:
    decision = Decision(Verdict.BROKE_GLASS, APPROVER, NOW, 1, note)
    found = alarm(replace(of, decision=decision), at(policy))
    assert found is not None
    assert objections(found) == []
    assert objections(simplified(found)) == []
    assert steers_nothing(found.blocks)
    assert all(calls_nobody(text) for text in (found.text, *texts(found.blocks)))
    assert GUEST_EMAIL not in everything(found)
