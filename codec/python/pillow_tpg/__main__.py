"""Command line: ``python -m pillow_tpg``."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO, get_args

from PIL import Image

from pillow_tpg import (
    DEFAULT_QUALITY,
    Frame,
    Info,
    TpgError,
    __version__,
    decode_frames,
    encode,
    encode_animated_image,
    info,
    register_tpg_opener,
)
from pillow_tpg.encode import DEFAULT_EFFORT
from pillow_tpg.plugin import frame_duration
from pillow_tpg.sequence import TimedFrames, is_animation
from pillow_tpg.settings import AlphaChoice

__all__ = ["main"]

BAD_INPUT = 1
USAGE = 2

_ANIMATED_SUFFIXES = frozenset({".apng", ".avif", ".gif", ".webp"})
# What Pillow calls "restore to background" before the next frame.
_REPLACING = {".gif": {"disposal": 2}, ".apng": {"disposal": 1, "blend": 0}}
_HALF = 128
_NUMBER = re.compile(r"%(0\d+)?d")


class _CommandError(Exception):
    """Ends the program with a message and exit code 1."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the result is the exit code: 0, 1 for bad input, 2 for a wrong call."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except BrokenPipeError:
        return BAD_INPUT
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except (_CommandError, TpgError, Image.DecompressionBombError, MemoryError) as error:
        return _fail(str(error) or type(error).__name__)
    except KeyboardInterrupt:
        return _fail("interrupted")
    return 0


def _fail(message: str) -> int:
    print(f"pillow_tpg: {message}", file=sys.stderr)
    return BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pillow_tpg", description="Read and write TPG pictures.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    show = commands.add_parser("info", help="show what a file says about itself")
    show.add_argument("file", type=Path)
    show.add_argument("--json", action="store_true", help="as JSON")
    show.set_defaults(run=_info)

    convert = commands.add_parser(
        "decode",
        help="write as PNG or another format of Pillow",
        description="Animations stay animations in .gif, .webp, .apng and .avif; other formats get one frame, or all "
        "of them in files of their own if the output has a number to fill in, as in frame-%%03d.png.",
    )
    convert.add_argument("input", type=Path)
    convert.add_argument("output", type=Path)
    convert.add_argument("--frame", type=int, metavar="N", help="only this frame, from 0")
    _add_threads(convert)
    convert.set_defaults(run=_decode)

    small = commands.add_parser(
        "thumbnail",
        help="write the first frame as PNG, whatever the output is called; for desktops and other programs",
    )
    small.add_argument("input", type=Path)
    small.add_argument("output", type=Path)
    small.add_argument("--size", type=int, metavar="PIXELS", help="longest side at most; else as it is")
    _add_threads(small)
    small.set_defaults(run=_thumbnail)

    _add_encode(
        commands.add_parser(
            "encode",
            help="write a picture of any format of Pillow as TPG",
            description="Animated GIF, PNG, WebP, AVIF and TPG files stay animations with their delays.",
        )
    )

    planes = commands.add_parser(
        "yuv",
        help="write the decoded planes, 8-bit 4:2:0, all frames in order, of a TPG file or an AVS2 stream",
    )
    planes.add_argument("input", type=Path)
    target = planes.add_mutually_exclusive_group(required=True)
    target.add_argument("-o", "--output", type=Path, help="file for the planes; - is the standard output")
    target.add_argument("--md5", action="store_true", help="print one MD5 sum per frame instead")
    planes.add_argument(
        "--alpha", action="store_true", help="the alpha plane after Y, Cb and Cr of each frame"
    )
    _add_threads(planes)
    planes.set_defaults(run=_yuv)
    return parser


def _number(text: str) -> float:
    """Whole numbers stay so in messages."""
    number = float(text)
    return int(number) if number.is_integer() else number


def _add_threads(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--threads", type=int, choices=range(1, 65), default=1, metavar="N", help="1 to 64")


def _add_encode(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path)
    goal = parser.add_mutually_exclusive_group()
    goal.add_argument(
        "--quality",
        type=float,
        help=f"1 to 100, what JPEG gives at the same number; default {DEFAULT_QUALITY}",
    )
    goal.add_argument("--qp", type=_number, help="0 (best) to 63; fractions for animations only")
    goal.add_argument("--target-size", type=int, metavar="BYTES", help="best quality with at most BYTES")
    goal.add_argument(
        "--target-ssimulacra2", type=float, metavar="X", help="smallest file with at least this score"
    )
    parser.add_argument(
        "--effort", type=int, default=DEFAULT_EFFORT, help="0 (fastest) to 9 (smallest); default 5"
    )
    parser.add_argument(
        "--tools",
        choices=["full", "genuine", "compatible"],
        default="full",
        help="coding tools; default full",
    )
    parser.add_argument(
        "--chroma", choices=["box", "lanczos", "sharp"], default="sharp", help="chroma filter"
    )
    parser.add_argument("--alpha-quality", type=float, help="1 to 100")
    parser.add_argument(
        "--alpha",
        choices=get_args(AlphaChoice),
        help="transparent animations: compose on white (the default), keep alpha, or write it always",
    )
    parser.add_argument("--still", action="store_true", help="only the first frame of an animation")
    parser.add_argument("--no-exif", action="store_true", help="leave EXIF out")
    _add_threads(parser)
    parser.set_defaults(run=_encode)


def _info(options: argparse.Namespace) -> None:
    fields = _fields(info(options.file.read_bytes()))
    if options.json:
        print(json.dumps(fields))
        return
    for name, value in fields.items():
        print(f"{name}: {_text(value)}")


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return " ".join(map(str, value)) or "-"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _fields(found: Info) -> dict[str, object]:
    return {
        "format": "TPG",
        "width": found.width,
        "height": found.height,
        "mode": found.mode,
        "flags": found.flags,
        "has_alpha": found.has_alpha,
        "is_animated": found.is_animated,
        "frame_count": found.frame_count,
        "declared_frame_count": found.declared_frame_count,
        "delays": found.delays,
        "coded_width": found.coded_width,
        "coded_height": found.coded_height,
        "qp": found.qp,
        "exif_bytes": None if found.exif is None else len(found.exif),
        "user_data_bytes": [len(data) for data in found.user_data],
        "damage": found.damage,
        "trailing_bytes": found.trailing_bytes,
    }


def _decode(options: argparse.Namespace) -> None:
    suffix = options.output.suffix.lower()
    if suffix not in Image.registered_extensions():
        raise _CommandError(f"{options.output}: no known picture format has the extension {suffix!r}")
    data = options.input.read_bytes()
    found = info(data)
    whole = options.frame is None and found.frame_count > 1
    if whole and _NUMBER.search(options.output.name):
        _check_damage(options.input, found)
        for frame in decode_frames(data, threads=options.threads):
            _save(_picture(frame), options.output.with_name(_numbered(options.output.name, frame.index)))
    elif whole and suffix in _ANIMATED_SUFFIXES:
        _check_damage(options.input, found)
        _save_animation(data, found, options.output, options.threads)
    else:
        wanted = options.frame or 0
        if not 0 <= wanted < found.frame_count:
            raise _CommandError(
                f"{options.input}: there is no frame {wanted}, only 0 to {found.frame_count - 1}"
            )
        frames = decode_frames(data, threads=options.threads)
        _save(_picture(next(islice(frames, wanted, None))), options.output)


def _thumbnail(options: argparse.Namespace) -> None:
    if options.size is not None and options.size < 1:
        raise _CommandError(f"--size is {options.size}, allowed are 1 and more")
    frames = decode_frames(options.input.read_bytes(), threads=options.threads)
    picture = _picture(next(iter(frames)))
    if options.size is not None:
        # Takes alpha into account, and only makes pictures smaller.
        picture.thumbnail((options.size, options.size), Image.Resampling.LANCZOS)
    with options.output.open("wb") as file:
        picture.save(file, "PNG")


def _save_animation(data: bytes, found: Info, path: Path, threads: int) -> None:
    durations = [frame_duration(delay) for delay in found.delays]
    suffix = path.suffix.lower()
    # Every frame covers the one before, also where it is transparent.
    extra = _REPLACING.get(suffix, {}) if found.has_alpha else {}
    if found.has_alpha and suffix == ".gif":
        pictures = (_clear_or_opaque(frame) for frame in decode_frames(data, threads=threads))
        first = next(pictures)
        _save(first, path, save_all=True, append_images=pictures, duration=durations, loop=0, **extra)
        return
    register_tpg_opener(threads=threads)
    with Image.open(io.BytesIO(data)) as animation:
        _save(animation, path, save_all=True, duration=durations, loop=0, **extra)


def _clear_or_opaque(frame: Frame) -> Image.Image:
    """What GIF can show of alpha."""
    pixels = frame.rgba()
    clear = pixels[:, :, 3] < _HALF
    pixels[:, :, 3] = 255
    pixels[clear] = 0
    return Image.fromarray(pixels)


def _check_damage(path: Path, found: Info) -> None:
    if found.damage is not None:
        frames = f"--frame takes one of the {found.frame_count} whole frames"
        raise _CommandError(f"{path}: {found.damage} ({frames})")


def _picture(frame: Frame) -> Image.Image:
    return Image.fromarray(frame.rgba() if frame.has_alpha else frame.rgb())


def _numbered(name: str, number: int) -> str:
    return _NUMBER.sub(lambda found: f"{number:0{found[1] or 1}}", name, count=1)


def _save(picture: Image.Image, path: Path, **options: object) -> None:
    with _removed_on_error(path):
        try:
            picture.save(path, **options)  # type: ignore[arg-type]
        except (ValueError, KeyError) as error:
            raise _CommandError(f"{path}: {error}") from error


def _encode(options: argparse.Namespace) -> None:
    register_tpg_opener()
    with Image.open(options.input) as picture:
        given = {
            "quality": options.quality,
            "qp": options.qp,
            "target_size": options.target_size,
            "target_ssimulacra2": options.target_ssimulacra2,
            "effort": options.effort,
            "tools": options.tools,
            "chroma": options.chroma,
            "alpha_quality": options.alpha_quality,
            "exif": None if options.no_exif else picture.info.get("exif"),
            "threads": options.threads,
        }
        try:
            if is_animation(picture) and not options.still:
                frames = TimedFrames([picture])
                animation = encode_animated_image(
                    frames, frames.delays(), alpha=options.alpha or "white", **given
                )
                data = animation.data
                if animation.transparency_dropped and options.alpha is None:
                    note = "transparent frames are composed on white; --alpha keep writes alpha"
                    print(f"pillow_tpg: {options.input}: {note}", file=sys.stderr)
            else:
                data = encode(picture, **given)
        except (ValueError, SyntaxError) as error:
            raise _CommandError(f"{options.input}: {error}") from error
    with _removed_on_error(options.output):
        options.output.write_bytes(data)


def _yuv(options: argparse.Namespace) -> None:
    frames = decode_frames(options.input.read_bytes(), threads=options.threads)
    if options.md5:
        for frame in frames:
            checksum = hashlib.md5(usedforsecurity=False)
            for part in _planes(frame, options.alpha):
                checksum.update(part)
            print(checksum.hexdigest(), flush=True)
    elif str(options.output) == "-":
        _write(sys.stdout.buffer, frames, options.alpha)
    else:
        with options.output.open("wb") as file:
            _write(file, frames, options.alpha)


def _write(file: BinaryIO, frames: Iterable[Frame], with_alpha: bool) -> None:
    for frame in frames:
        for part in _planes(frame, with_alpha):
            file.write(part)


def _planes(frame: Frame, with_alpha: bool) -> Iterator[bytes]:
    yield frame.yuv420()
    if with_alpha:
        if frame.alpha is None:
            raise _CommandError(f"frame {frame.index} has no alpha plane")
        yield frame.alpha.tobytes()


@contextlib.contextmanager
def _removed_on_error(path: Path) -> Iterator[None]:
    """No half-written file is left behind."""
    existed = path.exists()
    try:
        yield
    except BaseException:
        if not existed:
            path.unlink(missing_ok=True)
        raise


if __name__ == "__main__":
    sys.exit(main())
