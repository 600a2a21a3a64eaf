"""Venues with a policy each, all of one box office, for one bot: what the policy tests ask at.

Its orders: the family's of $148.75, the seed's of $400, a big one of $667.50, and a dear one of
3126.25, which ACME does not say to be in euro.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.sandbox.server import RunningSandbox
from bot.sandbox.slack.cast import UserGroup
from tests.integration.stage import APPROVER, QUICK, SECOND, SEED, Stage, open_stage

FAMILY, BIG, DEAR = "26644402", "26644551", "26644533"
PAST, CHECKED_IN, SCHOOL = "26644512", "26644463", "26644478"
BOX_OFFICE = "C0BOXOFF"
# A user group whose members come and go.
SHIFT = "S0SHIFT"

GENERAL = """
[policy]
approvers = ["S0APPROVE"]
mentions = ["S0FINANCE"]
remind_after_minutes = []
expire_after_hours = 0
"""
_TIERS = """
tiers = [
    { up_to = { USD = 200 } },
    { up_to = { USD = 450 }, approvals = 2 },
    { up_to = { USD = 1000 }, approvers = ["S0FINANCE"] },
]
"""
POLICIES = {
    "plain": "",
    "tiers": _TIERS,
    "euro": _TIERS,
    "alone": """
approvers = ["S0APPROVE", "U0REQUEST"]
self_approval = true
self_approval_up_to = { USD = 150 }
""",
    "busy": "approver_daily_limit = { USD = 500 }",
    "keen": "requester_daily_limit = { USD = 500 }",
    "open": 'guest_details = "full"',
    "discreet": 'guest_details = "none"',
    "why": "reason_required = true",
    "listed": 'reasons = ["Guest is ill", "Duplicate order"]',
    "here": f'channels = ["{BOX_OFFICE}"]',
    "closed": 'requesters = ["U0REQUEST", "U0GUEST"]\ndeny_approvers = ["S0FINANCE"]',
    "denied": 'approvers = ["U0APPROVE", "U0SECOND"]\ndeny_approvers = ["S0FINANCE"]',
    "barred": 'block_on = ["past_event", "checked_in", "organisation"]',
    "fresh": "max_order_age_days = 0",
    "glass": """
tiers = [{ up_to = { USD = 1000 }, approvals = 2 }]
break_glass = { who = ["U0REQUEST"], up_to = { USD = 450 } }
""",
    "auto": "auto_approve_up_to = { USD = 200 }\nrequester_daily_limit = { USD = 440 }",
    "quorum": "rejections = 2\ntiers = [{ approvals = 2 }]",
    "patient": """
approvers = ["U0APPROVE"]
escalate_after_minutes = 30
escalate_to = ["S0FINANCE"]
""",
    "shift": f'approvers = ["{SHIFT}"]\ntiers = [{{ approvals = 2 }}]',
    "empty": 'approvers = ["S0EMPTY"]',
    "former": 'approvers = ["S0FORMER"]',
    "disabled": 'approvers = ["S0DISABLED"]',
    "oneself": 'approvers = ["U0REQUEST"]',
    "few": 'approvers = ["U0APPROVE"]\ntiers = [{ approvals = 2 }]',
    "gone": 'approvers = ["U0LEFT", "U0GUEST"]',
}


def _venue(key: str, policy: str) -> str:
    return f"""
[[venues]]
key = "{key}"
name = "{key.title()} House"
system = "acme"
base_url = "@ACME@"
api_key_env = "ACME_API_KEY"
currency = "{"EUR" if key == "euro" else "USD"}"

[venues.policy]
{policy}
"""


@contextmanager
def open_offices(folder: Path) -> Iterator[Stage]:
    """A stage whose clock can be put forward."""

    def prepare(sandbox: RunningSandbox) -> None:
        shift = UserGroup(SHIFT, "shift", (APPROVER, SECOND))
        sandbox.sandbox.slack.user_groups[SHIFT] = shift

    venues = "".join(_venue(key, policy) for key, policy in POLICIES.items())
    with open_stage(folder, QUICK + GENERAL + venues, prepare=prepare, later=True) as running:
        yield running


__all__ = [
    "BIG",
    "BOX_OFFICE",
    "CHECKED_IN",
    "DEAR",
    "FAMILY",
    "PAST",
    "POLICIES",
    "SCHOOL",
    "SEED",
    "SHIFT",
    "open_offices",
]
