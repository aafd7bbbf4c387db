"""Writes small animations into a folder: `python seeds.py FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from pillow_tpg import encode_animation
from pillow_tpg.encode import ToolSet


def main(folder: Path) -> None:
    """Every tool set, with alpha and without, few frames and many."""
    y, x = np.mgrid[0:40, 0:56]
    tool_sets: list[ToolSet] = ["compatible", "full"]
    for tools in tool_sets:
        for count in (1, 3, 8):
            frames = []
            for n in range(count):
                alpha = np.where(np.hypot(x - 20 - 3 * n, y - 20) < 15, 255 - 20 * n, 0)
                frames.append(np.stack([x * 4, y * 6, (x + y + 30 * n) % 256, alpha], 2).astype(np.uint8))
            for name, pictures in (("rgba", frames), ("rgb", [frame[:, :, :3] for frame in frames])):
                file = encode_animation(pictures, range(3, 3 + count), qp=40, tools=tools, alpha="keep")
                (folder / f"own_{tools}_{name}_{count}.tpg").write_bytes(file)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
