"""Coming back with what was found, whatever threads hang: nothing can stop them."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from bot.check import Grade, all_findings
from tests.unit.check.scene import Given, the

PATIENCE = 30.0
IMPATIENT = """
[[venues]]
key = "riverside"
name = "Riverside"
system = "acme"
base_url = "https://acme.example"
api_key_env = "ACME_API_KEY"
currency = "USD"
connect_timeout = 0.2
"""


def test_a_dns_server_that_is_silent_keeps_no_finding_back(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    over, told = threading.Event(), threading.Event()
    known = socket.getaddrinfo

    def silent(host: str | bytes | None, *others: Any, **named: Any) -> Any:  # noqa: ANN401
        if host in {"acme.example", b"acme.example"}:
            over.wait(PATIENCE)
            told.set()
        return known(host, *others, **named)

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    settings = given(IMPATIENT, SLACK_API_URL="http://127.0.0.1:9")
    try:
        findings = all_findings(settings)
        assert not told.is_set()
    finally:
        over.set()
    assert "gives no answer in time" in the(findings, "venue riverside").text
    assert the(findings, "settings").grade is Grade.OK


def test_what_goes_wrong_in_a_thread_is_a_finding_too(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: Any, **__: Any) -> Any:  # noqa: ANN401
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    findings = all_findings(given(IMPATIENT, SLACK_API_URL="https://slack.example"))
    assert "is not found in the DNS" in the(findings, "venue riverside").text
    assert "is not found in the DNS" in the(findings, "Slack").text
