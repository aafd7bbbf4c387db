"""Commands without the settings of the environment outside."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from openmogr.cli.group import cli

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OPENMOGR_") and name != "OPENMOGR_SHARED"]:
        monkeypatch.delenv(name)


@pytest.fixture
def openmogr() -> Run:
    """Runs ``openmogr`` with arguments."""

    def invoke(*arguments: str | Path) -> Result:
        return CliRunner().invoke(cli, [str(argument) for argument in arguments])

    return invoke


@pytest.fixture
def run(openmogr: Run) -> Run:
    """Runs ``openmogr compress``."""

    def invoke(*arguments: str | Path) -> Result:
        return openmogr("compress", *arguments)

    return invoke
