"""Who people are, as Slack knows them: full members, guests, strangers, and who is in what group.

What is remembered is used for less than a minute, and not at all where the caller wants fresh
facts. What Slack does not say in time is unknown, which the policy takes for a no.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import stamina
import structlog
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.delivery import (
    DeliveryError,
    DeliveryImpossibleError,
    DeliveryPostponedError,
)
from bot.domain.electorate import Roster
from bot.domain.person import FACTS_ARE_FRESH, FACTS_LAST, Person, Standing
from bot.domain.policy import Policy, is_group
from bot.domain.request import Actor
from bot.slack.calls import Calls

log = structlog.get_logger(__name__)

T = TypeVar("T")

# Slack waits three seconds for an acknowledgement, and the database needs its part of them.
PATIENCE_SECONDS = 1.5
# A slow answer still helps whoever clicks next; a question that hangs must not hold them up.
HANGS_AFTER_SECONDS = 5.0
# Shorter than facts last, so that they still do when the decision is written down.
_REMEMBERED = FACTS_LAST - timedelta(seconds=10)
# Two who click at once, or one who clicks twice, may share an answer.
_JUST_NOW = FACTS_ARE_FRESH / 2
_FEW = 5
_MOST_REMEMBERED = 5000
_ATTEMPTS = 3
# Slack's words for somebody it does not let us see: nobody of this workspace.
_NOT_OURS = frozenset({"user_not_found", "user_not_visible", "users_not_found"})
_SLACKBOT = "USLACKBOT"


@dataclass(frozen=True, slots=True)
class Home:
    """The workspace the bot works for; `is_whole_organisation`: or the organisation."""

    team: str
    enterprise: str | None = None
    is_whole_organisation: bool = False


@dataclass(frozen=True, slots=True)
class Fact(Generic[T]):
    """What Slack said, and when it was asked."""

    value: T
    asked_at: datetime


class Directory:
    """`now` is the clock (aware).

    `patience` and `hangs_after` are seconds: for which somebody waits for what is asked, and after
    which a question is given up, so that the next one asks anew.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        now: Callable[[], datetime],
        patience: float = PATIENCE_SECONDS,
        hangs_after: float = HANGS_AFTER_SECONDS,
    ) -> None:
        self._client = client
        self._calls = Calls()
        self._now = now
        self._patience = patience
        self._hangs_after = hangs_after
        self._home: Home | None = None
        self._users: _Memory[Mapping[str, Any]] = _Memory(now, self._ask_for_user)
        self._groups: _Memory[frozenset[str]] = _Memory(now, self._ask_for_group)
        self._homes: _Memory[None] = _Memory(now, self._find_home)
        self._complained_of: set[str] = set()

    def settle_in(self, answer: AsyncSlackResponse) -> None:
        """Learn from `auth.test` which workspace is ours."""
        team = str(answer.get("team_id") or "")
        enterprise = str(answer.get("enterprise_id") or "") or None
        whole = answer.get("is_enterprise_install") is True
        if team or (enterprise and whole):
            self._home = Home(team, enterprise, whole)

    async def person(self, actor: Actor, groups: Set[str], *, fresh: bool = False) -> Person:
        """Find out who an actor is, and in which of `groups`; `fresh`: ask Slack now."""
        asked_at = self._now()
        age = _JUST_NOW if fresh else _REMEMBERED
        named = sorted(groups)
        user, members = await self._look_up([actor.user], named, age)
        moments = [fact.asked_at for fact in user.values()]
        moments += [fact.asked_at for fact in members.values()]
        return Person(
            actor,
            self._standing(actor, user[actor.user].value) if user else Standing.UNKNOWN,
            frozenset(group for group, fact in members.items() if actor.user in fact.value),
            frozenset(group for group in named if group not in members),
            min(moments, default=asked_at),
        )

    async def roster(self, policy: Policy) -> Roster:
        """Find out who is in the groups that a policy names, and which users are no members."""
        groups = sorted(policy.groups)
        users = sorted(each for each in policy.named_approvers if not is_group(each))
        found, members = await self._look_up(users, groups, _REMEMBERED)
        by_group = {group: members[group].value if group in members else None for group in groups}
        # Leavers may stay in a group, which matters where hardly anybody else is in it.
        small = [group for group in by_group.values() if group and len(group) <= _FEW]
        few = frozenset[str]().union(*small)
        found |= (await self._look_up(sorted(few - found.keys()), (), _REMEMBERED))[0]
        unfit = {user for user, fact in found.items() if not self._may_be_member(user, fact.value)}
        return Roster(by_group, frozenset(unfit))

    async def _look_up(
        self, users: Sequence[str], groups: Sequence[str], age: timedelta
    ) -> tuple[dict[str, Fact[Mapping[str, Any]]], dict[str, Fact[frozenset[str]]]]:
        """Find out about users and groups; what Slack does not say in time is left out.

        Who clicks twice in a minute is answered from memory, without a detour over other tasks.
        """
        unknown: list[Awaitable[object]] = [
            self._users.learn(user) for user in users if not self._users.recall(user, age)
        ]
        unknown += [
            self._groups.learn(group) for group in groups if not self._groups.recall(group, age)
        ]
        if self._home is None:
            unknown.append(self._homes.learn("ours"))
        begun = self._now()
        if unknown:
            tasks = [asyncio.ensure_future(question) for question in unknown]
            for task in tasks:
                task.add_done_callback(_tell_defect)
            await asyncio.wait(tasks, timeout=self._patience)
        age += self._now() - begun
        known_users = {user: self._users.recall(user, age) for user in users}
        known_groups = {group: self._groups.recall(group, age) for group in groups}
        return (
            {user: fact for user, fact in known_users.items() if fact},
            {group: fact for group, fact in known_groups.items() if fact},
        )

    async def _find_home(self, _: str) -> None:
        self.settle_in(await self._ask("auth.test", self._client.auth_test))

    async def _ask_for_user(self, user: str) -> Mapping[str, Any]:
        """Ask for a user; an empty answer is somebody whom Slack does not show us."""
        try:
            answer = await self._ask("users.info", lambda: self._client.users_info(user=user))
        except DeliveryImpossibleError as error:
            if error.cause in _NOT_OURS:
                return {}
            raise
        found = answer.get("user")
        if not isinstance(found, dict) or not found:
            raise self._unreadable("users.info")
        return found

    async def _ask_for_group(self, group: str) -> frozenset[str]:
        answer = await self._ask(
            "usergroups.users.list",
            lambda: self._client.usergroups_users_list(usergroup=group),
        )
        users = answer.get("users")
        if not isinstance(users, list):
            raise self._unreadable("usergroups.users.list")
        return frozenset(str(user) for user in users)

    async def _ask(self, method: str, call: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401
        """Ask until Slack answers; DeliveryImpossibleError if it will not."""
        try:
            async with asyncio.timeout(self._hangs_after):
                return await self._try(method, call)
        except DeliveryImpossibleError as error:
            if error.cause not in _NOT_OURS:
                self._complain_once(method, error.cause)
            raise
        except (DeliveryPostponedError, TimeoutError) as error:
            cause = error.cause if isinstance(error, DeliveryPostponedError) else "timeout"
            log.warning("people_not_looked_up", method=method, cause=cause)
            raise DeliveryPostponedError(None, cause) from error

    async def _try(self, method: str, call: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401
        async for attempt in stamina.retry_context(
            on=_is_worth_another_try, attempts=_ATTEMPTS, wait_initial=0.1, wait_max=0.3
        ):
            with attempt:
                return await self._calls.make(method, call)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _unreadable(self, method: str) -> DeliveryImpossibleError:
        """An answer without what was asked for: nothing follows from it, not even a no."""
        error = DeliveryImpossibleError("unreadable_answer")
        self._complain_once(method, error.cause)
        return error

    def _complain_once(self, method: str, cause: str) -> None:
        """An operator has to see to it; once is enough, and `rescind check` tells it as well."""
        if f"{method} {cause}" in self._complained_of:
            return
        self._complained_of.add(f"{method} {cause}")
        log.error("people_cannot_be_looked_up", method=method, cause=cause)

    def _standing(self, actor: Actor, user: Mapping[str, Any]) -> Standing:
        home = self._home
        if home is None:
            return Standing.UNKNOWN
        in_organisation = bool(home.enterprise) and actor.enterprise == home.enterprise
        if actor.team and actor.team != home.team and not in_organisation:
            return Standing.STRANGER
        return standing(actor.user, user, home)

    def _may_be_member(self, user_id: str, user: Mapping[str, Any]) -> bool:
        known = standing(user_id, user, self._home) if self._home else Standing.UNKNOWN
        return known in {Standing.MEMBER, Standing.UNKNOWN}


def standing(user_id: str, user: Mapping[str, Any], home: Home) -> Standing:
    """Read what `users.info` says; what it leaves out is unknown, not false."""
    if not user:
        return Standing.STRANGER
    if user.get("id") != user_id:
        return Standing.UNKNOWN
    if user.get("deleted") is not False:
        return Standing.DEACTIVATED if user.get("deleted") is True else Standing.UNKNOWN
    if user.get("is_bot") or user.get("is_workflow_bot") or user_id == _SLACKBOT:
        return Standing.BOT
    at_home = _is_at_home(user, home)
    if user.get("is_stranger") or at_home is False:
        return Standing.STRANGER
    if at_home is None:
        return Standing.UNKNOWN
    flags = [user.get(name) for name in ("is_restricted", "is_ultra_restricted", "is_bot")]
    if True in flags:
        return Standing.GUEST
    return Standing.MEMBER if flags == [False] * 3 else Standing.UNKNOWN


def _is_at_home(user: Mapping[str, Any], home: Home) -> bool | None:
    """Whether somebody is of our workspace; in an organisation people may be of several.

    None where Slack does not say of which they are.
    """
    organisation = user.get("enterprise_user")
    found = organisation if isinstance(organisation, dict) else {}
    if not user.get("team_id") and not found:
        return None
    if home.is_whole_organisation:
        return bool(home.enterprise) and found.get("enterprise_id") == home.enterprise
    if user.get("team_id") == home.team:
        return True
    same = bool(home.enterprise) and found.get("enterprise_id") == home.enterprise
    teams = found.get("teams")
    return same and isinstance(teams, list) and home.team in teams


def _is_worth_another_try(error: Exception) -> bool:
    return isinstance(error, DeliveryPostponedError) and not error.seconds


def _tell_defect(task: asyncio.Future[object]) -> None:
    """What Slack refuses was logged; anything else is a mistake of ours, and the fact unknown."""
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, DeliveryError):
        log.error("looking_up_failed", error=type(error).__name__, exc_info=error)


@dataclass(slots=True)
class _Memory(Generic[T]):
    """Answers by key, each asked for once at a time. `ask` is the question."""

    now: Callable[[], datetime]
    ask: Callable[[str], Awaitable[T]]
    known: dict[str, Fact[T]] = field(default_factory=dict)
    asking: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def recall(self, key: str, most_age: timedelta) -> Fact[T] | None:
        """A fact from the future is none: a clock that was set back would make it last."""
        fact = self.known.get(key)
        is_known = fact is not None and timedelta(0) <= self.now() - fact.asked_at <= most_age
        return fact if is_known else None

    async def learn(self, key: str) -> None:
        """Ask, or wait for who asks already; whoever loses patience takes it from nobody."""
        task = self.asking.get(key)
        if task is None:
            task = self.asking[key] = asyncio.create_task(self._find_out(key))
            task.add_done_callback(lambda _: self.asking.pop(key))
        await asyncio.shield(task)

    async def _find_out(self, key: str) -> None:
        asked_at = self.now()
        value = await self.ask(key)
        self.known.pop(key, None)
        self.known[key] = Fact(value, asked_at)
        if len(self.known) > _MOST_REMEMBERED:
            del self.known[next(iter(self.known))]
