"""Run by ``test_animation_memory``: how much memory each of several jobs takes, every one in a process of its own.

A line of standard input is an operation, the path of a source and that of the result, with tabs between them. The
answer is a line with the growth of the greatest resident size over that before the job, in kilobytes.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

from PIL import Image

from openmogr.image import ImageSettings, Processor, Source, parse_operation
from openmogr.image.formats import avif, tpg, webp
from openmogr.image.formats.registry import CONTAINERS


def run(operation: str, source: str, result: str) -> None:
    before = peak()
    made = Processor(ImageSettings()).execute(parse_operation(operation), Source(path=Path(source)))
    print(peak() - before, flush=True)
    Path(result).write_bytes(made.data)


def peak() -> int:
    """A new process begins with the resident size of the one it came from."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    # What grows with the number of frames does not depend on the effort.
    vars(avif).update(SPEED=10)
    vars(webp).update(METHOD=0)
    vars(tpg).update(ANIMATION_EFFORT=0)
    Image.init()
    CONTAINERS["tpg"].check_readable()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(*line.rstrip("\n").split("\t"))
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
