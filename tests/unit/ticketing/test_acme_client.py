"""HTTP to ACME: what each answer, and each missing one, allows to conclude."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
import stamina

from bot.ticketing import (
    NotPermittedError,
    OrderNotFoundError,
    OutcomeLostError,
    RefusedError,
    TicketingError,
    UnavailableError,
    UnreadableError,
)
from bot.ticketing.acme import AcmeClient, Timeouts

pytestmark = pytest.mark.anyio

KEY = "acme-key-that-nobody-sees"
HTML = httpx.Response(200, html="<html>Maintenance</html>")
Answer = httpx.Response | Exception


@pytest.fixture(autouse=True)
def _no_waiting_between_attempts() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


class Upstream:
    """Answers as told, the last answer for ever, and keeps what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@asynccontextmanager
async def client(
    upstream: Callable[[httpx.Request], httpx.Response],
    base_url: str = "https://acme.example",
) -> AsyncIterator[AcmeClient]:
    made = AcmeClient(base_url, KEY, transport=httpx.MockTransport(upstream))
    try:
        yield made
    finally:
        await made.close()


async def failure_of_read(upstream: Upstream) -> TicketingError:
    async with client(upstream) as acme:
        with pytest.raises(TicketingError) as failed:
            await acme.read("v2/b2b/orders/detail/1")
    return failed.value


async def failure_of_write(upstream: Upstream) -> TicketingError:
    async with client(upstream) as acme:
        with pytest.raises(TicketingError) as failed:
            await acme.write("v2/b2b/orders/update", {"orderId": "1"})
    return failed.value


STATUSES = [
    # status, what a failed read means, what a failed write means
    (301, UnreadableError, OutcomeLostError),
    (302, UnreadableError, OutcomeLostError),
    (400, RefusedError, RefusedError),
    (401, NotPermittedError, NotPermittedError),
    (403, NotPermittedError, NotPermittedError),
    (404, OrderNotFoundError, OrderNotFoundError),
    (405, RefusedError, RefusedError),
    (408, UnavailableError, OutcomeLostError),
    (409, UnavailableError, OutcomeLostError),
    (410, RefusedError, RefusedError),
    (422, RefusedError, RefusedError),
    (425, UnavailableError, OutcomeLostError),
    (429, UnavailableError, OutcomeLostError),
    (500, UnavailableError, OutcomeLostError),
    (502, UnavailableError, OutcomeLostError),
    (503, UnavailableError, OutcomeLostError),
    (504, UnavailableError, OutcomeLostError),
    (599, UnavailableError, OutcomeLostError),
]


@pytest.mark.parametrize(("status", "kind"), [(s, read) for s, read, _ in STATUSES])
async def test_a_read_that_fails_says_what_may_be_concluded(
    status: int, kind: type[TicketingError]
) -> None:
    assert type(await failure_of_read(Upstream(httpx.Response(status, text="no")))) is kind


@pytest.mark.parametrize(("status", "kind"), [(s, write) for s, _, write in STATUSES])
async def test_a_write_counts_as_refused_only_where_it_certainly_was(
    status: int, kind: type[TicketingError]
) -> None:
    upstream = Upstream(httpx.Response(status, text="no"))
    assert type(await failure_of_write(upstream)) is kind
    assert len(upstream.asked) == 1


NEVER_SENT = [
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("no answer to the knock"),
    httpx.PoolTimeout("too busy ourselves"),
    httpx.UnsupportedProtocol("no such scheme"),
]
PERHAPS_SENT = [
    httpx.ReadTimeout("slow"),
    httpx.WriteTimeout("slow"),
    httpx.ReadError("cut"),
    httpx.WriteError("cut"),
    httpx.CloseError("cut"),
    httpx.RemoteProtocolError("cut within the answer"),
    httpx.ProxyError("who knows"),
]


async def test_what_happened_is_said_in_plain_words() -> None:
    for error, words in (
        (httpx.ReadTimeout("x"), "no answer in time"),
        (httpx.ConnectTimeout("x"), "no answer in time"),
        (httpx.ConnectError("x"), "no connection"),
        (httpx.ReadError("x"), "the connection broke"),
    ):
        assert (await failure_of_write(Upstream(error))).detail == words


@pytest.mark.parametrize("error", NEVER_SENT, ids=lambda error: type(error).__name__)
async def test_what_never_left_the_house_changed_nothing(error: Exception) -> None:
    upstream = Upstream(error)
    failure = await failure_of_write(upstream)
    assert type(failure) is UnavailableError
    assert failure.detail
    assert len(upstream.asked) == 1


@pytest.mark.parametrize("error", PERHAPS_SENT, ids=lambda error: type(error).__name__)
async def test_a_write_whose_answer_did_not_arrive_is_lost(error: Exception) -> None:
    upstream = Upstream(error)
    assert type(await failure_of_write(upstream)) is OutcomeLostError
    assert len(upstream.asked) == 1


@pytest.mark.parametrize(
    "error", [*NEVER_SENT, *PERHAPS_SENT], ids=lambda error: type(error).__name__
)
async def test_a_read_that_did_not_come_through_is_merely_unavailable(error: Exception) -> None:
    assert type(await failure_of_read(Upstream(error))) is UnavailableError


@pytest.mark.parametrize(
    "answer", [HTML, httpx.Response(200, content=b"\xff"), httpx.Response(204)]
)
async def test_a_success_that_is_not_json_proves_nothing(answer: httpx.Response) -> None:
    assert type(await failure_of_write(Upstream(answer))) is OutcomeLostError
    assert type(await failure_of_read(Upstream(answer))) is UnreadableError


async def test_reads_are_tried_again_while_acme_is_unavailable() -> None:
    upstream = Upstream(
        httpx.Response(503), httpx.ReadTimeout("slow"), httpx.Response(200, json={"orderId": "1"})
    )
    async with client(upstream) as acme:
        assert await acme.read("v2/b2b/orders/detail/1") == {"orderId": "1"}
    assert len(upstream.asked) == 3


async def test_reads_are_given_up_after_three_attempts() -> None:
    upstream = Upstream(httpx.Response(503))
    assert (await failure_of_read(upstream)).detail == "HTTP 503"
    assert len(upstream.asked) == 3


@pytest.mark.parametrize("answer", [httpx.Response(404), httpx.Response(401), HTML])
async def test_a_read_with_a_definite_answer_is_not_tried_again(answer: httpx.Response) -> None:
    upstream = Upstream(answer)
    await failure_of_read(upstream)
    assert len(upstream.asked) == 1


async def test_a_call_that_takes_too_long_in_all_is_given_up() -> None:
    async def forever(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    acme = AcmeClient(
        "https://acme.example",
        KEY,
        Timeouts(total=0.01),
        transport=httpx.MockTransport(forever),
    )
    with pytest.raises(OutcomeLostError, match="no answer in time"):
        await acme.write("v2/b2b/orders/update", {})
    with pytest.raises(UnavailableError, match="no answer in time"):
        await acme.read("v2/b2b/orders/detail/1")
    await acme.close()


@asynccontextmanager
async def rude_server() -> AsyncIterator[str]:
    """A server that takes the whole request and hangs up."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"


async def test_a_connection_cut_after_sending_is_lost_and_a_closed_door_is_not() -> None:
    async with rude_server() as address:
        acme = AcmeClient(address, KEY)
        with pytest.raises(OutcomeLostError):
            await acme.write("v2/b2b/orders/update", {"orderId": "1"})
        await acme.close()
    acme = AcmeClient(address, KEY)
    with pytest.raises(UnavailableError, match="no connection"):
        await acme.write("v2/b2b/orders/update", {"orderId": "1"})
    await acme.close()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"message": " Order is locked ", "errorCode": 10026}, "Order is locked"),
        ({"errorMessage": "no"}, "no"),
        ({"error": "no"}, "no"),
        ({"detail": "no"}, "no"),
        ({"message": "", "error": "no"}, "no"),
        ({"message": {"deep": 1}}, "HTTP 400"),
        ({"error": {"message": "deep"}}, "deep"),
        (["no", {"message": "never"}, "no"], "no; never"),
        ({"errors": [{"message": "no"}, {"detail": "never"}]}, "no; never"),
        ("no", "no"),
        ([], "HTTP 400"),
        ({"errorCode": 10026}, "HTTP 400"),
        ({"message": "x" * 1000}, "x" * 300),
    ],
)
async def test_a_refusal_is_told_in_acmes_own_words(body: object, words: str) -> None:
    failure = await failure_of_write(Upstream(httpx.Response(400, json=body)))
    assert failure.detail == words


async def test_a_refusal_in_html_is_told_by_its_status() -> None:
    failure = await failure_of_write(Upstream(httpx.Response(400, html="<h1>Bad</h1>")))
    assert failure.detail == "HTTP 400"


@pytest.mark.parametrize("base_url", ["https://acme.example", "https://acme.example/"])
async def test_requests_carry_the_key_and_go_where_they_should(base_url: str) -> None:
    upstream = Upstream(httpx.Response(200, json={}))
    async with client(upstream, base_url) as acme:
        await acme.read("v2/b2b/orders/detail/1")
        await acme.write("v2/b2b/orders/update", {"orderId": "1"})
    read, write = upstream.asked
    assert (read.method, str(read.url)) == (
        "GET",
        "https://acme.example/v2/b2b/orders/detail/1",
    )
    assert (write.method, str(write.url)) == (
        "POST",
        "https://acme.example/v2/b2b/orders/update",
    )
    assert write.headers["content-type"] == "application/json"
    assert write.content == b'{"orderId":"1"}'
    assert {request.headers["x-acme-api-key"] for request in upstream.asked} == {KEY}


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(status) for status, *_ in STATUSES] + [HTML, *NEVER_SENT, *PERHAPS_SENT],
    ids=str,
)
async def test_the_key_is_in_no_error(answer: Answer) -> None:
    for failure in (
        await failure_of_read(Upstream(answer)),
        await failure_of_write(Upstream(answer)),
    ):
        assert KEY not in "".join(traceback.format_exception(failure)) + repr(failure)
        assert KEY not in (failure.detail or "")
