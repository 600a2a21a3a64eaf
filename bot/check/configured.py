"""What can be told from the settings alone: where they come from, secrets' shapes, open doors."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from pydantic import SecretStr

from bot.check.finding import Finding, ok, warning, wrong
from bot.check.reach import is_loopback
from bot.domain.electorate import ProblemCode, Roster, problems
from bot.settings import DEFAULT_CONFIG, Environment, Settings

# As Slack makes them today; nothing else tells a wrong one before Slack's first request is refused.
_SIGNING_SECRET = re.compile(r"[0-9a-f]{32}")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_HOW_TO_COPY = (
    "Copy the Signing Secret (not the client secret, not the verification token) from the app's "
    "Basic Information page, without anything around it."
)


async def about_settings(settings: Settings) -> list[Finding]:
    """Look at what the settings say, asking nobody."""
    environment = settings.environment
    return [
        _source(environment),
        *_currency(settings),
        *_policies(settings),
        *_signing_secrets(environment),
        *_tokens(settings),
        _admin_door(environment),
    ]


def _source(environment: Environment) -> Finding:
    path = environment.rescind_config or DEFAULT_CONFIG
    if environment.rescind_config or path.exists():
        return ok("settings", f"Complete, from the environment and {path}.")
    return ok("settings", f"Complete, from the environment alone: there is no {path} here.")


def _currency(settings: Settings) -> Iterator[Finding]:
    """ACME states no currency anywhere, so the default is a guess (docs/settings.md)."""
    environment = settings.environment
    of_environment = any(
        config.source.base_url == environment.acme_base_url for config in settings.venues
    )
    if of_environment and "acme_currency" not in environment.model_fields_set:
        yield warning(
            "currency",
            f"Amounts are taken for {environment.acme_currency}, which nobody confirmed.",
            "Set ACME_CURRENCY, also if it is that one.",
        )


def _policies(settings: Settings) -> Iterator[Finding]:
    """What is wrong with policies whoever is in Slack; the rest is said where Slack is asked."""
    for config in settings.venues:
        what, currency = f"policy of {config.venue.key}", config.venue.currency
        for problem in problems(config.venue.policy, Roster(), currency):
            if problem.code is ProblemCode.CURRENCY_MISSING:
                yield wrong(
                    what,
                    f"{problem.rule} names no amount in {currency}, this venue's currency, so "
                    "nothing at all is below it.",
                    f"Name one, such as {{ {currency} = 200 }}, or a policy of this venue's own.",
                )
        if config.venue.policy.is_default:
            yield warning(
                what,
                "It is the default: any full member of the workspace may ask, and any other one "
                "may approve any amount.",
                "Set approvers and tiers under [policy] in rescind.toml, or under "
                "[venues.policy] for this venue alone; docs/settings.md explains them.",
            )


def _signing_secrets(environment: Environment) -> Iterator[Finding]:
    current, previous = (
        environment.slack_signing_secret,
        environment.slack_signing_secret_previous,
    )
    if current is None:
        yield ok("signing secret", "None, and none is needed in Socket Mode.")
    else:
        yield _shape("signing secret", "SLACK_SIGNING_SECRET", current)
    if previous is None:
        return
    if current is not None and previous.get_secret_value() == current.get_secret_value():
        text = "SLACK_SIGNING_SECRET_PREVIOUS is the current one too: ready for a rotation."
        yield ok("previous signing secret", text)
    else:
        yield _shape("previous signing secret", "SLACK_SIGNING_SECRET_PREVIOUS", previous)


def _shape(what: str, name: str, secret: SecretStr) -> Finding:
    if _SIGNING_SECRET.fullmatch(secret.get_secret_value()):
        return ok(what, f"{name} looks like one; Slack's first request shows whether it is right.")
    return wrong(
        what, f"{name} is not 32 digits and letters from a to f, as Slack makes them.", _HOW_TO_COPY
    )


def _tokens(settings: Settings) -> Iterator[Finding]:
    if not settings.slack_bot_token.get_secret_value().startswith("xoxb-"):
        yield wrong(
            "bot token",
            "SLACK_BOT_TOKEN does not begin with xoxb-, so it is not a lasting token of a bot.",
            "Copy the Bot User OAuth Token from the app's OAuth & Permissions page; token rotation "
            "has to be off.",
        )
    app_token = settings.environment.slack_app_token
    if app_token is not None and not app_token.get_secret_value().startswith("xapp-"):
        yield wrong(
            "app token",
            "SLACK_APP_TOKEN does not begin with xapp-, so it cannot open Socket Mode.",
            "Make an app-level token with the scope connections:write on the app's Basic "
            "Information page.",
        )


def _admin_door(environment: Environment) -> Finding:
    """HOST, because `serve --host` is not known here: it is said, not guessed."""
    what, host, port = "metrics", environment.host, environment.admin_port
    if port == "off":
        return ok(what, "ADMIN_PORT is off: /metrics and /readyz are not served.")
    if port and port == environment.port and _meet(environment.admin_host, host):
        return wrong(
            what,
            f"ADMIN_PORT and PORT are both {port}, and one port cannot be had twice: `rescind "
            "serve` does not start.",
            "Set ADMIN_PORT to another port, or leave it out.",
        )
    if port is not None:
        where = f"port {port} of {environment.admin_host}"
        return ok(what, f"/metrics and /readyz are on {where}, apart from what Slack calls.")
    if is_loopback(host):
        return ok(what, f"/metrics and /readyz are reached on this machine only (HOST is {host}).")
    return warning(
        what,
        f"/metrics and /readyz are open to whoever reaches port {environment.port} of {host}.",
        "Set ADMIN_PORT to a port of their own (on ADMIN_HOST, by default this machine only), or "
        "to off.",
    )


def _meet(host: str, other: str) -> bool:
    """Whether both listen at some address; what other names stand for is not looked up."""
    return host.lower() == other.lower() or any(
        one == two or (one.version == two.version and (one.is_unspecified or two.is_unspecified))
        for one in _addresses(host)
        for two in _addresses(other)
    )


def _addresses(host: str) -> list[_Address]:
    literals = ("127.0.0.1", "::1") if host.lower() == "localhost" else (host,)
    try:
        return [ipaddress.ip_address(literal) for literal in literals]
    except ValueError:
        return []
