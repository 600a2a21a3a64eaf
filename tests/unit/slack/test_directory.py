"""Who people are: asked of Slack once in a while, and never guessed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.person import Person, Standing
from bot.domain.policy import BreakGlass, Policy
from bot.domain.request import Actor
from bot.slack import directory as people
from bot.slack.directory import Directory
from tests.examples import NOW
from tests.unit.slack.fake_posts import Clock
from tests.unit.slack.loopback import CUT, TEAM, Reply, Slack, member, refusal, slack_and_client

pytestmark = pytest.mark.anyio

ROBIN = Actor("U0ROBIN", TEAM)
FRONT, FINANCE = "S0FRONT", "S0FINANCE"
BOTH = frozenset({FRONT, FINANCE})
NO_GROUPS: frozenset[str] = frozenset()


@dataclass
class Case:
    """A workspace on loopback, a clock that stands still, and who asks."""

    slack: Slack
    client: AsyncWebClient
    now: Clock
    directory: Directory

    def asked(self, method: str) -> int:
        return self.slack.methods.count(method)

    def later(self, seconds: float) -> None:
        self.now.moment += timedelta(seconds=seconds)

    async def in_a_hurry(self, hangs_after: float = 60) -> Directory:
        """A directory without patience, which has heard of Robin and of where it is."""
        hasty = Directory(self.client, self.now, 0.05, hangs_after)
        while (await hasty.person(ROBIN, NO_GROUPS)).standing is Standing.UNKNOWN:
            pass
        self.slack.calls.clear()
        return hasty


@pytest.fixture
async def case() -> AsyncIterator[Case]:
    async with slack_and_client() as (slack, client):
        slack.groups = {FRONT: ["U0ROBIN", "U0KIM"], FINANCE: ["U0KIM"]}
        now = Clock()
        yield Case(slack, client, now, Directory(client, now, patience=30))
        for gate in slack.gates.values():
            gate.set()


async def test_a_full_member_is_known_with_their_groups(case: Case) -> None:
    person = await case.directory.person(ROBIN, BOTH)
    assert person == Person(ROBIN, Standing.MEMBER, frozenset({FRONT}), known_at=NOW)


async def test_nobody_is_asked_about_groups_that_do_not_matter(case: Case) -> None:
    await case.directory.person(ROBIN, NO_GROUPS)
    assert case.asked("usergroups.users.list") == 0
    assert case.asked("users.info") == 1


NOT_OURS = ["user_not_found", "user_not_visible", "users_not_found"]


@pytest.mark.parametrize("error", NOT_OURS)
async def test_whom_slack_does_not_show_is_a_stranger(case: Case, error: str) -> None:
    case.slack.replies["users.info"] = [refusal(error)]
    with structlog.testing.capture_logs() as logs:
        assert (await case.directory.person(ROBIN, NO_GROUPS)).standing is Standing.STRANGER
    assert logs == []


async def test_whoever_clicks_from_another_workspace_is_a_stranger(case: Case) -> None:
    """Even where an id of theirs is one of ours."""
    for elsewhere in (Actor("U0ROBIN", "T0PARTNER"), Actor("U0ROBIN", "T0PARTNER", "E0CHAIN")):
        person = await case.directory.person(elsewhere, NO_GROUPS)
        assert person.standing is Standing.STRANGER


async def test_slack_is_asked_once_while_what_it_said_may_be_used(case: Case) -> None:
    for _ in range(3):
        await case.directory.person(ROBIN, BOTH)
        case.later(20)
    assert (case.asked("users.info"), case.asked("usergroups.users.list")) == (1, 2)
    await case.directory.person(ROBIN, BOTH)
    assert (case.asked("users.info"), case.asked("usergroups.users.list")) == (2, 4)


async def test_what_is_remembered_is_as_old_as_its_oldest_part(case: Case) -> None:
    await case.directory.person(ROBIN, frozenset({FRONT}))
    case.later(30)
    person = await case.directory.person(ROBIN, BOTH)
    assert person.known_at == NOW
    assert person.unread == NO_GROUPS


async def test_what_changed_is_noticed_when_it_is_asked_for_afresh(case: Case) -> None:
    await case.directory.person(ROBIN, BOTH)
    case.slack.people["U0ROBIN"] = member("U0ROBIN", deleted=True)
    case.slack.groups[FRONT] = []
    case.later(10)
    assert (await case.directory.person(ROBIN, BOTH)).standing is Standing.MEMBER
    person = await case.directory.person(ROBIN, BOTH, fresh=True)
    assert person == Person(ROBIN, Standing.DEACTIVATED, known_at=case.now())


async def test_asking_afresh_does_not_ask_twice_in_the_same_moment(case: Case) -> None:
    for _ in range(3):
        await case.directory.person(ROBIN, BOTH, fresh=True)
        case.later(2)
    assert case.asked("users.info") == 1
    await case.directory.person(ROBIN, BOTH, fresh=True)
    assert case.asked("users.info") == 2


@pytest.mark.parametrize("fresh", [False, True])
async def test_many_who_ask_at_once_share_an_answer(case: Case, fresh: bool) -> None:
    asking = [case.directory.person(ROBIN, BOTH, fresh=fresh) for _ in range(50)]
    people = await asyncio.gather(*asking)
    assert {person.standing for person in people} == {Standing.MEMBER}
    assert (case.asked("users.info"), case.asked("usergroups.users.list")) == (1, 2)


async def test_who_is_under_way_is_not_asked_about_again(case: Case) -> None:
    hasty = await case.in_a_hurry()
    gate = case.slack.gates["users.info"] = asyncio.Event()
    kim = Actor("U0KIM", TEAM)
    for fresh in (False, True, True):
        assert (await hasty.person(kim, NO_GROUPS, fresh=fresh)).standing is Standing.UNKNOWN
    gate.set()
    while (await hasty.person(kim, NO_GROUPS)).standing is Standing.UNKNOWN:
        pass
    assert case.asked("users.info") == 1


async def test_a_question_that_hangs_is_given_up_and_asked_anew(case: Case) -> None:
    hasty = await case.in_a_hurry(hangs_after=0.5)
    case.slack.gates["users.info"] = asyncio.Event()
    kim = Actor("U0KIM", TEAM)
    with structlog.testing.capture_logs() as logs:
        while not logs:
            assert (await hasty.person(kim, NO_GROUPS)).standing is Standing.UNKNOWN
    trouble = {"event": "people_not_looked_up", "method": "users.info", "cause": "timeout"}
    assert logs == [trouble | {"log_level": "warning"}]
    del case.slack.gates["users.info"]  # whoever was held up stays so
    while (await hasty.person(kim, NO_GROUPS)).standing is Standing.UNKNOWN:
        pass


async def test_what_is_not_said_in_time_is_unknown_and_remembered_when_it_comes(
    case: Case,
) -> None:
    hasty = await case.in_a_hurry()
    gate = case.slack.gates["usergroups.users.list"] = asyncio.Event()
    person = await hasty.person(ROBIN, BOTH)
    assert (person.standing, person.groups, person.unread) == (Standing.MEMBER, NO_GROUPS, BOTH)
    gate.set()
    while (await hasty.person(ROBIN, BOTH)).unread:
        pass
    assert case.asked("usergroups.users.list") == 2


async def test_an_answer_that_took_too_long_does_not_count_as_fresh(case: Case) -> None:
    hasty = await case.in_a_hurry()
    gate = case.slack.gates["users.info"] = asyncio.Event()
    case.later(60)
    assert (await hasty.person(ROBIN, NO_GROUPS, fresh=True)).standing is Standing.UNKNOWN
    case.later(30)
    gate.set()
    while (await hasty.person(ROBIN, NO_GROUPS)).standing is Standing.UNKNOWN:
        pass
    assert (await hasty.person(ROBIN, NO_GROUPS)).known_at == NOW + timedelta(seconds=60)
    before = case.asked("users.info")
    await case.directory.person(ROBIN, NO_GROUPS, fresh=True)
    assert case.asked("users.info") == before + 1


SILENCES = [
    Reply({}, CUT),
    Reply("<h1>Bad gateway</h1>", 502),
    Reply("<h1>Welcome to our proxy</h1>"),
    Reply(["not", "Slack"]),
    refusal("internal_error"),
    refusal("invalid_auth"),
    refusal("missing_scope"),
    refusal("no_such_subteam"),
]


@pytest.mark.parametrize("answer", SILENCES)
async def test_what_slack_does_not_say_is_unknown(case: Case, answer: Reply) -> None:
    await case.directory.person(Actor("U0KIM", TEAM), NO_GROUPS)
    case.slack.replies = {"users.info": [answer], "usergroups.users.list": [answer]}
    person = await case.directory.person(ROBIN, BOTH)
    assert (person.standing, person.groups, person.unread) == (Standing.UNKNOWN, NO_GROUPS, BOTH)


async def test_a_group_that_cannot_be_read_says_nothing_of_the_others(case: Case) -> None:
    person = await case.directory.person(ROBIN, frozenset({FRONT, "S0GONE"}))
    assert person.standing is Standing.MEMBER
    assert (person.groups, person.unread) == (frozenset({FRONT}), frozenset({"S0GONE"}))


async def test_what_failed_is_not_remembered(case: Case) -> None:
    case.slack.replies["usergroups.users.list"] = [refusal("invalid_auth")]
    assert (await case.directory.person(ROBIN, frozenset({FRONT}))).unread
    del case.slack.replies["usergroups.users.list"]
    assert not (await case.directory.person(ROBIN, frozenset({FRONT}))).unread


async def test_passing_trouble_passes(case: Case) -> None:
    sound = Reply({"ok": True, "user": member("U0ROBIN")})
    case.slack.replies["users.info"] = [Reply({}, CUT), refusal("internal_error"), sound]
    assert (await case.directory.person(ROBIN, NO_GROUPS)).standing is Standing.MEMBER
    assert case.asked("users.info") == 3


async def test_slack_is_left_alone_for_as_long_as_it_wants(case: Case) -> None:
    case.slack.replies["users.info"] = [refusal("ratelimited", 429, Retry_After="30")]
    for _ in range(3):
        assert (await case.directory.person(ROBIN, BOTH)).standing is Standing.UNKNOWN
    assert case.asked("users.info") == 1
    assert case.asked("usergroups.users.list") == 2


async def test_nobody_is_known_before_it_is_known_where_we_are(case: Case) -> None:
    case.slack.replies["auth.test"] = [refusal("invalid_auth")]
    person = await case.directory.person(ROBIN, BOTH)
    assert (person.standing, person.groups) == (Standing.UNKNOWN, frozenset({FRONT}))
    del case.slack.replies["auth.test"]
    assert (await case.directory.person(ROBIN, BOTH)).standing is Standing.MEMBER


async def test_where_we_are_is_asked_for_once(case: Case) -> None:
    case.directory.settle_in(await case.client.auth_test())
    for seconds in (0, 70, 70):
        case.later(seconds)
        await case.directory.person(ROBIN, NO_GROUPS)
    assert case.asked("auth.test") == 1


async def test_a_missing_scope_is_told_to_the_operator_once(case: Case) -> None:
    case.slack.replies["usergroups.users.list"] = [refusal("missing_scope")]
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            await case.directory.person(ROBIN, BOTH)
    (entry,) = logs
    assert entry["log_level"] == "error"
    assert (entry["method"], entry["cause"]) == ("usergroups.users.list", "missing_scope")


@pytest.mark.parametrize("answer", [{}, {"users": 7}, {"users": None}, {"users": {}}])
async def test_an_answer_without_members_leaves_a_group_unread(
    case: Case, answer: dict[str, object]
) -> None:
    """Whoever may be in a denied group must not be let in by it."""
    case.slack.replies["usergroups.users.list"] = [Reply({"ok": True} | answer)]
    with structlog.testing.capture_logs() as logs:
        person = await case.directory.person(ROBIN, frozenset({FRONT}))
    assert person.unread == {FRONT}
    (entry,) = logs
    assert (entry["event"], entry["cause"]) == ("people_cannot_be_looked_up", "unreadable_answer")


async def test_a_mistake_of_ours_is_logged_and_makes_nobody_a_member(case: Case) -> None:
    async def broken(_: str) -> frozenset[str]:
        raise TypeError

    case.directory._groups.ask = broken
    with structlog.testing.capture_logs() as logs:
        person = await case.directory.person(ROBIN, frozenset({FRONT}))
    assert person.unread == {FRONT}
    (entry,) = logs
    assert (entry["event"], entry["error"]) == ("looking_up_failed", "TypeError")


async def test_no_name_or_address_of_anybody_gets_into_the_log(case: Case) -> None:
    shown = member("U0ROBIN", real_name="Robin Goodfellow", profile={"email": "robin@example.com"})
    case.slack.replies["users.info"] = [Reply(shown | {"ok": False, "error": "fatal_error"})]
    with structlog.testing.capture_logs() as logs:
        await case.directory.person(ROBIN, NO_GROUPS)
    assert logs
    assert not any(word in str(logs) for word in ("Robin Goodfellow", "robin@example.com"))


async def test_only_so_many_people_are_remembered(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "_MOST_REMEMBERED", 3)
    for user in ("U0A", "U0B", "U0C", "U0D"):
        await case.directory.person(Actor(user, TEAM), NO_GROUPS)
    await case.directory.person(Actor("U0D", TEAM), NO_GROUPS)
    assert case.asked("users.info") == 4
    await case.directory.person(Actor("U0A", TEAM), NO_GROUPS)
    assert case.asked("users.info") == 5


async def test_the_roster_tells_who_is_in_which_group_and_who_is_no_member(case: Case) -> None:
    case.slack.people["U0GUEST"] = member("U0GUEST", is_restricted=True)
    case.slack.people["U0LEFT"] = member("U0LEFT", deleted=True)
    case.slack.people["W0ODD"] = {"id": "W0ODD", "team_id": TEAM}
    policy = Policy(
        approvers=frozenset({FRONT, "S0GONE", "U0GUEST", "U0LEFT", "W0ODD", "U0KIM"}),
        break_glass=BreakGlass(frozenset({FINANCE})),
    )
    roster = await case.directory.roster(policy)
    assert roster.members == {
        FRONT: {"U0ROBIN", "U0KIM"},
        FINANCE: {"U0KIM"},
        "S0GONE": None,
    }
    # Of whom nothing is known, nothing is held against them either.
    assert roster.unfit == {"U0GUEST", "U0LEFT"}


async def test_a_roster_costs_nothing_twice(case: Case) -> None:
    policy = Policy(approvers=frozenset({FRONT, "U0KIM"}))
    for _ in range(3):
        await case.directory.roster(policy)
    await case.directory.person(Actor("U0KIM", TEAM), frozenset({FRONT}))
    # Both who are in the group, and the group.
    assert (case.asked("users.info"), case.asked("usergroups.users.list")) == (2, 1)


async def test_of_small_groups_those_who_left_are_told(case: Case) -> None:
    """Leavers may stay in a user group, and then nobody may be left in it."""
    case.slack.people["U0ROBIN"] = member("U0ROBIN", deleted=True)
    roster = await case.directory.roster(Policy(approvers=frozenset({FRONT})))
    assert roster.unfit == {"U0ROBIN"}
    case.slack.groups["S0MANY"] = [f"U0N{n}" for n in range(6)]
    before = case.asked("users.info")
    await case.directory.roster(Policy(approvers=frozenset({"S0MANY"})))
    assert case.asked("users.info") == before


async def test_a_roster_that_slack_does_not_give_is_unread(case: Case) -> None:
    silence = [Reply({}, CUT)]
    case.slack.replies = {"users.info": silence, "usergroups.users.list": silence}
    roster = await case.directory.roster(Policy(approvers=frozenset({FRONT, "U0KIM"})))
    assert (roster.members, roster.unfit) == ({FRONT: None}, frozenset())


async def test_a_clock_that_was_set_back_makes_no_fact_last(case: Case) -> None:
    await case.directory.person(ROBIN, NO_GROUPS)
    case.slack.people["U0ROBIN"] = member("U0ROBIN") | {"deleted": True}
    case.later(-3600)
    person = await case.directory.person(ROBIN, NO_GROUPS)
    assert person.standing is Standing.DEACTIVATED
