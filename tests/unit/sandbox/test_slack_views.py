"""Opening, updating and stacking modals through the Web API."""

from collections.abc import Iterator

import pytest

from tests.unit.sandbox.slack_desk import (
    Desk,
    actions,
    button,
    desk,
    modal,
    plain,
    section,
    text_input,
)


@pytest.fixture
def at() -> Iterator[Desk]:
    with desk() as opened:
        yield opened


def test_a_trigger_id_opens_one_modal_within_three_seconds(at: Desk) -> None:
    trigger_id = at.trigger()
    at.clock.pass_by(2.9)
    opened = at.api("views.open", trigger_id=trigger_id, view=modal())
    assert opened["ok"]
    (shown,) = at.state()["views"]
    assert (shown["id"], shown["callback_id"]) == (opened["view"]["id"], "cancel_order")
    again = at.api("views.open", trigger_id=trigger_id, view=modal())
    assert again["error"] == "exchanged_trigger_id"


def test_a_trigger_id_expires_after_three_seconds(at: Desk) -> None:
    trigger_id = at.trigger()
    at.clock.pass_by(3.1)
    answer = at.api("views.open", trigger_id=trigger_id, view=modal())
    assert answer["error"] == "expired_trigger_id"
    assert at.state()["views"] == []


def test_a_made_up_trigger_id_is_refused(at: Desk) -> None:
    answer = at.api("views.open", trigger_id="1.2.3", view=modal())
    assert answer["error"] == "invalid_trigger_id"


def test_a_refused_view_leaves_the_trigger_id_unused(at: Desk) -> None:
    trigger_id = at.trigger()
    refused = at.api("views.open", trigger_id=trigger_id, view=modal(title=plain("x" * 25)))
    assert refused["error"] == "invalid_arguments"
    assert refused["response_metadata"]["messages"] == [
        "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"
    ]
    assert at.api("views.open", trigger_id=trigger_id, view=modal())["ok"]


def test_a_view_over_250_kilobytes_is_too_large(at: Desk) -> None:
    view = modal(*(section("x" * 2900) for _ in range(99)))
    answer = at.api("views.open", trigger_id=at.trigger(), view=view)
    assert answer["error"] == "view_too_large"


def test_a_view_may_come_as_json_text(at: Desk) -> None:
    answer = at.api("views.open", trigger_id=at.trigger(), view="{")
    assert answer["response_metadata"]["messages"] == [
        "[ERROR] must be valid JSON [json-pointer:/view]"
    ]


def test_an_opened_view_comes_back_as_slack_describes_views(at: Desk) -> None:
    view = at.open_modal(modal(private_metadata="r1"))
    assert (view["root_view_id"], view["previous_view_id"]) == (view["id"], None)
    assert (view["private_metadata"], view["team_id"], view["app_id"]) == (
        "r1",
        "T0SANDBOX",
        "A0RESCIND",
    )
    assert view["state"]["values"] == {
        "reason": {"value": {"type": "plain_text_input", "value": None}}
    }


def test_an_update_needs_the_hash_of_what_it_replaces(at: Desk) -> None:
    view = at.open_modal(modal())
    updated = at.api(
        "views.update", view_id=view["id"], hash=view["hash"], view=modal(title=plain("Loaded"))
    )
    assert updated["view"]["hash"] != view["hash"]
    stale = at.api("views.update", view_id=view["id"], hash=view["hash"], view=modal())
    assert stale["error"] == "hash_conflict"
    assert at.state()["views"][0]["title"]["text"] == "Loaded"


def test_a_view_can_be_updated_by_the_bots_own_id_for_it(at: Desk) -> None:
    at.open_modal(modal(external_id="order-1"))
    view = modal(external_id="order-1", title=plain("Loaded"))
    assert at.api("views.update", external_id="order-1", view=view)["ok"]
    answer = at.api("views.update", external_id="order-2", view=modal())
    assert answer["error"] == "not_found"


def test_an_external_id_belongs_to_one_view(at: Desk) -> None:
    at.open_modal(modal(external_id="order-1"))
    at.ui("shortcut", user="U0APPROVE", callback_id="cancel_order_global")
    trigger_id = at.bot.last["trigger_id"]
    answer = at.api("views.open", trigger_id=trigger_id, view=modal(external_id="order-1"))
    assert answer["error"] == "duplicate_external_id"


def test_what_was_typed_survives_an_update_of_the_same_field(at: Desk) -> None:
    look_up = actions(button("look_up"))
    view = at.open_modal(modal(text_input("reason"), look_up))
    typed = {"reason": {"value": {"type": "plain_text_input", "value": "sick"}}}
    at.ui("action", view_id=view["id"], block_id="buttons", action_id="look_up", values=typed)
    assert at.bot.last["view"]["state"]["values"] == typed
    at.api("views.update", view_id=view["id"], view=modal(text_input("reason"), section("found")))
    assert at.state()["views"][0]["state"]["values"] == typed


def test_three_views_can_be_stacked_and_no_more(at: Desk) -> None:
    view = at.open_modal(modal(actions(button("deeper"))))
    for answer in ("ok", "ok", "push_limit_reached"):
        at.ui("action", view_id=view["id"], block_id="buttons", action_id="deeper")
        pushed = at.api(
            "views.push",
            trigger_id=at.bot.last["trigger_id"],
            view=modal(actions(button("deeper"))),
        )
        assert pushed.get("error", "ok") == answer
        view = pushed.get("view", view)
    stack = at.state()["views"]
    assert [shown["id"] for shown in stack][-1] == view["id"]
    assert (len(stack), view["root_view_id"]) == (3, stack[0]["id"])


def test_a_view_is_pushed_only_from_within_a_modal(at: Desk) -> None:
    answer = at.api("views.push", trigger_id=at.trigger(), view=modal())
    assert answer["error"] == "not_found"
