"""The files of the forge agree with the project: versions, chores and paths that they name exist."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import yaml

from tests.conftest import LONG

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
Map = dict[str, object]


def load(path: Path) -> Map:
    return cast(Map, yaml.safe_load(path.read_text(encoding="utf-8")))


def jobs(path: Path) -> dict[str, Map]:
    return cast("dict[str, Map]", load(path)["jobs"])


def commands(job: Map) -> Iterator[str]:
    """The shell lines of a job."""
    for step in cast("list[dict[str, str]]", job["steps"]):
        yield from step.get("run", "").splitlines()


def everything() -> list[str]:
    return [line for path in WORKFLOWS for job in jobs(path).values() for line in commands(job)]


def project() -> Map:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return cast(Map, tomllib.loads(text)["project"])


def test_there_are_workflows_with_commands() -> None:
    assert {path.name for path in WORKFLOWS} >= {"ci.yml", "fuzz.yml", "release.yml"}
    assert len(everything()) > 10


def test_the_oldest_python_is_tested() -> None:
    matrix = cast(
        "dict[str, dict[str, list[str]]]", jobs(ROOT / ".github/workflows/ci.yml")["test"]["strategy"]
    )
    versions = matrix["matrix"]["python"]
    assert project()["requires-python"] == f">={versions[0]}"
    assert versions == sorted(versions, key=lambda version: int(version.split(".")[1]))


def test_the_oldest_rust_is_tested() -> None:
    workspace = tomllib.loads((ROOT / "codec" / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]
    oldest = workspace["package"]["rust-version"]
    lines = list(commands(jobs(ROOT / ".github/workflows/ci.yml")["msrv"]))
    assert any(line.startswith(f"cargo +{oldest} ") for line in lines)


def test_every_chore_and_script_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    chores = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for line in everything():
        words = shlex.split(line)
        if words[0] == "make":
            assert words[1] in chores, line
        elif "/" in words[0] and not words[0].startswith(".venv/"):
            assert (ROOT / words[0]).is_file(), line


def test_files_that_begin_first_exist() -> None:
    assert [name for name in LONG if not (ROOT / name).is_file()] == []
    assert len(set(LONG)) == len(LONG)


def test_the_fuzz_targets_exist() -> None:
    strategy = cast(
        "dict[str, dict[str, list[str]]]", jobs(ROOT / ".github/workflows/fuzz.yml")["fuzz"]["strategy"]
    )
    found = {path.stem for path in (ROOT / "codec" / "fuzz" / "fuzz_targets").glob("*.rs")}
    assert set(strategy["matrix"]["target"]) == found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_only_read_and_ends(path: Path) -> None:
    assert load(path)["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in jobs(path).values())


def test_a_release_uses_nothing_that_can_change_under_it() -> None:
    """Actions by their commits, tools by their hashes; only what publishes may write, and only for a tag."""
    path = ROOT / ".github" / "workflows" / "release.yml"
    writing = set()
    for name, job in jobs(path).items():
        steps = cast("list[dict[str, str]]", job["steps"])
        for step in steps:
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step.get("uses", "a/b@" + "0" * 40)), step
        for line in commands(job):
            assert "pip install" not in line or "--require-hashes" in line or "packaging" in line, line
            if re.search(r"\bpublish\b|release create|docker login", line):
                guard = [step.get("if") for step in steps if line in step.get("run", "")] + [job.get("if")]
                assert "github.ref_type == 'tag'" in guard, line
        if "write" in cast("dict[str, str]", job.get("permissions", {})).values():
            writing.add(name)
    assert writing == {"pypi", "npm", "image", "page"}
    assert jobs(path)["pypi"]["if"] == "github.ref_type == 'tag'"


def test_a_release_builds_every_target_that_it_is_checked_for() -> None:
    from tools.release.distributions import TARGETS

    strategy = cast(
        "dict[str, dict[str, list[dict[str, str]]]]",
        jobs(ROOT / ".github/workflows/release.yml")["wheels"]["strategy"],
    )
    assert {entry["target"] for entry in strategy["matrix"]["include"]} == set(TARGETS)


def test_modules_that_workflows_run_exist() -> None:
    named = set(re.findall(r"python3? -m (tools\.[\w.]+)", "\n".join(everything())))
    assert {name.rpartition(".")[2] for name in named} >= {"build", "check", "smoke", "version"}
    assert all((ROOT / f"{name.replace('.', '/')}.py").is_file() for name in named)


def test_dependencies_are_looked_for_where_they_are() -> None:
    files = {"pip": "pyproject.toml", "cargo": "Cargo.toml", "npm": "package.json", "docker": "Dockerfile"}
    for entry in cast("list[Map]", load(ROOT / ".github" / "dependabot.yml")["updates"]):
        folders = cast("list[str]", entry.get("directories") or [entry["directory"]])
        name = files.get(cast(str, entry["package-ecosystem"]), ".github")
        assert all((ROOT / folder.strip("/") / name).exists() for folder in folders), entry


def test_the_hooks_run_what_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for repository in cast("list[Map]", load(ROOT / ".pre-commit-config.yaml")["repos"]):
        for hook in cast("list[dict[str, str]]", repository["hooks"]):
            for word in hook.get("entry", "").split():
                if word.startswith(".venv/bin/") and not word.endswith("/python"):
                    assert f"$(BIN)/{word.rpartition('/')[2]}" in makefile, hook
                elif word.startswith(("tools/", "codec/")):
                    assert (ROOT / word).is_file(), hook
