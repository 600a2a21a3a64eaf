"""A small house around the workflows: the real store, a fake box office, and people."""

from __future__ import annotations

from bot.domain.judgement import Ruling
from bot.domain.order import Order
from bot.domain.policy import Policy
from bot.domain.quote import Notify
from bot.domain.request import Request, State
from bot.domain.ruling import Action
from bot.domain.sending import Send
from bot.store import Database
from bot.workflows.execution import execute
from bot.workflows.quoting import quote_request
from bot.workflows.services import Services
from tests.examples import APPROVER, REQUESTER, VENUE, member, new_request
from tests.unit.databases import DEFAULT, Clock, store_on
from tests.unit.workflows.fakes import (
    BoxOffice,
    FakeDesk,
    FakeDurable,
    Power,
    PowerCutError,
    PoweredClock,
    PoweredDatabase,
)


class House:
    """One order at one box office, one request for it, and whoever presses its buttons."""

    def __init__(
        self,
        database: Database,
        order: Order,
        *,
        notify: Notify = Notify.CONFIRMATION,
        power: Power | None = None,
        policy: Policy = DEFAULT,
    ) -> None:
        self.clock = Clock()
        self.power = power or Power()
        self.office = BoxOffice(self.clock, order, power=self.power)
        self.desk = FakeDesk()
        self.durable = FakeDurable(self.clock, self.power)
        self.people = store_on(database, self.clock, policy)
        self.approved: list[str] = []
        self._new = new_request(order.id, notify=notify)
        self._bots_store = store_on(
            PoweredDatabase(database, self.power), PoweredClock(self.clock, self.power), policy
        )

    @property
    def services(self) -> Services:
        """What a process that has just started works with."""
        return Services(
            self._bots_store,
            {VENUE.key: self.office},
            self.desk,
            PoweredClock(self.clock, self.power),
        )

    async def ask(self) -> Request:
        _, request = await self.people.create(self._new)
        self._id = request.id
        return request

    async def request(self) -> Request:
        found = await self.people.get(self._id)
        assert found is not None
        return found

    async def last_send(self) -> Send | None:
        return await self.people.last_send(await self.request())

    async def quote(self, *, forgetful: bool = False) -> Request:
        """Run the workflow `quote`, again and again if the power fails."""
        self.durable = FakeDurable(self.clock, self.power)
        while True:
            try:
                await quote_request(self.services, self.durable, self._id)
            except PowerCutError:
                self.durable.resume(forgetful=forgetful)
            else:
                return await self.request()

    async def choose(self, counts: dict[str, int]) -> Request:
        request = await self.request()
        found = await self.people.reselect(self._id, member(REQUESTER), request.revision, counts)
        assert found is not None
        assert found[0].ruling is Ruling.ALLOWED
        return found[1]

    async def approve(self) -> Request:
        request = await self.request()
        found = await self.people.decide(
            self._id, Action.APPROVE, member(APPROVER), request.revision
        )
        assert found is not None
        assert found[0].ruling is Ruling.ALLOWED
        assert request.quote is not None
        self.approved.append(request.quote.fingerprint)
        return found[1]

    async def check_again(self, after: float) -> Request:
        """Press *Check again* `after` so many seconds, and let it run."""
        self.clock.advance(after)
        await self.people.decide(self._id, Action.RECHECK, member(REQUESTER))
        return await self.execute()

    async def execute(self, *, forgetful: bool = False) -> Request:
        """Run the workflow `execute`, again and again if the power fails."""
        self.durable = FakeDurable(self.clock, self.power)
        while True:
            try:
                await execute(self.services, self.durable, self._id)
            except PowerCutError:
                self.durable.resume(forgetful=forgetful)
            else:
                return await self.request()

    async def carry_out(self) -> Request:
        """Ask, quote, approve and execute."""
        await self.ask()
        request = await self.quote()
        if request.state is not State.PENDING:
            return request
        await self.approve()
        return await self.execute()
