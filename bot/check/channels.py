"""Whether the bot can work in the channels that the settings name.

Slack's own word is `conversations.info`, for which our manifest asks no scope. Without it, a look
into a stretch of the history in which nothing can be tells membership, and asking for the link to
a message that does not exist, for which no scope is needed, whether there is such a channel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.check.finding import Finding, ok, warning, wrong
from bot.check.named import Named, named_channels
from bot.check.reach import UnreachableError
from bot.check.slack import Answer, Slack
from bot.domain.venue import Venue

# A moment long before Slack: no message is of it.
_NEVER = "1.000000"
_READ_SCOPES = frozenset({"channels:read", "groups:read", "im:read", "mpim:read"})
_GRANT = (
    "Look at the channel's details in Slack. To have it checked here, add the scopes "
    "channels:read (public channels) and groups:read (private ones) to the app."
)


@dataclass(frozen=True, slots=True)
class _Seen:
    """`is_described`: Slack told everything about it, also whether it is archived or shared."""

    finding: Finding
    is_described: bool = False


async def about_channels(
    slack: Slack, venues: Sequence[Venue], scopes: frozenset[str] | None
) -> list[Finding]:
    """Look at every named channel. `scopes`: those granted, None if nobody knows."""
    named = named_channels(venues)
    if not named:
        return [ok("channels", "The settings name none: the bot works wherever it is invited.")]
    may_describe = scopes is None or bool(scopes & _READ_SCOPES)
    seen = await asyncio.gather(*(_look(slack, each, may_describe) for each in named))
    findings = [each.finding for each in seen]
    if not all(each.is_described for each in seen):
        findings.append(
            warning(
                "channels",
                "Whether they are archived, or shared with another organisation (whose people "
                "would see the cards), cannot be checked without channels:read and groups:read.",
                _GRANT,
            )
        )
    return findings


async def _look(slack: Slack, channel: Named, may_describe: bool) -> _Seen:
    what = f"channel {channel.id}"
    try:
        if may_describe:
            told = await slack.ask("conversations.info", channel=channel.id)
            if told.error != "missing_scope":
                return _Seen(_described(what, channel, told), is_described=True)
        told = await slack.ask(
            "conversations.history", channel=channel.id, oldest=_NEVER, latest=_NEVER, limit=1
        )
        if told.error == "missing_scope":
            told = await slack.ask("chat.getPermalink", channel=channel.id, message_ts=_NEVER)
            return _Seen(_glimpsed(what, channel, told))
    except UnreachableError as error:
        return _Seen(warning(what, f"Not checked: {error.trouble.text}", error.trouble.to_do))
    return _Seen(_looked_into(what, channel, told))


def _described(what: str, channel: Named, told: Answer) -> Finding:
    if told.error is not None:
        return _refused(what, channel, told.error)
    found = told.data.get("channel")
    described: Mapping[str, Any] = found if isinstance(found, dict) else {}
    if described.get("is_archived"):
        return wrong(
            what,
            f"It is archived, and named in {channel.places}.",
            "Unarchive it, or name another channel.",
        )
    if not (described.get("is_member") or described.get("is_im")):
        return _not_in(what, channel)
    if described.get("is_ext_shared") or described.get("is_pending_ext_shared"):
        return warning(
            what,
            "It is shared with another organisation (Slack Connect), whose people see the cards.",
            'Name a channel of your own, or set guest_details = "none" under [policy].',
        )
    return ok(what, f"The bot is a member; named in {channel.places}.")


def _looked_into(what: str, channel: Named, told: Answer) -> Finding:
    if told.error is None:
        return ok(what, f"The bot is a member; named in {channel.places}.")
    return _refused(what, channel, told.error)


def _glimpsed(what: str, channel: Named, told: Answer) -> Finding:
    if told.error not in {None, "message_not_found"}:
        return _refused(what, channel, str(told.error))
    return warning(
        what,
        "It exists; whether the bot is a member cannot be checked without channels:history or "
        "channels:read (groups:history or groups:read for a private channel).",
        "Look at the channel's members in Slack, or invite the bot: /invite @rescind.",
    )


def _refused(what: str, channel: Named, error: str) -> Finding:
    match error:
        case "not_in_channel":
            return _not_in(what, channel)
        case "channel_not_found":
            return wrong(
                what,
                f"The bot sees no such channel, which is named in {channel.places}.",
                "Invite the bot if the channel is private: /invite @rescind. Otherwise correct the "
                "id; it is at the end of the channel's details.",
            )
        case "ratelimited":
            return warning(
                what, "Not checked: Slack wants to be left alone for now.", "Run this again later."
            )
    return warning(
        what, f"Not checked: Slack refuses with {error}.", "See what Slack documents about it."
    )


def _not_in(what: str, channel: Named) -> Finding:
    return wrong(
        what,
        f"The bot is not a member, and the channel is named in {channel.places}.",
        "Invite it there: /invite @rescind.",
    )
