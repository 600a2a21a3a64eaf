"""A house without settings but a test's own: neither of the environment nor of the directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.settings import Environment, Settings, load
from tests.unit.check.scene import SOUND, Given


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Given:
    for name in Environment.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)

    def settings(toml: str | None = None, **environment: str) -> Settings:
        for name, value in (SOUND | environment).items():
            monkeypatch.setenv(name, value)
        if toml is not None:
            Path("rescind.toml").write_text(toml, encoding="utf-8")
        return load()

    return settings
