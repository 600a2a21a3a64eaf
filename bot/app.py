"""The composition root: settings to adapters to services to the web app. It alone knows all."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.routing import Route

from bot.domain.delivery import DeliveryImpossibleError, DeliveryPostponedError
from bot.domain.electorate import problems
from bot.domain.policy import Policy
from bot.domain.venue import Venue
from bot.server import MainServer, SideServer, bound, served
from bot.settings import Settings, VenueConfig
from bot.slack.background import Background
from bot.slack.calls import leaving_proxies_to_session
from bot.slack.desk import SlackDesk
from bot.slack.directory import Directory
from bot.slack.guard import Guard
from bot.slack.listeners import Front, build_app
from bot.slack.outbox import Outbox
from bot.slack.poster import Poster
from bot.slack.socket import socket_handler
from bot.store import Database, PostStore, RequestStore, usable
from bot.ticketing import Ticketing
from bot.ticketing.acme import AcmeClient, AcmeTicketing, Timeouts
from bot.web import Precedence, Readiness, admin_routes, health_route, plain_app, web_app
from bot.workflows import Engine, Workflows, place_for
from bot.workflows.services import Pauses, Services

log = structlog.get_logger(__name__)

_SLACK_TIMEOUT_SECONDS = 10
_INTRODUCTION_PAUSES = (1, 2, 5, 10, 30)


@dataclass(frozen=True, slots=True)
class House:
    """Everything that runs, wired."""

    settings: Settings
    database: Database
    store: RequestStore
    systems: Mapping[str, Ticketing]
    poster: Poster
    directory: Directory
    workflows: Workflows
    bolt: AsyncApp
    background: Background
    readiness: Readiness
    precedence: Precedence
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def stop_starting(self) -> None:
        """Take on nothing new: what is acknowledged from now on, the next process begins."""
        self.readiness.stopping = True
        self.workflows.engine.stop_starting()

    def on_trouble(self, stop: Callable[[], None]) -> None:
        """Call `stop` when the housekeeping finds that this process must not go on."""

        def ended(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and task.exception():
                self.stop_starting()
                stop()

        for task in self.tasks:
            task.add_done_callback(ended)

    def raise_trouble(self) -> None:
        for task in self.tasks:
            if task.done() and not task.cancelled() and (error := task.exception()):
                raise error


def ticketing_system(config: VenueConfig) -> Ticketing:
    """Build the adapter that a venue's `system` names."""
    source = config.source
    client = AcmeClient(
        str(source.base_url),
        config.api_key.get_secret_value(),
        Timeouts(source.connect_timeout, source.read_timeout, source.total_timeout),
    )
    return AcmeTicketing(client, source.key, source.currency, source.refund_path)


@asynccontextmanager
async def open_house(settings: Settings) -> AsyncIterator[House]:
    """Wire everything, start what runs by itself, and take it all down in the right order.

    Raises DatabaseError or PlaceError, each with one sentence, if it cannot start.
    """
    database = Database(settings.environment.database_url)
    if database.is_sqlite:
        database.migrate()
    database.check_schema()
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(database.close)
        timeout = aiohttp.ClientTimeout(total=_SLACK_TIMEOUT_SECONDS)
        session = await stack.enter_async_context(
            aiohttp.ClientSession(timeout=timeout, trust_env=True)
        )
        house = _wire(settings, database, session)
        for system in house.systems.values():
            stack.push_async_callback(system.close)
        engine = house.workflows.engine
        with usable():  # it may go away between the look at its schema and here
            await engine.launch()
        stack.push_async_callback(engine.close)
        stack.push_async_callback(house.background.drain, 1)
        house.tasks.append(asyncio.create_task(_introduce(house)))
        house.tasks.append(asyncio.create_task(house.workflows.keep_house_forever()))
        stack.push_async_callback(_cancel, house.tasks)
        yield house


def _wire(settings: Settings, database: Database, session: aiohttp.ClientSession) -> House:
    client = leaving_proxies_to_session(
        AsyncWebClient(
            token=settings.slack_bot_token.get_secret_value(),
            base_url=settings.slack_api_url,
            session=session,
            timeout=_SLACK_TIMEOUT_SECONDS,
            # Trying again is durable work, and not for every call: see `poster`.
            retry_handlers=[],
        )
    )
    venues: dict[str, Venue] = {config.venue.key: config.venue for config in settings.venues}
    systems = {config.venue.key: ticketing_system(config) for config in settings.venues}
    poster = Poster(client, session)
    outbox = Outbox(poster, PostStore.of_this_process(database, _now), _now)
    store = RequestStore(database, lambda key: _policy(venues, key), _now)
    directory = Directory(client, _now)
    services = Services(
        ledger=store,
        systems=systems,
        desk=SlackDesk(poster, outbox, venues, directory),
        now=_now,
        pauses=Pauses(
            settle=settings.execution.settle_pauses, personal=settings.retention.personal
        ),
    )
    precedence = Precedence()
    engine = Engine(
        database.engine_database(),
        place_for(database.url),
        settings.execution.at_once,
        precedence.give_way,
    )
    workflows = Workflows(engine, services)
    background = Background()
    front = Front(store, workflows, poster, venues, background, directory, _now)
    return House(
        settings=settings,
        database=database,
        store=store,
        systems=systems,
        poster=poster,
        directory=directory,
        workflows=workflows,
        bolt=build_app(front, client),
        background=background,
        readiness=Readiness(),
        precedence=precedence,
    )


def _policy(venues: Mapping[str, Venue], key: str) -> Policy:
    """Nothing is approved any more for a venue taken out of the settings."""
    venue = venues.get(key)
    return venue.policy if venue else Policy(approvers=frozenset(), requesters=frozenset())


def _now() -> datetime:
    return datetime.now(UTC)


async def _introduce(house: House) -> None:
    """Make ourselves known to Slack, for as long as that takes; nothing waits for it."""
    for attempt in itertools.count():
        try:
            house.directory.settle_in(await house.poster.introduce())
        except DeliveryImpossibleError as error:
            house.readiness.slack = error.cause
            log.error("slack_refuses_token", cause=error.cause)  # noqa: TRY400 - no traceback
        except DeliveryPostponedError as error:
            house.readiness.slack = str(error)
            log.warning("slack_not_reached", cause=str(error))
        else:
            house.readiness.slack = None
            log.info("slack_ready")
            await _tell_policies(house)
            return
        pauses = _INTRODUCTION_PAUSES
        await asyncio.sleep(pauses[min(attempt, len(pauses) - 1)])


async def _tell_policies(house: House) -> None:
    """Tell at the start what an operator should know of who may do what."""
    for config in house.settings.venues:
        policy, venue, currency = config.venue.policy, config.venue.key, config.venue.currency
        if policy.is_default:
            log.warning(
                "policy_is_default",
                venue=venue,
                meaning="any full member may ask, and any other one may approve any amount",
                to_change="set approvers and tiers under [policy] in rescind.toml",
            )
        for problem in problems(policy, await house.directory.roster(policy), currency):
            log.error(
                "policy_problem",
                venue=venue,
                problem=problem.code.value,
                rule=problem.rule,
                group=problem.group,
                needed=problem.needed,
                left=problem.left,
            )


@asynccontextmanager
async def _listening(house: House) -> AsyncIterator[None]:
    """In Socket Mode, take Slack's payloads from a connection of our own."""
    token = house.settings.environment.slack_app_token
    if token is None:
        yield
        return
    socket = socket_handler(house.bolt, token)
    house.readiness.socket = "not connected yet"
    connecting = asyncio.create_task(_connect(socket, house.readiness))
    try:
        yield
    finally:
        await _cancel([connecting])
        await socket.close_async()  # type: ignore[no-untyped-call]


async def _connect(socket: AsyncSocketModeHandler, readiness: Readiness) -> None:
    """Connect, for as long as that takes: the handler itself tries again and says why."""
    await socket.connect_async()  # type: ignore[no-untyped-call]
    readiness.socket = None
    log.info("socket_mode_connected")


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def serve(settings: Settings) -> None:
    """Serve Slack and carry out what is approved, until SIGTERM or SIGINT."""
    environment = settings.environment
    async with open_house(settings) as house, _listening(house), _admin_door(house):
        with bound(environment.host, environment.port, "HOST and PORT") as sockets:
            log.info(
                "starting",
                host=environment.host,
                port=environment.port,
                admin_port=environment.admin_port,
                venues=[config.venue.key for config in settings.venues],
                socket_mode=environment.slack_app_token is not None,
            )
            await MainServer(_front_door(house), house).serve(sockets)
        house.raise_trouble()
    log.info("stopped")


def _front_door(house: House) -> Starlette:
    environment = house.settings.environment
    secret = environment.slack_signing_secret
    previous = environment.slack_signing_secret_previous
    return web_app(
        precedence=house.precedence,
        guard=lambda inner: Guard(inner, secret, previous) if secret else None,
        bolt=AsyncSlackRequestHandler(house.bolt),
        beside=_admin_routes(house) if environment.admin_port is None else [health_route()],
    )


@asynccontextmanager
async def _admin_door(house: House) -> AsyncIterator[None]:
    """Serve what operators ask on a port of its own, if it has one."""
    environment = house.settings.environment
    if not isinstance(environment.admin_port, int):
        yield
        return
    with bound(environment.admin_host, environment.admin_port, "ADMIN_HOST and ADMIN_PORT") as door:
        async with served(SideServer(plain_app(_admin_routes(house))), door):
            yield


def _admin_routes(house: House) -> list[Route]:
    return admin_routes(house.database, house.store, house.readiness)


async def work(settings: Settings) -> None:
    """Carry out and show what is approved, without listening to Slack, until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_house(settings) as house, _admin_door(house):
        house.on_trouble(stop.set)
        log.info("working")
        await stop.wait()
        house.stop_starting()
        house.raise_trouble()
    log.info("stopped")
