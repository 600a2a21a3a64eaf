"""Whether the people and user groups that policies name can do what they are named for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.check.finding import Finding, ok, warning, wrong
from bot.check.named import Named, lists_of, named_people
from bot.check.reach import UnreachableError
from bot.check.slack import Slack
from bot.domain.electorate import Problem, ProblemCode, Roster, problems
from bot.domain.person import Standing
from bot.domain.policy import is_group
from bot.domain.venue import Venue
from bot.slack.directory import Home, standing

_NOBODY = frozenset({"user_not_found", "user_not_visible", "users_not_found"})
# Members of groups are looked at one by one, and Slack answers about a hundred a minute.
_LARGEST_GROUP = 20
_MOST_MEMBERS = 60
_AS = {
    Standing.GUEST: "a guest",
    Standing.BOT: "a bot",
    Standing.DEACTIVATED: "deactivated",
    Standing.STRANGER: "of another workspace",
}
# What else is wrong with a policy is said of the group that it is about, or of the settings.
_OF_POLICIES = frozenset(ProblemCode) - {
    ProblemCode.GROUP_EMPTY,
    ProblemCode.GROUP_UNREADABLE,
    ProblemCode.CURRENCY_MISSING,
}
_COPY_ID = "Copy the id from the person's profile (Copy member ID)"
_RUN_AGAIN = "Run this again in a minute; until it works, what Slack does not tell counts as a no."


@dataclass(frozen=True, slots=True)
class Somebody:
    """What Slack says of a user id. `standing` None: it knows nobody by it, or `trouble`."""

    standing: Standing | None = None
    trouble: str | None = None

    @property
    def is_unfit(self) -> bool:
        """Whether they certainly cannot act; what nobody could say is not held against them."""
        return self.trouble is None and self.standing not in {Standing.MEMBER, Standing.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Group:
    """What Slack says of a user group. `members` None: there is none, or `trouble`."""

    members: frozenset[str] | None = None
    is_disabled: bool = False
    trouble: str | None = None


async def about_people(slack: Slack, home: Home | None, venues: Sequence[Venue]) -> list[Finding]:
    """Look up everybody whom a policy names, then what that means for each policy."""
    if home is None:
        return [
            warning(
                "people and policies",
                "Not checked: Slack did not say which workspace is ours.",
                "See to what is said of Slack, then run this again.",
            )
        ]
    named = named_people(venues)
    groups = await _groups(slack, [each.id for each in named if is_group(each.id)])
    wanted = [each.id for each in named if not is_group(each.id)]
    people = await _people(slack, home, dict.fromkeys([*wanted, *_worth_a_look(groups)]))
    roster = Roster(
        {group: None if found.is_disabled else found.members for group, found in groups.items()},
        frozenset(user for user, somebody in people.items() if somebody.is_unfit),
    )
    return [
        *_told_once(people[user] for user in wanted),
        *(finding for each in named for finding in _about(each, people, groups, roster)),
        *_about_policies(venues, roster),
    ]


async def _groups(slack: Slack, ids: Sequence[str]) -> dict[str, Group]:
    found = await asyncio.gather(*(_group(slack, each) for each in ids))
    return dict(zip(ids, found, strict=True))


async def _group(slack: Slack, group: str) -> Group:
    """Ask the way the bot does, then once more, to tell a disabled group from none at all."""
    method = "usergroups.users.list"
    try:
        answer = await slack.ask(method, usergroup=group)
        is_disabled = answer.error == "no_such_subteam"
        if is_disabled:
            answer = await slack.ask(method, usergroup=group, include_disabled=True)
    except UnreachableError as error:
        return Group(trouble=error.trouble.text)
    if answer.error == "no_such_subteam":
        return Group()
    if answer.error is not None:
        return Group(trouble=answer.error)
    members = frozenset(str(user) for user in answer.data.get("users") or ())
    return Group(members, is_disabled)


def _worth_a_look(groups: Mapping[str, Group]) -> list[str]:
    members: dict[str, None] = {}
    for group in groups.values():
        if group.members is not None and len(group.members) <= _LARGEST_GROUP:
            members |= dict.fromkeys(sorted(group.members))
    return list(members)[:_MOST_MEMBERS]


async def _people(slack: Slack, home: Home, ids: Mapping[str, None]) -> dict[str, Somebody]:
    found = await asyncio.gather(*(_person(slack, home, user) for user in ids))
    return dict(zip(ids, found, strict=True))


async def _person(slack: Slack, home: Home, user: str) -> Somebody:
    try:
        answer = await slack.ask("users.info", user=user)
    except UnreachableError as error:
        return Somebody(trouble=error.trouble.text)
    if answer.error in _NOBODY:
        return Somebody()
    if answer.error is not None:
        return Somebody(trouble=answer.error)
    shown = answer.data.get("user")
    return Somebody(standing(user, shown, home) if isinstance(shown, dict) else Standing.UNKNOWN)


def _told_once(people: Iterator[Somebody]) -> Iterator[Finding]:
    """What keeps Slack from telling is the same for most; saying it of each would hide the rest."""
    troubles = [somebody.trouble for somebody in people if somebody.trouble]
    for trouble in dict.fromkeys(troubles):
        count = troubles.count(trouble)
        yield warning("people", f"{count} could not be looked up: {trouble}", _RUN_AGAIN)


def _about(
    named: Named, people: Mapping[str, Somebody], groups: Mapping[str, Group], roster: Roster
) -> Iterator[Finding]:
    if is_group(named.id):
        yield from _about_group(named, groups[named.id], roster)
    else:
        yield from _about_person(named, people[named.id])


def _about_person(named: Named, somebody: Somebody) -> Iterator[Finding]:
    what = f"user {named.id}"
    if somebody.trouble:
        return
    if somebody.standing is None:
        yield wrong(
            what,
            f"Named in {named.places}, but Slack shows nobody with this id.",
            f"{_COPY_ID}, or take it out.",
        )
    elif somebody.standing is Standing.UNKNOWN:
        yield warning(
            what,
            f"Named in {named.places}, but Slack does not say whether it is a full member.",
            "See in Slack who it is; until Slack tells, it counts as nobody who may.",
        )
    elif somebody.is_unfit and named.is_let:
        yield warning(
            what,
            f"Named in {named.places}, but {_AS[somebody.standing]}: only full members may act.",
            "Name somebody else, or take the id out.",
        )


def _about_group(named: Named, group: Group, roster: Roster) -> Iterator[Finding]:
    what = f"user group {named.id}"
    grave = warning if named.is_only_called else wrong
    if group.trouble == "missing_scope":
        yield grave(
            what,
            f"Named in {named.places}, but its members cannot be read without usergroups:read.",
            "Grant the scope: paste `rescind manifest` into the app's manifest page, and install "
            "the app anew.",
        )
    elif group.trouble:
        yield grave(what, f"Named in {named.places}, but not read: {group.trouble}", _RUN_AGAIN)
    elif group.members is None:
        yield grave(
            what,
            f"Named in {named.places}, but Slack knows no such user group.",
            "Copy the id from the user group's page (Copy group ID), or take it out.",
        )
    elif group.is_disabled:
        yield grave(
            what,
            f"Named in {named.places}, but disabled, so that nobody counts as its member.",
            "Enable it in Slack, or name another one.",
        )
    elif named.is_let and not group.members - roster.unfit:
        missing = "no full member" if group.members else "nobody"
        yield warning(
            what, f"Named in {named.places}, but {missing} is in it.", "Add people to it in Slack."
        )


def _about_policies(venues: Sequence[Venue], roster: Roster) -> Iterator[Finding]:
    for venue in venues:
        what = f"policy of {venue.key}"
        found = [
            _about_problem(what, problem)
            for problem in problems(venue.policy, roster, venue.currency)
            if problem.code in _OF_POLICIES
        ]
        found += _about_useless_lists(what, venue, roster)
        if not found and not venue.policy.is_default:
            found = [ok(what, "Every rule has somebody who can satisfy it.")]
        yield from found


def _about_problem(what: str, problem: Problem) -> Finding:
    rule, needed, left = problem.rule, problem.needed, problem.left
    mend = "Name full members of the workspace, or groups that have some."
    match problem.code:
        case ProblemCode.NO_APPROVER:
            return wrong(what, f"{rule}: nobody is left who may approve.", mend)
        case ProblemCode.ONLY_REQUESTER:
            text = (
                f"{rule}: whoever may ask is needed to approve it as well, and self_approval is "
                f"off: {needed} must approve, and with whoever asked {left} may."
            )
            return wrong(what, text, "Name more approvers, or let others ask.")
        case ProblemCode.TOO_FEW_REJECTERS:
            text = f"{rule}: {needed} different people have to reject, and {left} may."
            return warning(what, text, "Lower it, or name more approvers.")
        case _:
            text = f"{rule}: {needed} different people have to approve, and {left} may."
            return wrong(what, text, mend)


def _about_useless_lists(what: str, venue: Venue, roster: Roster) -> Iterator[Finding]:
    """Lists that nobody is left on, but for those of approvers, which are the electorate's."""
    meaning = {
        "requesters": "nobody is left who may ask for anything.",
        "break_glass.who": "nobody is left who could break the glass.",
        "escalate_to": "nobody is left to whom a request could be escalated.",
    }
    for rule, ids in lists_of(venue.policy):
        denied = venue.policy.deny_requesters if rule == "requesters" else frozenset()
        left = roster.expand(frozenset(ids)) - roster.expand(denied) - roster.unfit
        if rule in meaning and frozenset(ids) and not left:
            yield wrong(
                what,
                f"{rule}: {meaning[rule]}",
                "Name full members of the workspace, or groups that have some.",
            )
