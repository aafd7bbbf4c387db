"""What a remembered result costs beside a plain object of the same bytes: `python -m bench.hits`.

Both are asked for in turn, in one process and without sockets, so that the ratio holds on a busy machine too; CPU time
is that of all threads.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from bench.common import DEMO_PHOTO, Report, argument_parser, machine_name
from openmogr.app import App, create_app
from openmogr.settings import load_settings
from openmogr.storage import Storage
from openmogr.storage.interface import Acl, ObjectAttributes, ObjectHeaders, Write

BUCKET, OPERATION = "bench-1250000000", "imageMogr2/thumbnail/300x/format/webp/quality/90"


async def get(app: App, key: str, query: str = "") -> bytes:
    """The body of one GET."""
    body = bytearray()
    path = f"/{BUCKET}/{key}"

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200:
            raise SystemExit(f"GET {path}: {message['status']}")
        body.extend(message.get("body", b""))

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", b"127.0.0.1")],
        "http_version": "1.1",
    }
    await app(scope, receive, send)
    return bytes(body)


async def put(storage: Storage, key: str, data: bytes) -> None:
    async with storage.stage() as staged:
        await staged.write(data)
        attributes = ObjectAttributes(headers=ObjectHeaders(content_type="image/webp"))
        await storage.commit([Write(BUCKET, key, staged, attributes)])


async def compare(app: App, storage: Storage, requests: int) -> tuple[float, float, int]:
    """CPU milliseconds of a plain GET and of a hit, and the bytes of both."""
    async with app.running():
        await storage.create_bucket(BUCKET, region="ap-shanghai", acl=Acl.PUBLIC_READ)
        await put(storage, "a.png", DEMO_PHOTO.read_bytes())
        made = await get(app, "a.png", OPERATION)
        await put(storage, "made.webp", made)
        spent = [0.0, 0.0]
        for turn in range(2 * 20):
            started = time.process_time()
            for _ in range(requests // 20):
                await (get(app, "a.png", OPERATION) if turn % 2 else get(app, "made.webp"))
            spent[turn % 2] += time.process_time() - started
    return 1000 * spent[0] / requests, 1000 * spent[1] / requests, len(made)


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--requests", type=int, default=4000, help="of either kind")
    options = parser.parse_args()
    print(machine_name())
    with Report("hits", options) as report, tempfile.TemporaryDirectory() as folder:
        settings = load_settings(overrides={"storage": {"data": Path(folder) / "data"}})
        app = create_app(settings)
        plain, hit, size = asyncio.run(compare(app, app.storage, options.requests))
        report.add("hits", plain_cpu_ms=plain, hit_cpu_ms=hit, bytes=size)
        print(
            f"plain GET {plain:.3f} CPU ms, remembered result {hit:.3f} CPU ms, ratio {hit / plain:.2f}; {size} bytes"
        )


if __name__ == "__main__":
    main()
