"""Who somebody is: only full members ask and decide, as Slack knows them now; in doubt nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.sandbox.settings import SandboxSettings
from bot.sandbox.slack.cast import PARTNER_TEAM
from bot.slack.cards import modals
from bot.slack.payloads import FormContext
from tests.integration import slack_wire
from tests.integration.stage import (
    APPROVER,
    COURIER,
    GUEST,
    LEFT,
    MEMBER,
    QUICK,
    REQUESTER,
    SECOND,
    SINGLE,
    Case,
    Json,
    Stage,
    buttons,
    open_stage,
    words,
)

# The family's order is worth less than 200, the seed's more.
FAMILY = "26644402"
TIERS = """
[policy]
remind_after_minutes = []

[[policy.tiers]]
up_to = { USD = 200 }

[[policy.tiers]]
up_to = { USD = 5000 }
"""
PARTNER, TOURING = "U0PARTNER", "C0PARTNER"
# For how long what Slack said may be used at most, and how much older than a moment is not new.
A_MINUTE, A_MOMENT = 60, 10
UNSURE = "The bot could not find out from Slack"
OUTSIDERS = {
    GUEST: "You are a guest in this workspace; only its full members can do this",
    SINGLE: "You are a guest in this workspace; only its full members can do this",
    COURIER: "Bots can neither ask for refunds nor decide on them",
    LEFT: "Your account in this workspace is deactivated",
    PARTNER: "This belongs to another workspace than yours",
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("house"), QUICK + TIERS, later=True) as running:
        yield running


@pytest.fixture(autouse=True)
def _slack_and_people_are_as_before(house: Stage) -> Iterator[None]:
    yield
    house.people.slack_fault("users.info", None)
    for user in (REQUESTER, APPROVER, MEMBER):
        house.person(user, is_restricted=False, deleted=False)
    house.put_forward(A_MINUTE)


def case_for(house: Stage, user: str, template: str = FAMILY) -> Case:
    """A case in a channel that the person is in."""
    return house.case(template, channel=TOURING if user == PARTNER else None)


def typed(house: Stage, user: str, channel: str, text: str) -> str:
    """What is answered to a command at once, also to those whom Slack would not let type it."""
    team = PARTNER_TEAM if user == PARTNER else slack_wire.TEAM
    fields = slack_wire.command_fields(text, user, channel) | {"team_id": team}
    answer = house.wire.send(slack_wire.form(fields))
    assert answer.status_code == 200
    told: Json = answer.json()
    assert told["response_type"] == "ephemeral"
    return str(told["text"])


def was_asked_for(house: Stage, case: Case) -> bool:
    told = typed(house, REQUESTER, case.channel, f"status {case.order}")
    return f"Nobody has asked for order {case.order}" not in told


@pytest.mark.parametrize("user", OUTSIDERS)
@pytest.mark.parametrize("text", ["{}", "status {}", "pending", "history", ""])
def test_an_outsiders_command_is_refused(house: Stage, user: str, text: str) -> None:
    """Also the lists: they name orders, amounts and people."""
    case = case_for(house, user)
    assert OUTSIDERS[user] in typed(house, user, case.channel, text.format(case.order))
    assert not was_asked_for(house, case)
    assert case.people.state(user)["views"] == []


def test_a_payload_that_says_our_workspace_does_not_make_somebody_ours(house: Stage) -> None:
    case = case_for(house, PARTNER)
    body = slack_wire.command(case.order, PARTNER, case.channel)
    assert OUTSIDERS[PARTNER] in house.wire.send(body).json()["text"]
    assert not was_asked_for(house, case)


def test_somebody_whom_slack_does_not_know_is_a_stranger(house: Stage) -> None:
    case = house.case(FAMILY)
    assert OUTSIDERS[PARTNER] in typed(house, "U0NOBODY", case.channel, case.order)


@pytest.mark.parametrize("user", OUTSIDERS)
def test_an_outsider_may_read_the_help(house: Stage, user: str) -> None:
    assert "`/cancel-order 26644388`" in typed(house, user, house.next_channel(), "help")


@pytest.mark.parametrize("user", [GUEST, SINGLE, COURIER, LEFT])
def test_an_outsiders_shortcut_on_a_message_opens_no_form(house: Stage, user: str) -> None:
    case = case_for(house, user)
    ts = case.people.say(f"Please cancel {case.order}", channel=case.channel)
    where = {"channel": case.channel, "message_ts": ts, "user": user, "in_flight": True}
    assert house.people.post("/ui/shortcut", callback_id="cancel_order_message", **where)["ok"]
    told_somewhere(house, user, OUTSIDERS[user], case)
    assert case.people.state(user)["views"] == []


@pytest.mark.parametrize("user", [GUEST, SINGLE])
def test_an_outsiders_shortcut_from_anywhere_opens_no_form(house: Stage, user: str) -> None:
    case = case_for(house, user)
    assert house.people.shortcut("cancel_order_global", user)["ok"]
    told_somewhere(house, user, OUTSIDERS[user], case)
    assert case.people.state(user)["views"] == []


def told_somewhere(house: Stage, user: str, saying: str, case: Case) -> None:
    """Wait for a private answer: in the channel, or directly where no channel is known."""
    rooms = (case.channel, f"D{user[1:]}")

    def look() -> bool:
        said = [m for room in rooms for m in house.people.messages(user, room)]
        return any(saying in words(m) and float(m["ts"]) >= case.began for m in said)

    house.people.wait_for(f"“{saying}”, said to {user},", look)


@pytest.mark.parametrize("user", OUTSIDERS)
def test_an_outsiders_entry_form_makes_no_request(house: Stage, user: str) -> None:
    """Somebody may have been a full member when they opened it."""
    case = case_for(house, user)
    told = FormContext(channel=case.channel).dump()
    entered = {"order_id": {"type": "plain_text_input", "value": case.order}}
    team = PARTNER_TEAM if user == PARTNER else slack_wire.TEAM
    form = slack_wire.sent_form(modals.CANCEL_ORDER, told, entered, user, team)
    answer = house.wire.send(form)
    assert (answer.status_code, answer.text) == (200, "")
    assert not was_asked_for(house, case)


@pytest.mark.parametrize("user", [GUEST, SINGLE, COURIER, LEFT])
def test_an_outsiders_click_is_answered_privately_and_leaves_the_request_open(
    house: Stage, user: str
) -> None:
    case = case_for(house, user)
    card = case.asked()
    house.people.post("/ui/action", **pressed(card, "approve", user), in_flight=True)
    told_somewhere(house, user, OUTSIDERS[user], case)
    assert case.private(APPROVER) == []
    assert case.card("waiting for approval")["ts"] == card["ts"]
    case.approve()
    case.card("· cancelled")


def pressed(card: Json, action_id: str, user: str) -> Json:
    """A click on a card as it stands."""
    button = buttons(card)[action_id]
    named = {name: button[name] for name in ("block_id", "action_id", "value")}
    return named | {"user": user, "channel": card["channel"], "message_ts": card["ts"]}


def test_a_partners_click_in_a_shared_channel_is_refused(house: Stage) -> None:
    case = case_for(house, PARTNER)
    case.asked()
    case.click("approve", PARTNER)
    assert "whose people decide on it" in case.told(OUTSIDERS[PARTNER], PARTNER)
    case.approve()
    case.card("· cancelled")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"is_restricted": True}, OUTSIDERS[GUEST]),
        ({"is_ultra_restricted": True}, OUTSIDERS[GUEST]),
        ({"is_bot": True}, OUTSIDERS[COURIER]),
        ({"deleted": True}, OUTSIDERS[LEFT]),
        ({"team_id": PARTNER_TEAM}, OUTSIDERS[PARTNER]),
        ({"is_stranger": True}, OUTSIDERS[PARTNER]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_who_ceases_to_be_a_member_is_refused_a_minute_later_at_the_latest(
    house: Stage, change: Json, sentence: str
) -> None:
    case = house.case(FAMILY)
    card = case.asked()
    remembered(house, MEMBER)
    house.person(MEMBER, **change)
    try:
        house.put_forward(A_MINUTE)
        house.people.post("/ui/action", **pressed(card, "approve", MEMBER), in_flight=True)
        told_somewhere(house, MEMBER, sentence, case)
        assert "waiting for approval" in words(case.card())
    finally:
        back = {"is_stranger": None, "team_id": slack_wire.TEAM}
        house.person(MEMBER, **{name: back.get(name, False) for name in change})
    house.put_forward(A_MINUTE)
    case.approve(MEMBER)
    case.card("· cancelled")


def remembered(house: Stage, user: str) -> None:
    """Let the bot have looked somebody up just now."""
    typed(house, user, house.next_channel(), "pending")


def test_above_the_lowest_tier_nothing_that_is_remembered_will_do(house: Stage) -> None:
    small, large = house.case(FAMILY), house.case()
    for case in (small, large):
        case.asked()
    remembered(house, MEMBER)
    house.person(MEMBER, is_restricted=True)
    house.put_forward(A_MOMENT)
    large.click("approve", MEMBER)
    large.told(OUTSIDERS[GUEST], MEMBER)
    assert "waiting for approval" in words(large.card())
    large.approve()
    large.card("· cancelled")


def test_who_ceases_to_be_a_member_while_typing_why_is_refused(house: Stage) -> None:
    case = house.case(FAMILY)
    case.asked()
    case.click("reject", MEMBER)
    form = case.people.form("reject_reason", MEMBER)
    house.person(MEMBER, is_restricted=True)
    house.put_forward(A_MINUTE)
    assert case.people.submit(form, MEMBER, reason="no")["ok"]
    case.told(OUTSIDERS[GUEST], MEMBER)
    assert "waiting for approval" in words(case.card())


def test_others_decide_on_what_somebody_asked_who_has_left(house: Stage) -> None:
    case = house.case(FAMILY)
    card = case.asked()
    house.person(REQUESTER, deleted=True)
    house.put_forward(A_MINUTE)
    house.people.post("/ui/action", **pressed(card, "withdraw", REQUESTER), in_flight=True)
    told_somewhere(house, REQUESTER, OUTSIDERS[LEFT], case)
    case.approve()
    case.people.wait_for("the refund", lambda: case.upstream()["refunded"] == "148.75")


TROUBLES: dict[str, Json] = {
    "refused": {"kind": "error", "error": "missing_scope"},
    "troubled": {"kind": "error", "error": "internal_error"},
    "broken": {"kind": "http_500"},
    "cut off": {"kind": "drop"},
    "lost": {"kind": "drop_before"},
    "hollow": {"kind": "hollow"},
    "too often": {"kind": "ratelimited", "retry_after": 1},
    "slow": {"kind": "slow", "seconds": 3},
}


@pytest.fixture(params=TROUBLES)
def trouble(request: pytest.FixtureRequest) -> Json:
    """How Slack does not say who somebody is."""
    return TROUBLES[request.param]


def arm(house: Stage, trouble: Json) -> None:
    """Trouble Slack, and let the bot have forgotten what it knew."""
    house.put_forward(A_MINUTE)
    assert house.people.post("/ui/slack/fault", method="users.info", **trouble)["ok"]


def test_a_click_of_somebody_who_cannot_be_looked_up_does_not_count(
    house: Stage, trouble: Json
) -> None:
    case = house.case(FAMILY)
    case.asked()
    arm(house, trouble)
    assert case.click("approve")["ok"]
    assert "Nothing was changed" in case.told(UNSURE, APPROVER)
    assert "waiting for approval" in words(case.card())
    house.people.slack_fault("users.info", None)
    approve_until_it_counts(case)


def approve_until_it_counts(case: Case) -> None:
    """Slack may have asked to be left alone for a second."""

    def look() -> bool:
        card = case.card()
        if "approve" in buttons(card):
            case.click("approve", card=card)
        return "· cancelled" in words(case.card())

    case.people.wait_for("an approval that counts", look)


def test_a_command_of_somebody_who_cannot_be_looked_up_makes_no_request(
    house: Stage, trouble: Json
) -> None:
    case = house.case(FAMILY)
    arm(house, trouble)
    assert UNSURE in typed(house, REQUESTER, case.channel, case.order)
    house.people.slack_fault("users.info", None)
    case.people.wait_for(
        "an answer",
        lambda: "Nobody has asked" in typed(house, REQUESTER, case.channel, f"status {case.order}"),
    )


def test_slack_is_answered_before_a_slow_slack_answers(house: Stage) -> None:
    """Slack waits three seconds for an acknowledgement, which it takes here to answer itself."""
    case = house.case(FAMILY)
    case.asked()
    arm(house, TROUBLES["slow"])
    known = len(house.people.slack_calls("users.info"))
    acts: list[Callable[[], object]] = [
        lambda: case.click("approve"),
        lambda: case.click("reject", SECOND),
        lambda: case.people.shortcut("cancel_order_global"),
        lambda: typed(house, MEMBER, case.channel, case.order),
    ]
    with ThreadPoolExecutor(len(acts)) as everybody:
        for done in [everybody.submit(act) for act in acts]:
            done.result()
    assert len(house.people.slack_calls("users.info")) == known
    for user in (APPROVER, SECOND):
        case.told(UNSURE, user)
    case.people.wait_for(
        "Slack's answers", lambda: len(house.people.slack_calls("users.info")) == known + len(acts)
    )


def test_what_slack_says_late_counts_for_the_next_click(house: Stage) -> None:
    case = house.case(FAMILY)
    case.asked()
    arm(house, {"kind": "slow", "seconds": 3, "times": 1})
    case.click("approve")
    case.told(UNSURE, APPROVER)
    known = len(house.people.slack_calls("users.info"))
    case.people.wait_for(
        "Slack's answer", lambda: len(house.people.slack_calls("users.info")) > known
    )
    arm_with_nothing_more(house)
    case.approve()
    case.card("· cancelled")


def arm_with_nothing_more(house: Stage) -> None:
    """From now on Slack tells nothing: what counts is what it has told."""
    house.people.post("/ui/slack/fault", method="users.info", **TROUBLES["refused"])


def test_somebody_is_asked_about_once_a_minute(house: Stage) -> None:
    channel = house.next_channel()

    def asked_about() -> int:
        calls = house.people.slack_calls("users.info")
        return sum(call["args"].get("user") == MEMBER for call in calls)

    before = asked_about()
    for _ in range(3):
        typed(house, MEMBER, channel, "pending")
    assert asked_about() == before + 1
    house.put_forward(A_MINUTE)
    typed(house, MEMBER, channel, "pending")
    assert asked_about() == before + 2


def test_without_the_right_to_read_people_nobody_is_let_in_and_the_log_says_why(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    settings = SandboxSettings(granted_scopes=("commands", "chat:write"))
    with open_stage(tmp_path_factory.mktemp("blind"), QUICK, settings) as blind:
        case = blind.case()
        for _ in range(2):
            assert UNSURE in typed(blind, REQUESTER, case.channel, case.order)
        told = [line for line in blind.bot.log().splitlines() if "users.info" in line]
        assert len(told) == 1
        assert "missing_scope" in told[0]
