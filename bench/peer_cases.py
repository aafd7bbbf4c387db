"""The cases of ``bench.peers``: sources, what to ask servers for, and the same work in this process.

Pipelines in this process are ``pillow`` (what the service does without ``openmogr_pixels``), ``pixels`` (native
primitives, Pillow where they have none) and ``vips``; encoders get equal settings, one thread each. The server takes
qualities on libjpeg's scale, so WebP is asked for by the one that means its encoder's 80.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from openmogr_pixels import Picture, decode_jpeg, decode_png, encode_jpeg, read_jpeg_header
from openmogr_pixels.pillow import from_pillow, to_pillow
from PIL import Image, ImageSequence

from openmogr.image.formats.registry import CONTAINERS

Pipeline = Callable[[bytes], bytes]
Size = tuple[int, int]
LANCZOS = Image.Resampling.LANCZOS
CROP = (1250, 1000, 2750, 2000)
# The last frame of libwebp's longest distance between key frames: only the first is one.
ONE_KEY_FRAME = {"kmin": 2**31 - 2, "kmax": 2**31 - 1}


# The quality of ours that has libwebp set to 80.
WEBP_80 = next(quality for quality in range(1, 101) if CONTAINERS["webp"].setting(quality) >= 80)


@dataclass(frozen=True)
class Case:
    """One row.

    Attributes:
        source: file of the folder that ``make_sources`` fills.
        pipeline: COS's words for the work; without EXIF and XMP where there are some, which imgproxy leaves out.
        options: imgproxy's words for it.
        form: of the result, as imgproxy's ``@extension``.
        goal: our CPU time over imgproxy's, at most.
        width: of the result; 0 for the source's own.
    """

    name: str
    source: str
    pipeline: str
    options: str
    form: str
    goal: float
    width: int = 0
    crop: tuple[int, int, int, int] | None = None


CASES = [
    Case("12 MP JPEG, 512, JPEG", "12mp.jpg", "imageMogr2/thumbnail/512x/quality/80!", "w:512/q:80", "jpg", 0.95, 512),
    Case(
        "12 MP JPEG, 512, WebP", "12mp.jpg", f"imageMogr2/thumbnail/512x/format/webp/quality/{WEBP_80}!", "w:512/q:80",
        "webp", 0.95, 512,
    ),
    Case(
        "12 MP JPEG, 1600, JPEG", "12mp.jpg", "imageMogr2/thumbnail/1600x/quality/80!", "w:1600/q:80", "jpg",
        0.95, 1600,
    ),
    Case(
        "12 MP JPEG, crop, JPEG", "12mp.jpg", "imageMogr2/cut/1500x1000x1250x1000/quality/80!",
        "c:1500:1000:ce/q:80", "jpg", 0.8, 0, CROP,
    ),
    Case("0.4 MP PNG, WebP", "small.png", f"imageMogr2/format/webp/quality/{WEBP_80}!", "q:80", "webp", 0.85),
    Case(
        "12 MP PNG, 512, JPEG", "12mp.png", "imageMogr2/thumbnail/512x/format/jpg/quality/80!", "w:512/q:80",
        "jpg", 0.8, 512,
    ),
    Case(
        "GIF of 44 frames, 240, WebP", "44frames.gif", f"imageMogr2/thumbnail/240x/format/webp/quality/{WEBP_80}!",
        "w:240/q:80", "webp", 1.0, 240,
    ),
    Case(
        "HEIC, 512, JPEG", "photo.heic", "imageMogr2/thumbnail/512x/format/jpg/quality/80!/strip", "w:512/q:80", "jpg",
        1.0, 512,
    ),
]  # fmt: skip


def make_sources(shared: Path, folder: Path) -> None:
    """A mosaic of photos as 12 MP JPEG and PNG, one of them, and animation and HEIC as they are."""
    photos = sorted((shared / "corpus" / "photos").glob("*.png"))
    mosaic = Image.new("RGB", (4000, 3000))
    for place in range(16):
        with Image.open(photos[place % len(photos)]) as photo:
            upright = (
                photo.convert("RGB")
                if photo.width > photo.height
                else photo.convert("RGB").rotate(90, expand=True)
            )
        tile = upright.resize((1000, 750), Image.Resampling.BICUBIC)
        mosaic.paste(tile, (place % 4 * 1000, place // 4 * 750))
    mosaic.save(folder / "12mp.jpg", quality=90)
    mosaic.save(folder / "12mp.png", compress_level=6)
    inputs = shared / "corpus" / "inputs"
    for name, origin in (
        ("small.png", photos[0]), ("44frames.gif", inputs / "rotating_earth.gif"), ("photo.heic", inputs / "pug.heic"),
    ):  # fmt: skip
        (folder / name).write_bytes(origin.read_bytes())


def distinct(data: bytes, number: int) -> bytes:
    """The same picture as other bytes, so that nothing kept from another request fits."""
    mark = struct.pack(">Q", number)
    if data[4:8] == b"ftyp":
        return data + struct.pack(">I", 16) + b"free" + mark
    return data + mark


def reference(case: Case, data: bytes) -> list[Image.Image]:
    """The exact result: every pixel decoded, scaled once. Of an animation, every eighth frame."""
    with Image.open(io.BytesIO(data)) as image:
        frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(image)][::8]
    if case.crop:
        return [frames[0].crop(case.crop)]
    return [
        frame.resize(fitted(frame.size, case.width), LANCZOS) if case.width else frame for frame in frames
    ]


def fitted(size: Size, width: int) -> Size:
    return width, round(size[1] * width / size[0])


def saved(image: Image.Image, form: str) -> bytes:
    out = io.BytesIO()
    if form == "jpg":
        image.save(out, "JPEG", quality=80, optimize=True)
    else:
        image.save(out, "WEBP", quality=80, method=4)
    return out.getvalue()


def pillow_pipeline(case: Case, data: bytes) -> bytes:
    """As the service does it without the native module: draft, quick reduction, Lanczos."""
    with Image.open(io.BytesIO(data)) as image:
        if case.source.endswith(".gif"):
            return animated(
                case, image, lambda frame, size: frame.resize(size, LANCZOS, reducing_gap=3.0), {}
            )
        if case.crop:
            return saved(image.crop(case.crop), case.form)
        if not case.width:
            return saved(image.convert("RGB"), case.form)
        size = fitted(image.size, case.width)
        image.draft(None, size)
        return saved(image.convert("RGB").resize(size, LANCZOS, reducing_gap=3.0), case.form)


def pixels_pipeline(case: Case, data: bytes) -> bytes:
    if case.source.endswith(".gif"):
        with Image.open(io.BytesIO(data)) as image:
            return animated(case, image, scaled_by_pixels, ONE_KEY_FRAME)
    if case.source.endswith(".heic"):
        with Image.open(io.BytesIO(data)) as image:
            picture = from_pillow(image.convert("RGB"))
        full = picture.size
    elif case.source.endswith(".png"):
        picture, _ = decode_png(data)
        full = picture.size
    else:
        header = read_jpeg_header(data, max_scans=1)
        full = header.width, header.height
        scale = jpeg_scale(full[0] / case.width) if case.width else 8
        picture, _ = decode_jpeg(data, scale=scale, box=case.crop)
    if case.width:
        picture = picture.resize(*fitted(full, case.width))
    if case.form == "jpg":
        return encode_jpeg(picture, quality=80, optimize=True)
    return saved(to_pillow(picture), case.form)


def jpeg_scale(shrink: float) -> int:
    """Eighths to decode, so that the last scaling still shrinks: 8, 4, 2 or 1, for which there is SIMD."""
    return 8 if shrink < 2 else 4 if shrink < 4 else 2 if shrink < 8 else 1


def scaled_by_pixels(frame: Image.Image, size: Size) -> Image.Image:
    return to_pillow(Picture("RGB", *frame.size, frame.tobytes()).resize(*size))


def animated(
    case: Case, image: Image.Image, scale: Callable[[Image.Image, Size], Image.Image], options: dict[str, int]
) -> bytes:
    size = fitted(image.size, case.width)
    frames, durations = [], []
    for frame in ImageSequence.Iterator(image):
        frames.append(scale(frame.convert("RGB"), size))
        durations.append(frame.info.get("duration", 0))
    out = io.BytesIO()
    frames[0].save(
        out, "WEBP", save_all=True, append_images=frames[1:], duration=durations, loop=0, quality=80, method=4,
        **options,
    )  # fmt: skip
    return out.getvalue()


def vips_pipeline(case: Case, data: bytes) -> bytes:
    """What imgproxy has libvips do: shrink on load to no less than the size, Lanczos, the same encoders."""
    import pyvips

    if case.source.endswith(".gif"):
        moving = pyvips.Image.thumbnail_buffer(data, case.width, option_string="n=-1", height=10_000)
        return bytes(moving.webpsave_buffer(Q=80, effort=4))
    shrink = {8: 1, 4: 2, 2: 4, 1: 8}
    options: dict[str, object] = {"access": "sequential"}
    if case.source.endswith(".jpg") and case.width:
        options["shrink"] = shrink[jpeg_scale(4000 / case.width)]
    image = pyvips.Image.new_from_buffer(data, "", **options)
    if case.crop:
        left, top, right, bottom = case.crop
        image = image.crop(left, top, right - left, bottom - top)
    elif case.width:
        image = image.resize(case.width / image.width)
    if case.form == "jpg":
        return bytes(image.jpegsave_buffer(Q=80, optimize_coding=True))
    return bytes(image.webpsave_buffer(Q=80, effort=4))


PIPELINES: dict[str, Callable[[Case, bytes], bytes]] = {
    "pillow": pillow_pipeline,
    "pixels": pixels_pipeline,
    "vips": vips_pipeline,
}
