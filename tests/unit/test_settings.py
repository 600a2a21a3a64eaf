"""Settings: read once, every mistake named on a line of its own, no secret ever printed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.domain.policy import Policy
from bot.settings import Environment, Settings, SettingsError, load
from tests.conftest import ROOT
from tests.unit.policy_toml import NOT_OURS

SECRETS = {
    "SLACK_SIGNING_SECRET": "signing-secret-nobody-sees",
    "SLACK_BOT_TOKEN": "xoxb-token-nobody-sees",
    "ACME_API_KEY": "acme-key-nobody-sees",
}
SOUND = SECRETS | {"ACME_BASE_URL": "https://acme.example"}
VENUE = """
[[venues]]
key = "riverside"
name = "Riverside Museum"
system = "acme"
base_url = "https://acme.example"
api_key_env = "RIVERSIDE_KEY"
currency = "USD"
"""


@pytest.fixture(autouse=True)
def _empty_house(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but a test's own: neither of the environment nor of the directory."""
    for name in Environment.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("RIVERSIDE_KEY", raising=False)
    monkeypatch.chdir(tmp_path)


def given(monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def mistakes(
    monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str], toml: str | None = None
) -> list[str]:
    given(monkeypatch, environment)
    if toml is not None:
        Path("rescind.toml").write_text(toml, encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load()
    found = refused.value.mistakes
    assert str(refused.value) == "\n".join(found)
    for secret in [*SECRETS.values(), "riverside-key-nobody-sees"]:
        assert secret not in str(refused.value)
    assert all("\n" not in line for line in found)
    return found


def loaded(
    monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str], toml: str | None = None
) -> Settings:
    given(monkeypatch, environment)
    if toml is not None:
        Path("rescind.toml").write_text(toml, encoding="utf-8")
    return load()


def test_one_venue_needs_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch, SOUND)
    (config,) = settings.venues
    assert (config.venue.key, config.venue.system) == ("acme", "ACME Ticketing")
    assert (config.venue.currency, config.venue.locale) == ("USD", "en_US")
    assert config.venue.policy == Policy(is_default=True)
    assert str(config.source.base_url) == "https://acme.example/"
    assert config.api_key.get_secret_value() == SECRETS["ACME_API_KEY"]
    assert settings.slack_bot_token.get_secret_value() == SECRETS["SLACK_BOT_TOKEN"]


def test_defaults_are_those_of_the_documentation(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch, SOUND)
    environment = settings.environment
    assert environment.database_url == "sqlite:///var/rescind.db"
    assert (environment.host, environment.port) == ("127.0.0.1", 3000)
    assert (environment.log_format, environment.log_level) == ("console", "INFO")
    assert settings.slack_api_url == "https://slack.com/api/"
    assert list(settings.execution.settle_pauses) == [1, 2, 4, 8]
    assert settings.execution.at_once == 32
    source = settings.venues[0].source
    assert (source.connect_timeout, source.read_timeout, source.total_timeout) == (5, 20, 30)
    assert source.refund_path == "/v2/b2b/b2b/refunds"


def test_the_single_venue_may_have_another_currency(monkeypatch: pytest.MonkeyPatch) -> None:
    (config,) = loaded(monkeypatch, SOUND | {"ACME_CURRENCY": "EUR"}).venues
    assert config.venue.currency == "EUR"


@pytest.mark.parametrize("url", ["https://slack-gov.com/api", "https://slack-gov.com/api/"])
def test_slack_may_be_another_slack(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    assert loaded(monkeypatch, SOUND | {"SLACK_API_URL": url}).slack_api_url == (
        "https://slack-gov.com/api/"
    )


def test_socket_mode_needs_no_signing_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {k: v for k, v in SOUND.items() if k != "SLACK_SIGNING_SECRET"}
    settings = loaded(monkeypatch, environment | {"SLACK_APP_TOKEN": "xapp-1"})
    assert settings.environment.slack_app_token is not None


RICH = (
    VENUE
    + """
timezone = "America/New_York"
locale = "en_GB"
channels = ["C0123456789"]
refund_path = "/v1/b2b/b2b/refunds"
total_timeout = 60

[venues.policy]
self_approval = true

[execution]
settle_pauses = [1, 30]
"""
)


def test_venues_are_listed_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch, SECRETS | {"RIVERSIDE_KEY": "k"}, RICH)
    (config,) = settings.venues
    assert (config.venue.key, config.venue.name) == ("riverside", "Riverside Museum")
    assert config.venue.timezone == ZoneInfo("America/New_York")
    assert config.venue.locale == "en_GB"
    assert config.venue.channels == {"C0123456789"}
    assert config.venue.policy.self_approval
    assert config.source.refund_path == "/v1/b2b/b2b/refunds"
    assert config.source.total_timeout == 60
    assert config.api_key.get_secret_value() == "k"
    assert list(settings.execution.settle_pauses) == [1, 30]


def test_how_much_is_done_at_once_may_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    toml = VENUE + "[execution]\nat_once = 200\n"
    settings = loaded(monkeypatch, SECRETS | {"RIVERSIDE_KEY": "k"}, toml)
    assert settings.execution.at_once == 200


def test_the_file_may_stand_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.toml"
    path.write_text(VENUE, encoding="utf-8")
    environment = SECRETS | {"RIVERSIDE_KEY": "k", "RESCIND_CONFIG": str(path)}
    assert [config.venue.key for config in loaded(monkeypatch, environment).venues] == ["riverside"]


def test_the_example_file_is_a_sound_one(monkeypatch: pytest.MonkeyPatch) -> None:
    example = ROOT / "rescind.example.toml"
    keys = {"RIVERSIDE_ACME_API_KEY": "a", "HARBOUR_ACME_API_KEY": "b"}
    settings = loaded(monkeypatch, SECRETS | keys | {"RESCIND_CONFIG": str(example)})
    assert [config.venue.key for config in settings.venues] == ["riverside", "harbour"]
    assert [config.venue.policy.self_approval for config in settings.venues] == [False, True]


def test_nothing_set_names_everything_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [line.partition(":")[0] for line in mistakes(monkeypatch, {})]
    assert sorted(names) == [
        "ACME_API_KEY",
        "ACME_BASE_URL",
        "SLACK_BOT_TOKEN",
        "SLACK_SIGNING_SECRET",
    ]


@pytest.mark.parametrize("missing", sorted(SOUND))
def test_what_is_missing_or_empty_is_named(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    (line,) = mistakes(monkeypatch, SOUND | {missing: ""})
    assert line.startswith(f"{missing}: missing.")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "LOUD"),
        ("SLACK_API_URL", "slack"),
        ("ACME_CURRENCY", "dollars"),
        ("ACME_CURRENCY", "usd"),
    ],
)
def test_a_wrong_variable_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    (line,) = mistakes(monkeypatch, SOUND | {name: value})
    assert line.startswith(f"{name}: ")
    assert re.search(r" is not an? .+\. Write .+\.$", line), line
    assert not NOT_OURS.search(line), line


def test_an_address_with_a_password_in_it_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = mistakes(monkeypatch, SOUND | {"SLACK_API_URL": "me:pass1@slack"})
    assert "pass1" not in line


def test_all_mistakes_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = mistakes(monkeypatch, {"PORT": "x", "LOG_FORMAT": "y"}, '[policy]\ncolour = "red"\n')
    names = {line.partition(":")[0] for line in found}
    assert names == {
        "PORT",
        "LOG_FORMAT",
        "rescind.toml",
        "SLACK_BOT_TOKEN",
        "SLACK_SIGNING_SECRET",
    }


@pytest.mark.parametrize(
    ("toml", "where"),
    [
        (VENUE.replace('"riverside"', '"River Side"'), "venues.0.key"),
        (VENUE.replace('"Riverside Museum"', '""'), "venues.riverside.name"),
        (VENUE.replace('"acme"', '"tickets4u"'), "venues.riverside.system"),
        (VENUE.replace("https://acme.example", "acme"), "venues.riverside.base_url"),
        (VENUE.replace('"USD"', '"dollars"'), "venues.riverside.currency"),
        (VENUE.replace('currency = "USD"', ""), "venues.riverside.currency"),
        (VENUE + 'timezone = "New York"', "venues.riverside.timezone"),
        (VENUE + 'locale = "en-klingon"', "venues.riverside.locale"),
        (VENUE + 'refund_path = "v2/refunds"', "venues.riverside.refund_path"),
        (VENUE + "total_timeout = 0", "venues.riverside.total_timeout"),
        (VENUE + "total_timeout = 601", "venues.riverside.total_timeout"),
        (VENUE + 'api_key = "riverside-key-nobody-sees"', "venues.riverside.api_key"),
        (VENUE + 'channels = "C0123456789"', "venues.riverside.channels"),
        (VENUE + 'channels = ["#refunds"]', "venues.riverside.channels.0"),
        (VENUE + 'channels = ["C0A1", "C0A1"]', "venues.riverside.channels"),
        (VENUE + "timezone = 5", "venues.riverside.timezone"),
        (VENUE + 'locale = ""', "venues.riverside.locale"),
        (VENUE + 'read_timeout = "20"', "venues.riverside.read_timeout"),
        (VENUE + "read_timeout = nan", "venues.riverside.read_timeout"),
        (VENUE + "policy = 1", "venues.riverside.policy"),
        (VENUE.replace('"RIVERSIDE_KEY"', '"k-123"'), "venues.riverside.api_key_env"),
        (VENUE.replace("[[venues]]", "[venues]"), "venues"),
        ("venues = [1]", "venues.0"),
        (VENUE + "[execution]\nsettle_pauses = []", "execution.settle_pauses"),
        (VENUE + "[execution]\nsettle_pauses = 1", "execution.settle_pauses"),
        (VENUE + f"[execution]\nsettle_pauses = {[1] * 21}", "execution.settle_pauses"),
        (VENUE + "[retention]\npersonal_days = -1", "retention.personal_days"),
        (VENUE + "[retention]\npersonal_days = 1.5", "retention.personal_days"),
        (VENUE + "[retention]\npersonal_days = true", "retention.personal_days"),
        (VENUE + "[execution]\nsettle_pauses = [1, 0]", "execution.settle_pauses"),
        (VENUE + "[execution]\nretries = 3", "execution.retries"),
        (VENUE + "[execution]\nat_once = 0", "execution.at_once"),
        (VENUE + "[execution]\nat_once = 201", "execution.at_once"),
        (VENUE + "[slack]\ntoken = 1", "slack"),
    ],
)
def test_a_wrong_line_of_the_file_is_named(
    monkeypatch: pytest.MonkeyPatch, toml: str, where: str
) -> None:
    (line,) = mistakes(monkeypatch, SECRETS | {"RIVERSIDE_KEY": "k"}, toml)
    assert line.startswith(f"rescind.toml: {where}")
    assert re.search(r" (Write|Add|Take|Leave) .+\.$", line), line
    assert not NOT_OURS.search(line), line
    assert "k-123" not in line


def test_a_key_that_is_not_in_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = mistakes(monkeypatch, SECRETS, VENUE)
    assert line == (
        "venues.riverside.api_key_env: the environment variable RIVERSIDE_KEY is not set."
    )


@pytest.mark.parametrize("stray", ["\u00a0", "\u200b", "\r", "\n", " ", "\u0435"])
@pytest.mark.parametrize("name", [*SECRETS, "SLACK_APP_TOKEN", "RIVERSIDE_KEY"])
def test_a_secret_with_a_stray_character_is_named_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, stray: str
) -> None:
    """No header can hold it; an ACME or Slack that is reached with it would only say no."""
    toml = VENUE if name == "RIVERSIDE_KEY" else None
    (line,) = mistakes(monkeypatch, SOUND | {name: f"{SECRETS['ACME_API_KEY']}{stray}"}, toml)
    assert line.startswith(f"{name}: there is a character in it that no such secret has")
    assert line.endswith("Copy it again.")


def test_two_venues_of_one_key_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = mistakes(monkeypatch, SECRETS | {"RIVERSIDE_KEY": "k"}, VENUE + VENUE)
    assert line == "venues.riverside: two venues have this key."


def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = mistakes(monkeypatch, SOUND | {"RESCIND_CONFIG": "nowhere.toml"})
    assert line == "RESCIND_CONFIG: there is no file nowhere.toml."


UNREADABLE = [b"\xff\xfe", b"[[venues]\n", b"x = 1e99999999999999999999", b"x = " + b"9" * 5000]


@pytest.mark.parametrize("content", UNREADABLE)
def test_a_file_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "odd.toml").write_bytes(content)
    (line,) = mistakes(monkeypatch, SOUND | {"RESCIND_CONFIG": "odd.toml"})
    assert "odd.toml" in line


def test_a_directory_is_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (line,) = mistakes(monkeypatch, SOUND | {"RESCIND_CONFIG": str(tmp_path)})
    assert line.startswith("RESCIND_CONFIG: ")


def test_settings_print_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch, SOUND)
    for text in (repr(settings), str(settings), settings.model_dump_json()):
        for secret in SECRETS.values():
            assert secret not in text


@pytest.mark.parametrize(
    ("url", "passwords"),
    [
        ("postgresql://rescind@host/x?a=b@c", set()),
        ("postgresql://rescind:p%2Fw@host:5432/x", {"p%2Fw", "p/w"}),
        ("postgresql://:pw@/x?host=there@1:2", {"pw"}),
        ("postgresql://rescind:p&w#1/2@host/x", {"p&w#1/2"}),
        ("postgresql://rescind:pw@host/x?password=p@w&a=b", {"pw", "p@w"}),
        ("postgresql://rescind:pw@[no address/x", {"pw"}),
        ("postgresql://rescind@host:port/x?sslmode=require&password=p%26w#x", {"p%26w", "p&w"}),
        ("sqlite:///var/a:b@c.db", set()),
    ],
)
def test_the_password_of_the_database_is_a_secret_however_it_is_given(
    monkeypatch: pytest.MonkeyPatch, url: str, passwords: set[str]
) -> None:
    settings = loaded(monkeypatch, SOUND | {"DATABASE_URL": url})
    assert set(settings.secrets()) - set(SECRETS.values()) == passwords


def test_a_previous_signing_secret_counts_beside_the_current_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    previous = "previous-secret-nobody-sees"
    settings = loaded(monkeypatch, SOUND | {"SLACK_SIGNING_SECRET_PREVIOUS": previous})
    found = settings.environment.slack_signing_secret_previous
    assert found is not None
    assert found.get_secret_value() == previous
    assert previous not in repr(settings)


def test_a_previous_signing_secret_alone_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in Socket Mode, where a signing secret may be missing."""
    secrets = SOUND | {"SLACK_SIGNING_SECRET": "", "SLACK_APP_TOKEN": "xapp-1"}
    (line,) = mistakes(monkeypatch, secrets | {"SLACK_SIGNING_SECRET_PREVIOUS": "anything"})
    assert line == (
        "SLACK_SIGNING_SECRET_PREVIOUS: it counts only beside SLACK_SIGNING_SECRET, which is "
        "missing."
    )


@pytest.mark.parametrize(
    ("given_port", "port"),
    [("", None), ("9090", 9090), ("0", 0), ("65535", 65535), ("off", "off"), ("OFF", "off")],
)
def test_what_operators_ask_may_have_a_port_or_none(
    monkeypatch: pytest.MonkeyPatch, given_port: str, port: int | str | None
) -> None:
    environment = loaded(monkeypatch, SOUND | {"ADMIN_PORT": given_port}).environment
    assert (environment.admin_host, environment.admin_port) == ("127.0.0.1", port)


@pytest.mark.parametrize("wrong", ["65536", "-1", "no", "90.5", "9" * 5000])
def test_an_admin_port_that_is_none_is_a_mistake(
    monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    (line,) = mistakes(monkeypatch, SOUND | {"ADMIN_PORT": wrong})
    assert re.fullmatch(r"ADMIN_PORT: .+ is not a port\. Write .+, or off\.", line), line
