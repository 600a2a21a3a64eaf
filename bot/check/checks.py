"""All checks together, side by side, in an order that stays the same."""

from __future__ import annotations

import asyncio

from bot.check.attempt import carried_out
from bot.check.channels import about_channels
from bot.check.configured import about_settings
from bot.check.database import about_database
from bot.check.finding import Finding, Grade, warning, wrong
from bot.check.identity import about_socket, introduce
from bot.check.people import about_people
from bot.check.reach import host_of, keeps_secrets
from bot.check.slack import connection
from bot.check.venues import about_venue
from bot.settings import Settings

# What is asked of Slack goes in two rounds, each with a limit of its own.
_SLACK_SECONDS = 75.0
_SHORTEST_SECRET = 4
_NOBODY_TO_ASK = warning(
    "people, policies and channels",
    "Not checked: only Slack could tell.",
    "See to what is said of Slack, then run this again.",
)


async def run_checks(settings: Settings) -> list[Finding]:
    """Check whatever can be checked without changing anything anywhere."""
    groups = await asyncio.gather(
        carried_out("settings", about_settings(settings)),
        carried_out("database", about_database(settings.environment.database_url)),
        carried_out("Slack", _about_slack(settings), _SLACK_SECONDS),
        *(
            carried_out(f"venue {config.venue.key}", about_venue(config))
            for config in settings.venues
        ),
    )
    secrets = [secret for secret in settings.secrets() if len(secret) >= _SHORTEST_SECRET]
    return [_fit_to_print(finding, secrets) for group in groups for finding in group]


def passed(findings: list[Finding]) -> bool:
    return all(finding.grade is not Grade.WRONG for finding in findings)


async def _about_slack(settings: Settings) -> list[Finding]:
    url, venues = settings.slack_api_url, [config.venue for config in settings.venues]
    if not keeps_secrets(url):
        return [
            wrong(
                "Slack",
                f"{host_of(url)} was not asked: without TLS, whoever is on the way can read the "
                "tokens.",
                "Set SLACK_API_URL to an address that begins with https://, or leave it out.",
            ),
            _NOBODY_TO_ASK,
        ]
    async with connection(settings) as slack:
        told = await introduce(slack, venues)
        app_token = settings.environment.slack_app_token
        checks = [carried_out("Socket Mode", about_socket(slack, app_token))]
        if told.is_welcome:
            people = about_people(slack, told.home, venues)
            checks.append(carried_out("people and policies", people))
            channels = about_channels(slack, venues, told.scopes)
            checks.append(carried_out("channels", channels))
        groups = await asyncio.gather(*checks)
    findings = [*told.findings, *(finding for group in groups for finding in group)]
    return findings if told.is_welcome else [*findings, _NOBODY_TO_ASK]


def _fit_to_print(finding: Finding, secrets: list[str]) -> Finding:
    """Whatever others answered may repeat what they were sent, and may move a terminal's cursor."""
    text = finding.text
    for secret in secrets:
        text = text.replace(secret, "•••")
    return Finding(
        finding.what,
        finding.grade,
        "".join(letter if letter.isprintable() else " " for letter in text),
        finding.to_do,
    )
