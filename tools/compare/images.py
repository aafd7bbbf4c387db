"""The requests that ask for pictures: operations, formats, pipelines, information, and what is refused."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from itertools import product

from PIL import Image

from tools.compare.exchange import Exchange

FORMATS = (
    "jpg", "jpeg", "yjpeg", "png", "apng", "webp", "gif", "bmp", "tiff", "avif", "heif", "heic", "tpg", "jxl", "*",
)  # fmt: skip
THUMBNAILS = (
    "!50p", "!50px", "!x50p", "120x", "x90", "120x90", "120x90>", "900x700<", "!120x90r", "120x90!", "12000@",
    "!100x100!", "!100x100", "12000", "160x>", "x160<", "0x90", "0x0", "200>", "!200", "!33.3p", "12.5x", "20000x5!",
)  # fmt: skip
STEPS = (
    "cut/100x80x10x5", "cut/400x400", "cut/9x9x900x900", "crop/100x80", "crop/100x80/gravity/southeast",
    "crop/x80", "crop/!60x60-20a20", "crop/!100x80", "crop/!64x+10+10", "rotate/90", "rotate/12.5", "rotate/90f",
    "flip/vertical", "flip/horizontal", "blur/8x5", "blur/1x0", "sharpen/70", "bright/30", "bright/-30",
    "contrast/-50", "contrast/+50", "grayscale/1", "grayscale/0", "iradius/50", "rradius/20", "auto-orient", "strip",
    "thumbnail/200x200/pad/1", "thumbnail/200x200/pad/1/color/I0ZGMDAwMA", "interlace/1", "quality/40", "quality/90!",
    "rquality/50", "lquality/70", "quality/40/lquality/60", "ignore-error/1", "size-limit/9k", "size-limit/2k!",
    "format/jpg/size-limit/6k", "format/webp/size-limit/4k", "cgif/10/format/gif",
)  # fmt: skip
VIEWS = (
    "imageView2/0/w/100/h/80", "imageView2/1/w/100/h/80", "imageView2/2/w/100/h/80", "imageView2/3/w/100/h/80",
    "imageView2/4/w/100/h/80", "imageView2/5/w/100/h/80", "imageView2/w/100", "imageView2/2/h/90/format/webp/q/50",
    "imageView2/1/w/0/h/0", "imageView2/2/w/100/format/jpg/rq/60/interlace/1", "imageView2/6/w/1", "imageView2",
)  # fmt: skip
PIPELINES = (
    "imageMogr2/thumbnail/!50p|imageMogr2/rotate/30/format/webp", "imageMogr2/crop/100x100|imageInfo",
    "imageMogr2/thumbnail/50x|imageAve", "imageMogr2/auto-orient|imageView2/1/w/50/h/50/format/png",
    "imageInfo|imageMogr2/strip", "imageMogr2/format/webp|imageMogr2/format/jpg/quality/30", "imageMogr2|imageMogr2",
    "|".join(["imageMogr2/rotate/90"] * 10), "|".join(["imageMogr2/rotate/90"] * 11), "imageMogr2/thumbnail/9x||exif",
)  # fmt: skip
REFUSED = (
    "imageMogr2/thumbnail/", "imageMogr2/thumbnail/x", "imageMogr2/thumbnail/300x!", "imageMogr2/thumbnail/!1001p",
    "imageMogr2/format/psd", "imageMogr2/quality/101", "imageMogr2/rotate/361", "imageMogr2/blur/0x0",
    "imageMogr2/scrop/10", "imageMogr2/crop/0x300", "imageMogr2/unknown", "imageMogr2/unknown/1",
    "imageMogr2/unknown/thumbnail/9x", "imageMogr2/size-limit/0k", "imageMogr2/format/png/size-limit/9k",
    "imageMogr2/gravity/middle/crop/9x9", "imageMogr2/iradius/0", "imageMogr2/cgif/101", "imageMogr/strip",
    "roundPic/radius/5", "watermark/2/text/eA", "imageSlim", "style/nothing", "QRcode/cover/0",
    "x-oss-process=image/resize,w_100", "imageMogr2/thumbnail/120x90%ff", "imageMogr2/thumbnail/%E5%9B%BE",
)  # fmt: skip
WILD = (
    "imagemogr2/thumbnail/90x", "IMAGEVIEW2/1/w/50/h/50", "/imageMogr2/thumbnail/90x", "imageMogr2%2Fthumbnail%2F90x",
    "imageMogr2/thumbnail/90x=", "v=3&imageMogr2/thumbnail/90x", "imageMogr2/thumbnail/90x&v=3",
    "imageMogr2/thumbnail/90x%3E", "imageMogr2/thumbnail/90x|imageMogr2/quality/50", "next=/a/b", "2024/11/29",
    "imageMogr2/thumbnail/90x&imageMogr2/thumbnail/80x", "imageMogr2/format/WEBP", "imageMogr2/AIGCMetadata/x/strip",
)  # fmt: skip


def pictures() -> dict[str, bytes]:
    """Small sources by key, made here, so that both servers get the same."""
    width, height = 240, 180
    ramp = Image.linear_gradient("L").resize((width, height))
    photo = Image.merge("RGB", [ramp, ramp.rotate(90), Image.radial_gradient("L").resize((width, height))])
    alpha = photo.copy()
    alpha.putalpha(Image.radial_gradient("L").resize((width, height)))
    frames = [photo.rotate(20 * number).resize((80, 60)) for number in range(4)]
    exif = Image.Exif()
    exif[274], exif[271] = 6, "maker"
    found: dict[str, bytes] = {
        "photo.png": _saved(photo, "PNG"),
        "photo.jpg": _saved(photo, "JPEG", quality=85),
        "turned.jpg": _saved(photo, "JPEG", quality=60, exif=exif.tobytes()),
        "photo.webp": _saved(photo, "WEBP", quality=70),
        "photo.avif": _saved(photo, "AVIF", quality=60, speed=10),
        "photo.tiff": _saved(photo, "TIFF"),
        "photo.bmp": _saved(photo, "BMP"),
        "alpha.png": _saved(alpha, "PNG"),
        "grey.png": _saved(ramp, "PNG"),
        "cmyk.jpg": _saved(photo.convert("CMYK"), "JPEG"),
        "moving.gif": _saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=80, loop=3),
        "moving.webp": _saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=70),
        "moving.png": _saved(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=70),
    }
    found["cut.png"] = found["photo.png"][: len(found["photo.png"]) // 2]
    found["cut.jpg"] = found["photo.jpg"][:700]
    found["text.jpg"] = b"no picture at all"
    found["empty.png"] = b""
    return found


def _saved(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def requests() -> Iterator[Exchange]:
    """Store the pictures, and ask for what can be made of them."""
    for key, data in pictures().items():
        yield Exchange(f"store {key}", "PUT", f"/{key}", body=data)
    for key, data in pictures().items():
        kind = f"image/{key.rpartition('.')[2]}"
        yield Exchange(f"store {key} with a type", "PUT", f"/typed/{key}", (("Content-Type", kind),), data)
    for form, key in product(FORMATS, ("photo.png", "turned.jpg", "alpha.png", "moving.gif")):
        yield _get(key, f"imageMogr2/thumbnail/60x/format/{form}")
    for form, quality in product(("jpg", "webp", "avif", "heif", "tpg", "jxl"), (0, 30, 100)):
        yield _get("photo.png", f"imageMogr2/thumbnail/50x/format/{form}/quality/{quality}")
    for value in THUMBNAILS:
        yield _get("photo.jpg", f"imageMogr2/thumbnail/{value}")
    for step, key in product(STEPS, ("photo.png", "turned.jpg")):
        yield _get(key, f"imageMogr2/{step}")
    for text in (*VIEWS, *PIPELINES, *REFUSED, *WILD):
        yield _get("photo.jpg", text)
        yield Exchange(f"HEAD photo.jpg?{text}", "HEAD", f"/photo.jpg?{text}")
    for key in pictures():
        for text in (
            "imageInfo",
            "imageAve",
            "exif",
            "imageMogr2/format/png",
            "imageMogr2/strip/ignore-error/1",
        ):
            yield _get(key, text)
    yield _get("none.png", "imageMogr2/strip")
    yield Exchange("POST with an operation", "POST", "/photo.jpg?imageMogr2/strip", body=b"")
    yield Exchange("an operation on a bucket", target="/?imageMogr2/strip")
    yield from _conditions()
    yield from _rules()


def _get(key: str, operation: str) -> Exchange:
    return Exchange(f"{key}?{operation}", target=f"/{key}?{operation}")


def _conditions() -> Iterator[Exchange]:
    """Conditions and ranges of a result, which is remembered from the second time on."""
    target = "/photo.jpg?imageMogr2/thumbnail/70x/format/webp"
    yield Exchange("a result whose ETag is kept", target=target, keep={"etag": rb'(?i)etag: ("[^"]*")'})
    conditions = (
        ("If-None-Match", "{etag}"), ("If-None-Match", "W/{etag}"), ("If-None-Match", '"x", {etag}'),
        ("If-Match", "{etag}"), ("If-None-Match", "*"), ("If-Match", '"x"'), ("If-Match", "*"),
        ("Range", "bytes=0-9"), ("Range", "bytes=-9"),
        ("Range", "bytes=5-"), ("Range", "bytes=99999-"), ("Range", "bytes=0-1,4-5"), ("Range", "bytes=9-1"),
        ("Range", "x"),
        ("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT"), ("If-Modified-Since", "Fri, 01 Jan 1999 00:00:00 GMT"),
        ("If-Unmodified-Since", "Fri, 01 Jan 1999 00:00:00 GMT"), ("If-Modified-Since", "yesterday"),
    )  # fmt: skip
    for method, header in product(("GET", "HEAD"), conditions):
        yield Exchange(f"{method} a result with {header[0]}: {header[1]}", method, target, (header,))
    ranged = (("Range", "bytes=2-5"), ("If-Range", "{etag}"))
    yield Exchange("a range if it is the same", target=target, headers=ranged)
    ranged = (("Range", "bytes=2-5"), ("If-Range", '"x"'))
    yield Exchange("all if it is not", target=target, headers=ranged)
    yield Exchange("with response-*", target=f"{target}&response-content-type=a%2Fb&response-expires=x")
    yield Exchange("anonymous", target=target, signed=False)


def _operations(rules: object, info: int = 0) -> tuple[tuple[str, str], ...]:
    return (("Pic-Operations", json.dumps({"is_pic_info": info, "rules": rules})),)


def _rules() -> Iterator[Exchange]:
    """PUT with rules, the same of what is stored, and what is refused of both."""
    photo = pictures()["photo.jpg"]
    good = [
        {"fileid": "small.webp", "rule": "imageMogr2/thumbnail/90x/format/webp"},
        {"fileid": "/absolute/a.png", "rule": "imageMogr2/rotate/20/format/png"},
        {"fileid": "t.tpg", "rule": "imageMogr2/thumbnail/60x/format/tpg"},
        {"fileid": "v.jpg", "rule": "imageView2/1/w/50/h/50/q/70"},
        {"fileid": "a.avif", "rule": "imageMogr2/thumbnail/40x/format/avif"},
    ]
    bad: list[object] = [
        "nothing", [{}], [{"fileid": "x"}], [{"fileid": "x", "rule": 1}], [{"fileid": "a/",
        "rule": "imageMogr2/strip"}],
        [{"fileid": "../a", "rule": "imageMogr2/strip"}], [{"fileid": "a", "rule": "imageInfo"}], [*good, good[0]],
        [{"fileid": "a", "rule": "imageMogr2/thumbnail/x"}], [{"fileid": "a", "rule": "imageMogr2/strip", "bucket": 7}],
        [{"fileid": "a", "rule": "imageMogr2/strip", "bucket": "none-1250000000"}], [good[0], {"fileid": "b",
        "rule": "style/x"}],
        [{"fileid": "a", "rule": "imageMogr2/cut/9x9x900x900"}],
    ]  # fmt: skip
    for method, target, body in (("PUT", "/ruled/p.jpg", photo), ("POST", "/photo.jpg?image_process", b"")):
        for count in range(1, len(good) + 1):
            yield Exchange(
                f"{method} with {count} rules", method, target, _operations(good[:count], count % 2), body
            )
        for rules in bad:
            yield Exchange(f"{method} refused: {rules}", method, target, _operations(rules), body)
        for text in ("", "{", "[]", "null", '{"is_pic_info":1}', '{"is_pic_info":2}', '{"rules":null}'):
            yield Exchange(f"{method} with {text!r}", method, target, (("Pic-Operations", text),), body)
    for key in (
        "small.webp",
        "ruled/small.webp",
        "absolute/a.png",
        "ruled/t.tpg",
        "ruled/v.jpg",
        "ruled/a.avif",
    ):
        yield Exchange(f"what a rule made: {key}", target=f"/{key}")
    for key in ("cut.jpg", "text.jpg", "empty.png", "moving.gif"):
        yield Exchange(f"rules of {key}", "PUT", f"/bad/{key}", _operations(good[:2], 1), pictures()[key])
        yield Exchange(f"was {key} stored", "HEAD", f"/bad/{key}")
    ignoring = [{"fileid": "copy", "rule": "imageMogr2/strip/ignore-error/1"}]
    yield Exchange(
        "a rule that ignores errors", "PUT", "/bad/cut.jpg", _operations(ignoring), pictures()["cut.jpg"]
    )
    yield Exchange("what it left", target="/bad/copy")
    yield Exchange("rules of nothing", "POST", "/none.jpg?image_process", _operations(good), b"")
