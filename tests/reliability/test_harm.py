"""As ``test_scripts.py``, where no time is judged, so that other tests may run beside."""

from __future__ import annotations

from pathlib import Path

from .conftest import ON_LINUX, run

pytestmark = ON_LINUX


def test_what_was_acknowledged_outlives_kills(tmp_path: Path) -> None:
    (figures,) = run(tmp_path, "kills", "--rounds", 4)
    assert figures["killed servers"] == 4
    assert int(str(figures["put"])) > 4


def test_a_fault_costs_its_own_request(tmp_path: Path) -> None:
    rows = run(tmp_path, "faults", "--faults", 4)
    assert {str(row["what"]).partition(":")[0] for row in rows if row["table"] == "faults"} == {
        "crash",
        "hang",
        "balloon",
        "lie",
    }
    assert sum(int(str(row["count"])) for row in rows if row["table"] == "others") > 4
