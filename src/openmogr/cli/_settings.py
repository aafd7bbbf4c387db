"""Settings for a command, or a list of what is wrong with them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openmogr.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from openmogr.image import ImageSettings
    from openmogr.settings import Settings

__all__ = ["image_settings_or_exit", "settings_or_exit"]


def image_settings_or_exit() -> ImageSettings:
    """Those of images. Where nothing is set, they are the defaults, and no other part's settings are imported."""
    from openmogr.image import ImageSettings

    names = {name for name in os.environ if name.startswith("OPENMOGR_") and name != "OPENMOGR_SHARED"}
    return settings_or_exit().image if names else ImageSettings()


def settings_or_exit(
    config: Path | None = None, overrides: Mapping[str, Mapping[str, object]] | None = None
) -> Settings:
    """Load the settings; with problems, print all of them and exit."""
    from openmogr.settings import SettingsError, load_settings

    if config is None and (named := os.environ.get("OPENMOGR_CONFIG")):
        config = Path(named)
    try:
        settings = load_settings(config, os.environ, overrides)
    except SettingsError as error:
        _warn(error.warnings)
        click.echo("The settings cannot be used:", err=True)
        for problem in error.problems:
            click.echo(f"  - {problem}", err=True)
        sys.exit(ExitCode.USAGE)
    _warn(settings.warnings)
    return settings


def _warn(warnings: Sequence[str]) -> None:
    for warning in warnings:
        click.echo(f"Warning: {warning}", err=True)
