"""Rolling deploys: what began under one version of the workflows finishes under another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.stage import Stage, open_stage

OTHER = "tests.integration.other_version"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_stage(tmp_path, PYTHONPATH=str(ROOT)) as running:
        yield running


def deploy(stage: Stage, module: str, *, politely: bool) -> None:
    if politely:
        assert stage.bot.stop() == 0
    else:
        stage.bot.kill()
    stage.bot.module = module
    stage.bot.start()


@pytest.mark.parametrize("politely", [True, False], ids=["stopped", "killed"])
@pytest.mark.parametrize(("before", "after"), [(OTHER, "bot"), ("bot", OTHER)], ids=["on", "back"])
def test_a_cancellation_under_way_is_finished_by_another_version(
    stage: Stage, before: str, after: str, politely: bool
) -> None:
    deploy(stage, before, politely=True)
    case = stage.case()
    case.asked()
    case.people.fault(case.order, "slow", times=2, seconds=3)
    case.approve()
    case.people.wait_for("the read", lambda: len(case.people.upstream_requests(case.order)) > 1)
    deploy(stage, after, politely=politely)
    case.card("· cancelled")
    case.reply("Refunded $400.00")
    assert len(case.changes()) == 1
    assert len(case.cards()) == 1


def test_a_request_that_was_being_read_gets_its_card_from_another_version(stage: Stage) -> None:
    deploy(stage, OTHER, politely=True)
    case = stage.case()
    case.people.fault(case.order, "slow", times=1, seconds=3)
    case.ask()
    deploy(stage, "bot", politely=False)
    case.card("waiting for approval")
    case.approve()
    case.reply("Refunded $400.00")


def test_a_card_of_one_version_is_decided_under_another(stage: Stage) -> None:
    deploy(stage, OTHER, politely=True)
    case = stage.case()
    case.asked()
    deploy(stage, "bot", politely=True)
    case.approve()
    case.reply("Refunded $400.00")
    assert len(case.changes()) == 1
