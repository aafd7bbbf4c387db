"""Installs what has been built as users will, without Rust, and tries it out.

    python -m tools.release.smoke dist                 in a virtual environment that is made and removed
    python -m tools.release.smoke dist --sbom FILE     also writes its bill of materials (CycloneDX)

The three distributions come from the folder, everything else from PyPI, and nothing is compiled: no program is in
``PATH`` but those of the environment.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from packaging.tags import Tag, sys_tags
from packaging.utils import parse_wheel_filename

from tools.release.distributions import NATIVE, ROOT

__all__ = ["main", "programs", "wheel_for_here"]


def wheel_for_here(folder: Path, name: str) -> Path:
    """The wheel of a distribution that this interpreter takes, the best one where there are several.

    Raises:
        SystemExit: there is none.
    """
    # `make setup` builds for this machine alone, which pip calls linux_x86_64 and never downloads.
    order: dict[Tag, int] = {tag: number for number, tag in enumerate(sys_tags())}
    ranks: list[tuple[int, Path]] = []
    for path in folder.glob("*.whl"):
        found, _, _, tags = parse_wheel_filename(path.name)
        if found == name and (known := [order[tag] for tag in tags if tag in order]):
            ranks.append((min(known), path))
    if not ranks:
        raise SystemExit(f"{folder} has no wheel of {name} for this machine and Python")
    return min(ranks)[1]


def programs(environment: Path) -> Path:
    """The folder of programs of a virtual environment."""
    return environment / ("Scripts" if os.name == "nt" else "bin")


def clean_variables(environment: Path) -> dict[str, str]:
    """Variables in which no compiler, no Rust and no setting of ours is found."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OPENMOGR_", "CARGO", "RUSTUP", "PYTHON", "VIRTUAL_ENV"))
    }
    return kept | {"PATH": str(programs(environment))}


def install(folder: Path, environment: Path) -> None:
    """Makes the environment and installs the three wheels, with what they need."""
    venv.create(environment, with_pip=True)
    wheels = [wheel_for_here(folder, name) for name in ("openmogr", *(native.name for native in NATIVE))]
    python = programs(environment) / "python"
    command: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--only-binary", ":all:", *(path.resolve() for path in wheels)]
    subprocess.run(command, check=True, env=clean_variables(environment))


def try_out(environment: Path, work: Path) -> None:
    """Runs the trial inside, away from the repository."""
    script = Path(__file__).with_name("trial.py")
    command = [str(programs(environment) / "python"), "-I", str(script)]
    subprocess.run(command, check=True, cwd=work, env=clean_variables(environment))


def write_bill(environment: Path, file: Path) -> None:
    """The bill of materials of everything in the environment."""
    command: list[str | Path] = [sys.executable, "-m", "cyclonedx_py", "environment"]
    command += ["--pyproject", ROOT / "pyproject.toml", "--output-reproducible", "--output-file", file]
    subprocess.run([*command, programs(environment) / "python"], check=True)


def main() -> None:
    """Ends with an error where something does not work."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sbom", type=Path, help="write a bill of materials here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="openmogr-smoke-", ignore_cleanup_errors=True) as scratch:
        environment, work = Path(scratch) / "environment", Path(scratch) / "work"
        work.mkdir()
        install(options.folder, environment)
        try_out(environment, work)
        if options.sbom is not None:
            write_bill(environment, options.sbom.resolve())


if __name__ == "__main__":
    main()
