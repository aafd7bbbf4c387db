"""The engine: images worked on in processes, admitted by what they need.

It puts rooms together that do not know each other: ``image`` says what to do, ``workers`` where it is done.
"""

from openmogr.engine.errors import SourceDamaged
from openmogr.engine.pool import Done, ImagePool
from openmogr.engine.worker import Request

__all__ = ["Done", "ImagePool", "Request", "SourceDamaged"]
