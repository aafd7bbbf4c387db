"""``deploy/ray`` is what KubeRay takes, and what the command takes."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
import yaml

from openmogr.cli.group import cli

MANIFEST = Path(__file__).resolve().parents[2] / "deploy" / "ray" / "rayjob.yaml"
OPERATOR = "github.com/ray-project/kuberay/ray-operator@v1.4.2"


@pytest.fixture(scope="module")
def job() -> Any:
    return yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))


def test_the_command_knows_its_options(job: Any) -> None:
    program, name, *arguments = shlex.split(job["spec"]["entrypoint"])
    assert (program, name) == ("openmogr", "bulk")
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    given = command.make_context(name, arguments).params
    assert (given["ray"], given["source"], given["memory"]) == ("auto", "s3://photos/2026", 1 << 30)
    assert given["ledger"].startswith("postgresql://")


def test_all_nodes_have_one_image(job: Any) -> None:
    cluster = job["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    assert len({group["template"]["spec"]["containers"][0]["image"] for group in groups}) == 1
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"


def test_it_fits_the_schema_of_kuberay(job: Any, tmp_path: Path) -> None:
    if shutil.which("go") is None:
        pytest.skip("no Go, by which KubeRay's schema comes")
    (tmp_path / "go.mod").write_text("module schema\n")
    command = ["go", "mod", "download", "-json", OPERATOR]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    if done.returncode:
        pytest.skip("KubeRay's schema could not be fetched")
    folder = Path(json.loads(done.stdout)["Dir"]) / "config" / "crd" / "bases"
    text = (folder / "ray.io_rayjobs.yaml").read_text(encoding="utf-8")
    # Of two megabytes, for which the loader in Python takes long.
    document = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    (schema,) = [
        version["schema"]["openAPIV3Schema"]
        for version in document["spec"]["versions"]
        if version["name"] == "v1"
    ]
    close(schema)
    schema["properties"]["metadata"] = {"type": "object"}
    validator = jsonschema.Draft7Validator(schema)
    assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(job)] == []
    job["spec"]["rayClusterSpec"]["headGroupSpec"]["surprise"] = 1
    assert not validator.is_valid(job)


def close(node: object) -> None:
    """Have a schema take no field that it does not name, as the API server warns of."""
    if isinstance(node, list):
        for one in node:
            close(one)
    if not isinstance(node, dict):
        return
    if node.get("x-kubernetes-int-or-string"):
        node.pop("type", None)
        node.pop("format", None)
    is_open = "additionalProperties" in node or node.get("x-kubernetes-preserve-unknown-fields")
    if node.get("type") == "object" and "properties" in node and not is_open:
        node["additionalProperties"] = False
    for one in node.values():
        close(one)
