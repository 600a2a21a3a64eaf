"""The servers: the ports they take, and serving beside each other in one loop."""

from __future__ import annotations

import asyncio
import signal
import socket
from contextlib import closing

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from bot.server import SideServer, bound, served
from bot.workflows import PlaceError

pytestmark = pytest.mark.anyio

NAMES = "HOST and PORT"


class Says:
    def __init__(self, text: str) -> None:
        self._text = text

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(self._text)(scope, receive, send)


def port_of(sockets: list[socket.socket]) -> int:
    return int(sockets[0].getsockname()[1])


def test_a_port_is_given_back_in_the_end() -> None:
    with bound("127.0.0.1", 0, NAMES) as sockets:
        port = port_of(sockets)
    with bound("127.0.0.1", port, NAMES) as sockets:
        assert port_of(sockets) == port


def test_a_port_that_is_taken_is_one_sentence_that_names_the_settings() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        with pytest.raises(PlaceError) as refused, bound("127.0.0.1", port, NAMES):
            pass
    assert str(refused.value) == (
        f"cannot listen on 127.0.0.1:{port} (HOST and PORT): address already in use; "
        "stop what uses it, or choose another port"
    )


def test_an_address_that_is_not_ours_is_one_sentence_too() -> None:
    with pytest.raises(PlaceError) as refused, bound("192.0.2.1", 0, NAMES):
        pass
    said = str(refused.value)
    assert said.startswith("cannot listen on 192.0.2.1:0 (HOST and PORT): ")
    assert said.endswith("; choose another address")


def test_a_name_that_means_nothing_is_one_sentence_too() -> None:
    with pytest.raises(PlaceError) as refused, bound("nowhere.invalid", 0, NAMES):
        pass
    assert "cannot listen on nowhere.invalid:0 (HOST and PORT): " in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_name_stands_for_its_addresses_without_those_this_machine_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def addresses(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))
            for address in ("192.0.2.1", "127.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", addresses)
    with bound("bot.example", 0, NAMES) as sockets:
        assert [each.getsockname()[0] for each in sockets] == ["127.0.0.1"]


async def test_two_serve_side_by_side_and_leave_signals_alone() -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with bound("127.0.0.1", 0, NAMES) as one, bound("127.0.0.1", 0, NAMES) as other:
        async with (
            served(SideServer(Says("one")), one),
            served(SideServer(Says("other")), other),
            httpx.AsyncClient() as client,
        ):
            said = [
                (await client.get(f"http://127.0.0.1:{port_of(sockets)}/")).text
                for sockets in (one, other)
            ]
            now = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    assert said == ["one", "other"]
    assert now == handlers


async def test_who_is_served_last_is_closed_first() -> None:
    with bound("127.0.0.1", 0, NAMES) as one, bound("127.0.0.1", 0, NAMES) as other:
        ports = [port_of(one), port_of(other)]
        async with served(SideServer(Says("one")), one), httpx.AsyncClient() as client:
            async with served(SideServer(Says("other")), other):
                pass
            with pytest.raises(httpx.ConnectError):
                await client.get(f"http://127.0.0.1:{ports[1]}/")
            assert (await client.get(f"http://127.0.0.1:{ports[0]}/")).text == "one"


async def test_what_goes_wrong_meanwhile_is_told_after_the_server_has_stopped() -> None:
    with bound("127.0.0.1", 0, NAMES) as sockets:
        port = port_of(sockets)
        with pytest.raises(RuntimeError, match="trouble"):
            await in_trouble(sockets)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


async def in_trouble(sockets: list[socket.socket]) -> None:
    async with served(SideServer(Says("one")), sockets):
        raise RuntimeError("trouble")
