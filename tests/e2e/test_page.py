"""The whole job in a browser: what a newcomer does on the sandbox's page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.integration.stage import Case, Stage

pytestmark = pytest.mark.browser

HOSTILE = "26644526"


@pytest.fixture
def case(stage: Stage) -> Case:
    return stage.case(channel="C0REFUNDS")


def type_command(page: Page, text: str) -> None:
    composer = page.get_by_test_id("composer")
    composer.fill(text)
    composer.press("Enter")


def card_of(page: Page, case: Case) -> Locator:
    card = page.locator("#log").get_by_test_id("message")
    return card.filter(has_text=f"order id {case.order}").last


def become(page: Page, user: str) -> None:
    page.get_by_test_id("user-switcher").locator(f"[data-user={user}]").click()
    expect(page.locator("html")).to_have_attribute("data-user", user)


def approve(page: Page, card: Locator) -> None:
    card.get_by_role("button", name="Approve").click()
    page.get_by_test_id("confirm-yes").click()


def test_ask_approve_and_read_the_refund(page: Page, case: Case) -> None:
    (line,) = case.upstream()["lines"]
    type_command(page, f"/cancel-order {case.order} guest is ill")
    card = card_of(page, case)
    expect(card).to_contain_text("waiting for approval")
    expect(card).to_contain_text("Refund $400.00")
    expect(card).to_contain_text("guest is ill")
    quantity = page.get_by_test_id(f"quantity-{line['id']}")
    expect(quantity).to_have_text("4")

    become(page, "U0APPROVE")
    card.get_by_role("button", name="Approve").click()
    confirm = page.get_by_test_id("confirm")
    expect(confirm).to_contain_text("Refund $400.00?")
    expect(confirm).to_contain_text(case.number)
    page.get_by_test_id("confirm-yes").click()

    expect(card).to_contain_text("· cancelled")
    expect(card).to_contain_text("Approved by @Avery Stone")
    expect(card.get_by_role("button", name="Approve")).to_have_count(0)
    card.get_by_test_id("replies").click()
    thread = page.get_by_test_id("thread")
    expect(thread).to_contain_text("Refunded $400.00")
    expect(thread).to_contain_text(case.number)
    expect(thread).to_contain_text("4 × General Admission")

    expect(quantity).to_have_text("0")
    panel = page.get_by_test_id("order-panel")
    expect(panel.locator("[data-field=refunded]")).to_have_text("$400.00")
    expect(panel.locator("[data-field=total]")).to_have_text("$0.00")
    assert len(case.changes()) == 1


def test_saying_not_yet_changes_nothing(page: Page, case: Case) -> None:
    type_command(page, f"/cancel-order {case.order}")
    card = card_of(page, case)
    become(page, "U0APPROVE")
    card.get_by_role("button", name="Approve").click()
    page.get_by_test_id("confirm-no").click()
    expect(page.get_by_test_id("confirm")).to_have_count(0)
    expect(card).to_contain_text("waiting for approval")
    assert case.changes() == []


def test_who_asked_is_told_privately_that_somebody_else_must_approve(
    page: Page, case: Case
) -> None:
    type_command(page, f"/cancel-order {case.order}")
    approve(page, card_of(page, case))
    told = page.locator("#log .message.ephemeral").last
    expect(told).to_contain_text("somebody else must approve")
    expect(told).to_contain_text("Only visible to you")
    assert case.changes() == []


def test_two_people_who_approve_at_once_refund_once(
    page: Page, browser: Browser, stage: Stage, case: Case
) -> None:
    type_command(page, f"/cancel-order {case.order}")
    expect(card_of(page, case)).to_contain_text("waiting for approval")
    become(page, "U0APPROVE")
    context = browser.new_context()
    other = context.new_page()
    other.goto(f"{stage.sandbox.base_url}/#user=U0SECOND&channel=C0REFUNDS")
    for each in (page, other):
        card_of(each, case).get_by_role("button", name="Approve").click()
    for each in (page, other):
        each.get_by_test_id("confirm-yes").click()
    expect(card_of(page, case)).to_contain_text("· cancelled")
    context.close()
    case.reply("Refunded $400.00")
    assert len(case.changes()) == 1


def test_a_mistake_in_the_form_is_said_beside_its_field(page: Page, case: Case) -> None:
    type_command(page, "/cancel-order")
    form = page.get_by_test_id("modal")
    expect(form).to_contain_text("Cancel an order")
    field = form.locator("[data-block-id=order_id]").get_by_role("textbox")
    field.fill("abc")
    page.get_by_test_id("modal-submit").click()
    error = form.locator("[data-block-id=order_id]").get_by_test_id("field-error")
    expect(error).to_contain_text("“abc” is not an order id")
    expect(field).to_be_focused()
    expect(field).to_have_value("abc")

    field.fill(case.order)
    page.get_by_test_id("modal-submit").click()
    expect(form).to_have_count(0)
    expect(card_of(page, case)).to_contain_text("waiting for approval")


def test_choosing_tickets_shows_the_new_quote(page: Page, case: Case) -> None:
    type_command(page, f"/cancel-order {case.order}")
    card = card_of(page, case)
    card.get_by_role("button", name="Choose tickets").click()
    form = page.get_by_test_id("modal")
    form.get_by_role("spinbutton").fill("9")
    page.get_by_test_id("modal-submit").click()
    expect(form.get_by_test_id("field-error")).to_be_visible()
    form.get_by_role("spinbutton").fill("1")
    page.get_by_test_id("modal-submit").click()
    expect(card).to_contain_text("Refund $100.00")
    expect(card).to_contain_text("$300.00 stays on the order")


def test_rejecting_with_a_reason(page: Page, case: Case) -> None:
    type_command(page, f"/cancel-order {case.order}")
    card = card_of(page, case)
    expect(card).to_contain_text("waiting for approval")
    become(page, "U0APPROVE")
    card.get_by_role("button", name="Reject").click()
    form = page.get_by_test_id("modal")
    form.get_by_role("textbox").fill("Tickets were used")
    page.get_by_test_id("modal-submit").click()
    expect(card).to_contain_text("rejected")
    expect(card).to_contain_text("Tickets were used")
    assert case.changes() == []


def test_a_lost_answer_is_shown_and_settled(page: Page, case: Case) -> None:
    type_command(page, f"/cancel-order {case.order}")
    card = card_of(page, case)
    expect(card).to_contain_text("waiting for approval")
    page.get_by_test_id("fault-select").select_option("cut_after")
    expect(page.get_by_test_id("order-panel")).to_contain_text("the answer never arrives")
    become(page, "U0APPROVE")
    approve(page, card)
    expect(card).to_contain_text("· cancelled")
    assert len(case.changes()) == 1
    assert case.upstream()["refunded"] == "400.00"


def test_a_hostile_order_pings_nobody_and_links_nowhere(page: Page, stage: Stage) -> None:
    case = stage.case(HOSTILE, channel="C0REFUNDS")
    type_command(page, f"/cancel-order {case.order}")
    card = card_of(page, case)
    expect(card).to_contain_text("<!channel>")
    become(page, "U0APPROVE")
    approve(page, card)
    card.get_by_test_id("replies").click()
    thread = page.get_by_test_id("thread")
    expect(thread).to_contain_text("Refunded $210.00")
    for place in (card, thread):
        expect(place.locator(".ping")).to_have_count(0)
        expect(place.locator("a[href*='evil']")).to_have_count(0)
        mentioned = place.locator(".mention").evaluate_all("all => all.map(m => m.dataset.user)")
        assert set(mentioned) <= {"U0REQUEST", "U0APPROVE"}


def tab_to(page: Page, wanted: Locator, key: str = "Tab") -> None:
    """Press a key until something has the focus, as somebody without a mouse does."""
    for _ in range(150):
        if wanted.evaluate("node => node === document.activeElement"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{key} never leads to {wanted}")


def test_everything_can_be_done_with_the_keyboard_alone(page: Page, case: Case) -> None:
    composer = page.get_by_test_id("composer")
    expect(composer).to_be_visible()
    tab_to(page, page.locator("#skip"))
    page.keyboard.press("Enter")
    expect(composer).to_be_focused()
    page.keyboard.type(f"/cancel-order {case.order}")
    page.keyboard.press("Enter")
    card = card_of(page, case)
    expect(card).to_contain_text("waiting for approval")

    tab_to(page, page.locator("input[name=user][value=U0REQUEST]"), "Shift+Tab")
    page.keyboard.press("ArrowDown")
    expect(page.locator("html")).to_have_attribute("data-user", "U0APPROVE")
    tab_to(page, card.get_by_role("button", name="Approve"))
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("confirm-yes")).to_be_focused()
    page.keyboard.press("Enter")
    expect(card).to_contain_text("· cancelled")

    tab_to(page, card.get_by_test_id("replies"))
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("thread")).to_contain_text("Refunded $400.00")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("thread")).to_be_hidden()
    assert len(case.changes()) == 1


def test_a_form_can_be_left_with_escape(page: Page) -> None:
    type_command(page, "/cancel-order")
    expect(page.get_by_test_id("modal")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("modal")).to_have_count(0)
    expect(page.get_by_test_id("composer")).to_be_focused()


def test_a_reload_lands_in_the_same_place(page: Page, case: Case) -> None:
    type_command(page, f"/cancel-order {case.order}")
    expect(card_of(page, case)).to_contain_text("waiting for approval")
    become(page, "U0APPROVE")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-user", "U0APPROVE")
    expect(card_of(page, case)).to_contain_text("waiting for approval")
    expect(page.get_by_test_id("order-select")).to_have_value(case.order)


def test_guests_and_others_are_folded_away_and_can_be_played(page: Page) -> None:
    switcher = page.get_by_test_id("user-switcher")
    outsider = switcher.locator("[data-user=U0PARTNER]")
    expect(switcher.locator("[data-user=U0APPROVE]")).to_be_visible()
    expect(outsider).to_be_hidden()
    switcher.get_by_text("Guests and others").click()
    expect(switcher.locator("[data-user=U0SINGLE]")).to_contain_text("one-channel guest")
    expect(switcher.locator("[data-user=U0COURIER]")).to_contain_text("other app’s bot")
    expect(outsider).to_contain_text("other workspace")

    become(page, "U0PARTNER")
    expect(page.get_by_role("heading", name="touring")).to_be_visible()
    expect(page.locator("#tip")).to_contain_text("have no /cancel-order")
    type_command(page, "/cancel-order 26644388")
    told = page.locator("#log .message.ephemeral").last
    expect(told).to_contain_text("/cancel-order is not a valid command")


def test_somebody_who_was_deactivated_cannot_be_played(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.sandbox.base_url}/#user=U0LEFT&channel=C0REFUNDS")
    gone = page.get_by_test_id("user-switcher").locator("[data-user=U0LEFT]")
    expect(gone).to_contain_text("deactivated")
    expect(gone.get_by_role("radio")).to_be_disabled()
    expect(page.get_by_test_id("composer")).to_be_disabled()


def test_a_user_group_is_mentioned_by_its_handle(page: Page, stage: Stage) -> None:
    text = "<!subteam^S0FINANCE> please look"
    stage.call_slack("chat.postMessage", channel="C0REFUNDS", text=text)
    expect(page.locator("#log .mention[data-group=S0FINANCE]").last).to_have_text("@finance")
