"""The ACME stand-in's faults: what the caller sees, and whether the change was made."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from threading import Thread
from typing import Any, TypeVar

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from bot.sandbox.acme import AcmeSandbox

KEY = "acme-test-key"
HEADERS = {"x-acme-api-key": KEY}
UPDATE = "/v2/b2b/orders/update"
SEED = "26644388"
DETAIL = f"/v2/b2b/orders/detail/{SEED}"
CANCEL_ONE = {"orderId": SEED, "orderItems": [{"orderItemId": "38042229", "quantity": 3}]}
REFUND_ONE = {"orderId": SEED, "refundItems": [{"orderItemId": "38042229", "quantity": 1}]}

T = TypeVar("T")


@pytest.fixture
def acme() -> AcmeSandbox:
    return AcmeSandbox(api_key=KEY, on_change=lambda: None)


def talk(acme: AcmeSandbox, dialogue: Callable[[httpx.AsyncClient], Awaitable[T]]) -> T:
    """Hold a dialogue with the stand-in on one loop."""

    async def hold() -> T:
        transport = httpx.ASGITransport(acme.app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://acme", headers=HEADERS
        ) as client:
            return await dialogue(client)

    return asyncio.run(hold())


def statuses(acme: AcmeSandbox, *bodies: Mapping[str, object] | None) -> list[int]:
    """Send updates, or reads for None, and give the statuses."""

    async def dialogue(client: httpx.AsyncClient) -> list[int]:
        answers = []
        for body in bodies:
            request = client.get(DETAIL) if body is None else client.post(UPDATE, json=body)
            answers.append((await request).status_code)
        return answers

    return talk(acme, dialogue)


def left(acme: AcmeSandbox) -> int:
    order: Any = acme.panel(SEED)
    quantity: int = order["lines"][0]["quantity"]
    return quantity


def armed(acme: AcmeSandbox) -> object:
    return acme.orders()[0]["fault"]


@pytest.mark.parametrize(
    ("fault", "status", "remaining"),
    [
        ("error_before", 500, 4),
        ("error_after", 500, 3),
        ("malformed_before", 200, 4),
        ("malformed", 200, 3),
        ("forbidden", 403, 4),
        ("slow", 200, 3),
    ],
)
def test_a_fault_answers_so_and_leaves_so_many(
    acme: AcmeSandbox, fault: str, status: int, remaining: int
) -> None:
    acme.set_fault(SEED, fault, seconds=0)

    assert statuses(acme, CANCEL_ONE) == [status]
    assert left(acme) == remaining
    assert acme.requests(SEED)[0]["status"] == status


def test_faults_strike_refunds_too(acme: AcmeSandbox) -> None:
    acme.set_fault(SEED, "error_after")

    async def refund(client: httpx.AsyncClient) -> int:
        return (await client.post("/v2/b2b/b2b/refunds", json=REFUND_ONE)).status_code

    assert talk(acme, refund) == 500
    assert left(acme) == 3


def test_a_malformed_answer_is_a_web_page(acme: AcmeSandbox) -> None:
    acme.set_fault(SEED, "malformed")

    async def update(client: httpx.AsyncClient) -> str:
        return (await client.post(UPDATE, json=CANCEL_ONE)).headers["content-type"]

    assert talk(acme, update).startswith("text/html")


def test_reads_stay_healthy_under_a_fault_of_changes_and_the_other_way_round(
    acme: AcmeSandbox,
) -> None:
    acme.set_fault(SEED, "error_before")
    assert statuses(acme, None, CANCEL_ONE) == [200, 500]

    acme.set_fault(SEED, "read_error")
    assert statuses(acme, None, CANCEL_ONE) == [500, 200]


def test_access_denied_holds_for_reads_as_well(acme: AcmeSandbox) -> None:
    acme.set_fault(SEED, "forbidden")

    assert statuses(acme, None) == [403]


def test_times_limits_how_often_a_fault_acts(acme: AcmeSandbox) -> None:
    acme.set_fault(SEED, "error_before", times=2)

    assert statuses(acme, CANCEL_ONE, CANCEL_ONE, CANCEL_ONE) == [500, 500, 200]
    assert armed(acme) is None


def test_without_times_a_fault_acts_until_cleared(acme: AcmeSandbox) -> None:
    acme.set_fault(SEED, "error_before")
    assert statuses(acme, *[CANCEL_ONE] * 5) == [500] * 5

    acme.set_fault(SEED, None)
    assert statuses(acme, CANCEL_ONE) == [200]


def test_a_refused_request_does_not_use_the_fault_up(acme: AcmeSandbox) -> None:
    acme.set_fault(SEED, "error_after", times=1)
    raising = {"orderId": SEED, "orderItems": [{"orderItemId": "38042229", "quantity": 9}]}

    assert statuses(acme, raising) == [400]
    assert armed(acme) == "error_after"


def test_a_slow_change_is_made_before_the_answer_comes(acme: AcmeSandbox) -> None:
    acme.set_fault(SEED, "slow", seconds=60, times=1)

    async def give_up(client: httpx.AsyncClient) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.post(UPDATE, json=CANCEL_ONE), timeout=0.05)

    talk(acme, give_up)
    assert left(acme) == 3
    assert acme.requests(SEED)[0]["status"] is None


def test_a_slow_read_tells_what_holds_when_it_answers() -> None:
    come_in = asyncio.Event()
    acme = AcmeSandbox(api_key=KEY, on_change=come_in.set)
    acme.set_fault(SEED, "slow", seconds=0.02, times=1)
    come_in.clear()

    async def dialogue(client: httpx.AsyncClient) -> int:
        read = asyncio.create_task(client.get(DETAIL))
        await come_in.wait()
        await client.post(UPDATE, json=CANCEL_ONE)
        quantity: int = (await read).json()["eventItems"][0]["items"][0]["quantity"]
        return quantity

    assert talk(acme, dialogue) == 3


def test_somebody_else_changes_the_order_right_after_the_read(acme: AcmeSandbox) -> None:
    acme.set_fault(SEED, "changed_meanwhile")

    async def read_twice(client: httpx.AsyncClient) -> list[int]:
        reads = [(await client.get(DETAIL)).json() for _ in range(3)]
        return [read["eventItems"][0]["items"][0]["quantity"] for read in reads]

    assert talk(acme, read_twice) == [4, 3, 3]
    assert armed(acme) is None
    order: Any = acme.panel(SEED)
    assert "by user 2301" in order["history"][-1]["what"]


def test_a_late_change_comes_after_its_error(acme: AcmeSandbox) -> None:
    acme.set_fault(SEED, "late_commit", seconds=0.01, times=1)

    async def dialogue(client: httpx.AsyncClient) -> tuple[int, int, int]:
        status = (await client.post(UPDATE, json=CANCEL_ONE)).status_code
        at_once = left(acme)
        await asyncio.sleep(0.03)
        return status, at_once, left(acme)

    assert talk(acme, dialogue) == (500, 4, 3)


def test_a_late_change_that_no_longer_fits_is_dropped(acme: AcmeSandbox) -> None:
    acme.set_fault(SEED, "late_commit", seconds=0.01, times=1)
    cancel_all = {"orderId": SEED, "orderItems": [{"orderItemId": "38042229", "quantity": 0}]}

    async def dialogue(client: httpx.AsyncClient) -> int:
        await client.post(UPDATE, json=CANCEL_ONE)
        status = (await client.post(UPDATE, json=cancel_all)).status_code
        await asyncio.sleep(0.03)
        return status

    assert talk(acme, dialogue) == 200
    assert left(acme) == 0
    order: Any = acme.panel(SEED)
    assert order["history"][-1]["what"].startswith("Late change dropped")


def test_reset_forgets_changes_still_to_come(acme: AcmeSandbox) -> None:
    acme.set_fault(SEED, "late_commit", seconds=0.01)

    async def dialogue(client: httpx.AsyncClient) -> None:
        await client.post(UPDATE, json=CANCEL_ONE)
        acme.reset()
        await asyncio.sleep(0.03)

    talk(acme, dialogue)
    assert left(acme) == 4


def test_an_unknown_fault_or_order_is_refused(acme: AcmeSandbox) -> None:
    with pytest.raises(ValueError, match="unknown fault"):
        acme.set_fault(SEED, "gremlins")
    with pytest.raises(ValueError, match="times"):
        acme.set_fault(SEED, "slow", times=0)
    with pytest.raises(KeyError):
        acme.set_fault("1", "slow")


@pytest.fixture(params=[("asyncio", "h11"), ("uvloop", "httptools")], ids="-".join)
def address(request: pytest.FixtureRequest, acme: AcmeSandbox) -> Iterator[str]:
    """A real server on a free port. Connections queue in the socket until it is up."""
    loop, http = request.param
    for module in (loop, http):
        pytest.importorskip(module)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = Starlette(routes=[Mount("/acme", acme.app)])
        server = uvicorn.Server(
            uvicorn.Config(app, loop=loop, http=http, lifespan="off", log_config=None)
        )
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/acme"
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize(
    ("fault", "remaining"), [("cut_before", 4), ("cut_after", 3), ("blackout", 3)]
)
def test_a_cut_connection_gives_no_answer_at_all(
    acme: AcmeSandbox,
    address: str,
    fault: str,
    remaining: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    acme.set_fault(SEED, fault, times=1)

    with httpx.Client(headers=HEADERS) as client:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            client.post(f"{address}{UPDATE}", json=CANCEL_ONE)
        reads = [client.get(f"{address}{DETAIL}").status_code for _ in range(2)]

    assert left(acme) == remaining
    assert acme.requests(SEED)[0]["status"] is None
    assert reads == [500 if fault == "blackout" else 200, 200]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_without_a_socket_to_cut_half_an_answer_is_sent(acme: AcmeSandbox) -> None:
    acme.set_fault(SEED, "cut_after")

    with pytest.raises(ConnectionAbortedError):
        statuses(acme, CANCEL_ONE)
    assert left(acme) == 3
