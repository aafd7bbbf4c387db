"""Every line has one form and its request's id."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest

from openmogr.observe import REQUEST_ID, LogFormat, LogLevel, LogSettings, configure_logging


@pytest.fixture(autouse=True)
def _root_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, factory = list(root.handlers), root.level, logging.getLogRecordFactory()
    # Ray, where another test of this process began it, makes records with a field that a caller may not give then.
    logging.setLogRecordFactory(logging.LogRecord)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.setLogRecordFactory(factory)


def _logged(settings: LogSettings) -> io.StringIO:
    out = io.StringIO()
    configure_logging(settings, out)
    return out


# What uvicorn and Ray add to records.
FOREIGN = {"color_message": "GET", "_ray_timestamp_ns": 1}


def test_json_lines_are_objects_with_fields_and_the_request() -> None:
    out = _logged(LogSettings(format=LogFormat.JSON))
    token = REQUEST_ID.set("abc")
    try:
        logging.getLogger("openmogr.access").info(
            "GET %s", "/k<ü>", extra={"status": 200, "bytes": 5, **FOREIGN}
        )
    finally:
        REQUEST_ID.reset(token)
    logging.getLogger("other.library").warning("no request")
    first, second = (json.loads(line) for line in out.getvalue().splitlines())
    assert first.pop("timestamp").endswith("Z")
    assert first == {
        "event": "GET /k<ü>",
        "level": "info",
        "logger": "openmogr.access",
        "status": 200,
        "bytes": 5,
        "request_id": "abc",
    }
    assert "request_id" not in second


def test_text_lines_hold_the_same() -> None:
    out = _logged(LogSettings())
    token = REQUEST_ID.set("abc")
    try:
        logging.getLogger("openmogr.api").warning("odd", extra={"status": 400})
    finally:
        REQUEST_ID.reset(token)
    (line,) = out.getvalue().splitlines()
    assert all(part in line for part in ("odd", "warning", "openmogr.api", "status=400", "request_id=abc"))


def test_an_exception_stays_in_one_json_line() -> None:
    out = _logged(LogSettings(format=LogFormat.JSON))
    try:
        raise ValueError("deep\ntrouble")
    except ValueError:
        logging.getLogger("x").exception("failed")
    (line,) = out.getvalue().splitlines()
    assert "deep" in line


def test_the_level_holds() -> None:
    out = _logged(LogSettings(level=LogLevel.ERROR))
    logging.getLogger("x").warning("quiet")
    logging.getLogger("x").error("loud")
    assert "quiet" not in out.getvalue()
    assert "loud" in out.getvalue()


def test_tasks_inherit_the_request() -> None:
    out = _logged(LogSettings())

    async def later() -> None:
        await asyncio.sleep(0)
        logging.getLogger("x").info("from a task")

    async def request(name: str) -> None:
        REQUEST_ID.set(name)
        await asyncio.create_task(later())

    async def both() -> None:
        await asyncio.gather(request("one"), request("two"))

    asyncio.run(both())
    lines = out.getvalue().splitlines()
    assert sorted(line.rsplit("request_id=", 1)[1] for line in lines) == ["one", "two"]


def test_no_key_breaks_a_line_of_text() -> None:
    out = _logged(LogSettings(format=LogFormat.TEXT))
    logging.getLogger("openmogr.api").warning(
        "GET %s", "/b/a\n2026-01-01 [error] made up\x1b[2J", extra={"path": "/ü\r"}
    )
    try:
        raise ValueError("with a traceback")
    except ValueError:
        logging.getLogger("openmogr.api").exception("failed")
    first, second, *traceback = out.getvalue().splitlines()
    assert "/b/a\\n2026-01-01 [error] made up\\x1b[2J" in first
    assert "/ü\\r" in first
    assert "failed" in second
    assert len(traceback) > 2
