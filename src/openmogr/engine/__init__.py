"""The engine: images worked on in processes, admitted by what they need.

It puts rooms together that do not know each other: ``image`` says what to do, ``workers`` where it is done.
"""

from openmogr.engine.pool import ImagePool

__all__ = ["ImagePool"]
