"""Any operations over any small picture, through the whole application: a picture or a refusal, never a fault."""

from __future__ import annotations

import asyncio
import base64
import io
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from openmogr.app import create_app
from openmogr.asgi import Message
from openmogr.auth import Credential, sign_request
from openmogr.image.formats.registry import TARGETS
from openmogr.image.language.mogr import MOGR_PARAMETERS
from openmogr.image.language.operations import Gravity
from openmogr.image.language.view import VIEW_PARAMETERS
from openmogr.image.source.nclx import nclx_profile
from openmogr.settings import load_settings
from tests.image.conftest import encoded, photo

HOST = "any-1250000000.cos.ap-shanghai.myqcloud.com"
KEY = Credential("AKID", "key")
FACE = Path(__file__).parent.parent / "image" / "data" / "face.jpg"
_T = TypeVar("_T")


def token(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _moving(form: str, mode: str, **options: object) -> bytes:
    frames = [photo(44, 30, mode).rotate(angle) for angle in (0, 40, 180)]
    return encoded(frames[0], form, save_all=True, append_images=frames[1:], duration=40, **options)


def _sources() -> dict[str, bytes]:
    exif = Image.Exif()
    exif[0x0112] = 6
    return {
        "a.png": encoded(photo(60, 40), "PNG"),
        "alpha.png": encoded(photo(41, 67, "RGBA"), "PNG", exif=exif.tobytes()),
        "palette.png": encoded(photo(30, 30).quantize(7), "PNG", transparency=2),
        "wide.jpg": encoded(photo(70, 50), "JPEG", icc_profile=nclx_profile(12, 13)),
        "wide.png": _moving("PNG", "RGB", icc_profile=nclx_profile(9, 13)),
        "turned.jpg": encoded(photo(90, 70), "JPEG", exif=exif.tobytes()),
        "face.jpg": FACE.read_bytes(),
        "cmyk.jpg": encoded(photo(20, 24).convert("CMYK"), "JPEG"),
        "line.png": encoded(photo(33, 1, "L"), "PNG"),
        "dot.bmp": encoded(photo(1, 1), "BMP"),
        "grey.tiff": encoded(photo(19, 23, "LA"), "TIFF"),
        "moving.gif": _moving("GIF", "RGB"),
        "clear.gif": _moving("GIF", "RGBA", disposal=2),
        "moving.webp": _moving("WEBP", "RGBA"),
        "moving.png": _moving("PNG", "RGB"),
        "a.webp": encoded(photo(50, 50), "WEBP", quality=60),
        "a.avif": encoded(photo(40, 32), "AVIF"),
        "half.jpg": encoded(photo(64, 64), "JPEG")[:700],
        "text": b"no picture",
    }


_number = st.one_of(st.integers(1, 80), st.integers(1, 400), st.sampled_from([0, 10_000]))
_percent = st.integers(0, 100)
_size = st.one_of(
    st.builds("{}x{}".format, _number, _number),
    st.builds("{}x".format, _number),
    st.builds("x{}".format, _number),
)
_gravity = st.sampled_from(sorted(Gravity.__members__))
_bit = st.integers(0, 1)
_color = st.sampled_from([token("#336699"), token("white"), token("#fff"), "?"])
_ratio = st.sampled_from(["0.5", "1", "1.5", "3", "0.001", "1000"])
_format = st.sampled_from([*TARGETS, "auto", "*"])

_VALUES: dict[str, st.SearchStrategy[object]] = {
    "thumbnail": st.one_of(
        st.builds("{}{}".format, _size, st.sampled_from(["", ">", "<", "!"])),
        st.builds("!{}r".format, _size),
        st.builds("!{}p".format, st.integers(1, 400)),
        st.builds("!{}px".format, st.integers(1, 400)),
        st.builds("!x{}p".format, st.integers(1, 400)),
        st.builds("{}@".format, st.integers(1, 90_000)),
    ),
    "crop": st.one_of(_size, st.builds("!{}a{}-{}".format, _size, _number, _number)),
    "cut": st.builds("{}x{}x{}x{}".format, _number, _number, st.integers(0, 60), st.integers(0, 60)),
    "scrop": _size,
    "rcrop": st.builds("{}x{}".format, _ratio, _ratio),
    "rotate": st.integers(0, 360),
    "flip": st.sampled_from(["vertical", "horizontal"]),
    "blur": st.builds("{}x{}".format, st.integers(1, 50), st.integers(0, 60)),
    "sharpen": st.integers(10, 300),
    "bright": st.integers(-100, 100),
    "contrast": st.integers(-100, 100),
    "grayscale": _bit,
    "iradius": st.integers(1, 50),
    "rradius": st.integers(1, 50),
    "gravity": _gravity,
    "pad": _bit,
    "color": _color,
    "strip": _bit,
    "auto-orient": _bit,
    "metadata": st.sampled_from(["all", "copyright", "none"]),
    "format": _format,
    "quality": st.one_of(_percent, st.builds("{}!".format, _percent), st.just("auto")),
    "rquality": _percent,
    "lquality": _percent,
    "interlace": _bit,
    "ignore-error": _bit,
    "cgif": st.integers(1, 100),
    "size-limit": st.builds(
        "{}{}{}".format, st.integers(1, 40), st.sampled_from("km"), st.sampled_from(["", "!"])
    ),
    "target-ssimulacra2": st.integers(1, 100),
    "effort": st.integers(0, 9),
    "lossless": _bit,
    "icc": st.sampled_from(["keep", "srgb"]),
}
_LABEL = f"AIGCMetadata/Label/MQ/ProduceID/{token('编号')}"
_SHORT = {"q": "quality", "rq": "rquality", "lq": "lquality"}
_VIEW = {
    **{name: _VALUES[_SHORT.get(name, name)] for name in VIEW_PARAMETERS - {"w", "h"}},
    "w": _number,
    "h": _number,
}
_LAYING: dict[str, st.SearchStrategy[object]] = {
    "gravity": _gravity,
    "dx": st.integers(0, 90),
    "dy": st.integers(0, 90),
    "dissolve": st.integers(1, 100),
    "batch": _bit,
    "degree": st.integers(0, 360),
    "ignore-error": _bit,
}
_IMAGE = {**_LAYING, "blogo": st.integers(1, 2), "scatype": st.integers(1, 3), "spcent": st.integers(1, 1000)}
_TEXT = {
    **_LAYING,
    "font": st.sampled_from([token("simsun.ttc"), token("Arial"), token("Comic")]),
    "fontsize": st.integers(1, 90),
    "fill": _color,
    "shadow": _percent,
}
_marks = st.sampled_from(["a.png", "alpha.png", "turned.jpg", "moving.gif", "text", "missing", "dot.bmp"])
_words = st.sampled_from(["proof", "水印", "a\nb", "🙂", " ", "é"])


def _pairs(values: dict[str, st.SearchStrategy[object]], most: int = 4) -> st.SearchStrategy[str]:
    pair = st.sampled_from(sorted(values)).flatmap(
        lambda name: st.builds(f"/{name}/{{}}".format, values[name])
    )
    return st.lists(pair, max_size=most).map("".join)


_stage = st.one_of(
    st.builds("imageMogr2{}".format, _pairs(_VALUES, 6)),
    st.builds("imageMogr2/{}{}".format, st.just(_LABEL), _pairs(_VALUES, 2)),
    st.builds("imageView2/{}{}".format, st.integers(0, 5), _pairs(_VIEW)),
    st.builds(
        "watermark/1/image/{}{}".format,
        _marks.map(lambda name: token(f"http://{HOST}/{name}")),
        _pairs(_IMAGE),
    ),
    st.builds("watermark/2/text/{}{}".format, _words.map(token), _pairs(_TEXT)),
    st.sampled_from(["imageSlim", "style/small", "style/none", "watermark/3/type/3/text/eA"]),
)
_end = st.sampled_from(
    [
        "",
        "",
        "",
        "|imageInfo",
        "|imageAve",
        "|exif",
        "|imageAIGCMetadata",
        "|imageSlim",
        "|imageMogr2/format/auto",
    ]
)
_operation = st.builds("{}{}".format, st.lists(_stage, min_size=1, max_size=3).map("|".join), _end)


class _Application:
    """The application on an event loop of its own, in this process."""

    def __init__(self, data: Path) -> None:
        overrides: dict[str, dict[str, object]] = {
            "storage": {"data": data},
            "auth": {"secret_id": KEY.secret_id, "secret_key": KEY.secret_key},
            "image": {
                "max_side": 500,
                "max_pixels": 90_000,
                "max_parameter": 300,
                "workers": 2,
                "auto_seconds": 1.0,
            },
        }
        self.app = create_app(load_settings(overrides=overrides))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._told: asyncio.Queue[Message] = asyncio.Queue()
        self._heard: asyncio.Queue[Message] = asyncio.Queue()
        scope: dict[str, object] = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        self._life = asyncio.run_coroutine_threadsafe(
            self.app(scope, self._told.get, self._heard.put), self._loop
        )
        self._tell("startup")
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=f"http://{HOST}")

    def _tell(self, what: str) -> None:
        async def tell() -> Message:
            await self._told.put({"type": f"lifespan.{what}"})
            return await self._heard.get()

        assert self.run(tell())["type"] == f"lifespan.{what}.complete"

    def run(self, work: Awaitable[_T]) -> _T:
        async def wait() -> _T:
            return await work

        return asyncio.run_coroutine_threadsafe(wait(), self._loop).result(120)

    def request(
        self, method: str, target: str, body: bytes | None = None, *, signed: bool = False
    ) -> httpx.Response:
        headers = {"Host": HOST}
        if signed:
            headers["Authorization"] = sign_request(KEY, method, target, {"host": HOST})
        if method == "PUT" and target == "/":
            headers["x-cos-acl"] = "public-read"
        return self.run(self.client.request(method, f"http://{HOST}{target}", headers=headers, content=body))

    def close(self) -> None:
        self.run(self.client.aclose())
        self._tell("shutdown")
        self._life.result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str, bool], httpx.Response]]:
    """Gets an operation over a picture, signed or not."""
    application = _Application(tmp_path_factory.mktemp("any") / "data")
    style = "<AddStyle><StyleName>small</StyleName><StyleBody>imageMogr2/thumbnail/20x</StyleBody></AddStyle>"
    made = [application.request("PUT", "/", b"", signed=True)]
    made += [application.request("PUT", f"/{name}", data, signed=True) for name, data in _sources().items()]
    made.append(application.request("PUT", "/?style", style.encode(), signed=True))
    assert [answer.status_code for answer in made] == [200] * len(made)

    def asked(name: str, operation: str, signed: bool) -> httpx.Response:
        return application.request("GET", f"/{name}?{quote(operation, safe='/!@|')}", signed=signed)

    yield asked
    application.close()


STATUSES: Counter[int] = Counter()


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(_operation, st.sampled_from(sorted(_sources())), st.booleans())
@example("imageMogr2/scrop/40x40/rcrop/1x1", "face.jpg", False)
@example("imageMogr2/format/auto/target-ssimulacra2/60|imageSlim", "alpha.png", False)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_picture_or_a_refusal(
    ask: Callable[[str, str, bool], httpx.Response], operation: str, name: str, signed: bool
) -> None:
    answer = ask(name, operation, signed)
    STATUSES[answer.status_code] += 1
    if "watermark/3" in operation or ("scrop" in operation and find_spec("cv2") is None):
        assert answer.status_code in {200, 400, 501}, answer.text
        return
    assert answer.status_code in {200, 400, 403, 404}, answer.text
    kind = answer.headers["content-type"]
    if answer.status_code != 200:
        assert b"<Message>" in answer.content
        assert answer.headers["x-errno"].startswith("-")
    elif kind.startswith("image/") and kind not in {"image/tpg", "image/jxl", "image/heif", "image/heic"}:
        if answer.content in (_sources()["half.jpg"], _sources()["text"]):
            return
        with Image.open(io.BytesIO(answer.content)) as image:
            image.load()


def test_many_of_them_are_pictures() -> None:
    """The strategy above is of use: it is not refused at the first parameter."""
    if STATUSES:
        assert STATUSES[200] >= sum(STATUSES.values()) // 4, STATUSES


def test_every_operation_is_tried() -> None:
    assert set(_VALUES) == MOGR_PARAMETERS
    assert set(_VIEW) == VIEW_PARAMETERS
