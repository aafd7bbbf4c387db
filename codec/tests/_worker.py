"""Decodes files named on the standard input under a budget; one JSON line per file. Run as a child process.

Memory is what the peak adds to the process that has only imported the package.
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import time
from pathlib import Path

import pillow_tpg

BUDGET = 256 << 20


def decode(data: bytes) -> tuple[list[str], str | None, str | None]:
    """Sums of the frames, then class and text of the error that ended them."""
    limits = pillow_tpg.Limits(max_memory=BUDGET)
    frames = []
    try:
        for frame in pillow_tpg.decode_frames(data, limits=limits):
            samples = hashlib.md5(frame.yuv420() + frame.rgba().tobytes(), usedforsecurity=False)
            frames.append(f"{frame.width}x{frame.height} {samples.hexdigest()}")
    except pillow_tpg.TpgError as error:
        return frames, type(error).__name__, str(error)
    return frames, None, None


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    base = peak()
    for line in sys.stdin:
        path = Path(line.strip())
        data = path.read_bytes()
        start = time.perf_counter()
        frames, error, message = decode(data)
        result = {
            "file": path.name,
            "frames": frames,
            "error": error,
            "message": message,
            "seconds": time.perf_counter() - start,
            "bytes": peak() - base,
        }
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
