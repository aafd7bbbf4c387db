"""How long a plain GET takes while workers are busy: ``python -m bench.responsiveness``.

The same small object is asked for over one connection, first while the server rests, then while clients keep all
workers at pictures of 12 MP. What the processors are shared by, the answer has to wait for; what must not be seen is
the event loop waiting for a picture.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

from bench.common import machine, machine_name
from openmogr.testing import ServerProcess

BUCKET = "busy-1250000000"


def times(port: int, count: int) -> list[float]:
    """Milliseconds of so many GETs, ascending."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    found = []
    for _ in range(count):
        started = time.perf_counter()
        connection.request("GET", f"/{BUCKET}/small")
        connection.getresponse().read()
        found.append((time.perf_counter() - started) * 1000)
        time.sleep(0.01)
    connection.close()
    return sorted(found)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    noise = np.random.default_rng(1).integers(0, 255, (3000, 4000, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).resize((4000, 3000)).save(out, "JPEG", quality=60)
    with tempfile.TemporaryDirectory() as folder, ServerProcess(Path(folder) / "data") as server:
        server.request("PUT", f"/{BUCKET}", b"", {"x-cos-acl": "public-read"})
        server.request("PUT", f"/{BUCKET}/small", b"x" * 10_000)
        server.request("PUT", f"/{BUCKET}/large.jpg", out.getvalue())
        times(server.port, 50)
        idle = times(server.port, arguments.count)
        stop = threading.Event()

        def keep_busy(number: int) -> None:
            while not stop.is_set():
                number += 10
                server.request(
                    "GET", f"/{BUCKET}/large.jpg?imageMogr2/quality/{30 + number % 60}/rotate/{number % 360}"
                )

        clients = [threading.Thread(target=keep_busy, args=(number,)) for number in range(4)]
        for client in clients:
            client.start()
        time.sleep(1)
        busy = times(server.port, arguments.count)
        stop.set()
        for client in clients:
            client.join()
    print(machine_name())
    print(f"{'':6}{'median ms':>12}{'p99 ms':>10}")
    figures = {}
    for name, found in (("idle", idle), ("busy", busy)):
        figures[name] = {"median": found[len(found) // 2], "p99": found[int(len(found) * 0.99)]}
        print(f"{name:6}{figures[name]['median']:12.2f}{figures[name]['p99']:10.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine(), "results": figures}, indent=1) + "\n")


if __name__ == "__main__":
    main()
