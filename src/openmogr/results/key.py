"""What a result depends on, as one name."""

from __future__ import annotations

import hashlib
from functools import lru_cache

__all__ = ["result_key"]


# A request asks for its own more than once.
@lru_cache(maxsize=512, typed=True)
def result_key(*parts: str | int) -> str:
    """64 hex digits that stand for all of ``parts``, in order.

    Whatever can change the bytes of a result belongs among them: the content of every source, the normalised
    pipeline, the settings and versions of all that makes it. Names of objects do not.
    """
    digest = hashlib.sha256()
    for part in parts:
        text = str(part).encode("utf-8", "surrogateescape")
        # With lengths: parts that are joined otherwise are another key.
        digest.update(b"%d:" % len(text) + text)
    return digest.hexdigest()
