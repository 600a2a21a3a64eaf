"""The desk under a policy: problems on the card, the alarm beside it, approvals by nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest
import structlog

from bot.domain.delivery import Delivery, DeliveryImpossibleError, DeliveryPostponedError
from bot.domain.policy import Policy, Tier
from bot.domain.request import (
    Decision,
    Failure,
    FailureCode,
    MessageRef,
    Request,
    State,
    Verdict,
)
from bot.slack.cards import alarm, card, reply
from bot.slack.cards.message import simplified
from tests.examples import APPROVER, CARD, CHANNEL, NOW, REQUESTER, VENUE, request
from tests.unit.slack.desks import FakeDirectory, FakePoster, desk, no
from tests.unit.slack.fake_posts import Clock, FakePosts
from tests.unit.slack.rendered import everything

pytestmark = pytest.mark.anyio

FRONT = Policy(approvers=frozenset({"S0FRONT"}), tiers=(Tier(approvals=2),))
STRICT = replace(VENUE, policy=FRONT)
PENDING = request(State.PENDING)


def last_card(poster: FakePoster) -> str:
    return everything(poster.said[0][3])


PROBLEMS = [
    (FakeDirectory(S0FRONT=None), "user group <!subteam^S0FRONT> cannot be read"),
    (FakeDirectory(S0FRONT=[]), "user group <!subteam^S0FRONT> is empty"),
    (FakeDirectory(S0FRONT=[]), "*Nobody can approve this*: of those who may, none is left"),
    (FakeDirectory(S0FRONT=["U0REQUEST"]), "<@U0REQUEST>, who asked, is the only one who may"),
    (FakeDirectory(S0FRONT=["U0REQUEST", "U0A"]), "needs 2 different people, and only 1 could"),
]


@pytest.mark.parametrize(("directory", "sentence"), PROBLEMS)
async def test_what_nobody_could_approve_says_so_by_name(
    directory: FakeDirectory, sentence: str
) -> None:
    poster, slack = desk(venue=STRICT, directory=directory)
    await slack.show(PENDING)
    assert sentence in last_card(poster)


async def test_a_list_of_the_denied_that_cannot_be_read_lets_nobody_approve() -> None:
    policy = Policy(deny_approvers=frozenset({"S0INTERNS"}))
    poster, slack = desk(
        venue=replace(VENUE, policy=policy), directory=FakeDirectory(S0INTERNS=None)
    )
    await slack.show(PENDING)
    assert "*Nobody can approve this right now*" in last_card(poster)
    assert "user group <!subteam^S0INTERNS> cannot be read" in last_card(poster)


async def test_what_enough_people_could_approve_has_no_problem() -> None:
    poster, slack = desk(venue=STRICT, directory=FakeDirectory(S0FRONT=["U0A", "U0B"]))
    await slack.show(PENDING)
    assert poster.said[0][3] == card(PENDING, STRICT)


async def test_nobody_is_reminded_of_what_they_cannot_approve() -> None:
    venue = replace(STRICT, policy=replace(FRONT, mentions=("U0CHIEF",)))
    due = replace(PENDING, reminders=1)
    poster, slack = desk(venue=venue, directory=FakeDirectory(S0FRONT=["U0A"]))
    await slack.show(due)
    assert "nobody can approve it as things are" in poster.said[-1][3].text
    assert not any("U0CHIEF" in everything(message) for *_, message in poster.said)
    poster, slack = desk(venue=venue, directory=FakeDirectory(S0FRONT=["U0A", "U0B"]))
    await slack.show(due)
    assert poster.said[-1][3].text.startswith("<@U0CHIEF> :bell:")


async def test_those_who_were_called_late_can_approve_as_well() -> None:
    policy = replace(FRONT, escalate_to=("S0BOARD",), tiers=())
    directory = FakeDirectory(S0FRONT=[], S0BOARD=["U0A"])
    waiting = replace(PENDING, escalates_at=NOW)
    poster, slack = desk(venue=replace(VENUE, policy=policy), directory=directory)
    await slack.show(waiting)
    assert "Nobody can approve" not in last_card(poster)
    poster, slack = desk(venue=replace(VENUE, policy=policy), directory=directory)
    await slack.show(PENDING)
    assert "Nobody can approve" in last_card(poster)


@pytest.mark.parametrize("state", [State.APPROVED, State.DONE, State.UNKNOWN, State.REJECTED])
async def test_nobody_is_looked_up_for_what_does_not_wait(state: State) -> None:
    directory = FakeDirectory(S0FRONT=[])
    poster, slack = desk(venue=STRICT, directory=directory)
    await slack.show(request(state))
    assert directory.asked == 0
    assert poster.said[0][3] == card(request(state), STRICT)


async def test_nobody_is_looked_up_where_any_member_may_approve() -> None:
    directory = FakeDirectory()
    _, slack = desk(directory=directory)
    await slack.show(PENDING)
    assert directory.asked == 0


BROKE_GLASS = Decision(Verdict.BROKE_GLASS, APPROVER, NOW, 1, "the <!here> guest leaves")


def broken(state: State, run: int = 1) -> Request:
    return replace(request(state), decision=BROKE_GLASS, run=run, result=None)


async def test_the_alarm_stands_in_the_cards_thread_once_whatever_comes_next() -> None:
    posts = FakePosts(Clock())
    alarms = []
    for state in (State.APPROVED, State.APPROVED, State.EXECUTING, State.DONE, State.DONE):
        poster, slack = desk(posts=posts, venue=STRICT)
        await slack.show(broken(state))
        alarms += [said for said in poster.said if "in an emergency*" in said[3].text]
    assert alarms == [("post", CHANNEL, CARD.ts, alarm(broken(State.APPROVED), STRICT))]
    assert alarms[0][3].broadcast
    assert "<!subteam^S0FRONT>" in alarms[0][3].text
    assert "&lt;!here&gt;" in alarms[0][3].text


async def test_it_is_raised_anew_for_a_new_approval() -> None:
    poster, slack = desk()
    for run in (1, 2):
        await slack.show(broken(State.APPROVED, run))
    assert len([said for said in poster.said if said[0] == "post"]) == 2


async def test_an_alarm_that_cannot_be_posted_is_logged_and_the_rest_shown() -> None:
    poster, slack = desk(None, no("restricted_action_thread_locked"))
    with structlog.testing.capture_logs() as logs:
        assert await slack.show(broken(State.APPROVED)) == Delivery(CARD)
    (entry,) = logs
    assert (entry["event"], entry["kind"]) == ("notice_impossible", "alarm:1:1")
    assert poster.where == [("update", CARD.channel, CARD.ts)]


@pytest.mark.parametrize("trouble", [no("token_revoked"), DeliveryPostponedError(3, "ratelimited")])
async def test_an_alarm_that_has_to_wait_is_not_forgotten(
    trouble: DeliveryImpossibleError | DeliveryPostponedError,
) -> None:
    posts = FakePosts(Clock())
    _, slack = desk(None, trouble, posts=posts)
    with pytest.raises(DeliveryPostponedError) as postponed:
        await slack.show(broken(State.APPROVED))
    assert postponed.value.shown == Delivery(CARD)
    poster, slack = desk(posts=posts)
    await slack.show(broken(State.EXECUTING))
    assert poster.where[-1] == ("post", CHANNEL, CARD.ts)


async def test_an_alarm_that_slack_cannot_lay_out_arrives_as_text() -> None:
    poster, slack = desk(None, no("invalid_blocks"))
    await slack.show(broken(State.APPROVED))
    expected = alarm(broken(State.APPROVED), VENUE)
    assert expected is not None
    assert poster.said[-1][3] == simplified(expected)


def automatic(state: State) -> Request:
    """Approved by the policy, before there was a card anywhere."""
    decision = Decision(Verdict.AUTOMATIC, None, NOW, 1)
    return replace(request(state), decision=decision, card=None, result=None)


@pytest.mark.parametrize("state", [State.APPROVED, State.EXECUTING, State.DONE, State.UNKNOWN])
async def test_what_the_policy_approved_gets_its_card_in_the_channel(state: State) -> None:
    poster, slack = desk()
    shown = await slack.show(automatic(state))
    assert shown.card == MessageRef(CHANNEL, "1.0")
    assert poster.said[0] == ("post", CHANNEL, None, card(automatic(state), VENUE))
    assert "Approved by the policy itself" in everything(poster.said[0][3])


@pytest.mark.parametrize("cause", ["not_in_channel", "channel_not_found", "is_archived"])
@pytest.mark.parametrize("state", [State.DONE, State.UNKNOWN])
async def test_what_came_of_it_is_told_directly_where_the_card_cannot_stand(
    state: State, cause: str
) -> None:
    poster, slack = desk(no(cause))
    shown = await slack.show(automatic(state))
    direct = f"D{REQUESTER.user}"
    assert poster.where == [("post", REQUESTER.user, None), ("post", direct, "1.0")]
    assert [message for *_, message in poster.said] == [
        card(automatic(state), VENUE),
        reply(automatic(state), VENUE),
    ]
    assert shown == Delivery(MessageRef(direct, "1.0"), MessageRef(direct, "2.0"))
    assert poster.whispers == []


async def test_a_card_that_was_told_directly_is_kept_up_there() -> None:
    posts = FakePosts(Clock())
    _, slack = desk(no("not_in_channel"), posts=posts)
    direct = (await slack.show(automatic(State.APPROVED))).card
    poster, slack = desk(posts=posts)
    done = replace(automatic(State.DONE), card=direct)
    assert (await slack.show(done)).card == direct
    assert direct is not None
    assert poster.where == [
        ("update", direct.channel, direct.ts),
        ("post", direct.channel, direct.ts),
    ]


async def test_what_the_policy_approved_in_vain_ends_privately() -> None:
    failed = replace(automatic(State.FAILED), failure=Failure(FailureCode.REFUSED, "locked"))
    poster, slack = desk()
    assert await slack.show(failed) == Delivery()
    ((recipient, text),) = poster.whispers
    assert recipient.user == REQUESTER.user
    assert "was not cancelled" in text
    assert "Nothing was changed." in text
