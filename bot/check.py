"""`rescind check`: what an operator should know before users find out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp
import sqlalchemy as sa
from slack_sdk.web.async_client import AsyncWebClient

from bot.app import ticketing_system
from bot.domain.delivery import DeliveryImpossibleError, DeliveryPostponedError
from bot.manifest import load_manifest
from bot.settings import Settings, VenueConfig
from bot.slack.poster import Poster
from bot.store import Database, DatabaseError
from bot.ticketing import NotPermittedError, OrderNotFoundError, RefusedError, TicketingError

# Read to see whether the key is accepted: no real order has this id, so nothing is looked at.
_NO_ORDER = "0"


@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    ok: bool
    text: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


async def run_checks(settings: Settings) -> list[Finding]:
    """Check what can be checked without changing anything."""
    checks: list[Callable[[], Awaitable[Finding]]] = [
        lambda: _database(settings),
        lambda: _slack(settings),
        *(lambda config=config: _venue(config) for config in settings.venues),
    ]
    return [Finding("settings", True, "complete"), *await asyncio.gather(*(c() for c in checks))]


async def _database(settings: Settings) -> Finding:
    try:
        database = Database(settings.environment.database_url)
    except DatabaseError as error:
        return Finding("database", False, str(error))
    try:
        if database.is_sqlite:
            database.migrate()
        database.check_schema()
        await database.ping()
    except (DatabaseError, sa.exc.SQLAlchemyError) as error:
        return Finding("database", False, str(error).splitlines()[0])
    finally:
        database.close()
    return Finding("database", True, f"{database.url.get_backend_name()}, schema up to date")


async def _slack(settings: Settings) -> Finding:
    token = settings.slack_bot_token.get_secret_value()
    async with aiohttp.ClientSession(trust_env=True) as session:
        client = AsyncWebClient(
            token=token, base_url=settings.slack_api_url, session=session, retry_handlers=[]
        )
        try:
            answer = await Poster(client, session).introduce()
        except (DeliveryImpossibleError, DeliveryPostponedError) as error:
            return Finding("Slack token", False, f"auth.test failed: {error}")
    granted = {name.strip() for name in answer.headers.get("x-oauth-scopes", "").split(",")}
    scopes = load_manifest()["oauth_config"]["scopes"]
    wanted = set(scopes["bot"]) - set(scopes["bot_optional"])
    missing = sorted(wanted - granted) if granted != {""} else []
    if missing:
        return Finding("Slack token", False, f"reinstall the app: missing {', '.join(missing)}")
    return Finding("Slack token", True, f"{answer.get('user')} in {answer.get('team')}")


async def _venue(config: VenueConfig) -> Finding:
    what = f"venue {config.venue.key}"
    system = ticketing_system(config)
    try:
        await system.read_order(_NO_ORDER)
    except (OrderNotFoundError, RefusedError):
        return Finding(what, True, f"{config.venue.system} accepts the key")
    except NotPermittedError as error:
        return Finding(what, False, f"{config.venue.system} refuses the key. {error.detail or ''}")
    except TicketingError as error:
        return Finding(
            what, False, f"{config.venue.system}: {error.detail or type(error).__name__}"
        )
    finally:
        await system.close()
    return Finding(what, True, f"{config.venue.system} answers")
