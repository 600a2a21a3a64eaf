"""The command line. Each command is a few lines: what it does lives in the rooms."""

from __future__ import annotations

import asyncio
import csv
import json
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, NoReturn

import typer
import uvicorn
from rich.console import Console
from rich.table import Table

from bot import __version__, logs, settings
from bot.app import serve as run_server
from bot.app import work as run_worker
from bot.check import all_findings, passed, report
from bot.domain.policy import Policy
from bot.manifest import render_manifest
from bot.store import Database, DatabaseError, RequestStore, audit, verification
from bot.workflows import PlaceError

cli = typer.Typer(
    name="rescind",
    help="A Slack bot with which ticketing support teams cancel and refund orders safely.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
audit_cli = typer.Typer(help="The audit log.", no_args_is_help=True)
cli.add_typer(audit_cli, name="audit")
out = Console()
err = Console(stderr=True)


class ExportFormat(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"


def _refuse(*lines: str) -> NoReturn:
    for line in lines:
        err.print(line, style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(2)


def _settings() -> settings.Settings:
    try:
        loaded = settings.load()
    except settings.SettingsError as error:
        _refuse("Rescind cannot start, its settings are wrong:", *error.mistakes)
    environment = loaded.environment
    logs.configure(environment.log_format, environment.log_level, loaded.secrets())
    return loaded


def _run(service: Coroutine[None, None, None]) -> None:
    """Run to the end on uvicorn's choice of event loop: the faster one where it is installed."""
    # Threads write to the database. By default one may keep the event loop, and with it an
    # acknowledgement, waiting ten times as long (measured: a third more of them a second).
    sys.setswitchinterval(0.0005)
    with asyncio.Runner(
        loop_factory=uvicorn.Config("", log_config=None).get_loop_factory()
    ) as runner:
        runner.run(service)


def _database() -> Database:
    url = settings.DatabaseSettings().database_url
    logs.configure("console", "INFO", [url])
    try:
        return Database(url)
    except DatabaseError as error:
        _refuse(str(error))


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Overrides HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Overrides PORT.")] = None,
) -> None:
    """Serve Slack, and carry out what is approved."""
    loaded = _settings()
    overrides = {key: value for key, value in (("host", host), ("port", port)) if value is not None}
    environment = loaded.environment.model_copy(update=overrides)
    try:
        _run(run_server(loaded.model_copy(update={"environment": environment})))
    except (DatabaseError, PlaceError) as error:
        _refuse(str(error))


@cli.command()
def worker() -> None:
    """Carry out and show what is approved, without serving Slack (beside serve on PostgreSQL)."""
    try:
        _run(run_worker(_settings()))
    except (DatabaseError, PlaceError) as error:
        _refuse(str(error))


@cli.command()
def demo(
    port: Annotated[int, typer.Option(help="Where the page is served.")] = 8700,
    script: Annotated[
        bool, typer.Option("--script", help="Play the story without a browser and check it.")
    ] = False,
) -> None:
    """Try it on a local sandbox: no account, no key, nothing left behind."""
    from bot.sandbox.demo import play, show  # noqa: PLC0415 - only this command needs the sandbox

    raise typer.Exit(play() if script else show(port))


@cli.command()
def check(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Say what is wrong before users do: settings, database, Slack, ticketing systems."""
    findings = all_findings(_settings())
    if as_json:
        print(json.dumps([finding.as_dict() for finding in findings]))  # noqa: T201
    else:
        report(findings, out)
    raise typer.Exit(0 if passed(findings) else 1)


@cli.command()
def manifest(
    url: Annotated[
        str | None, typer.Option(help="The bot's public address, such as https://bot.example.org.")
    ] = None,
    socket: Annotated[
        bool, typer.Option("--socket", help="For Socket Mode, without a public address.")
    ] = False,
) -> None:
    """Print the Slack app manifest to paste into api.slack.com/apps."""
    try:
        print(render_manifest(url, socket_mode=socket), end="")  # noqa: T201
    except ValueError as error:
        _refuse(str(error))


@cli.command()
def migrate() -> None:
    """Bring the database schema to this version's."""
    database = _database()
    try:
        database.migrate()
        database.check_schema()
    except DatabaseError as error:
        _refuse(str(error))
    finally:
        database.close()
    out.print("The database schema is up to date.")


@cli.command()
def requests(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
) -> None:
    """List the latest requests."""
    database = _database()
    store = RequestStore(database, lambda _: Policy(), lambda: datetime.now(UTC))
    try:
        database.check_schema()
        found = asyncio.run(store.recent(limit))
    except DatabaseError as error:
        _refuse(str(error))
    finally:
        database.close()
    table = Table("Asked", "Request", "Venue", "Order", "State", "Refund", "By")
    for request in found:
        table.add_row(
            request.created_at.strftime("%Y-%m-%d %H:%M"),
            request.id,
            request.venue,
            request.order_label,
            request.state.value,
            str(request.quote.refund) if request.quote else "",
            request.requester.user,
        )
    out.print(table)


@cli.command()
def forget(
    order: Annotated[str, typer.Argument(help="VENUE:ORDER_ID, such as riverside:26644388.")],
) -> None:
    """Take what names people out of all that is over about one order; amounts and ids stay."""
    venue, _, order_id = order.partition(":")
    if not (venue and order_id):
        _refuse("Name the venue and the order, such as riverside:26644388.")
    database = _database()
    store = RequestStore(database, lambda _: Policy(), lambda: datetime.now(UTC))
    try:
        database.check_schema()
        over, still_open = asyncio.run(store.forget(venue, order_id))
    except DatabaseError as error:
        _refuse(str(error))
    finally:
        database.close()
    out.print(f"Requests about order {order_id} that name nobody now: {over}.", highlight=False)
    if still_open:
        _refuse(f"Still open: {still_open}. Run this again once they are over.")


@audit_cli.command()
def export(
    form: Annotated[ExportFormat, typer.Option("--format")] = ExportFormat.JSONL,
    since: Annotated[
        datetime | None, typer.Option(help="Only events from this moment (UTC) on.")
    ] = None,
) -> None:
    """Write every audit event to standard output, oldest first."""
    database = _database()
    start = since.replace(tzinfo=UTC) if since else None
    try:
        database.check_schema()
        with database.engine.connect() as connection:
            events = audit.events(connection, start)
            (_write_csv if form is ExportFormat.CSV else _write_jsonl)(events)
    except DatabaseError as error:
        _refuse(str(error))
    finally:
        database.close()


@audit_cli.command("verify")
def verify_audit(
    head: Annotated[
        str | None,
        typer.Option(help="A head printed earlier (NUMBER:HASH) that must still be in the log."),
    ] = None,
) -> None:
    """Check that no row of the audit log was changed or taken out; tell the first bad one."""
    known = _head(head)
    database = _database()
    try:
        database.check_schema()
        with database.engine.connect() as connection:
            last, flaw = verification.verify(connection, known)
    except DatabaseError as error:
        _refuse(str(error))
    finally:
        database.close()
    if flaw is not None:
        where = f"Row {flaw.row}" if flaw.row else "The audit log"
        err.print(f"{where} {flaw.text}.", style="red", highlight=False, soft_wrap=True)
        raise typer.Exit(1)
    out.print(f"The audit log is whole: {last.id} rows.", highlight=False)
    out.print(f"Head: {last}", highlight=False, soft_wrap=True)


def _head(text: str | None) -> verification.Head | None:
    if text is None:
        return None
    number, _, digest = text.partition(":")
    if not (number.isdecimal() and len(digest) == 64):
        _refuse("--head: give the head as it was printed, a number, a colon and 64 digits.")
    return verification.Head(int(number), digest)


def _write_jsonl(events: Any) -> None:  # noqa: ANN401 - an iterator of rows
    for event in events:
        sys.stdout.write(json.dumps(event, default=str) + "\n")


def _write_csv(events: Any) -> None:  # noqa: ANN401
    writer = None
    for event in events:
        texts = {
            name: json.dumps(event[name])
            for name in ("data", "personal")
            if event[name] is not None
        }
        row = event | texts
        if writer is None:
            writer = csv.DictWriter(sys.stdout, list(row))
            writer.writeheader()
        writer.writerow(row)


def _version(wanted: bool) -> None:
    if wanted:
        out.print(__version__)
        raise typer.Exit


@cli.callback()
def root(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Rescind."""


def main() -> None:
    """The console script's entry."""
    cli(prog_name="rescind")


if __name__ == "__main__":
    main()
