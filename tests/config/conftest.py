"""An environment that holds nothing but what a test puts there."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import Settings, SettingsProblem, load_settings


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch):
    def use(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return use


def problem() -> str:
    with pytest.raises(SettingsProblem) as caught:
        load_settings()
    return str(caught.value)
