"""Who we are to Slack, what we may, and whether Socket Mode can be had."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.check.finding import Grade
from bot.check.identity import Introduction, about_socket, introduce
from bot.check.slack import connection
from bot.domain.delivery import DeliveryPostponedError
from bot.domain.policy import Policy
from bot.domain.venue import Venue
from bot.slack.calls import Calls
from bot.slack.directory import Home
from tests.examples import VENUE
from tests.unit.check.scene import (
    ALL,
    APP_TOKEN,
    NEEDED,
    Given,
    asked_slack,
    grades,
    served,
    the,
    welcome,
)
from tests.unit.slack.loopback import CUT, TEAM, Reply, refusal, slack_and_client

WITH_GROUP = Venue(
    key="harbour",
    name="Harbour",
    system="ACME Ticketing",
    currency="EUR",
    timezone=None,
    policy=Policy(approvers=frozenset({"S0APPROVE"})),
)
# Slack's word for a trouble of its own, with whatever status, and a status that says it all.
SLACKS_OWN_TROUBLES = [
    refusal("internal_error"),
    refusal("fatal_error"),
    refusal("service_unavailable", 503),
    refusal("request_timeout"),
    refusal("team_added_to_org"),
    refusal("invalid_auth", 500),
]


async def introduced(reply: Reply, *venues: Venue) -> Introduction:
    async with asked_slack() as (slack, asker):
        slack.replies["auth.test"] = [reply]
        return await introduce(asker, venues)


@pytest.mark.anyio
async def test_a_bot_with_all_its_scopes_is_ok() -> None:
    told = await introduced(welcome(*ALL), WITH_GROUP)
    assert grades(told.findings) == {Grade.OK}
    assert (told.home, told.scopes) == (Home(TEAM), frozenset(ALL))
    assert the(told.findings, "Slack").text == "It takes the token: U0RESCIND in Museum (T0MUSEUM)."


@pytest.mark.anyio
async def test_a_whole_organisation_is_known_as_one() -> None:
    told = await introduced(welcome(*ALL, enterprise_id="E0ALL", is_enterprise_install=True))
    assert told.home == Home(TEAM, "E0ALL", is_whole_organisation=True)
    assert "whole organisation" in the(told.findings, "Slack").text


@pytest.mark.parametrize("scope", NEEDED)
@pytest.mark.anyio
async def test_a_needed_scope_that_is_missing_is_wrong(scope: str) -> None:
    told = await introduced(welcome(*(each for each in ALL if each != scope)))
    finding = the(told.findings, "scopes")
    assert finding.grade is Grade.WRONG
    assert scope in finding.text
    assert "rescind manifest" in finding.to_do


@pytest.mark.parametrize("scope", ["channels:history", "groups:history"])
@pytest.mark.anyio
async def test_an_optional_scope_that_is_missing_is_warned_of_with_what_follows(scope: str) -> None:
    told = await introduced(welcome(*(each for each in ALL if each != scope)), WITH_GROUP)
    finding = the(told.findings, f"scope {scope}")
    assert finding.grade is Grade.WARNING
    assert "can appear twice" in finding.text


@pytest.mark.anyio
async def test_groups_need_a_scope_only_where_a_policy_names_some() -> None:
    without = welcome(*(each for each in ALL if each != "usergroups:read"))
    assert grades((await introduced(without, VENUE)).findings) == {Grade.OK}
    finding = the((await introduced(without, WITH_GROUP)).findings, "scope usergroups:read")
    assert finding.grade is Grade.WRONG
    assert "policy of harbour" in finding.text


@pytest.mark.anyio
async def test_scopes_that_slack_does_not_tell_are_warned_of() -> None:
    told = await introduced(welcome())
    assert the(told.findings, "scopes").grade is Grade.WARNING
    assert told.scopes is None


@pytest.mark.anyio
async def test_a_persons_token_is_wrong_and_the_person_not_named() -> None:
    told = await introduced(welcome(*ALL, bot_id=None, user="michele.clarke"))
    finding = the(told.findings, "Slack")
    assert finding.grade is Grade.WRONG
    assert "michele" not in finding.text + finding.to_do


@pytest.mark.parametrize(
    ("reply", "grade", "said"),
    [
        (refusal("invalid_auth"), Grade.WRONG, "refuses the bot's token: invalid_auth"),
        (refusal("token_revoked"), Grade.WRONG, "token_revoked"),
        (refusal("ratelimited", 429, Retry_After="30"), Grade.WARNING, "left alone"),
        (Reply("<html>nobody here</html>", 404), Grade.WRONG, "not as Slack does (HTTP 404)"),
        (Reply("<html>welcome</html>"), Grade.WRONG, "not as Slack does"),
        (Reply([1]), Grade.WRONG, "not as Slack does"),
        (Reply({"id": 1}), Grade.WRONG, "not as Slack does"),
        (Reply("{", headers={"Content-Type": "application/json"}), Grade.WRONG, "not as Slack"),
        (Reply("ok", headers={"Content-Type": "text/plain"}), Grade.WRONG, "not as Slack does"),
        (Reply("<html>sorry</html>", 503), Grade.WARNING, "cannot answer now (HTTP 503)"),
        (Reply(None, CUT), Grade.WRONG, "broke without an answer"),
    ],
)
@pytest.mark.anyio
async def test_whatever_slack_answers_is_a_finding(reply: Reply, grade: Grade, said: str) -> None:
    told = await introduced(reply)
    finding = the(told.findings, "Slack")
    assert finding.grade is grade
    assert said in finding.text
    assert finding.to_do
    assert not told.is_welcome


@pytest.mark.anyio
async def test_an_answer_in_letters_of_no_alphabet_is_not_a_name_unknown_to_the_dns(
    given: Given,
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=b'{"ok": "\xff"}', content_type="application/json")

    async with served(answer) as url, connection(given(SLACK_API_URL=url)) as asker:
        finding = the((await introduce(asker, [])).findings, "Slack")
    assert "not as Slack does" in finding.text


@pytest.mark.parametrize(
    "value", ["proxy.example:3128:hunter2", "http://proxy.example:3128:hunter2", "127.0.0.1:9"]
)
@pytest.mark.anyio
async def test_a_proxys_address_that_is_none_is_said_to_be(
    given: Given, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", value)
    async with connection(given(SLACK_API_URL="http://127.0.0.1:9")) as asker:
        finding = the((await introduce(asker, [])).findings, "Slack")
    assert "HTTP_PROXY" in finding.text
    assert "hunter2" not in finding.text + finding.to_do


@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY"])
@pytest.mark.anyio
async def test_where_no_proxy_is_wanted_none_is_asked(
    given: Given, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    async with (
        slack_and_client() as (slack, _),
        connection(given(SLACK_API_URL=slack.base)) as asker,
    ):
        slack.replies["auth.test"] = [welcome(*ALL)]
        assert (await introduce(asker, [])).is_welcome


@pytest.mark.parametrize("reply", SLACKS_OWN_TROUBLES)
@pytest.mark.anyio
async def test_slacks_own_troubles_are_not_blamed_on_the_tokens(reply: Reply) -> None:
    async with asked_slack() as (slack, asker):
        for method in ("auth.test", "apps.connections.open"):
            slack.replies[method] = [reply]
        told = await introduce(asker, [])
        findings = [*told.findings, *await about_socket(asker, SecretStr(APP_TOKEN))]
    assert [finding.what for finding in findings] == ["Slack", "Socket Mode"]
    assert grades(findings) == {Grade.WARNING}
    for finding in findings:
        assert "cannot answer now" in finding.text
        assert finding.to_do == "Run this again later."


@pytest.mark.parametrize("reply", SLACKS_OWN_TROUBLES)
@pytest.mark.anyio
async def test_the_bot_tries_again_after_the_same_troubles(reply: Reply) -> None:
    async with slack_and_client() as (slack, client):
        slack.replies["auth.test"] = [reply]
        with pytest.raises(DeliveryPostponedError):
            await Calls().make("auth.test", client.auth_test)


@pytest.mark.anyio
async def test_the_clock_is_compared_even_if_the_token_is_refused() -> None:
    late = format_datetime(datetime.now(UTC) - timedelta(seconds=270), usegmt=True)
    told = await introduced(refusal("invalid_auth", Date=late))
    assert the(told.findings, "clock, by Slack").grade is Grade.WRONG


@pytest.mark.anyio
async def test_socket_mode_is_asked_for_and_not_connected_to() -> None:
    async with asked_slack() as (slack, asker):
        slack.replies["apps.connections.open"] = [Reply({"ok": True, "url": "wss://x/?ticket=1"})]
        (finding,) = await about_socket(asker, SecretStr(APP_TOKEN))
        assert slack.methods == ["apps.connections.open"]
        assert APP_TOKEN not in str(slack.calls)
    assert finding.grade is Grade.OK
    assert "ticket" not in finding.text


@pytest.mark.anyio
async def test_an_app_token_that_slack_refuses_is_wrong() -> None:
    async with asked_slack() as (slack, asker):
        slack.replies["apps.connections.open"] = [refusal("missing_scope")]
        (finding,) = await about_socket(asker, SecretStr(APP_TOKEN))
    assert finding.grade is Grade.WRONG
    assert "missing_scope" in finding.text
    assert "connections:write" in finding.to_do


@pytest.mark.anyio
async def test_without_socket_mode_nobody_is_asked_about_it() -> None:
    async with asked_slack() as (slack, asker):
        assert grades(await about_socket(asker, None)) == {Grade.OK}
        assert slack.calls == []
