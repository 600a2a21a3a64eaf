"""Mistakes in `[policy]`: one line each, by the setting's path, in words of our own."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config_file import PolicySettings
from bot.settings import SettingsError, load
from tests.unit.policy_toml import NOT_OURS, mistakes, move_to, policy, venue, written


@pytest.fixture(autouse=True)
def _nothing_else_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    move_to(tmp_path, monkeypatch)


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
        ('self_approval = "true"', "policy.self_approval: "),
        ("self_approval = 1", "policy.self_approval: "),
        ('reason_required = "no"', "policy.reason_required: "),
        ('approvers = [["U0A1"]]', "policy.approvers.0: "),
        ("approvers = [1]", "policy.approvers.0: "),
        ("approvers = {}", "policy.approvers: "),
        ('approvers = ["U0A1", "S0B2", "U0A1"]', "policy.approvers: "),
        ('deny_approvers = ["S0B2", "S0B2"]', "policy.deny_approvers: "),
        ('self_approval = "perhaps"', "policy.self_approval: "),
        ("self_approval_up_to = 50", "policy.self_approval_up_to: "),
        ("approver_daily_limit = {}", "policy.approver_daily_limit: "),
        ("approver_daily_limit = { usd = 50 }", "policy.approver_daily_limit: "),
        ("approver_daily_limit = { USD = -1 }", "policy.approver_daily_limit.USD: "),
        ("approver_daily_limit = { USD = 0.001 }", "policy.approver_daily_limit: "),
        ("approver_daily_limit = { JPY = 0.5 }", "policy.approver_daily_limit: "),
        ("approver_daily_limit = { USD = 1e30 }", "policy.approver_daily_limit.USD: "),
        ("requester_daily_limit = { USD = nan }", "policy.requester_daily_limit.USD: "),
        ("requester_daily_limit = { USD = inf }", "policy.requester_daily_limit.USD: "),
        ('approver_daily_limit = { USD = "50" }', "policy.approver_daily_limit.USD: "),
        ("approver_daily_limit = { USD = true }", "policy.approver_daily_limit.USD: "),
        ("approver_daily_limit = { USD = { EUR = 5 } }", "policy.approver_daily_limit.USD: "),
        ("approver_daily_limit = 2026-01-01", "policy.approver_daily_limit: "),
        ('approver_daily_limit = "none"', "policy.approver_daily_limit: "),
        ("tiers = { up_to = { USD = 5 } }", "policy.tiers: "),
        ("tiers = [5]", "policy.tiers.0: "),
        ("tiers = [[]]", "policy.tiers.0: "),
        ("tiers = [{ approvals = true }]", "policy.tiers.0.approvals: "),
        ("tiers = [{ approvals = 2.0 }]", "policy.tiers.0.approvals: "),
        ("tiers = [{ up_to = {} }]", "policy.tiers.0.up_to: "),
        ("tiers = [{ approvals = 0 }]", "policy.tiers.0.approvals: "),
        ("tiers = [{}, { approvals = 21 }]", "policy.tiers.1.approvals: "),
        ("tiers = [{ approvals = 1.5 }]", "policy.tiers.0.approvals: "),
        ("tiers = [{ approvers = [] }]", "policy.tiers.0.approvers: "),
        ('tiers = [{ who = ["U0A1"] }]', "policy.tiers.0.who: "),
        ('reasons = [""]', "policy.reasons.0: "),
        ('reasons = ["Guest is ill", "  "]', "policy.reasons.1: "),
        ('reasons = ["\\u200b\\t"]', "policy.reasons.0: "),
        ('reasons = ["Guest is ill", "guest  is ILL"]', "policy.reasons: "),
        ("reasons = [true]", "policy.reasons.0: "),
        ('reasons = "Guest is ill"', "policy.reasons: "),
        (f"reasons = {[str(each) for each in range(101)]}", "policy.reasons: "),
        (f'reasons = ["{"x" * 76}"]', "policy.reasons.0: "),
        ('block_on = ["rain"]', "policy.block_on.0: "),
        ("max_order_age_days = -1", "policy.max_order_age_days: "),
        ("rejections = 0", "policy.rejections: "),
        ("rejections = true", "policy.rejections: "),
        ('rejections = "2"', "policy.rejections: "),
        ("rejections = 2.0", "policy.rejections: "),
        ('max_order_age_days = "90"', "policy.max_order_age_days: "),
        ("max_order_age_days = false", "policy.max_order_age_days: "),
        ("break_glass = true", "policy.break_glass: "),
        ("break_glass = []", "policy.break_glass: "),
        ('break_glass = "nobody"', "policy.break_glass: "),
        ("break_glass = {}", "policy.break_glass.who: "),
        ("break_glass = { who = [] }", "policy.break_glass.who: "),
        ('escalate_to = ["U0A1"]\nescalate_after_minutes = 0', "policy.escalate_after_minutes: "),
        ("remind_after_minutes = 30", "policy.remind_after_minutes: "),
        ("remind_after_minutes = [30, 0]", "policy.remind_after_minutes.1: "),
        ("expire_after_hours = -1", "policy.expire_after_hours: "),
        ('expire_after_hours = "24"', "policy.expire_after_hours: "),
        ("expire_after_hours = true", "policy.expire_after_hours: "),
        ('remind_after_minutes = ["30"]', "policy.remind_after_minutes.0: "),
        ("remind_after_minutes = [true]", "policy.remind_after_minutes.0: "),
        ("expire_after_hours = nan", "policy.expire_after_hours: "),
        ('guest_details = "some"', "policy.guest_details: "),
        ("guest_details = true", "policy.guest_details: "),
        ('"two\\nlines" = 1', 'policy."two'),
    ],
)
def test_a_mistake_is_one_line_that_names_the_setting(lines: str, named: str) -> None:
    (line,) = mistakes(lines)
    assert line.startswith(named)
    assert not NOT_OURS.search(line)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            "approvers = []",
            (
                "policy.approvers: an empty list is not a list of one or more ids. Write ids in "
                'brackets, such as ["U0SAMITO", "S0LEADS"], or "any full member".'
            ),
        ),
        (
            "tiers = [{ approvers = [] }]",
            (
                "policy.tiers.0.approvers: an empty list is not a list of one or more ids. Write "
                'ids in brackets, such as ["U0SAMITO", "S0LEADS"], or leave the line out for the '
                "approvers of the policy."
            ),
        ),
        (
            "break_glass = { who = [] }",
            (
                "policy.break_glass.who: an empty list is not a list of one or more ids. Write ids "
                'in brackets, such as ["U0SAMITO", "S0LEADS"]; for nobody, write break_glass = '
                '"off" instead.'
            ),
        ),
        (
            "rejections = true",
            (
                "policy.rejections: true is not a whole number from 1 to 20. Write one without "
                "quotes, such as 2."
            ),
        ),
        (
            'approver_daily_limit = { USD = "100.00" }',
            (
                'policy.approver_daily_limit.USD: the text "100.00" is not an amount of money. '
                "Write a number without quotes, such as 200 or 180.50."
            ),
        ),
        (
            "approver_daily_limit = { JPY = 0.5 }",
            (
                "policy.approver_daily_limit: 0.5 is finer than the smallest coin of JPY. Write a "
                "whole number."
            ),
        ),
        (
            'reasons = ["Guest is ill", " "]',
            (
                'policy.reasons.1: the text " " is not a reason. Write some words, of 75 '
                'characters at most, such as "Guest is ill".'
            ),
        ),
        (
            'approver = ["U0A1"]',
            "policy.approver: there is no such setting. Write approvers, if that is meant.",
        ),
        (
            "colour = 1",
            "policy.colour: there is no such setting. Take the line out, or see docs/settings.md.",
        ),
    ],
)
def test_a_mistake_says_what_was_written_and_what_to_write(lines: str, said: str) -> None:
    assert mistakes(lines) == [said]


@pytest.mark.parametrize("table", ["policy = 5", "[[policy]]", 'policy = "off"'])
def test_a_policy_that_is_no_table_is_told(table: str) -> None:
    Path("rescind.toml").write_text(table, encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load()
    lines = [line for line in refused.value.mistakes if line.startswith("rescind.toml: ")]
    assert len(lines) == 1
    assert lines[0].startswith("rescind.toml: policy: ")
    assert not NOT_OURS.search(lines[0])


@pytest.mark.parametrize("setting", ["approvers", "mentions", "channels", "reasons", "block_on"])
@pytest.mark.parametrize("text", ["avery@example.com", "xoxb-1234567890-abcdefghijkl", "x" * 90])
def test_what_may_name_somebody_or_be_a_secret_is_not_repeated(setting: str, text: str) -> None:
    lines = mistakes(f'{setting} = "{text}"')
    assert lines
    assert not any(text in line for line in lines)


ALLOWANCES = (
    "requesters",
    "approvers",
    "channels",
    "self_approval_up_to",
    "auto_approve_up_to",
    "approver_daily_limit",
    "requester_daily_limit",
    "max_order_age_days",
    "break_glass",
)


@pytest.mark.parametrize("setting", ALLOWANCES)
@pytest.mark.parametrize("empty", ["[]", "{}", '""', "false", '"none"', '"default"', '"Off"'])
def test_nothing_empty_or_vague_opens_a_door(setting: str, empty: str) -> None:
    """A rule is taken back in the words that say so, and in no other way."""
    (line,) = mistakes("", venue("riverside"), venue("harbour", f"{setting} = {empty}"))
    assert line.startswith(f"venues.harbour.policy.{setting}")


def _toml(value: object) -> str:
    """A value as TOML spells it."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            escaped = (f"\\U{ord(char):08x}" for char in value)
            return f'"{"".join(escaped)}"'
        case list():
            return f"[{', '.join(_toml(each) for each in value)}]"
        case dict():
            return (
                f"{{ {', '.join(f'{_toml(key)} = {_toml(each)}' for key, each in value.items())} }}"
            )
        case date():
            return value.isoformat()
    return str(value)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["U0A1", "S0B2", "C0A1", "checked_in", "off", "any full member", "true", "200", "x" * 80]
)
scalars = (
    st.booleans()
    | texts
    | st.integers()
    | st.integers(10**20, 10**300)
    | st.decimals(allow_nan=False, allow_infinity=False)
    .filter(lambda each: abs(each.adjusted()) < 500)
    .map(float)
    | st.sampled_from([date(2026, 1, 1), datetime(2026, 1, 1, 1, 1, tzinfo=UTC)])
)
keys = texts | st.sampled_from(["USD", "EUR", "who", "up_to", "approvals", "approvers"])
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)


@given(name=st.sampled_from(sorted(PolicySettings.model_fields)), value=anything)
def test_whatever_is_written_is_read_or_told_in_our_words(name: str, value: object) -> None:
    line = f"{name} = {_toml(value)}"
    written("", venue("riverside"), venue("harbour", line))
    try:
        load()
    except SettingsError as refused:
        for mistake in refused.mistakes:
            path, _, sentence = mistake.removeprefix("rescind.toml: ").partition(": ")
            assert path.startswith(f"venues.harbour.policy.{name}") or "set both" in sentence
            assert "\n" not in mistake
            assert not NOT_OURS.search(sentence)


@given(name=st.sampled_from(["self_approval", "reason_required"]), value=anything)
def test_a_switch_is_on_only_where_true_is_written(name: str, value: object) -> None:
    try:
        found = policy(f"{name} = {_toml(value)}")
    except SettingsError:
        assert not isinstance(value, bool)
    else:
        assert getattr(found, name) is value


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
    assert line.startswith("venues.harbour.policy.rejections: ")
