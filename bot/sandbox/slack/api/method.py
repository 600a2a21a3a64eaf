"""What a Web API method is: its arguments, its scopes, its handler, and how it says no."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from bot.sandbox.slack.wire import Json, as_flag, parse_json
from bot.sandbox.slack.workspace import SlackSandbox

Kind = Literal["text", "flag", "number", "json"]

_FOR_EVERY_METHOD = frozenset({"team_id", "pretty"})  # bolt's client adds team_id to every call


class RefusalError(Exception):
    """A call Slack answers with `ok: false`.

    `messages` are the reasons for `response_metadata`; `extra` are further fields of the answer.
    """

    def __init__(
        self, error: str, messages: list[str] | None = None, *, status: int = 200, **extra: object
    ) -> None:
        super().__init__(error)
        self.error = error
        self.status = status
        self.extra = dict(extra)
        if messages:
            self.extra["response_metadata"] = {"messages": messages}


class RateLimitedError(RefusalError):
    """HTTP 429 with `Retry-After`, in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("ratelimited", status=429)
        self.retry_after = retry_after


@dataclass(frozen=True)
class Call:
    """One authorised call with its arguments already in their types."""

    slack: SlackSandbox
    arguments: Json

    def text(self, name: str) -> str | None:
        value = self.arguments.get(name)
        return value if isinstance(value, str) else None

    def required(self, name: str) -> str:
        """An argument `Method.required` vouches for."""
        return str(self.arguments[name])

    def flag(self, name: str) -> bool:
        return self.arguments.get(name) is True

    def number(self, name: str, default: int) -> int:
        value = self.arguments.get(name)
        return value if isinstance(value, int) else default

    def need_scope(self, *any_of: str) -> None:
        """Raise `missing_scope` unless the token has one of the scopes."""
        granted = self.slack.settings.scopes
        if any_of and not set(any_of) & set(granted):
            raise RefusalError("missing_scope", needed=",".join(any_of), provided=",".join(granted))


@dataclass(frozen=True)
class Method:
    """`scopes`: any one of them suffices. `form_only`: Slack reads no JSON body for it."""

    name: str
    handler: Callable[[Call], Json]
    arguments: Mapping[str, Kind] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    form_only: bool = False
    open_to_all: bool = False

    def read(self, given: Json) -> Json:
        """The arguments in their types. Raises RefusalError with one reason per mistake."""
        reasons = [
            f"[ERROR] missing required field: {name}"
            for name in self.required
            if given.get(name) in (None, "")
        ]
        arguments: Json = {}
        for name, value in given.items():
            if name in _FOR_EVERY_METHOD and name not in self.arguments:
                continue
            if name not in self.arguments:
                reasons.append(f"[ERROR] unsupported argument: {name} [json-pointer:/{name}]")
            elif value is not None:
                arguments[name] = self._typed(name, value, reasons)
        if reasons:
            raise RefusalError("invalid_arguments", reasons)
        return arguments

    def _typed(self, name: str, value: object, reasons: list[str]) -> object:
        kind = self.arguments[name]
        typed: object = None
        match kind:
            case "text":
                typed = value if isinstance(value, str) else None
            case "flag":
                typed = as_flag(value)
            case "number":
                typed = _whole(value)
            case "json":
                typed = _parsed(name, value)
        if typed is None:
            wanted = {"text": "string", "flag": "boolean", "number": "integer"}.get(kind, "object")
            reasons.append(f"[ERROR] must provide a {wanted} [json-pointer:/{name}]")
        return typed


def _whole(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 12 else None


_NOT_JSON = {"blocks": "invalid_blocks_format", "metadata": "invalid_metadata_format"}


def _parsed(name: str, value: object) -> object:
    """Structured arguments come as JSON text in forms, and may come so in JSON bodies too."""
    if not isinstance(value, str):
        return value
    if not value:
        return None
    try:
        return parse_json(value)
    except ValueError:
        raise RefusalError(
            _NOT_JSON.get(name, "invalid_arguments"),
            [f"[ERROR] must be valid JSON [json-pointer:/{name}]"],
        ) from None
