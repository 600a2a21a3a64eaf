"""A SQLite file: its place, its rights, the room on its disk. Opened for reading alone."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from bot.check.finding import Finding, ok, warning, wrong
from bot.check.schema import about_schema

_WHAT = "database"
# A busy year of requests is a few hundred megabytes; a full disk stops every click.
_ENOUGH_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Disk:
    """What the operating system says of a place."""

    def exists(self, path: Path) -> bool:
        return path.exists()

    def may_write(self, path: Path) -> bool:
        return os.access(path, os.W_OK)

    def free_bytes(self, folder: Path) -> int:
        return shutil.disk_usage(folder).free


def about_file(path: Path, disk: Disk) -> list[Finding]:
    try:
        return _looked_at(path.absolute(), disk)
    except PermissionError as error:
        return [_wrong_place(f"{error.filename or path} may not be looked at by this user.")]
    except OSError as error:
        return [_wrong_place(f"{path} cannot be looked at: {error.strerror or error}.")]


def _looked_at(path: Path, disk: Disk) -> list[Finding]:
    folder = next(each for each in path.parents if disk.exists(each))
    if not folder.is_dir():
        return [_wrong_place(f"{folder} is a file, not a directory.")]
    if not disk.may_write(folder):
        return [_wrong_place(f"{folder} may not be written to by this user.")]
    return [*_contents(path, disk), _room(folder, disk)]


def _wrong_place(text: str) -> Finding:
    return wrong(
        _WHAT,
        text,
        "Give the user that Rescind runs as the right to write there, or name another place in "
        "DATABASE_URL.",
    )


def _contents(path: Path, disk: Disk) -> Iterator[Finding]:
    if not disk.exists(path):
        yield warning(
            _WHAT,
            f"There is no file {path} yet; the first start makes it.",
            "Nothing, before the first start. After it, DATABASE_URL names the wrong file, or the "
            "disk it was on is missing: do not start, for it would know of no request.",
        )
        return
    if not path.is_file():
        yield _wrong_place(f"{path} is not a file.")
        return
    if not disk.may_write(path):
        yield _wrong_place(f"{path} may not be written to by this user.")
        return
    if _is_unfinished(path):
        yield warning(
            _WHAT,
            f"Not checked: beside {path} lies its write-ahead log, but nobody has them open. So "
            "they are copies, or left behind; to look at them would make a file.",
            "If both are of the same moment, nothing: the next start brings them together. If the "
            "database was restored alone, take the log (-wal) away first: it would damage it.",
        )
        return
    try:
        revision = _revision(path)
    except sqlite3.Error as error:
        yield wrong(
            _WHAT,
            f"{path} cannot be read as a SQLite database: {error}.",
            "Correct DATABASE_URL, or restore a backup.",
        )
        return
    yield ok(_WHAT, f"SQLite, {path}, may be read and written.")
    yield about_schema(revision, migrates_itself=True)


def _is_unfinished(path: Path) -> bool:
    """Whether a log waits to be taken over: whoever has a database open shares its index (-shm)."""
    log, index = (path.with_name(f"{path.name}-{kind}") for kind in ("wal", "shm"))
    return log.exists() and log.stat().st_size > 0 and not index.exists()


def _revision(path: Path) -> str | None:
    """Read the schema's revision and leave no trace.

    A file that nobody has open has no write-ahead log beside it, or an empty one, and a reader
    would make one, or its index: so then it is read as what cannot change.
    """
    in_use = all(path.with_name(f"{path.name}-{kind}").exists() for kind in ("wal", "shm"))
    mode = "mode=ro" if in_use else "mode=ro&immutable=1"
    uri = f"file:{quote(str(path))}?{mode}"
    with closing(sqlite3.connect(uri, uri=True, timeout=5)) as connection:
        found = connection.execute(
            "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
        ).fetchone()
        row = found and connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def _room(folder: Path, disk: Disk) -> Finding:
    free = disk.free_bytes(folder)
    if free >= _ENOUGH_BYTES:
        return ok("disk space", f"{free / 1e9:.1f} GB are free.")
    return warning(
        "disk space",
        f"Only {free / 1e6:.0f} MB are free where the database is.",
        "Make room: on a full disk no click counts, and no refund is carried out.",
    )
