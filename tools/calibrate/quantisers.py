"""Which quantisers the encoders of AVIF and HEIF write: `python -m tools.calibrate.quantisers [--write]`.

Photos are encoded at every setting from 0 to 100 and the quantiser is read back from the file's headers, as the server
does to estimate a source's quality. The mean setting of each quantiser is printed, and with `--write` put into
`src/openmogr/image/formats/quantisers.py`. The encoders are found to choose the quantiser by the setting alone, so
that parts of a few photos suffice; were it otherwise, the run would end with an error.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

from PIL import Image

from bench.common import ROOT, Report, argument_parser, photo_paths
from openmogr.image.formats.avif import SPEED, TUNING
from openmogr.image.formats.iso.av1 import quantiser_index
from openmogr.image.formats.iso.hevc import slice_qp
from openmogr.image.formats.iso.isomedia import primary_picture
from openmogr.image.formats.registry import CONTAINERS

Encode = Callable[[Image.Image, int], bytes]
Point = tuple[float, int]


def avif(picture: Image.Image, setting: int) -> bytes:
    """A still by libaom, tuned as the server does; lossless it cannot be so."""
    tuning = {"advanced": TUNING} if setting < 100 else {}
    return _saved(picture, "AVIF", setting, speed=SPEED, **tuning)


def untuned(picture: Image.Image, setting: int) -> bytes:
    """A still by libaom through Pillow."""
    return _saved(picture, "AVIF", setting, speed=SPEED)


def heif(picture: Image.Image, setting: int) -> bytes:
    """A still by x265 through pillow-heif."""
    return _saved(picture, "HEIF", setting)


def _saved(picture: Image.Image, form: str, setting: int, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, quality=setting, **options)
    return out.getvalue()


ENCODERS: Mapping[str, Encode] = {"avif": avif, "avif untuned": untuned, "heif": heif}


def read_back(data: bytes) -> int | None:
    """The quantiser of a file; None of a lossless one."""
    picture = primary_picture(io.BytesIO(data))
    assert picture is not None
    return (quantiser_index if picture.kind == b"av01" else slice_qp)(picture)


def measure(encode: Encode, photos: list[Image.Image]) -> list[Point]:
    """The mean setting of each quantiser, from the coarsest on."""
    settings: dict[int, list[int]] = {}
    for setting in range(101):
        found = {read_back(encode(photo, setting)) for photo in photos}
        if len(found) > 1:
            raise SystemExit(f"setting {setting} gives several quantisers: {found}")
        quantiser = found.pop()
        if quantiser is not None:
            settings.setdefault(quantiser, []).append(setting)
    return [
        (sum(group) / len(group), quantiser) for quantiser, group in sorted(settings.items(), reverse=True)
    ]


def write_tables(tables: Mapping[str, list[Point]]) -> None:
    """The module that the server reads."""
    lines = [
        '"""Quantisers by encoder setting, measured: made by ``tools/calibrate/quantisers.py --write``."""',
        "",
        "from __future__ import annotations",
        "",
        "from collections.abc import Mapping, Sequence",
        "from types import MappingProxyType",
        "",
        '__all__ = ["QUANTISERS"]',
        "",
        "# (setting, quantiser); linear between the points.",
        "# fmt: off",
        "QUANTISERS: Mapping[str, Sequence[tuple[float, int]]] = MappingProxyType({",
    ]
    for name, rows in tables.items():
        lines.append(f'    "{name}": (')
        for start in range(0, len(rows), 8):
            points = (f"({setting:.4g}, {quantiser})" for setting, quantiser in rows[start : start + 8])
            lines.append("        " + ", ".join(points) + ",")
        lines.append("    ),")
    lines += ["})", "# fmt: on", ""]
    module = ROOT / "src" / "openmogr" / "image" / "formats" / "quantisers.py"
    module.write_text("\n".join(lines), encoding="utf-8")


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--write", action="store_true", help="write the tables")
    arguments = parser.parse_args()
    CONTAINERS["heif"].check_writable()
    paths = photo_paths()[::4]
    photos = [Image.open(path).convert("RGB").crop((200, 100, 328, 228)) for path in paths]
    with Report("quantisers", arguments) as report:
        tables = {name: measure(encode, photos) for name, encode in ENCODERS.items()}
        for name, points in tables.items():
            for setting, quantiser in points:
                report.add(name, setting=setting, quantiser=quantiser)
    for name, points in tables.items():
        print(name + ": " + ", ".join(f"{setting:.4g} {quantiser}" for setting, quantiser in points))
    if arguments.write:
        write_tables(tables)


if __name__ == "__main__":
    main()
