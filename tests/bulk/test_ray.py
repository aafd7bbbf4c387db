"""``openmogr bulk --ray`` on a real cluster of two raylets: whatever is killed, the results are the same."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.processes import below, is_alive
from bench.ray_cluster import RayCluster
from tests.bulk.conftest import Ran, command, make_pictures, results

pytest.importorskip("ray", reason="Ray is not installed: pip install 'ray>=2.50'")

Run = Callable[..., Ran]
# Slow enough that there is something to kill.
OP = "imageMogr2/thumbnail/150x/format/avif"
COUNT = 300


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    with RayCluster(2) as running:
        yield running


def start(folder: Path, cluster: RayCluster, *more: str) -> subprocess.Popen[str]:
    arguments = ("in", "out", "--op", OP, "--ray", cluster.address, "--batch-seconds", "0.3", "--json", *more)
    environment = {name: value for name, value in cluster.environment.items() if "OPENMOGR" not in name}
    return subprocess.Popen(
        command(*arguments),
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def made(target: Path) -> int:
    return sum(1 for _ in target.glob("f*/*.avif"))


def await_results(process: subprocess.Popen[str], target: Path, count: int) -> None:
    """Until there are so many, or the run has ended."""
    until = time.monotonic() + 200
    while made(target) < count and process.poll() is None:
        assert time.monotonic() < until, f"only {made(target)} of {count} results come"
        time.sleep(0.01)


def kill_one(found: list[int]) -> bool:
    """Whether there was one."""
    alive = [pid for pid in found if is_alive(pid)]
    if alive:
        os.kill(random.choice(alive), signal.SIGKILL)
    return bool(alive)


@pytest.mark.alone
def test_kills_leave_no_trace(run: Run, tmp_path: Path, cluster: RayCluster) -> None:
    make_pictures(tmp_path / "in", COUNT)
    (tmp_path / "in" / "f0" / "bad.png").write_bytes(b"no picture")
    assert run("in", "whole", "--op", OP).code == 4
    killed = []
    process = start(tmp_path, cluster)
    await_results(process, tmp_path / "out", 10)
    # A process that works on a picture, then one of Ray's, then a node, and the driver. A driver that was attached to
    # the node ends with it.
    pictures = [pid for worker in cluster.workers() for pid in below(worker) if not below(pid)]
    killed.append(kill_one(pictures))
    await_results(process, tmp_path / "out", 50)
    killed.append(kill_one(cluster.workers()))
    await_results(process, tmp_path / "out", 90)
    killed.append(kill_one(cluster.raylets[-1:]))
    cluster.add_node()
    await_results(process, tmp_path / "out", 150)
    process.kill()
    process.communicate()
    assert killed == [True, True, True]
    assert process.returncode != 4, "the run was over before its driver was killed"
    written_down = made(tmp_path / "out")
    last = start(tmp_path, cluster)
    out, _ = last.communicate(timeout=240)
    assert last.returncode == 4
    [line] = out.splitlines()
    told = json.loads(line)["summary"]
    assert told["skipped"] + told["done"] == COUNT
    assert 0 < told["skipped"] <= written_down
    assert told["reasons"] == {"InvalidImageFormat": 1}
    assert results(tmp_path / "out") == results(tmp_path / "whole")


def test_an_interruption(tmp_path: Path, cluster: RayCluster) -> None:
    make_pictures(tmp_path / "in", 200)
    process = start(tmp_path, cluster)
    await_results(process, tmp_path / "out", 10)
    since = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - since < 30
    # Nothing of what Ray says of its nodes.
    [line] = out.splitlines()
    told = json.loads(line)["summary"]
    assert told["interrupted"]
    assert told["done"] < 200


def test_a_cluster_that_is_not_there(run: Run, tmp_path: Path) -> None:
    make_pictures(tmp_path / "in", 1)
    refused = run("in", "out", "--op", OP, "--ray", "127.0.0.1:1")
    assert refused.code == 3
    assert "the Ray cluster at 127.0.0.1:1 cannot be joined" in refused.err
