"""Operation text to pipeline; the grammar is written down in ``docs/grammar.md``."""

from __future__ import annotations

from openmogr.errors import InvalidArgument
from openmogr.image.operations import Pipeline

__all__ = ["parse_operation"]


def parse_operation(text: str, *, strict: bool = False, max_stages: int = 10) -> Pipeline:
    """The pipeline that a query operation or the ``rule`` of a ``Pic-Operations`` header means.

    Args:
        text: decoded once; not longer than a few kilobytes.
        strict: refuse unknown parameters that would otherwise be skipped (``api/overview.md`` section 4.3, rule 7).
        max_stages: most stages between ``|``.

    Raises:
        InvalidArgument: naming stage and token. Not raised where the text says ``ignore-error/1``: then the pipeline
            carries the failure and executing it gives the original.
        NotSupported: an operation of the catalogue that this server does not do.
    """
    raise InvalidArgument(f"not understood: {text}")
