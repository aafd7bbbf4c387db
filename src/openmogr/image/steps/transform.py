"""Apply steps to pixels in mode L, LA, RGB or RGBA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from PIL import Image

from openmogr.image.errors import output_resolution, outside_image
from openmogr.image.language.operations import (
    AutoOrient,
    Axis,
    Crop,
    Cut,
    FaceCrop,
    Flip,
    ImageWatermark,
    InscribedCircle,
    RatioCrop,
    Rotate,
    RoundCorners,
    Step,
    TextWatermark,
    Thumbnail,
    View,
)
from openmogr.image.native import Window, scaled, window_before
from openmogr.image.settings import ImageSettings
from openmogr.image.source.arrays import np
from openmogr.image.source.colour import has_alpha
from openmogr.image.steps import adjust as tone
from openmogr.image.steps.faces import Faces
from openmogr.image.steps.geometry import Placement, Size, place, place_faces
from openmogr.image.steps.rotation import CLOCKWISE, UPRIGHT, rotated, rotated_size
from openmogr.image.steps.watermark import Marks

__all__ = ["Beside", "Surface", "apply_steps", "draft_size", "turned_back", "upright"]

_Placed = Thumbnail | View | Crop | Cut | RatioCrop
# What needs nothing but the image itself.
_Own = _Placed | AutoOrient | Flip | Rotate | InscribedCircle | RoundCorners | tone.Tone

_MIRROR = {Axis.vertical: Image.Transpose.FLIP_TOP_BOTTOM, Axis.horizontal: Image.Transpose.FLIP_LEFT_RIGHT}

# What undoes a turn that does not undo itself.
_UNDONE = {
    Image.Transpose.ROTATE_90: Image.Transpose.ROTATE_270,
    Image.Transpose.ROTATE_270: Image.Transpose.ROTATE_90,
}

# What undoes an orientation.
_BACK = {**UPRIGHT, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}


@dataclass(frozen=True, slots=True)
class Surface:
    """An image and the size that steps reckon with.

    ``size`` differs from the pixels' only where a decoder was allowed to shrink, until the first scaling. ``window`` is
    where in those pixels all of ``size`` lies then, which is no whole number of them; None: everywhere.
    """

    image: Image.Image
    size: Size
    orientation: int = 0
    animated: bool = False
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """What the steps of one pipeline need besides its image: marks that they lay on it, and faces in it."""

    marks: Marks
    faces: Faces = field(default_factory=Faces)


def draft_size(steps: Sequence[Step], size: Size, orientation: int, settings: ImageSettings) -> Size | None:
    """The smallest size that a decoder may deliver; None for the full size.

    What a decoder shrinks is less exact than what scaling does. Up to the wanted size that costs about a point of
    SSIMULACRA2, as it does in libvips.
    """
    swapped = False
    for step in steps:
        if isinstance(step, AutoOrient):
            swapped = swapped != (orientation >= 5)
            orientation = 0
        elif isinstance(step, (Thumbnail, View, Crop)):
            seen = (size[1], size[0]) if swapped else size
            wanted = place(step, seen, settings.max_parameter).scaled
            if wanted[0] >= seen[0] or wanted[1] >= seen[1]:
                return None
            return (wanted[1], wanted[0]) if swapped else wanted
        elif not isinstance(step, Flip):
            return None
    return None


def turned_back(image: Image.Image, orientation: int) -> Image.Image:
    """The pixels as they are stored, of an image that a reader turned upright."""
    method = _BACK.get(orientation)
    return image if method is None else image.transpose(method)


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The pixels as they are to be seen, of an image that is stored with an EXIF orientation."""
    method = UPRIGHT.get(orientation)
    return image if method is None else image.transpose(method)


def apply_steps(steps: Sequence[Step], surface: Surface, settings: ImageSettings, beside: Beside) -> Surface:
    """The image after all steps, in order.

    Args:
        steps: what to do.
        surface: with what.
        settings: the limits.
        beside: what else they need, the same for all frames.

    Raises:
        InvalidImageSource, NotSupported: a watermark has no image or no font.
        NotImplementedHere: nothing finds faces here.
        InvalidArgument: a window or radius lies outside the image.
        ImageResolutionExceed: a step's result would exceed the limits.
    """
    if surface.image.size != surface.size:
        surface = replace(surface, window=_drafted(surface))
    for number, step in enumerate(steps):
        if isinstance(step, (ImageWatermark, TextWatermark)):
            surface = _replaced(surface, beside.marks.laid(step, surface.image))
        elif isinstance(step, FaceCrop):
            faces = beside.faces.at(number, surface.image, surface.orientation)
            placement = place_faces(step, surface.image.size, settings.max_parameter, faces)
            surface = _replaced(surface, _scaled(surface.image, surface.image.size, placement))
        else:
            surface = _apply(step, surface, settings)
    return surface


def _drafted(surface: Surface) -> Window | None:
    """Where all of an image lies in what a decoder shrank, whose last pixels reach beyond it."""
    for times in (2, 4, 8):
        if all(
            -(-whole // times) == part for whole, part in zip(surface.size, surface.image.size, strict=True)
        ):
            return 0, 0, surface.size[0] / times, surface.size[1] / times
    return None


def _apply(step: _Own, surface: Surface, settings: ImageSettings) -> Surface:
    if isinstance(step, (Thumbnail, View, Crop, Cut, RatioCrop)):
        return _placed(step, surface, settings)
    if isinstance(step, AutoOrient):
        return _turned(surface, UPRIGHT.get(surface.orientation), orientation=0)
    if isinstance(step, Flip):
        return _turned(surface, _MIRROR[step.axis])
    if isinstance(step, Rotate):
        return _rotated(step, surface, settings)
    if isinstance(step, InscribedCircle):
        return _replaced(surface, _circle(step.radius, surface.image))
    if isinstance(step, RoundCorners):
        return _replaced(surface, _rounded(step.radius, surface.image))
    return _replaced(surface, tone.apply_tone(step, surface.image))


def _replaced(surface: Surface, image: Image.Image) -> Surface:
    return Surface(image, image.size, surface.orientation, surface.animated)


def _check(size: Size, settings: ImageSettings) -> None:
    if max(size) > settings.max_side or size[0] * size[1] > settings.max_pixels:
        raise output_resolution(
            f"the result would be {size[0]}x{size[1]} pixels; the limits are {settings.max_side} a side "
            f"and {settings.max_pixels} in total"
        )


def _placed(step: _Placed, surface: Surface, settings: ImageSettings) -> Surface:
    placement = place(step, surface.size, settings.max_parameter, enlarge=not surface.animated)
    _check(placement.size, settings)
    image = _scaled(surface.image, surface.size, placement, surface.window)
    if isinstance(step, Thumbnail) and step.pad:
        image = _padded(step, image, settings.max_parameter)
    return _replaced(surface, image)


def _scaled(
    image: Image.Image, size: Size, placement: Placement, window: Window | None = None
) -> Image.Image:
    if placement.scaled == size == image.size:
        return image if placement.box == (0, 0, *size) else image.crop(placement.box)
    first, upper, last, lower = window or (0, 0, *image.size)
    across, down = (last - first) / placement.scaled[0], (lower - upper) / placement.scaled[1]
    left, top, right, bottom = placement.box
    # The window is cut from the source while scaling, so that what is cut off costs nothing.
    box = (
        first + left * across,
        upper + top * down,
        min(first + right * across, last),
        min(upper + bottom * down, lower),
    )
    shrinks = across >= 1 and down >= 1
    resample = Image.Resampling.LANCZOS if shrinks else Image.Resampling.BICUBIC
    return scaled(image, placement.size, resample, box)


def _padded(step: Thumbnail, image: Image.Image, limit: int) -> Image.Image:
    size = min(step.width or image.width, limit), min(step.height or image.height, limit)
    grey = len(set(step.color)) == 1
    if not grey and image.mode in {"L", "LA"}:
        image = image.convert("RGBA" if has_alpha(image) else "RGB")
    color: tuple[int, ...] = step.color if image.mode.startswith("RGB") else step.color[:1]
    canvas = Image.new(image.mode, size, (*color, 255) if has_alpha(image) else color)
    canvas.paste(image, ((size[0] - image.width) // 2, (size[1] - image.height) // 2))
    return canvas


def _turned(surface: Surface, method: Image.Transpose | None, orientation: int | None = None) -> Surface:
    kept = surface.orientation if orientation is None else orientation
    if method is None:
        return replace(surface, orientation=kept)
    image = surface.image.transpose(method)
    swaps = method in {
        Image.Transpose.TRANSPOSE,
        Image.Transpose.TRANSVERSE,
        Image.Transpose.ROTATE_90,
        Image.Transpose.ROTATE_270,
    }
    size = (surface.size[1], surface.size[0]) if swaps else surface.size
    window = surface.window
    if window is not None:
        window = window_before(window, image.size, (_UNDONE.get(method, method),))
    return Surface(image, size, kept, surface.animated, window)


def _rotated(step: Rotate, surface: Surface, settings: ImageSettings) -> Surface:
    degrees = step.degrees % 360
    if degrees % 90 == 0:
        return _turned(surface, CLOCKWISE.get(int(degrees)))
    _check(rotated_size(degrees, surface.image.size), settings)
    return _replaced(surface, rotated(surface.image, degrees))


def _corner(radius: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Coverage of the top left quarter of a disc, 0-255, ``radius`` x ``radius``, edges smoothed."""
    centres = radius - np.arange(radius, dtype=np.float32) - 0.5
    distance = np.sqrt(centres[:, None] ** 2 + centres[None, :] ** 2)
    return np.asarray(np.clip((radius - distance + 0.5) * 255 + 0.5, 0, 255), dtype=np.uint8)


def _check_radius(name: str, radius: int, image: Image.Image) -> None:
    if 2 * radius > min(image.size):
        raise outside_image(
            f"{name} is {radius}, more than half of a side of the image of {image.width}x{image.height}"
        )


def _circle(radius: int, image: Image.Image) -> Image.Image:
    _check_radius("iradius", radius, image)
    left, top = (image.width - 2 * radius) // 2, (image.height - 2 * radius) // 2
    return _rounded(radius, image.crop((left, top, left + 2 * radius, top + 2 * radius)))


def _rounded(radius: int, image: Image.Image) -> Image.Image:
    _check_radius("rradius", radius, image)
    colour = image if has_alpha(image) else image.convert(image.mode + "A")
    alpha = np.array(colour.getchannel("A"))
    corner = _corner(radius)
    for rows, mirrored in ((slice(0, radius), corner), (slice(-radius, None), corner[::-1])):
        for columns, mask in ((slice(0, radius), mirrored), (slice(-radius, None), mirrored[:, ::-1])):
            covered = alpha[rows, columns].astype(np.uint16) * mask
            alpha[rows, columns] = ((covered + 127) // 255).astype(np.uint8)
    result = colour.copy() if colour is image else colour
    result.putalpha(Image.fromarray(alpha))
    return result
