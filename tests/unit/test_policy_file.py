"""`[policy]` in rescind.toml: every setting reaches the policy, every mistake is named."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.money import Money
from bot.domain.policy import BreakGlass, Ceiling, GuestDetails, Policy, Tier
from bot.domain.quote import WarningCode
from bot.policy_file import PolicySettings
from bot.settings import Environment, SettingsError, load

ENVIRONMENT = {
    "SLACK_SIGNING_SECRET": "signing-secret",
    "SLACK_BOT_TOKEN": "xoxb-token",
    "RIVERSIDE_KEY": "riverside-key",
    "HARBOUR_KEY": "harbour-key",
}


@pytest.fixture(autouse=True)
def _nothing_else_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Environment.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)


def venue(key: str, own: str = "", currency: str = "USD", more: str = "") -> str:
    table = f"[venues.policy]\n{own}\n" if own else ""
    return f"""
[[venues]]
key = "{key}"
name = "{key}"
system = "acme"
base_url = "https://acme.example"
api_key_env = "{key.upper()}_KEY"
currency = "{currency}"
{more}
{table}"""


def written(general: str, *venues: str) -> None:
    every = "".join(venues or [venue("riverside")])
    Path("rescind.toml").write_text(f"[policy]\n{general}\n{every}", encoding="utf-8")


def policies(general: str, *venues: str) -> Mapping[str, Policy]:
    """The policy of each venue, by its key."""
    written(general, *venues)
    return {config.venue.key: config.venue.policy for config in load().venues}


def policy(general: str) -> Policy:
    return policies(general)["riverside"]


def mistakes(general: str, *venues: str) -> list[str]:
    """What is wrong, without the file's name; nothing of it spans lines."""
    written(general, *venues)
    with pytest.raises(SettingsError) as refused:
        load()
    assert all("\n" not in line for line in refused.value.mistakes)
    return [line.removeprefix("rescind.toml: ") for line in refused.value.mistakes]


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


def up_to(*amounts: Money) -> Ceiling:
    return Ceiling(amounts)


DEFAULT = Policy(is_default=True)


def test_nothing_set_is_the_default_and_said_to_be() -> None:
    assert policy("") == DEFAULT
    assert policy("").expire_after == timedelta(hours=72)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('requesters = ["U0A1", "W0B2", "S0C3"]', {"requesters": {"U0A1", "W0B2", "S0C3"}}),
        ('approvers = ["S0C3"]', {"approvers": {"S0C3"}}),
        ('deny_requesters = ["S0C3"]', {"deny_requesters": {"S0C3"}}),
        ('deny_approvers = ["U0A1"]', {"deny_approvers": {"U0A1"}}),
        ('channels = ["C0A1", "G0B2"]', {"channels": {"C0A1", "G0B2"}}),
        ("self_approval = true", {"self_approval": True}),
        (
            "self_approval = true\nself_approval_up_to = { USD = 50 }",
            {"self_approval": True, "self_approval_up_to": up_to(usd("50"))},
        ),
        ("approver_daily_limit = { USD = 500.50 }", {"approver_daily": up_to(usd("500.50"))}),
        ("requester_daily_limit = { USD = 0 }", {"requester_daily": up_to(usd("0"))}),
        (
            "auto_approve_up_to = { USD = 20 }\nrequester_daily_limit = { USD = 40 }",
            {"auto_approve_up_to": up_to(usd("20")), "requester_daily": up_to(usd("40"))},
        ),
        ("reason_required = true", {"reason_required": True}),
        ('reasons = ["Guest is ill", "Other"]', {"reasons": ("Guest is ill", "Other")}),
        (
            'block_on = ["past_event", "checked_in"]',
            {"block_on": {WarningCode.PAST_EVENT, WarningCode.CHECKED_IN}},
        ),
        ("max_order_age_days = 0", {"max_order_age": timedelta(0)}),
        ("max_order_age_days = 400", {"max_order_age": timedelta(days=400)}),
        ("rejections = 3", {"rejections": 3}),
        (
            'break_glass = { who = ["U0A1"] }',
            {"break_glass": BreakGlass(frozenset({"U0A1"}))},
        ),
        (
            '[policy.break_glass]\nwho = ["S0C3"]\nup_to = { USD = 900 }',
            {"break_glass": BreakGlass(frozenset({"S0C3"}), up_to(usd("900")))},
        ),
        ('mentions = ["S0C3", "U0A1", "W0B2"]', {"mentions": ("S0C3", "U0A1", "W0B2")}),
        (
            'escalate_after_minutes = 0.5\nescalate_to = ["S0C3"]',
            {"escalate_after": timedelta(seconds=30), "escalate_to": ("S0C3",)},
        ),
        (
            "remind_after_minutes = [5, 0.5]",
            {"remind_after": (timedelta(minutes=5), timedelta(seconds=30))},
        ),
        ("remind_after_minutes = []", {"remind_after": ()}),
        ("expire_after_hours = 1.5", {"expire_after": timedelta(minutes=90)}),
        ("expire_after_hours = 0", {"expire_after": None}),
        ('guest_details = "full"', {"guest_details": GuestDetails.FULL}),
        ('guest_details = "none"', {"guest_details": GuestDetails.NONE}),
    ],
    ids=lambda value: value.partition(" ")[0] if isinstance(value, str) else "",
)
def test_a_setting_reaches_the_policy(line: str, expected: Mapping[str, object]) -> None:
    """And nothing else is touched by it."""
    found = policy(line)
    changed = {
        name: getattr(found, name)
        for name in Policy.__dataclass_fields__
        if name != "is_default" and getattr(found, name) != getattr(DEFAULT, name)
    }
    assert changed == dict(expected)


def test_tiers_keep_their_order_amounts_and_people() -> None:
    found = policy(
        """
[[policy.tiers]]
up_to = { USD = 250, EUR = 230.50 }

[[policy.tiers]]
up_to = { EUR = 2000, USD = 2100 }
approvals = 2

[[policy.tiers]]
approvals = 3
approvers = ["S0BOARD"]
"""
    )
    lowest = up_to(usd("250"), Money(Decimal("230.50"), "EUR"))
    middle = up_to(Money(Decimal(2000), "EUR"), usd("2100"))
    assert found.tiers == (
        Tier(lowest),
        Tier(middle, approvals=2),
        Tier(None, approvals=3, approvers=frozenset({"S0BOARD"})),
    )


def test_every_setting_is_parsed_by_a_test_above() -> None:
    """A setting that is added later, and forgotten, would be one that nobody applies."""
    marks = test_a_setting_reaches_the_policy.pytestmark  # type: ignore[attr-defined]
    lines = "\n".join(case[0] for case in marks[0].args[1])
    assert {name for name in PolicySettings.model_fields if name not in lines} == {"tiers"}


@given(cents=st.integers(0, 10**15))
def test_an_amount_is_what_was_written_to_the_cent(cents: int) -> None:
    """TOML's numbers with a point are no binary fractions here."""
    amount = f"{cents // 100}.{cents % 100:02}"
    found = policy(f"approver_daily_limit = {{ USD = {amount} }}").approver_daily
    assert found == up_to(usd(amount))
    assert found.allows(usd(amount))
    assert not found.allows(usd(amount) + usd("0.01"))


@pytest.mark.parametrize(
    ("lines", "is_default"),
    [
        ("", True),
        ("expire_after_hours = 5", True),
        ('deny_approvers = ["U0A1"]', True),
        ("self_approval = false", True),
        ("tiers = []", True),
        ("self_approval = true", False),
        ('requesters = ["U0A1"]', False),
        ('approvers = ["U0A1"]', False),
        ("[[policy.tiers]]\napprovals = 2", False),
    ],
)
def test_a_policy_is_somebodys_own_once_it_says_who_may(lines: str, is_default: bool) -> None:
    assert policy(lines).is_default is is_default


GENERAL = """
approvers = ["S0C3"]
self_approval = true
self_approval_up_to = { USD = 50 }
reasons = ["Guest is ill"]
tiers = [{ up_to = { USD = 100 } }, { up_to = { USD = 900 }, approvals = 2 }]
break_glass = { who = ["U0A1"], up_to = { USD = 900 } }
expire_after_hours = 5
"""


def test_a_venues_policy_is_laid_over_the_general_one_setting_by_setting() -> None:
    own = 'approvers = ["U0B2"]\nself_approval = false\nreasons = []\ntiers = []'
    found = policies(GENERAL, venue("riverside"), venue("harbour", own))
    general, harbour = found["riverside"], found["harbour"]
    assert general == policy(GENERAL)
    assert harbour.approvers == frozenset({"U0B2"})
    assert (harbour.self_approval, harbour.reasons, harbour.tiers) == (False, (), ())
    assert harbour.self_approval_up_to == general.self_approval_up_to
    assert harbour.break_glass == general.break_glass
    assert harbour.expire_after == timedelta(hours=5)


def test_a_table_of_a_venue_replaces_the_general_one_as_a_whole() -> None:
    own = 'break_glass = { who = ["U0B2"] }\ntiers = [{ approvals = 3 }]'
    harbour = policies(GENERAL, venue("harbour", own))["harbour"]
    assert harbour.break_glass == BreakGlass(frozenset({"U0B2"}))
    assert harbour.tiers == (Tier(approvals=3),)


def test_what_a_venue_says_again_like_the_default_still_counts() -> None:
    """It was said on purpose: the default is not the same as silence."""
    own = 'expire_after_hours = 72\nguest_details = "masked"'
    harbour = policies('expire_after_hours = 5\nguest_details = "full"', venue("harbour", own))
    assert harbour["harbour"].expire_after == timedelta(hours=72)
    assert harbour["harbour"].guest_details is GuestDetails.MASKED


def test_a_day_is_one_of_the_venues_time_zone() -> None:
    zone = 'timezone = "Australia/Lord_Howe"'
    found = policies("", venue("riverside"), venue("harbour", more=zone))
    assert found["harbour"].timezone == ZoneInfo("Australia/Lord_Howe")
    assert found["riverside"].timezone == ZoneInfo("UTC")


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ('approver = ["U0A1"]', "policy.approver: "),
        ('approvers = "U0A1"', "policy.approvers: "),
        ('approvers = ["@avery"]', "policy.approvers.0: "),
        ('approvers = ["U0A1", "avery@example.com"]', "policy.approvers.1: "),
        ('deny_approvers = ["B0A1"]', "policy.deny_approvers.0: "),
        ('deny_requesters = ["u0a1"]', "policy.deny_requesters.0: "),
        ("approvers = []", "policy.approvers: "),
        ("requesters = []", "policy.requesters: "),
        ("channels = []", "policy.channels: "),
        ('channels = ["#refunds"]', "policy.channels.0: "),
        ('mentions = ["<!channel>"]', "policy.mentions.0: "),
        ('mentions = "U0A1"', "policy.mentions: "),
        ('self_approval = "perhaps"', "policy.self_approval: "),
        ("self_approval_up_to = 50", "policy.self_approval_up_to: "),
        ("approver_daily_limit = {}", "policy.approver_daily_limit: "),
        ("approver_daily_limit = { usd = 50 }", "policy.approver_daily_limit.usd"),
        ("approver_daily_limit = { USD = -1 }", "policy.approver_daily_limit: "),
        ("approver_daily_limit = { USD = 0.001 }", "policy.approver_daily_limit: "),
        ("approver_daily_limit = { JPY = 0.5 }", "policy.approver_daily_limit: "),
        ("approver_daily_limit = { USD = 1e30 }", "policy.approver_daily_limit: "),
        ("requester_daily_limit = { USD = nan }", "policy.requester_daily_limit.USD: "),
        ("requester_daily_limit = { USD = inf }", "policy.requester_daily_limit.USD: "),
        ("tiers = [{ up_to = {} }]", "policy.tiers.0.up_to: "),
        ("tiers = [{ approvals = 0 }]", "policy.tiers.0.approvals: "),
        ("tiers = [{}, { approvals = 21 }]", "policy.tiers.1.approvals: "),
        ("tiers = [{ approvals = 1.5 }]", "policy.tiers.0.approvals: "),
        ("tiers = [{ approvers = [] }]", "policy.tiers.0.approvers: "),
        ('tiers = [{ who = ["U0A1"] }]', "policy.tiers.0.who: "),
        ('reasons = [""]', "policy.reasons.0: "),
        (f'reasons = ["{"x" * 76}"]', "policy.reasons.0: "),
        ('block_on = ["rain"]', "policy.block_on.0: "),
        ("max_order_age_days = -1", "policy.max_order_age_days: "),
        ("rejections = 0", "policy.rejections: "),
        ("break_glass = {}", "policy.break_glass.who: "),
        ("break_glass = { who = [] }", "policy.break_glass.who: "),
        ('escalate_to = ["U0A1"]\nescalate_after_minutes = 0', "policy.escalate_after_minutes: "),
        ("remind_after_minutes = 30", "policy.remind_after_minutes: "),
        ("remind_after_minutes = [30, 0]", "policy.remind_after_minutes.1: "),
        ("expire_after_hours = -1", "policy.expire_after_hours: "),
        ("expire_after_hours = nan", "policy.expire_after_hours: "),
        ('guest_details = "some"', "policy.guest_details: "),
    ],
)
def test_a_mistake_is_one_line_that_names_the_setting(lines: str, named: str) -> None:
    (line,) = mistakes(lines)
    assert line.startswith(named)


def test_an_empty_list_is_not_taken_for_everybody() -> None:
    (line,) = mistakes("approvers = []")
    assert "an empty list lets nobody" in line


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            'escalate_to = ["U0A1"]',
            "policy.escalate_to, escalate_after_minutes: set both, or neither.",
        ),
        (
            "escalate_after_minutes = 5",
            "policy.escalate_to, escalate_after_minutes: set both, or neither.",
        ),
        (
            "auto_approve_up_to = { USD = 5 }",
            "policy.auto_approve_up_to: set requester_daily_limit as well, or nothing brakes it.",
        ),
        (
            "tiers = [{}, { up_to = { USD = 5 } }]",
            "policy.tiers: only the last tier may be without up_to.",
        ),
        (
            "tiers = [{ up_to = { USD = 5 } }, { up_to = { USD = 5.00 } }]",
            "policy.tiers.1.up_to: USD must be more than in the tier before.",
        ),
        (
            "tiers = [{ up_to = { USD = 5 } }, { up_to = { USD = 6, EUR = 6 } }]",
            "policy.tiers.1.up_to: name the same currencies as the first tier (EUR).",
        ),
        (
            'block_on = ["too_old", "free"]',
            "policy.block_on: too_old cannot be chosen; see max_order_age_days.",
        ),
    ],
)
def test_what_does_not_go_together_is_said(lines: str, said: str) -> None:
    assert mistakes(lines) == [said]


def test_all_mistakes_are_told_at_once_and_by_venue() -> None:
    own = 'escalate_to = ["U0A1"]'
    general = "tiers = [{}, { up_to = { USD = 5 } }]"
    assert mistakes(general, venue("riverside"), venue("harbour", own)) == [
        "policy.tiers: only the last tier may be without up_to.",
        "venues.harbour.policy.escalate_to, escalate_after_minutes: set both, or neither.",
    ]


def test_a_mistake_that_only_the_overlay_makes_is_said_of_the_venue() -> None:
    """Each half is sound by itself."""
    general = 'escalate_to = ["U0A1"]\nescalate_after_minutes = 5'
    assert mistakes(general, venue("riverside"), venue("harbour", "escalate_to = []")) == [
        "venues.harbour.policy.escalate_to, escalate_after_minutes: set both, or neither."
    ]


def test_a_wrong_line_of_a_venues_policy_is_named() -> None:
    (line,) = mistakes("", venue("riverside"), venue("harbour", "rejections = 0"))
    assert line.startswith("venues.1.policy.rejections: ")
