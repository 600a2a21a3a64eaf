"""The HTTP endpoints of the stand-in, and where in a request each fault strikes."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable
from functools import partial

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from bot.sandbox.acme import wire
from bot.sandbox.acme.box_office import BoxOffice, Received
from bot.sandbox.acme.changes import (
    Change,
    Json,
    RefusedError,
    as_id,
    change_of_refund,
    change_of_update,
)
from bot.sandbox.acme.faults import ON_CHANGE, ON_READ, CutConnection, Fault
from bot.sandbox.acme.orders import Order
from bot.sandbox.acme.reading import Reading

KEY_HEADER = "x-acme-api-key"
API_USER = "340"
SOMEBODY_ELSE = "2301"
_METHODS = ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"]
_PAGE = "<!doctype html><title>Maintenance</title><p>We will be back shortly."

Answer = Callable[[Request, object], Awaitable[Response]]
Apply = Callable[[], dict[str, object]]


def create_app(office: BoxOffice, api_key: str) -> Starlette:
    """Build the app; it answers the same under any mount point."""
    api = _Api(office, api_key)
    return Starlette(
        routes=[
            api.route("GET", "/v2/b2b/orders/detail/{order_id}", api.detail),
            api.route("GET", "/v2/b2b/willcall/orders/{order_id}", api.will_call),
            api.route("POST", "/v2/b2b/orders/update", api.update),
            # Both spellings have a source; the doubled b2b is ACME's own.
            api.route("POST", "/v2/b2b/b2b/refunds", api.refund),
            api.route("POST", "/v1/b2b/b2b/refunds", api.refund),
            *(api.route(method, "/{path:path}", api.unknown) for method in _METHODS),
        ]
    )


class _Api:
    def __init__(self, office: BoxOffice, api_key: str) -> None:
        self._office = office
        self._api_key = api_key

    def route(self, method: str, path: str, answer: Answer) -> Route:
        async def endpoint(request: Request) -> Response:
            raw = await request.body()
            received = self._record(request, raw)
            try:
                self._authorise(request)
                response = await answer(request, received.body)
            except RefusedError as refusal:
                response = _error(refusal.status, refusal.type, refusal.message)
            cut = isinstance(response, CutConnection)
            received.status = None if cut else response.status_code
            self._office.changed()
            return response

        return Route(path, endpoint, methods=[method])

    async def detail(self, request: Request, _body: object) -> Response:
        return await self._read(request, wire.order_detail)

    async def will_call(self, request: Request, _body: object) -> Response:
        return await self._read(request, wire.will_call)

    async def update(self, request: Request, body: object) -> Response:
        fields, order, reading = self._addressed(request, body)

        def apply() -> dict[str, object]:
            change, now = change_of_update(order, fields, reading), self._office.now()
            order.revise(change.contact, at=now, by=API_USER)
            lowered = order.lower(change.remaining, at=now, by=API_USER)
            order.note(now, _mail(fields, "Order Confirmation"))
            return wire.order_result(order, reading, lowered.refund)

        plan = partial(change_of_update, order, fields, reading)
        return await self._change(order, plan, apply)

    async def refund(self, request: Request, body: object) -> Response:
        fields, order, reading = self._addressed(request, body)

        def apply() -> dict[str, object]:
            change, now = change_of_refund(order, fields, reading), self._office.now()
            lowered = order.lower(
                change.remaining, at=now, by=API_USER, ticket_uuids=change.ticket_uuids
            )
            order.note(now, _mail(fields, "Refund"))
            result = wire.order_result(order, reading, lowered.refund)
            return wire.refund_result(self._office.next_incident(), lowered, result)

        plan = partial(change_of_refund, order, fields, reading)
        return await self._change(order, plan, apply)

    async def unknown(self, request: Request, _body: object) -> Response:
        raise RefusedError(404, "NOT_FOUND", f"There is no {request.method} {_path(request)}")

    async def _read(
        self, request: Request, shape: Callable[[Order, Reading], dict[str, object]]
    ) -> Response:
        order = self._office.order(request.path_params["order_id"])
        fault = self._office.fault(order.id, ON_READ)
        if fault is not None:
            self._office.spend(order.id, fault)
            if fault.name in _STRUCK_BEFORE:
                return _STRUCK_BEFORE[fault.name]()
            if fault.name == "slow":
                await asyncio.sleep(fault.seconds)
        answer = JSONResponse(shape(order, self._office.reading(order.id)))
        if fault is not None and fault.name == "changed_meanwhile":
            self._lower_meanwhile(order)
        return answer

    async def _change(self, order: Order, plan: Callable[[], Change], apply: Apply) -> Response:
        fault = self._office.fault(order.id, ON_CHANGE)
        if fault is None:
            return JSONResponse(apply())
        if fault.name in _STRUCK_BEFORE:
            self._office.spend(order.id, fault)
            return _STRUCK_BEFORE[fault.name]()
        plan()  # A refused request changes nothing and leaves the fault armed
        self._office.spend(order.id, fault)
        if fault.name == "late_commit":
            self._office.later(fault.seconds, partial(self._commit_late, order, apply))
            return _server_error()
        return await self._struck_after(fault, JSONResponse(apply()))

    async def _struck_after(self, fault: Fault, answer: Response) -> Response:
        if fault.name == "slow":
            self._office.changed()
            await asyncio.sleep(fault.seconds)
            return answer
        return _STRUCK_AFTER[fault.name]()

    def _commit_late(self, order: Order, apply: Apply) -> None:
        try:
            apply()
        except RefusedError as refusal:
            order.note(self._office.now(), f"Late change dropped: {refusal.message}")

    def _lower_meanwhile(self, order: Order) -> None:
        left = sorted((line for line in order.lines if line.quantity), key=lambda x: -x.quantity)
        if left:
            remaining = {left[0].id: left[0].quantity - 1}
            order.lower(remaining, at=self._office.now(), by=SOMEBODY_ELSE)

    def _record(self, request: Request, raw: bytes) -> Received:
        body = _recorded_body(raw)
        named = request.path_params.get("order_id")
        if named is None and isinstance(body, dict) and "orderId" in body:
            named = str(body["orderId"])
        headers = {k: v for k, v in request.headers.items() if k != KEY_HEADER}
        received = Received(
            self._office.now(), request.method, _path(request), headers, body, named
        )
        self._office.received.append(received)
        self._office.changed()
        return received

    def _authorise(self, request: Request) -> None:
        key = request.headers.get(KEY_HEADER, "")
        if not hmac.compare_digest(key.encode(), self._api_key.encode()):
            raise RefusedError(401, "UNAUTHORIZED", f"{KEY_HEADER} is missing or wrong")

    def _addressed(self, request: Request, body: object) -> tuple[Json, Order, Reading]:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise RefusedError(415, "UNSUPPORTED_MEDIA_TYPE", "Send application/json")
        if not isinstance(body, dict):
            raise RefusedError(400, "INVALID_JSON", "The body must be a JSON object")
        named = body.get("orderId")
        reading = self._office.reading(str(named))
        return body, self._office.order(as_id(named, reading, "orderId")), reading


def _path(request: Request) -> str:
    """Give the path as ACME documents it, without the place where the app is mounted."""
    return request.url.path.removeprefix(str(request.scope.get("root_path", "")))


def _recorded_body(raw: bytes) -> object:
    try:
        body: object = json.loads(raw) if raw else None
    except ValueError:
        return raw.decode(errors="replace")
    if isinstance(body, dict) and isinstance(body.get("payment"), dict):
        # That it was sent is evidence; what it held might be a card number.
        return body | {"payment": dict.fromkeys(body["payment"], "not kept")}
    return body


def _mail(fields: Json, kind: str) -> str:
    return f"No e-mail sent ({kind})" if fields.get("noEmail") else f"{kind} e-mail sent"


def _error(status: int, type_: str, message: str) -> Response:
    return JSONResponse(wire.error_body(status, type_, message), status)


def _forbidden() -> Response:
    return _error(403, "FORBIDDEN", "This API user may not do that")


def _server_error() -> Response:
    return _error(500, "INTERNAL_ERROR", "Something went wrong")


def _web_page() -> Response:
    return HTMLResponse(_PAGE)


_STRUCK_BEFORE: dict[str, Callable[[], Response]] = {
    "forbidden": _forbidden,
    "read_error": _server_error,
    "error_before": _server_error,
    "cut_before": CutConnection,
    "malformed_before": _web_page,
}
_STRUCK_AFTER: dict[str, Callable[[], Response]] = {
    "error_after": _server_error,
    "cut_after": CutConnection,
    "blackout": CutConnection,
    "malformed": _web_page,
}
