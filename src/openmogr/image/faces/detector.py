"""Finding faces: OpenCV's cascade of Haar features for faces seen from the front.

OpenCV is an extra of 160 MB, so it is imported by nobody but who looks for faces, and whether it is there is told
without importing it. Wheels since 5.0 have no cascades any more.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from openmogr.errors import NotImplementedHere
from openmogr.image.source.arrays import np

if TYPE_CHECKING:
    import cv2

__all__ = [
    "LOOKING_BYTES",
    "MODULE",
    "SEEN_SIDE",
    "check_faces",
    "face_versions",
    "find_faces",
    "prepare_faces",
]

MODULE = "cv2"
# The longer side of what is looked at, in pixels: faces of less than a twentieth of it are not found.
SEEN_SIDE = 512
# Memory that looking takes at its peak, in bytes; the pyramid of all sizes of faces is made at once.
LOOKING_BYTES = 24 << 20

_CASCADE = "haarcascade_frontalface_alt2.xml"
_DISTRIBUTIONS = (
    "opencv-python-headless",
    "opencv-python",
    "opencv-contrib-python-headless",
    "opencv-contrib-python",
)
# From one size of faces to the next, and how often a face must be found at about one place. With these, of the 40
# photos and drawings at hand without a face none has one, and of the five with a face from the front all have it.
_STEP, _AGREEING = 1.08, 6
_LEAST_SIDE = 24

Box = tuple[int, int, int, int]


@cache
def _cascade() -> Path | None:
    spec = importlib.util.find_spec(MODULE)
    for place in (spec.submodule_search_locations if spec is not None else None) or []:
        path = Path(place) / "data" / _CASCADE
        if path.is_file():
            return path
    return None


def check_faces() -> None:
    """Raises ``NotImplementedHere`` where faces cannot be found on this server."""
    if _cascade() is None:
        raise NotImplementedHere(
            "scrop needs a detector of faces, which is not available here; the extra openmogr[faces] adds it",
            number=-106,
        )


def face_versions() -> tuple[str, ...]:
    """What finds faces, where it is installed: results depend on it."""
    import importlib.metadata  # with the reading of mail and of zip files

    if _cascade() is None:
        return ()
    found = []
    for name in _DISTRIBUTIONS:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return tuple(found)


def prepare_faces() -> None:
    """Import and read what finding takes, if it is installed, so that forked processes share it."""
    if _cascade() is not None:
        _detector()


@cache
def _detector() -> cv2.CascadeClassifier:
    import cv2

    # On the thread that asks: others do not outlive a fork, and workers may have no further ones.
    cv2.setNumThreads(1)
    cv2.ocl.setUseOpenCL(False)
    return cv2.CascadeClassifier(str(_cascade()))


def find_faces(image: Image.Image) -> list[Box]:
    """Left, top, right and bottom of every face, in no order that means anything.

    Args:
        image: upright, mode L, at most ``SEEN_SIDE`` on a side.

    Raises:
        NotImplementedHere: OpenCV is not installed, or has no cascades.
    """
    check_faces()
    if min(image.size) < _LEAST_SIDE:
        return []
    found = _detector().detectMultiScale(np.asarray(image), _STEP, _AGREEING, 0, (_LEAST_SIDE, _LEAST_SIDE))
    return [(int(x), int(y), int(x + width), int(y + height)) for x, y, width, height in found]
