"""Pictures drawn by program: what photographs do not have."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIZE = (640, 480)
WORDS = (
    *("light", "river", "quiet", "mountain", "window", "paper", "garden", "seven", "winter", "music"),
    *("answer", "copper", "shadow", "market", "engine", "little", "bridge", "summer", "across", "yellow"),
)


def text(random: np.random.Generator) -> Image.Image:
    """A page of words in black on white, at several sizes."""
    image = Image.new("RGB", SIZE, "white")
    draw, y = ImageDraw.Draw(image), 8
    while y < SIZE[1] - 30:
        size = int(random.choice([11, 12, 14, 18, 26]))
        font = ImageFont.load_default(size)
        line = " ".join(random.choice(WORDS, 16))
        draw.text((12, y), line, font=font, fill="black")
        y += size + 6
    return image


def screenshot(random: np.random.Generator) -> Image.Image:
    """Windows with bars, buttons and coloured words."""
    image = Image.new("RGB", SIZE, (238, 240, 244))
    draw = ImageDraw.Draw(image)
    for _ in range(4):
        x, y = int(random.integers(0, 340)), int(random.integers(0, 240))
        draw.rounded_rectangle((x, y, x + 290, y + 220), 8, "white", (190, 194, 204))
        draw.rectangle((x + 1, y + 8, x + 289, y + 28), tuple(random.integers(20, 200, 3).tolist()))
        for line in range(8):
            colour = tuple(random.integers(0, 200, 3).tolist())
            words = " ".join(random.choice(WORDS, 5))
            draw.text((x + 12, y + 40 + 20 * line), words, font=ImageFont.load_default(13), fill=colour)
    return image


def line_art(random: np.random.Generator) -> Image.Image:
    """Black curves and flat colours, smoothed at the edges."""
    large = Image.new("RGB", (SIZE[0] * 2, SIZE[1] * 2), "white")
    draw = ImageDraw.Draw(large)
    for _ in range(14):
        x, y, r = (int(random.integers(*span)) for span in ((0, 1200), (0, 900), (40, 260)))
        colour = tuple(random.integers(60, 256, 3).tolist())
        draw.ellipse((x - r, y - r, x + r, y + r * 0.7), colour, "black", 5)
    for _ in range(30):
        points = [tuple(p) for p in random.integers(0, 1280, (4, 2)).tolist()]
        draw.line(points, "black", 3, joint="curve")
    return large.reduce(2)


def gradient(random: np.random.Generator) -> Image.Image:
    """Slow changes of light, where steps would show."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]] / SIZE[0]
    planes = []
    for _ in range(3):
        angle, level = random.uniform(0, math.pi), random.uniform(40, 150)
        planes.append(level + 70 * (x * math.cos(angle) + y * math.sin(angle)) + 12 * np.sin(3 * x * y))
    return Image.fromarray(np.clip(np.stack(planes, 2).round(), 0, 255).astype(np.uint8))


def grain(random: np.random.Generator) -> Image.Image:
    """A gradient under the grain of film."""
    base = np.asarray(gradient(random), np.float64)
    noise = random.normal(0, 1, (SIZE[1], SIZE[0]))
    moved = [np.roll(noise, shift, (0, 1)) for shift in ((0, 0), (0, 1), (1, 0), (1, 1))]
    soft = np.sum(moved, axis=0) * 4.5
    return Image.fromarray(np.clip(base + soft[:, :, None], 0, 255).astype(np.uint8))


def icon(random: np.random.Generator) -> Image.Image:
    """A shape with shine at 48x48."""
    large = Image.new("RGB", (384, 384), "white")
    draw = ImageDraw.Draw(large)
    draw.rounded_rectangle((24, 24, 360, 360), 70, tuple(random.integers(30, 220, 3).tolist()))
    draw.ellipse((90, 70, 290, 250), tuple(random.integers(120, 256, 3).tolist()))
    draw.polygon([(110, 300), (192, 130), (280, 300)], "white")
    return large.reduce(8)


def captioned(photo: Image.Image, random: np.random.Generator) -> Image.Image:
    """A photo beside a column of words, as slides and posts have it."""
    image = photo.copy()
    column = Image.new("RGB", (image.width * 2 // 5, image.height), "white")
    draw = ImageDraw.Draw(column)
    for y in range(12, image.height - 24, 26):
        draw.text((10, y), " ".join(random.choice(WORDS, 5)), font=ImageFont.load_default(15), fill="black")
    image.paste(column)
    return image


KINDS = {
    "text": text,
    "screenshot": screenshot,
    "line art": line_art,
    "gradient": gradient,
    "film grain": grain,
    "icon 48x48": icon,
}


def all_of(seed: int) -> dict[str, Image.Image]:
    """One picture of each kind."""
    return {
        name: draw(np.random.default_rng([seed, number])) for number, (name, draw) in enumerate(KINDS.items())
    }
