"""The front door: only what Slack itself signed gets in, byte for byte; the rest gets nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from pydantic import SecretStr
from structlog.testing import capture_logs

from bot.slack.guard import (
    BODY_LIMIT,
    TIMESTAMP_TOLERANCE_SECONDS,
)
from tests.unit.slack.knocking import (
    BODY,
    FORM,
    NOW,
    PREVIOUS,
    SECRET,
    SHAPED,
    Inner,
    deliver,
    guarding,
    knock,
    nobody_reads,
    refusal,
    signature,
    signed,
    whole,
)

pytestmark = pytest.mark.anyio


async def test_what_slack_signed_gets_in_byte_for_byte() -> None:
    answer, reached = await knock(signed())
    assert (answer.status_code, answer.text) == (200, "in")
    assert reached == [BODY]


@settings(max_examples=50)
@given(body=st.binary(max_size=200))
async def test_any_signed_bytes_get_in_unchanged(body: bytes) -> None:
    answer, reached = await knock(signed(body), body)
    assert (answer.status_code, reached) == (200, [body])


@pytest.mark.parametrize(
    "kind", [FORM, f"{FORM}; charset=utf-8", "application/json", "Application/JSON; charset=utf-8"]
)
async def test_slacks_content_types_get_in(kind: str) -> None:
    assert (await knock(signed(kind=kind)))[0].status_code == 200


@pytest.mark.parametrize("skew", [0, 1, -1, 299, -299, 300, -300])
async def test_clocks_may_differ_a_little(skew: int) -> None:
    assert (await knock(signed(timestamp=str(NOW + skew))))[0].status_code == 200


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in signed().items() if key != name}


OTHER_BODY = b"command=%2Fcancel-order&text=26644389"
REFUSED = {
    "no timestamp": (without("x-slack-request-timestamp"), BODY, 401),
    "empty timestamp": (signed() | {"x-slack-request-timestamp": ""}, BODY, 401),
    "timestamp of letters": (signed(timestamp="abc"), BODY, 401),
    "timestamp as a power": (signed(timestamp="1e9"), BODY, 401),
    "negative timestamp": (signed(timestamp="-1784041200"), BODY, 401),
    "fractional timestamp": (signed(timestamp=f"{NOW}.0"), BODY, 401),
    "endless timestamp": (signed(timestamp="1" * 5000), BODY, 401),
    "stale": (signed(timestamp=str(NOW - TIMESTAMP_TOLERANCE_SECONDS - 1)), BODY, 401),
    "from the future": (signed(timestamp=str(NOW + TIMESTAMP_TOLERANCE_SECONDS + 1)), BODY, 401),
    "no signature": (without("x-slack-signature"), BODY, 401),
    "empty signature": (signed() | {"x-slack-signature": ""}, BODY, 401),
    "signature of another secret": (
        signed() | {"x-slack-signature": signature(BODY, secret="guessed")},
        BODY,
        401,
    ),
    "signature of another body": (signed(OTHER_BODY), BODY, 401),
    "signature of another moment": (
        signed() | {"x-slack-request-timestamp": str(NOW - 1)},
        BODY,
        401,
    ),
    "signature of another version": (
        signed() | {"x-slack-signature": signature(BODY).replace("v0=", "v1=")},
        BODY,
        401,
    ),
    "signature in capitals": (
        signed() | {"x-slack-signature": "v0=" + signature(BODY)[3:].upper()},
        BODY,
        401,
    ),
    "signature that is too long": (
        signed() | {"x-slack-signature": signature(BODY) + "0"},
        BODY,
        401,
    ),
    "signature without its version": (
        signed() | {"x-slack-signature": signature(BODY).removeprefix("v0=")},
        BODY,
        401,
    ),
    "unsigned and not UTF-8": (signed(b""), b"payload=\xff\xfe", 401),
    "unsigned and not JSON": (signed(b""), b"payload={bad", 401),
    "no content type": (without("content-type"), BODY, 400),
    "plain text": (signed(kind="text/plain"), BODY, 400),
    "a form of files": (signed(kind="multipart/form-data; boundary=x"), BODY, 400),
    "oversize": (signed(b"x" * (BODY_LIMIT + 1)), b"x" * (BODY_LIMIT + 1), 413),
}


@pytest.mark.parametrize(("headers", "body", "status"), REFUSED.values(), ids=REFUSED.keys())
async def test_everything_else_is_refused_without_a_word(
    headers: dict[str, str], body: bytes, status: int
) -> None:
    answer, reached = await knock(headers, body)
    assert answer.status_code == status
    assert answer.content == b""
    assert reached == []


async def test_a_body_of_exactly_the_limit_gets_in() -> None:
    body = b"x" * BODY_LIMIT
    answer, reached = await knock(signed(body), body)
    assert (answer.status_code, len(reached[0])) == (200, BODY_LIMIT)


JUDGED = ["content-type", "content-length", "x-slack-request-timestamp", "x-slack-signature"]


@pytest.mark.parametrize("name", JUDGED)
@pytest.mark.parametrize("where", [0, 100])
async def test_a_header_that_counts_is_sent_once_or_not_at_all(name: str, where: int) -> None:
    """Neither the first nor the last of two: whoever is in front of us may have read the other."""
    headers = list((signed() | {"content-length": str(len(BODY))}).items())
    headers.insert(where, (name, dict(headers)[name]))
    answer, reached = await knock(headers)
    assert (answer.status_code, reached) == (401 if name.startswith("x-") else 400, [])


def refusals(status: int) -> float:
    name = "rescind_slack_refusals_total"
    return REGISTRY.get_sample_value(name, {"status": str(status)}) or 0.0


async def test_a_refusal_is_counted_and_takes_one_line_that_repeats_nothing() -> None:
    before = refusals(401)
    with capture_logs() as lines:
        await knock(signed(OTHER_BODY))
    assert refusals(401) == before + 1
    (line,) = lines
    assert line == {
        "event": "slack_request_refused",
        "log_level": "warning",
        "status": 401,
        "cause": "signature",
    }


def signatures(secret: str) -> float:
    return REGISTRY.get_sample_value("rescind_signatures_total", {"secret": secret}) or 0.0


@pytest.mark.parametrize(("secret", "name"), [(SECRET, "current"), (PREVIOUS, "previous")])
async def test_while_the_secret_is_changed_both_count_and_are_told_apart(
    secret: str, name: str
) -> None:
    before = {each: signatures(each) for each in ("current", "previous")}
    answer, reached = await knock(signed(secret=secret), previous=SecretStr(PREVIOUS))
    assert (answer.status_code, reached) == (200, [BODY])
    before[name] += 1
    assert before == {each: signatures(each) for each in before}


async def test_a_third_secret_does_not_count_and_neither_does_the_previous_one_for_ever() -> None:
    third, _ = await knock(signed(secret="guessed"), previous=SecretStr(PREVIOUS))
    forgotten, _ = await knock(signed(secret=PREVIOUS))
    assert third.status_code == forgotten.status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        *((headers, status) for headers, body, status in REFUSED.values() if len(headers) < 3),
        (signed() | {"content-type": "text/plain"}, 400),
        (signed() | {"x-slack-request-timestamp": str(NOW - 301)}, 401),
        (signed() | {"x-slack-signature": SHAPED[:-1]}, 401),
        (signed() | {"content-length": "1e3"}, 400),
        (signed() | {"content-length": str(BODY_LIMIT + 1)}, 413),
        (signed() | {"content-length": "9" * 5000}, 413),
    ],
)
async def test_what_the_headers_give_away_is_refused_before_the_body_is_read(
    headers: dict[str, str], status: int
) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    inner = Inner()
    assert refusal(await deliver(guarding(inner), nobody_reads, raw)) == status
    assert inner.reached == []


values = st.binary(max_size=80) | st.sampled_from(
    [FORM.encode(), b"application/json", str(NOW).encode(), SHAPED.encode(), b"17"]
)
names = st.binary(max_size=20) | st.sampled_from([name.encode() for name in JUDGED])


@given(headers=st.lists(st.tuples(names, values), max_size=12))
async def test_whatever_the_headers_are_nothing_gets_in_and_nothing_breaks(
    headers: list[tuple[bytes, bytes]],
) -> None:
    inner = Inner()
    assert refusal(await deliver(guarding(inner), whole(), headers)) in {400, 401, 413}
    assert inner.reached == []
