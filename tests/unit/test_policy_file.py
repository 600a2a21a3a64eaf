"""`[policy]` in rescind.toml: every setting reaches the policy, a venue's own laid over."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config_file import PolicySettings
from bot.domain.money import Money
from bot.domain.policy import BreakGlass, Ceiling, GuestDetails, Policy, Tier
from bot.domain.quote import WarningCode
from bot.settings import load
from tests.conftest import ROOT
from tests.unit.policy_toml import move_to, policies, policy, venue


@pytest.fixture(autouse=True)
def _nothing_else_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    move_to(tmp_path, monkeypatch)


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


def test_a_list_of_a_venue_replaces_the_general_one_as_a_whole() -> None:
    harbour = policies(GENERAL, venue("harbour", "tiers = [{ approvals = 3 }]"))["harbour"]
    assert harbour.tiers == (Tier(approvals=3),)


@pytest.mark.parametrize(
    ("own", "up_to_then"),
    [
        ('who = ["U0B2"]', up_to(usd("900"))),
        ('who = ["U0B2"]\nup_to = { USD = 1000 }', up_to(usd("1000"))),
        ('who = ["U0B2"]\nup_to = "any amount"', None),
    ],
)
def test_an_emergency_at_a_venue_is_bounded_unless_it_says_otherwise(
    own: str, up_to_then: Ceiling | None
) -> None:
    """Other people are let in there; that says nothing of the amount."""
    own = f"[venues.policy.break_glass]\n{own}"
    harbour = policies(GENERAL, venue("harbour", more=own))["harbour"]
    assert harbour.break_glass == BreakGlass(frozenset({"U0B2"}), up_to_then)


IN_WORDS = {
    "requesters": ('["U0A1"]', '"any full member"', "requesters"),
    "approvers": ('["U0A1"]', '"any full member"', "approvers"),
    "channels": ('["C0A1"]', '"anywhere"', "channels"),
    "self_approval_up_to": ("{ USD = 5 }", '"any amount"', "self_approval_up_to"),
    "auto_approve_up_to": ("{ USD = 5 }", '"off"', "auto_approve_up_to"),
    "approver_daily_limit": ("{ USD = 5 }", '"no limit"', "approver_daily"),
    "requester_daily_limit": ("{ USD = 5 }", '"no limit"', "requester_daily"),
    "max_order_age_days": ("90", '"any age"', "max_order_age"),
    "break_glass": ('{ who = ["U0A1"] }', '"off"', "break_glass"),
    "escalate_after_minutes": ("5", '"never"', "escalate_after"),
}


@pytest.mark.parametrize("setting", IN_WORDS)
def test_a_venue_takes_back_what_is_set_for_all_in_words(setting: str) -> None:
    value, words, part = IN_WORDS[setting]
    general, own = f"{setting} = {value}", f"{setting} = {words}"
    match setting:
        case "auto_approve_up_to":
            general += "\nrequester_daily_limit = { USD = 5 }"
        case "escalate_after_minutes":
            general += '\nescalate_to = ["U0A1"]'
            own += "\nescalate_to = []"
    found = policies(general, venue("riverside"), venue("harbour", own))
    assert getattr(found["riverside"], part) is not None
    assert getattr(found["harbour"], part) is None


def test_whatever_has_no_empty_value_can_be_taken_back_in_words() -> None:
    empty = {name for name, field in PolicySettings.model_fields.items() if field.default is None}
    assert empty == set(IN_WORDS)


ALONE = IN_WORDS.keys() - {"auto_approve_up_to", "escalate_after_minutes"}


@given(named=st.sets(st.sampled_from(sorted(ALONE))))
def test_what_a_venue_does_not_name_is_not_taken_back(named: set[str]) -> None:
    general = "\n".join(f"{name} = {IN_WORDS[name][0]}" for name in ALONE)
    own = "\n".join(f"{name} = {IN_WORDS[name][1]}" for name in named)
    found = policies(general, venue("riverside"), venue("harbour", own))
    for name in ALONE:
        part = IN_WORDS[name][2]
        kept = None if name in named else getattr(found["riverside"], part)
        assert getattr(found["harbour"], part) == kept


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


def uncommented(example: str) -> str:
    """The example with the lines in force that it only proposes."""
    return re.sub(r"^# (?=\[|[a-z_]+ = )", "", example, flags=re.MULTILINE)


def test_what_the_example_file_only_proposes_is_sound_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RIVERSIDE", "HARBOUR"):
        monkeypatch.setenv(f"{name}_ACME_API_KEY", "key")
    example = (ROOT / "rescind.example.toml").read_text(encoding="utf-8")
    Path("rescind.toml").write_text(uncommented(example), encoding="utf-8")
    riverside, harbour = (config.venue.policy for config in load().venues)
    assert riverside.break_glass is not None
    assert riverside.reasons
    assert riverside.approver_daily is not None
    assert harbour.approver_daily is None


@pytest.mark.parametrize("number", range(4))
def test_the_examples_of_the_documentation_are_sound(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    for name in ("ACME_API_KEY", "HARBOUR_ACME_API_KEY"):
        monkeypatch.setenv(name, "key")
    monkeypatch.setenv("ACME_BASE_URL", "https://acme.example")
    documentation = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    examples = re.findall(r"```toml\n(.*?)```", documentation, re.DOTALL)
    assert len(examples) == 4
    Path("rescind.toml").write_text(examples[number], encoding="utf-8")
    (config,) = load().venues
    assert config.venue.policy != DEFAULT


def test_the_documentation_names_the_words_of_every_setting() -> None:
    documentation = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    for setting, (_, words, _) in IN_WORDS.items():
        rows = [row for row in documentation.splitlines() if row.endswith("|") and words in row]
        assert any(f"`{setting}`" in row for row in rows), setting
