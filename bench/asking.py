"""Clients without a library: one GET over a socket, which can be given up at any time."""

from __future__ import annotations

import asyncio
import contextlib
import re

from openmogr.testing import ServerProcess


async def get(port: int, target: str, host: str, patience: float = 60.0) -> tuple[int, bytes]:
    """Status and body of an anonymous GET; 0 where the client left after ``patience`` seconds, or was left."""
    with contextlib.suppress(TimeoutError, OSError, ValueError):
        async with asyncio.timeout(patience):
            return await _get(port, target, host)
    return 0, b""


async def _get(port: int, target: str, host: str) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(None, 2)[1]), body
    except IndexError:
        raise ValueError("no answer") from None
    finally:
        writer.transport.abort()


def metric(server: ServerProcess, name: str) -> float:
    """The value of a metric with its labels, as ``/-/metrics`` has it."""
    text = server.request("GET", "/-/metrics", signed=False).body.decode()
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"no metric {name} in {text}")
    return float(found[1])
