"""The alarm in the card's thread: somebody approved alone, and all who may approve shall know."""

from __future__ import annotations

from bot.domain.request import Request, Verdict
from bot.domain.venue import Venue
from bot.slack.cards.card import metadata
from bot.slack.cards.format import foreign, money, person
from bot.slack.cards.mentions import all_mentions
from bot.slack.cards.message import Message, sections


def alarm_kind(request: Request) -> str:
    """Name the alarm within its request; each approval has its run."""
    return f"alarm:{request.revision}:{request.run}"


def alarm(request: Request, venue: Venue) -> Message | None:
    """Render the alarm; None where nobody broke the glass."""
    decision, quote = request.decision, request.quote
    if decision is None or quote is None or decision.verdict is not Verdict.BROKE_GLASS:
        return None
    order = foreign(request.order_label, 40)
    told = [
        (
            f":rotating_light: *{person(decision.by)} approved this alone, in an emergency*: "
            f"order {order}, a refund of {money(quote.refund, venue)}, without the approvals that "
            "the policy asks for. Please check that it was right."
        )
    ]
    if decision.note:
        told.append(f">{foreign(decision.note, 500)}")
    called = list(all_mentions(_called(request, venue)))
    return Message(
        # The first of them are in the notification, all of them in the message.
        text="\n".join([*called[:1], *told]),
        blocks=tuple(sections([*called, *told])),
        metadata=metadata(request, alarm_kind(request)),
        broadcast=True,
    )


def _called(request: Request, venue: Venue) -> list[str]:
    """Everybody who is named as an approver, but for who did it."""
    policy, decision = venue.policy, request.decision
    did_it = decision.by.user if decision and decision.by else None
    ids = (*sorted(policy.named_approvers), *policy.mentions)
    return [each for each in ids if each != did_it]
