"""Slack misbehaves or says no: the truth about the order stays, and people learn of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.sandbox.settings import SandboxSettings
from tests.integration.stage import APPROVER, QUICK, REQUESTER, Case, Stage, open_stage, words

GENERAL, ARCHIVE = "C0GENERAL", "C0ARCHIVE"


@pytest.fixture(autouse=True)
def _no_fault_is_left(stage: Stage) -> Iterator[None]:
    yield
    for method in ("chat.postMessage", "chat.update", "response_url", "views.open", "*"):
        stage.people.slack_fault(method, None)


def posts(case: Case) -> list[str]:
    """How Slack answered to each attempt to post in the case's channel."""
    calls = case.people.slack_calls("chat.postMessage")
    return [call["error"] or "ok" for call in calls if call["args"].get("channel") == case.channel]


@pytest.mark.parametrize(
    ("kind", "error"), [("ratelimited", "ratelimited"), ("http_500", "http_500")]
)
def test_a_card_that_slack_does_not_take_at_once_arrives_once(
    stage: Stage, kind: str, error: str
) -> None:
    case = stage.case()
    before = len(posts(case))
    stage.people.slack_fault("chat.postMessage", kind, times=1, retry_after=1)
    case.asked()
    assert posts(case)[before:] == [error, "ok"]
    assert len(case.cards()) == 1


def test_rate_limited_updates_and_details_arrive_once(stage: Stage) -> None:
    case = stage.case()
    case.asked()
    for method in ("chat.update", "chat.postMessage"):
        stage.people.slack_fault(method, "ratelimited", times=1, retry_after=1)
    case.approve()
    case.card("· cancelled")
    case.reply("Refunded $400.00")
    assert len(case.people.replies(case.card())) == 1
    assert len(case.changes()) == 1


def test_slack_errors_do_not_keep_an_approved_order_from_being_cancelled(stage: Stage) -> None:
    case = stage.case()
    case.asked()
    stage.people.slack_fault("*", "http_500")
    case.approve()
    case.people.wait_for("the refund", lambda: case.upstream()["refunded"] == "400.00")
    assert "waiting for approval" in words(case.card())
    stage.people.slack_fault("*", None)
    case.card("· cancelled")
    case.reply("Refunded $400.00")
    assert len(case.people.replies(case.card())) == 1


def test_a_dropped_connection_to_slack_is_tried_again(stage: Stage) -> None:
    case = stage.case()
    case.asked()
    stage.people.slack_fault("chat.update", "drop", times=1)
    case.approve()
    case.card("· cancelled")
    case.reply("Refunded $400.00")
    assert len(case.changes()) == 1


def test_a_response_url_that_fails_falls_back_to_an_ephemeral_message(stage: Stage) -> None:
    case = stage.case()
    case.asked()
    stage.people.slack_fault("response_url", "http_500")
    case.approve(REQUESTER)
    case.told("You asked for this yourself")
    ephemeral = [
        call
        for call in stage.people.slack_calls("chat.postEphemeral")
        if call["args"].get("channel") == case.channel
    ]
    assert [call["args"]["user"] for call in ephemeral] == [REQUESTER]


def test_a_form_that_cannot_be_opened_is_said_to_be(stage: Stage) -> None:
    case = stage.case()
    case.asked()
    stage.people.slack_fault("views.open", "http_500")
    case.click("reject")
    case.told("The form could not be opened", APPROVER)


def test_a_channel_without_the_bot_is_said_to_be_and_how_to_invite_it(stage: Stage) -> None:
    order, number = stage.people.copy()
    case = Case(stage, order, number, GENERAL, order)
    assert "Reading order" in case.ask()
    told = case.told("The bot is not in this channel")
    assert "`/invite @rescind`" in told
    assert number in told
    assert case.cards() == []
    assert case.changes() == []


def test_once_invited_the_same_order_works(stage: Stage) -> None:
    order, number = stage.people.copy()
    case = Case(stage, order, number, GENERAL, order)
    case.ask()
    case.told("The bot is not in this channel")
    stage.people.post("/ui/members", channel=GENERAL, user="U0RESCIND", present=True)
    case.asked()
    case.click("withdraw", REQUESTER)
    case.card("withdrawn")
    stage.people.post("/ui/members", channel=GENERAL, user="U0RESCIND", present=False)


def test_a_channel_that_is_archived_while_the_order_is_read(stage: Stage) -> None:
    """Nobody can type in an archived channel, but it can be archived a moment later."""
    case = stage.case()
    case.people.fault(case.order, "slow", seconds=0.5, times=1)
    case.ask()
    channel = stage.sandbox.sandbox.slack.channels[case.channel]
    channel.archived = True
    try:
        case.told("This channel is archived")
        assert case.cards() == []
    finally:
        channel.archived = False


def test_a_channel_that_is_archived_after_the_approval(stage: Stage) -> None:
    """What cannot be shown in the channel any more goes to who asked, directly."""
    case = stage.case()
    case.asked()
    case.people.fault(case.order, "slow", seconds=0.5, times=2)
    case.approve()
    channel = stage.sandbox.sandbox.slack.channels[case.channel]
    channel.archived = True
    try:
        case.people.wait_for("the refund", lambda: case.upstream()["refunded"] == "400.00")
        direct = f"D{REQUESTER[1:]}"
        case.people.wait_for(
            "a direct message with the refund details",
            lambda: any(
                "Refunded $400.00" in words(message) and case.number in words(message)
                for message in case.people.messages(channel=direct)
            ),
        )
    finally:
        channel.archived = False


def test_a_bot_that_was_removed_from_the_channel_tells_who_asked(stage: Stage) -> None:
    case = stage.case()
    case.asked()
    stage.people.post("/ui/members", channel=case.channel, user="U0RESCIND", present=False)
    try:
        case.approve()
        direct = f"D{REQUESTER[1:]}"
        case.people.wait_for(
            "a direct message with the refund details",
            lambda: any(
                "Refunded $400.00" in words(message) and case.number in words(message)
                for message in case.people.messages(channel=direct)
            ),
        )
        assert len(case.changes()) == 1
    finally:
        stage.people.post("/ui/members", channel=case.channel, user="U0RESCIND", present=True)


def test_a_card_that_was_deleted_is_posted_anew(stage: Stage) -> None:
    case = stage.case()
    card = case.asked()
    stage.call_slack("chat.delete", channel=case.channel, ts=card["ts"])
    assert stage.outdated_click(card, "approve", APPROVER) == 200
    case.card("· cancelled")
    case.reply("Refunded $400.00")
    assert len(case.changes()) == 1


def test_a_card_whose_answer_was_lost_is_found_again_and_not_posted_twice(stage: Stage) -> None:
    case = stage.case()
    stage.people.slack_fault("chat.postMessage", "drop", times=1)
    case.asked()
    case.approve()
    case.reply("Refunded $400.00")
    assert len(case.cards()) == 1


def test_a_reply_whose_answer_was_lost_is_found_again_and_not_posted_twice(stage: Stage) -> None:
    case = stage.case()
    card = case.asked()
    stage.people.slack_fault("chat.postMessage", "drop", times=1)
    case.approve()
    case.card("· cancelled")
    case.people.wait_for("the search", lambda: stage.people.slack_calls("conversations.replies"))
    case.reply("Refunded $400.00")
    assert len(case.people.replies(card)) == 1


@pytest.fixture(scope="module")
def forgetful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A workspace that does not let the bot read the history of its channels."""
    settings = SandboxSettings(optional_scopes=False)
    with open_stage(tmp_path_factory.mktemp("forgetful"), QUICK, settings) as running:
        yield running


def test_a_copy_of_a_card_that_a_lost_answer_made_is_retired_by_a_click(forgetful: Stage) -> None:
    """Slack took the card and the bot cannot look for it: there are two, and both are true."""
    case = forgetful.case()
    forgetful.people.slack_fault("chat.postMessage", "drop", times=1)
    case.ask()
    copy, card = case.people.wait_for(
        "two cards", lambda: cards if len(cards := case.cards()) == 2 else None
    )
    assert case.click("approve", card=copy)["ok"]
    case.reply("Refunded $400.00")
    (left,) = case.cards()
    assert left["ts"] == card["ts"]
    texts = {
        message["ts"]: words(message) for message in case.people.messages(channel=case.channel)
    }
    assert "An outdated copy" in texts[copy["ts"]]
    assert len(case.changes()) == 1


@pytest.fixture(scope="module")
def strained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A workspace whose response URLs are expired from the start, and without `im:write`."""
    scopes = ("commands", "chat:write", "users:read")
    settings = SandboxSettings(response_url_seconds=0.0, granted_scopes=scopes)
    with open_stage(tmp_path_factory.mktemp("strained"), QUICK, settings) as running:
        yield running


def test_an_expired_response_url_falls_back_to_an_ephemeral_message(strained: Stage) -> None:
    case = strained.case("26644459")
    case.ask()
    case.told("all tickets of this order are cancelled already")


def test_the_main_path_needs_no_more_than_three_scopes(strained: Stage) -> None:
    case = strained.case()
    case.asked()
    case.approve()
    case.reply("Refunded $400.00")


def test_without_any_way_to_answer_the_request_still_ends(strained: Stage) -> None:
    """Not in the channel, the response URL expired, no right to open a conversation."""
    order, number = strained.people.copy()
    case = Case(strained, order, number, GENERAL, order)
    case.ask()
    elsewhere = strained.next_channel()
    status = case.people.wait_for(
        "the request's end",
        lambda: (
            "not cancelled"
            in strained.people.command(f"status {order}", channel=elsewhere)["response"]["text"]
        ),
    )
    assert status
    assert case.changes() == []


@pytest.fixture(scope="module")
def unscoped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A workspace in which the app was installed without `chat:write`."""
    settings = SandboxSettings(granted_scopes=("commands", "users:read"))
    with open_stage(tmp_path_factory.mktemp("unscoped"), QUICK, settings) as running:
        yield running


def test_a_missing_scope_is_named(unscoped: Stage) -> None:
    case = unscoped.case()
    case.ask()
    told = case.told("was not cancelled")
    assert "missing_scope" in told
    assert case.changes() == []
