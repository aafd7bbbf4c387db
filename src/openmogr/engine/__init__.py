"""The engine: images worked on in processes, admitted by what they need.

It puts rooms together that do not know each other: ``image`` says what to do, ``workers`` where it is done.
"""

from typing import TYPE_CHECKING

from openmogr.lazily import names_of

if TYPE_CHECKING:
    from openmogr.engine.crossing import Few, Request
    from openmogr.engine.errors import SourceDamaged
    from openmogr.engine.pool import Done, ImagePool
else:
    __getattr__ = names_of(
        __name__,
        {
            "errors": "SourceDamaged",
            "pool": "Done ImagePool",
            "crossing": "Few Request",
        },
    )

__all__ = ["Done", "Few", "ImagePool", "Request", "SourceDamaged"]
