"""Reads the body of a request, up to a limit."""

from starlette.requests import ClientDisconnect, Request

_MOST_BYTES = 2_000_000


class BodyRefusedError(Exception):
    """`error` is Slack's name for what was wrong, `status` the HTTP status that goes with it."""

    def __init__(self, error: str, status: int) -> None:
        super().__init__(error)
        self.error = error
        self.status = status


async def read_body(request: Request) -> bytes:
    """Raises BodyRefusedError for a body that is too large, or that never came."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST_BYTES:
                raise BodyRefusedError("request_too_large", 413)
    except ClientDisconnect:
        raise BodyRefusedError("request_timeout", 408) from None
    return bytes(body)
