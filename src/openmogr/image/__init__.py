"""Image processing: one grammar, one pipeline, one processor. Nothing here knows HTTP.

``find_operation`` takes a query apart, ``expand_styles`` puts texts for the names of styles, ``parse_operation`` gives
the pipeline of an operation text, and ``Processor.run`` runs it over a source; ``openmogr.engine`` does so in other
processes.
"""

from typing import TYPE_CHECKING

from openmogr.lazily import names_of

if TYPE_CHECKING:
    from openmogr.image.formats.registry import (
        SHOWN_EVERYWHERE,
        SLIM_SUFFIXES,
        container_of_type,
        is_target,
        media_types_of,
        written_formats,
    )
    from openmogr.image.formats.versions import encoder_versions
    from openmogr.image.language.encoding import AUTO_FORMAT
    from openmogr.image.language.grammar import parse_operation
    from openmogr.image.language.operations import Pipeline
    from openmogr.image.language.query import Query, find_operation
    from openmogr.image.language.styles import expand_styles, names_a_style, names_styles_only
    from openmogr.image.model import ImageInfo, Loss, Outcome, Result, Slimming, Source
    from openmogr.image.processor import Processor
    from openmogr.image.quality.metric import has_metric
    from openmogr.image.settings import ImageSettings
    from openmogr.image.text.fonts import font_versions
else:
    __getattr__ = names_of(
        __name__,
        {
            "formats.registry": "SHOWN_EVERYWHERE SLIM_SUFFIXES container_of_type is_target media_types_of"
            " written_formats",
            "formats.versions": "encoder_versions",
            "language.encoding": "AUTO_FORMAT",
            "language.grammar": "parse_operation",
            "language.operations": "Pipeline",
            "language.query": "Query find_operation",
            "language.styles": "expand_styles names_a_style names_styles_only",
            "model": "ImageInfo Loss Outcome Result Slimming Source",
            "processor": "Processor",
            "quality.metric": "has_metric",
            "settings": "ImageSettings",
            "text.fonts": "font_versions",
        },
    )

__all__ = [
    "AUTO_FORMAT",
    "SHOWN_EVERYWHERE",
    "SLIM_SUFFIXES",
    "ImageInfo",
    "ImageSettings",
    "Loss",
    "Outcome",
    "Pipeline",
    "Processor",
    "Query",
    "Result",
    "Slimming",
    "Source",
    "container_of_type",
    "encoder_versions",
    "expand_styles",
    "find_operation",
    "font_versions",
    "has_metric",
    "is_target",
    "media_types_of",
    "names_a_style",
    "names_styles_only",
    "parse_operation",
    "written_formats",
]
