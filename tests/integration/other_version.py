"""`python -m bot` of another version: its workflows take other steps, in another order.

Run as a module, in place of the bot, by the tests of rolling deploys.
"""

from __future__ import annotations

from unittest import mock

from bot.__main__ import main
from bot.workflows.delivery import deliver
from bot.workflows.engine import Durable
from bot.workflows.execution import Next, _MoneyPath, _settle
from bot.workflows.quoting import _quote
from bot.workflows.services import Services


async def quote_request(services: Services, durable: Durable, request_id: str) -> None:
    await durable.step("look_around", _nothing)
    await durable.step("quote", lambda: _quote(services, request_id))
    await deliver(services, durable, request_id)


async def execute(services: Services, durable: Durable, request_id: str) -> None:
    path = _MoneyPath(services, request_id)
    await durable.step("look_around", _nothing)
    found = await durable.step("change_the_order", path.send)
    if found == Next.OPEN:
        found = await _settle(services, durable, path)
    if found == Next.STUCK:
        await durable.step("give_up", path.give_up)
    await deliver(services, durable, request_id)


async def _nothing() -> None:
    return


if __name__ == "__main__":
    with (
        mock.patch("bot.workflows.workflows.quote_request", quote_request),
        mock.patch("bot.workflows.workflows.execute", execute),
    ):
        main()
