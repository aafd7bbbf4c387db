"""The scripts of ``docs/reliability.md``, short: each starts real servers, does its harm and judges what it sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import ON_LINUX, run

pytestmark = [pytest.mark.alone, ON_LINUX]


def test_an_overload_leaves_most_of_the_capacity(tmp_path: Path) -> None:
    # Short phases are no measurement, and others may use the machine.
    rows = run(tmp_path, "overload", "--seconds", 4, "--turns", 1, "--share", 0.5)
    assert rows[-1]["table"] == "goodput"


def test_equal_requests_cost_one_encode_and_nobody_s_work_stops(tmp_path: Path) -> None:
    rows = run(tmp_path, "equal", "--runs", 3, "--within", 1500)
    assert [row["encodes"] for row in rows if row["table"] == "equal requests"] == [1, 0]
    assert all(row["ended"] != "{'never': 3}" for row in rows if row["table"] == "all leave")


def test_shortages_pass(tmp_path: Path) -> None:
    rows = run(tmp_path, "shortage", "--within", 5)
    told = {str(row["part"]): str(row["why"]) for row in rows if row["table"] == "left out"}
    assert {row["part"] for row in rows} >= {"locked index", "locked index of results"}
    if told:
        pytest.skip("; ".join(f"{part}: {why}" for part, why in told.items()))


def test_slow_clients_cost_others_nothing(tmp_path: Path) -> None:
    rows = run(tmp_path, "slow_clients", "--seconds", 2, "--within", 2000)
    ends = {str(row["end"]): row["count"] for row in rows if row["table"] == "slow clients"}
    assert ends == {
        "idle: closed": 1100,
        "slow head: closed": 200,
        "slow body: HTTP/1.1 400 Bad Request": 200,
    }
