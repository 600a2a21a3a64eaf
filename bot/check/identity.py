"""Whether Slack takes our tokens, who we are to it, and which scopes we were granted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from bot.check.clock import about_clock
from bot.check.finding import Finding, ok, warning, wrong
from bot.check.reach import Trouble, UnreachableError
from bot.check.slack import Answer, Slack
from bot.domain.venue import Venue
from bot.manifest import load_manifest
from bot.slack.directory import Home

GROUPS_SCOPE = "usergroups:read"
_REINSTALL = (
    "Paste `rescind manifest` into the app's manifest page, then install the app to the workspace "
    "anew."
)
# What goes wrong without the scopes that the manifest lets an installer leave out.
_CONSEQUENCES = {
    "channels:history": "after a crash at the wrong moment a message in a public channel can "
    "appear twice.",
    "groups:history": "after a crash at the wrong moment a message in a private channel can "
    "appear twice.",
}


@dataclass(frozen=True, slots=True)
class Introduction:
    """`home`: where we are, None if Slack did not say; `scopes`: None if it did not say which.

    `is_welcome`: Slack takes the token, so that more can be asked.
    """

    findings: list[Finding]
    is_welcome: bool = False
    home: Home | None = None
    scopes: frozenset[str] | None = None


async def introduce(slack: Slack, venues: Sequence[Venue]) -> Introduction:
    """Ask Slack who we are; nothing else can be asked without."""
    try:
        answer = await slack.ask("auth.test")
    except UnreachableError as error:
        return Introduction([_unanswered("Slack", error.trouble)])
    clock = about_clock("Slack", answer.headers.get("date"), answer.asked_at, answer.answered_at)
    if answer.error is not None:
        return Introduction([_refused(answer.error), clock])
    scopes = _granted(answer)
    findings = [_welcome(answer), *_about_scopes(scopes, venues), clock]
    return Introduction(findings, True, _home(answer), scopes)


def _unanswered(what: str, trouble: Trouble) -> Finding:
    if trouble.is_passing:
        return warning(what, f"Not checked: {trouble.text}", trouble.to_do)
    return wrong(what, f"Not reached: {trouble.text}", trouble.to_do)


def _refused(error: str) -> Finding:
    if error == "ratelimited":
        return warning("Slack", "It wants to be left alone for now.", "Run this again in a minute.")
    return wrong(
        "Slack",
        f"It refuses the bot's token: {error}.",
        "Copy the Bot User OAuth Token from the app's OAuth & Permissions page to SLACK_BOT_TOKEN.",
    )


def _welcome(answer: Answer) -> Finding:
    data = answer.data
    team = f"{data.get('team') or 'a workspace'} ({data.get('team_id')})"
    if not data.get("bot_id"):
        return wrong(
            "Slack",
            f"The token is not a bot's, but a person's in {team}.",
            "Copy the Bot User OAuth Token, which begins with xoxb-, to SLACK_BOT_TOKEN.",
        )
    whole = ", for the whole organisation" if data.get("is_enterprise_install") is True else ""
    return ok("Slack", f"It takes the token: {data.get('user_id')} in {team}{whole}.")


def _home(answer: Answer) -> Home | None:
    data = answer.data
    if not data.get("team_id"):
        return None
    enterprise = str(data.get("enterprise_id") or "") or None
    return Home(str(data["team_id"]), enterprise, data.get("is_enterprise_install") is True)


def _granted(answer: Answer) -> frozenset[str] | None:
    named = {name.strip() for name in answer.headers.get("x-oauth-scopes", "").split(",")} - {""}
    return frozenset(named) or None


def _about_scopes(granted: frozenset[str] | None, venues: Sequence[Venue]) -> Iterator[Finding]:
    scopes = load_manifest()["oauth_config"]["scopes"]
    optional = frozenset(scopes["bot_optional"])
    if granted is None:
        yield warning(
            "scopes",
            "Slack does not say which ones were granted.",
            f"Compare the app's OAuth & Permissions page with the manifest. {_REINSTALL}",
        )
        return
    missing = sorted(frozenset(scopes["bot"]) - optional - granted)
    if missing:
        yield wrong("scopes", f"Not granted, but needed: {', '.join(missing)}.", _REINSTALL)
    else:
        yield ok("scopes", "Every scope that is needed was granted.")
    for scope in sorted(optional - granted):
        yield from _about_optional(scope, venues)


def _about_optional(scope: str, venues: Sequence[Venue]) -> Iterator[Finding]:
    what = f"scope {scope}"
    if scope != GROUPS_SCOPE:
        consequence = _CONSEQUENCES.get(scope, "something is missing that it is for.")
        yield warning(what, f"Not granted: {consequence}", _REINSTALL)
        return
    naming = [venue.key for venue in venues if venue.policy.groups]
    if naming:
        yield wrong(
            what,
            f"Not granted, but the policy of {', '.join(naming)} names user groups: nobody counts "
            "as a member of any.",
            f"{_REINSTALL} Or name people instead of groups.",
        )


async def about_socket(slack: Slack, token: SecretStr | None) -> list[Finding]:
    """See whether Socket Mode can be had: Slack gives an address, to which nothing is connected.

    An address is good for one connection and runs out by itself (apps.connections.open).
    """
    what = "Socket Mode"
    if token is None:
        return [ok(what, "Not used: SLACK_APP_TOKEN is not set.")]
    try:
        answer = await slack.ask("apps.connections.open", token=token)
    except UnreachableError as error:
        return [_unanswered(what, error.trouble)]
    if answer.error == "ratelimited":
        return [warning(what, "Slack wants to be left alone for now.", "Run this again later.")]
    if answer.error is None:
        return [ok(what, "Slack offers a connection; none was opened.")]
    return [
        wrong(
            what,
            f"Slack refuses the app-level token: {answer.error}.",
            "Switch Socket Mode on in the app's settings, and set SLACK_APP_TOKEN to an app-level "
            "token (xapp-) of the same app with the scope connections:write.",
        )
    ]
