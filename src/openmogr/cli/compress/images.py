"""Pictures that an operation of the command line reads besides its sources, and their names in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from openmogr.image import Pipeline
from openmogr.image.language.values import base64_token

__all__ = ["check_names", "with_names"]


def with_names(operation: str, images: Mapping[str, Path]) -> str:
    """The operation, in which a name of a picture may stand for the Base64 that the language wants."""
    stages = []
    for stage in operation.split("|"):
        tokens = stage.split("/")
        if tokens[0].lower() == "watermark":
            for number, token in enumerate(tokens[1:], start=1):
                if tokens[number - 1] == "image" and token in images:
                    tokens[number] = base64_token(token)
        stages.append("/".join(tokens))
    return "|".join(stages)


def check_names(pipeline: Pipeline, images: Mapping[str, Path]) -> None:
    """Raises ``click.UsageError`` unless the pipeline reads just these pictures."""
    wanted = pipeline.further_sources
    for name in wanted:
        if name not in images:
            raise click.UsageError(f"The operation lays the picture {name}: say --image {name}=FILE.")
    for name in images:
        if name not in wanted:
            raise click.UsageError(f"The operation does not lay the picture {name} of --image.")
