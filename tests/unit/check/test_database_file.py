"""A SQLite file as `rescind check` finds it, and leaves it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from errno import EACCES
from pathlib import Path

import pytest

from bot.check.database import about_database
from bot.check.database_file import Disk
from bot.check.finding import Finding, Grade
from tests.unit.check.scene import grades, the
from tests.unit.databases import sqlite_database

PLENTY = 10**12


@dataclass(frozen=True, slots=True)
class Place(Disk):
    """A disk with so much room; by name, for tests may run as root, nobody may write to `kept`,
    nor look into `closed`."""

    free: int = PLENTY
    kept: str = ""
    closed: str | None = None

    def exists(self, path: Path) -> bool:
        if self.closed in {folder.name for folder in path.parents}:
            raise PermissionError(EACCES, "Permission denied", str(path))
        return path.exists()

    def may_write(self, path: Path) -> bool:
        return path.name != self.kept

    def free_bytes(self, _: Path) -> int:
        return self.free


async def findings_of(path: Path, disk: Disk = Place()) -> list[Finding]:
    return await about_database(f"sqlite:///{path}", disk)


def migrated(path: Path) -> Path:
    with sqlite_database(path):
        return path


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def run_sql(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


@pytest.mark.anyio
async def test_a_database_in_order_is_ok_and_stays_as_it_is(tmp_path: Path) -> None:
    path = migrated(tmp_path / "x.db")
    before = contents(tmp_path)
    assert grades(await findings_of(path)) == {Grade.OK}
    assert contents(tmp_path) == before


@pytest.mark.anyio
async def test_a_database_in_use_is_read_beside_its_user(tmp_path: Path) -> None:
    with sqlite_database(tmp_path / "x.db") as database, database.engine.begin():
        assert (tmp_path / "x.db-wal").exists()
        finding = the(await findings_of(tmp_path / "x.db"), "schema")
    assert "up to date" in finding.text


@pytest.mark.anyio
async def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    finding = the(await findings_of(tmp_path / "var" / "x.db"), "database")
    assert finding.grade is Grade.WARNING
    assert "first start" in finding.text
    assert contents(tmp_path) == {}


@pytest.mark.anyio
async def test_the_disk_of_this_machine_can_be_asked(tmp_path: Path) -> None:
    assert Grade.WRONG not in grades(await findings_of(tmp_path / "x.db", Disk()))


@pytest.mark.anyio
async def test_an_empty_file_gets_its_tables_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "x.db").touch()
    finding = the(await findings_of(tmp_path / "x.db"), "schema")
    assert finding.grade is Grade.OK
    assert "no tables yet" in finding.text


@pytest.mark.anyio
async def test_an_older_schema_will_be_migrated_by_the_start_not_by_the_check(
    tmp_path: Path,
) -> None:
    path = migrated(tmp_path / "x.db")
    run_sql(path, "UPDATE alembic_version SET version_num = '0001'")
    for _ in range(2):
        finding = the(await findings_of(path), "schema")
        assert finding.grade is Grade.WARNING
        assert "0001, which the next start will bring to" in finding.text
        assert "backup" in finding.to_do


@pytest.mark.anyio
async def test_a_newer_versions_schema_is_wrong(tmp_path: Path) -> None:
    path = migrated(tmp_path / "x.db")
    run_sql(path, "UPDATE alembic_version SET version_num = '9999'")
    finding = the(await findings_of(path), "schema")
    assert finding.grade is Grade.WRONG
    assert "newer version" in finding.text


@pytest.mark.anyio
async def test_what_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("all is well " * 100, encoding="utf-8")
    finding = the(await findings_of(tmp_path / "x.db"), "database")
    assert finding.grade is Grade.WRONG
    assert "file is not a database" in finding.text


@pytest.mark.parametrize("kept", ["x.db", "house"])
@pytest.mark.anyio
async def test_a_place_that_may_not_be_written_to_is_wrong(tmp_path: Path, kept: str) -> None:
    (tmp_path / "house").mkdir()
    path = migrated(tmp_path / "house" / "x.db")
    finding = the(await findings_of(path, Place(kept=kept)), "database")
    assert finding.grade is Grade.WRONG
    assert f"{kept} may not be written to" in finding.text


@pytest.mark.anyio
async def test_a_place_that_may_not_be_looked_into_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "house" / "var" / "x.db"
    (finding,) = await findings_of(path, Place(closed="house"))
    assert finding.grade is Grade.WRONG
    assert f"{path.parent} may not be looked at by this user" in finding.text
    assert "DATABASE_URL" in finding.to_do


@pytest.mark.anyio
async def test_a_place_that_there_cannot_be_is_wrong(tmp_path: Path) -> None:
    (finding,) = await findings_of(tmp_path / ("x" * 300) / "x.db")
    assert finding.grade is Grade.WRONG
    assert "File name too long" in finding.text


@pytest.mark.anyio
async def test_a_log_that_waits_to_be_taken_over_is_told_and_left_alone(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    with sqlite_database(tmp_path / "x.db"):
        for name in ("x.db", "x.db-wal"):
            shutil.copy(tmp_path / name, copy / name)
    before = contents(copy)
    finding = the(await findings_of(copy / "x.db"), "database")
    assert finding.grade is Grade.WARNING
    assert "write-ahead log" in finding.text
    assert "restored" in finding.to_do
    assert contents(copy) == before


@pytest.mark.anyio
async def test_an_empty_log_waits_for_nothing(tmp_path: Path) -> None:
    path = migrated(tmp_path / "x.db")
    (tmp_path / "x.db-wal").touch()
    before = contents(tmp_path)
    assert grades(await findings_of(path)) == {Grade.OK}
    assert contents(tmp_path) == before


@pytest.mark.anyio
async def test_a_directory_that_the_start_could_not_make_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "not" / "there" / "x.db"
    finding = the(await findings_of(path, Place(kept=tmp_path.name)), "database")
    assert finding.grade is Grade.WRONG
    assert str(tmp_path) in finding.text


@pytest.mark.anyio
async def test_a_directory_where_the_file_should_be_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "x.db").mkdir()
    finding = the(await findings_of(tmp_path / "x.db"), "database")
    assert finding.grade is Grade.WRONG
    assert "is not a file" in finding.text


@pytest.mark.anyio
async def test_a_file_where_the_directory_should_be_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "var").touch()
    finding = the(await findings_of(tmp_path / "var" / "x.db"), "database")
    assert finding.grade is Grade.WRONG
    assert "is a file, not a directory" in finding.text


@pytest.mark.anyio
async def test_a_disk_that_is_nearly_full_is_warned_of(tmp_path: Path) -> None:
    findings = await findings_of(migrated(tmp_path / "x.db"), Place(free=100_000_000))
    finding = the(findings, "disk space")
    assert finding.grade is Grade.WARNING
    assert "100 MB" in finding.text


@pytest.mark.parametrize(
    "url", ["nonsense", "sqlite://", "sqlite:///:memory:", "mysql://user:hunter2@localhost/x"]
)
@pytest.mark.anyio
async def test_an_address_of_no_database_is_wrong(url: str) -> None:
    (finding,) = await about_database(url)
    assert finding.grade is Grade.WRONG
    assert "DATABASE_URL must name" in finding.text
    assert "hunter2" not in finding.text
