"""Image processing: one grammar, one pipeline, one processor. Nothing here knows HTTP.

``find_operation`` takes a query apart, ``parse_operation`` gives the pipeline of an operation text, and
``Processor.run`` runs it over a source; ``openmogr.engine`` does so in other processes.
"""

from openmogr.image.formats.versions import encoder_versions
from openmogr.image.language.grammar import parse_operation
from openmogr.image.language.operations import Pipeline
from openmogr.image.language.query import Query, find_operation
from openmogr.image.model import ImageInfo, Loss, Outcome, Result, Slimming, Source
from openmogr.image.processor import Processor
from openmogr.image.settings import ImageSettings

__all__ = [
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
    "encoder_versions",
    "find_operation",
    "parse_operation",
]
