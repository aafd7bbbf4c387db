"""A Ray cluster of several raylets on one machine, for tests and benchmarks: ``python -m bench.ray_cluster NODES``.

The program keeps the cluster until its standard input ends. It prints a line of JSON with the cluster's address and
the numbers of the raylets' processes, the head's first, and one more with the number of another raylet for each line
it reads.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.common import ROOT

__all__ = ["RayCluster"]

# `check-jsonschema` brings a package that builds a grammar for seconds when it is imported, which Ray then does in each
# of its processes. Nodes have no such package, nor do these.
_LEFT_OUT = "rfc3987_syntax"
_JOINED_SECONDS = 150


class RayCluster:
    """A cluster of nodes of one processor each.

    Args:
        nodes: how many.
        cpus: that Ray may give out, of each.

    Attributes:
        address: of the cluster.
        environment: for whoever joins it.
        raylets: numbers of their processes, the head's first.
    """

    def __init__(self, nodes: int = 2, cpus: int = 1) -> None:
        self._nodes, self._cpus = nodes, cpus
        self._folder = tempfile.TemporaryDirectory(prefix="openmogr-ray-")
        lean = Path(self._folder.name, "lean")
        lean.mkdir()
        (lean / f"{_LEFT_OUT}.py").write_text("raise ImportError\n", encoding="utf-8")
        # Where Ray notes which cluster is the machine's, whatever folder the cluster has; it makes none for that.
        Path(self._folder.name, "ray").mkdir()
        places = (str(lean), os.environ.get("PYTHONPATH", ""))
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(place for place in places if place),
            "RAY_AUTH_MODE": "disabled",
            "RAY_TMPDIR": self._folder.name,
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_raylet_start_wait_time_s": "120",
        }
        self.address = ""
        self.raylets: list[int] = []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.ray_cluster", str(self._nodes), str(self._cpus), self._folder.name],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            process_group=0,
        )
        told = self._line()
        self.address, self.raylets = told["address"], told["raylets"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            # A group of its own: nobody else is in it.
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._folder.cleanup()

    def add_node(self) -> int:
        """One more node; the number of its raylet's process."""
        assert self._process.stdin is not None
        self._process.stdin.write("add\n")
        self._process.stdin.flush()
        raylet = int(self._line()["raylet"])
        self.raylets.append(raylet)
        return raylet

    def workers(self) -> list[int]:
        """Numbers of the processes that work on batches."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                title = (entry / "cmdline").read_bytes()
            except (OSError, IndexError):
                continue
            if parent in self.raylets and title.startswith(b"ray::openmogr"):
                found.append(int(entry.name))
        return found

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                return dict(json.loads(line))
        raise RuntimeError("the Ray cluster did not start")


def main(nodes: int, cpus: int, folder: str) -> None:
    """Keep a cluster until the standard input ends."""
    from ray.cluster_utils import Cluster

    arguments: dict[str, Any] = {
        "num_cpus": cpus,
        "object_store_memory": 100 << 20,
        "include_dashboard": False,
        # Ray would for half a minute, which a busy machine outlasts.
        "wait": False,
    }
    cluster = Cluster(initialize_head=True, head_node_args={**arguments, "temp_dir": folder})
    for _ in range(nodes - 1):
        cluster.add_node(**arguments)
    cluster.wait_for_nodes(_JOINED_SECONDS)
    found = [
        node.all_processes["raylet"][0].process.pid for node in (cluster.head_node, *cluster.worker_nodes)
    ]
    print(json.dumps({"address": cluster.address, "raylets": found}), flush=True)
    for _ in sys.stdin:
        # Not waited for, since Ray would wait for a killed one too. What is to be done waits for it.
        node = cluster.add_node(**arguments)
        print(json.dumps({"raylet": node.all_processes["raylet"][0].process.pid}), flush=True)
    cluster.shutdown()  # type: ignore[no-untyped-call]  # Ray gives it no types


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
