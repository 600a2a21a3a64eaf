"""The HTTP edge of the Web API: bodies, tokens, faults, the call log, and what comes back."""

import asyncio
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.sandbox.slack.api import chat, conversations, people, views
from bot.sandbox.slack.api.method import Call, Method, RateLimitedError, RefusalError
from bot.sandbox.slack.body import BodyRefusedError, read_body
from bot.sandbox.slack.faults import Fault
from bot.sandbox.slack.wire import Json, parse_json
from bot.sandbox.slack.workspace import SlackSandbox

METHODS: dict[str, Method] = {
    method.name: method
    for method in (*people.METHODS, *chat.METHODS, *conversations.METHODS, *views.METHODS)
}


async def api_endpoint(request: Request, slack: SlackSandbox) -> Response:
    """Answer one Web API call; whatever a bot sends, it gets an answer in Slack's form."""
    name = request.path_params["method"]
    fault = slack.faults.take(name)
    if fault is not None and fault.is_instead:
        return await misbehave(request, slack, name, await _seen(request, name), fault)
    if fault is not None and fault.kind == "slow":
        await slack.pause(fault.seconds)
    arguments: Json = {}
    warnings: list[str] = []
    try:
        arguments, token = await _read(request, name, warnings)
        answer, status = _answer(slack, name, arguments, token), 200
    except RefusalError as refusal:
        answer, status = {"ok": False, "error": refusal.error, **refusal.extra}, refusal.status
        if isinstance(refusal, RateLimitedError):
            log_call(slack, name, arguments, answer, status)
            return JSONResponse(answer, status, headers={"Retry-After": str(refusal.retry_after)})
    if warnings:
        answer["warning"] = ",".join(warnings)
        answer["response_metadata"] = {**answer.get("response_metadata", {}), "warnings": warnings}
    log_call(slack, name, arguments, answer, status)
    if fault is not None and fault.kind == "drop":
        await cut_connection(request)
    return JSONResponse(answer, status, headers=_scope_headers(slack, name))


def _answer(slack: SlackSandbox, name: str, arguments: Json, token: str | None) -> Json:
    method = METHODS.get(name)
    if method is None:
        raise RefusalError("unknown_method", req_method=name)
    if not method.open_to_all:
        _authenticate(slack, token)
    call = Call(slack, arguments if method.open_to_all else method.read(arguments))
    if not method.open_to_all:
        call.need_scope(*method.scopes)
    return {"ok": True, **method.handler(call)}


def _authenticate(slack: SlackSandbox, token: str | None) -> None:
    if not token:
        raise RefusalError("not_authed")
    if token != slack.settings.bot_token:
        raise RefusalError("invalid_auth")


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("application/json")


async def _read(request: Request, name: str, warnings: list[str]) -> tuple[Json, str | None]:
    """All arguments of a call, and its token, from wherever Slack would look for them."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    token = bearer.strip() if scheme.lower() == "bearer" else None
    arguments: Json = dict(parse_qsl(request.url.query, keep_blank_values=True))
    body = await _body(request)
    content_type = request.headers.get("content-type", "")
    if _is_json(request) and body:
        if "charset" not in content_type.lower():
            warnings.append("missing_charset")
        document = _json_object(body)
        # Slack leaves the JSON body of some methods unread: to them, nothing was given.
        if name not in METHODS or not METHODS[name].form_only:
            arguments |= document
    elif body and content_type.startswith("multipart/form-data"):
        raise RefusalError("invalid_form_data")
    elif body and content_type and not content_type.startswith("application/x-www-form-urlencoded"):
        raise RefusalError("invalid_post_type")
    elif body and not content_type:
        raise RefusalError("missing_post_type")
    elif body:
        try:
            form = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=200))
        except ValueError:
            raise RefusalError("invalid_form_data") from None
        token = token or form.pop("token", None)
        form.pop("token", None)
        arguments |= form
    arguments.pop("token", None)
    return arguments, token


async def _seen(request: Request, name: str) -> Json:
    """What the call log shows of a call that will not be carried out."""
    try:
        arguments, _ = await _read(request, name, [])
    except RefusalError:
        return {}
    return arguments


async def _body(request: Request) -> bytes:
    try:
        return await read_body(request)
    except BodyRefusedError as refused:
        raise RefusalError(refused.error, status=refused.status) from None


def _json_object(body: bytes) -> Json:
    try:
        document = parse_json(body)
    except ValueError:
        raise RefusalError("invalid_json") from None
    if not isinstance(document, dict):
        raise RefusalError("json_not_object")
    return document


def _scope_headers(slack: SlackSandbox, name: str) -> dict[str, str]:
    method = METHODS.get(name)
    return {
        "X-OAuth-Scopes": ",".join(slack.settings.scopes),
        "X-Accepted-OAuth-Scopes": ",".join(method.scopes if method else ()),
    }


def log_call(slack: SlackSandbox, name: str, arguments: Json, answer: Json, status: int) -> None:
    slack.calls.append(
        {
            "method": name,
            "at": slack.clock(),
            "ok": answer.get("ok") is True,
            "error": answer.get("error"),
            "status": status,
            "args": arguments,
        }
    )


async def misbehave(
    request: Request, slack: SlackSandbox, name: str, arguments: Json, fault: Fault
) -> Response:
    """Answer a call as a fault has it that keeps the call from being carried out."""
    if fault.kind == "ratelimited":
        answer: Json = {"ok": False, "error": "ratelimited"}
        log_call(slack, name, arguments, answer, 429)
        return JSONResponse(answer, 429, headers={"Retry-After": str(fault.retry_after)})
    if fault.kind in ("error", "hollow"):
        answer = {"ok": False, "error": fault.error} if fault.kind == "error" else {"ok": True}
        log_call(slack, name, arguments, answer, 200)
        return JSONResponse(answer)
    log_call(slack, name, arguments, {"ok": False, "error": fault.kind}, 500)
    if fault.kind == "drop_before":
        await cut_connection(request)
    return Response("Internal Server Error", 500, media_type="text/html")


async def cut_connection(request: Request) -> None:
    """Close the caller's connection without an answer.

    ASGI has no word for this; under uvicorn `receive` belongs to the object with the transport.
    Elsewhere (an in-process client) the caller gets an exception instead.
    """
    transport = getattr(getattr(request.receive, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionResetError("the sandbox dropped this call on purpose")
    transport.abort()
    await asyncio.sleep(0)
