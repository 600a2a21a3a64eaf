"""What `rescind check` tells from the settings alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.check.configured import about_settings
from bot.check.finding import Grade
from bot.server import bound
from bot.workflows import PlaceError
from tests.unit.check.scene import APP_TOKEN, SECRETS, SIGNING_SECRET, Given, grades, the

ANYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound to it
OWN_POLICY = '[policy]\napprovers = ["U0APPROVE", "U0SECOND"]\n'
TWO_VENUES = "".join(
    f"""
[[venues]]
key = "{key}"
name = "{key.title()}"
system = "acme"
base_url = "https://{key}.example"
api_key_env = "ACME_API_KEY"
currency = "USD"
"""
    for key in ("riverside", "harbour")
)


@pytest.mark.anyio
async def test_sound_settings_are_ok(given: Given) -> None:
    findings = await about_settings(given(OWN_POLICY))
    assert grades(findings) == {Grade.OK}
    assert "rescind.toml" in the(findings, "settings").text


@pytest.mark.anyio
async def test_the_file_that_was_read_is_named(given: Given, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.toml").touch()
    findings = await about_settings(given(RESCIND_CONFIG="elsewhere.toml"))
    assert "elsewhere.toml" in the(findings, "settings").text


@pytest.mark.anyio
async def test_that_there_is_no_file_is_said(given: Given) -> None:
    assert "there is no rescind.toml" in the(await about_settings(given()), "settings").text


@pytest.mark.anyio
async def test_a_default_policy_is_said_for_each_venue_that_has_it(given: Given) -> None:
    own = '[venues.policy]\napprovers = ["U0APPROVE"]\n'
    findings = await about_settings(given(TWO_VENUES + own))
    finding = the(findings, "policy of riverside")
    assert finding.grade is Grade.WARNING
    assert "approvers and tiers" in finding.to_do
    assert not [each for each in findings if each.what == "policy of harbour"]


@pytest.mark.anyio
async def test_an_amount_in_another_currency_than_the_venues_is_wrong(given: Given) -> None:
    tiers = "[[policy.tiers]]\nup_to = { USD = 200 }\n"
    findings = await about_settings(given(tiers, ACME_CURRENCY="EUR"))
    finding = the(findings, "policy of acme")
    assert finding.grade is Grade.WRONG
    assert finding.text.startswith("tiers[0].up_to names no amount in EUR")
    assert grades(await about_settings(given(tiers, ACME_CURRENCY="USD"))) == {Grade.OK}


@pytest.mark.parametrize(
    ("secret", "grade"),
    [
        (SIGNING_SECRET, Grade.OK),
        (SIGNING_SECRET[:-1], Grade.WRONG),
        (f"{SIGNING_SECRET}0", Grade.WRONG),
        (SIGNING_SECRET.upper(), Grade.WRONG),
        ("xoxb-the-token-by-mistake", Grade.WRONG),
    ],
)
@pytest.mark.anyio
async def test_a_signing_secret_has_a_shape(given: Given, secret: str, grade: Grade) -> None:
    finding = the(await about_settings(given(SLACK_SIGNING_SECRET=secret)), "signing secret")
    assert finding.grade is grade
    assert secret.strip() not in finding.text + finding.to_do


@pytest.mark.parametrize(
    ("previous", "grade"),
    [("f" * 32, Grade.OK), ("short", Grade.WRONG), (SIGNING_SECRET, Grade.OK)],
)
@pytest.mark.anyio
async def test_the_secret_from_before_a_rotation_has_one_too(
    given: Given, previous: str, grade: Grade
) -> None:
    findings = await about_settings(given(SLACK_SIGNING_SECRET_PREVIOUS=previous))
    assert the(findings, "previous signing secret").grade is grade


@pytest.mark.anyio
async def test_socket_mode_needs_no_signing_secret(given: Given) -> None:
    findings = await about_settings(given(SLACK_SIGNING_SECRET="", SLACK_APP_TOKEN=APP_TOKEN))
    assert the(findings, "signing secret").grade is Grade.OK


@pytest.mark.parametrize(
    ("environment", "what"),
    [
        ({"SLACK_BOT_TOKEN": "xoxp-of-a-person"}, "bot token"),
        ({"SLACK_BOT_TOKEN": "xoxe.xoxb-runs-out"}, "bot token"),
        ({"SLACK_APP_TOKEN": "xoxb-of-the-bot"}, "app token"),
    ],
)
@pytest.mark.anyio
async def test_a_token_of_another_kind_is_wrong(
    given: Given, environment: dict[str, str], what: str
) -> None:
    finding = the(await about_settings(given(**environment)), what)
    assert finding.grade is Grade.WRONG
    assert finding.to_do
    assert not any(token in finding.text for token in environment.values())


@pytest.mark.parametrize(
    ("environment", "grade"),
    [
        ({}, Grade.OK),
        ({"HOST": "::1"}, Grade.OK),
        ({"HOST": "localhost"}, Grade.OK),
        ({"HOST": ANYWHERE}, Grade.WARNING),
        ({"HOST": "::"}, Grade.WARNING),
        ({"HOST": "bot.example.org"}, Grade.WARNING),
        ({"HOST": ANYWHERE, "ADMIN_PORT": "9100"}, Grade.OK),
        ({"HOST": ANYWHERE, "ADMIN_PORT": "off"}, Grade.OK),
    ],
)
@pytest.mark.anyio
async def test_metrics_open_to_strangers_are_warned_of(
    given: Given, environment: dict[str, str], grade: Grade
) -> None:
    finding = the(await about_settings(given(**environment)), "metrics")
    assert finding.grade is grade
    assert ("ADMIN_PORT" in finding.to_do) == (grade is Grade.WARNING)


@pytest.mark.parametrize(
    ("host", "admin_host"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        (ANYWHERE, "127.0.0.1"),
        ("127.0.0.1", ANYWHERE),
        ("127.0.0.1", "127.0.0.2"),
        ("127.0.0.1", "::1"),
        ("::", "127.0.0.1"),
    ],
)
@pytest.mark.anyio
async def test_one_port_for_both_is_wrong_where_the_start_refuses_it(
    given: Given, host: str, admin_host: str
) -> None:
    try:
        with bound(admin_host, 0, "") as taken:
            port = str(taken[0].getsockname()[1])
            with bound(host, int(port), ""):
                expected = Grade.OK
    except PlaceError:
        expected = Grade.WRONG
    settings = given(HOST=host, PORT=port, ADMIN_HOST=admin_host, ADMIN_PORT=port)
    finding = the(await about_settings(settings), "metrics")
    assert finding.grade is expected
    assert port in finding.text
    assert ("ADMIN_PORT" in finding.to_do) == (expected is Grade.WRONG)


@pytest.mark.anyio
async def test_any_free_port_for_both_is_ok(given: Given) -> None:
    findings = await about_settings(given(PORT="0", ADMIN_PORT="0"))
    assert the(findings, "metrics").grade is Grade.OK


@pytest.mark.parametrize("currency", ["", "USD", "EUR"])
@pytest.mark.anyio
async def test_a_currency_that_nobody_confirmed_is_warned_of(given: Given, currency: str) -> None:
    findings = await about_settings(given(ACME_CURRENCY=currency))
    assert any(each.what == "currency" for each in findings) == (not currency)


@pytest.mark.anyio
async def test_venues_of_the_file_state_their_currency_themselves(given: Given) -> None:
    findings = await about_settings(given(TWO_VENUES, ACME_CURRENCY=""))
    assert not [each for each in findings if each.what == "currency"]


@pytest.mark.anyio
async def test_no_secret_is_repeated(given: Given) -> None:
    findings = await about_settings(given(SLACK_APP_TOKEN=APP_TOKEN))
    assert not any(secret in str(findings) for secret in SECRETS)
