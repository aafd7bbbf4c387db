"""What is published: both distributions hold their licence and notices, all of their code, and nothing stray."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTICES = ("LICENSE", "THIRD_PARTY.txt")


def run(*command: str | Path, folder: Path) -> None:
    """Run a build; without the network, from which builds take their own tools, the test is skipped."""
    done = subprocess.run([str(part) for part in command], cwd=folder, capture_output=True, text=True)
    output = done.stdout + done.stderr
    if done.returncode and re.search(
        r"No matching distribution|Could not find a version|failed to download|Connection|resolve host",
        output,
    ):
        pytest.skip("building needs the network")
    assert done.returncode == 0, output


def names(archive: Path) -> set[str]:
    """The files in a wheel or, without the folder they lie in, in a source distribution."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return set(wheel.namelist())
    with tarfile.open(archive) as source:
        return {member.name.partition("/")[2] for member in source if member.isfile()}


def text(archive: Path, ending: str) -> str:
    """The text of the one file with that end."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            (name,) = [name for name in wheel.namelist() if name.endswith(ending)]
            return wheel.read(name).decode()
    with tarfile.open(archive) as source:
        (member,) = [member for member in source if member.name.endswith(ending)]
        file = source.extractfile(member)
        assert file is not None
        return file.read().decode()


def tracked(folder: str) -> set[str]:
    """The files below a folder that belong to the repository."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("what belongs to the repository is known in a clone only")
    listed = subprocess.run(["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(listed.stdout.split("\n")) - {""}


def test_openmogr(tmp_path: Path) -> None:
    pytest.importorskip("build", reason="the build tool is not installed")
    run(sys.executable, "-m", "build", "--quiet", "--outdir", tmp_path, ROOT, folder=tmp_path)
    (wheel,), (source,) = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    code = {name.removeprefix("src/") for name in tracked("src")}
    info = f"{wheel.name.partition('-py3')[0]}.dist-info"
    metadata = {f"{info}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt")}
    assert names(wheel) == code | metadata | {f"{info}/licenses/{name}" for name in NOTICES}
    # Hatch adds .gitignore, so that a build from the source distribution leaves the same out.
    around = {".gitignore", "CHANGELOG.md", "PKG-INFO", "README.md", "pyproject.toml", *NOTICES}
    assert names(source) == {f"src/{name}" for name in code} | around
    for archive in (wheel, source):
        for name in NOTICES:
            assert text(archive, f"/{name}") == (ROOT / name).read_text(encoding="utf-8")


def check_notices_of_the_codec(archive: Path) -> None:
    for name in NOTICES:
        assert text(archive, f"/{name}") == (ROOT / "codec" / name).read_text(encoding="utf-8")


def test_the_codecs_source_distribution(tmp_path: Path) -> None:
    run(sys.executable, "-m", "maturin", "sdist", "--out", tmp_path, folder=ROOT / "codec")
    (source,) = tmp_path.glob("*.tar.gz")
    check_notices_of_the_codec(source)
    repository = {name.removeprefix("codec/") for name in tracked("codec")}
    found = names(source)
    assert found - repository == {"PKG-INFO"}
    wanted = {name for name in repository if re.match(r"(python|(avs2|tpg|binding)/src)/", name)}
    assert found >= wanted | {"Cargo.toml", "Cargo.lock", "pyproject.toml", "README.md"}


@pytest.mark.timeout(1800)
def test_the_codecs_wheel(tmp_path: Path) -> None:
    if shutil.which("cargo") is None:
        pytest.skip("cargo was not found")
    # A folder of its own: the same compiled for another interpreter's path would be compiled anew by make setup.
    target = ROOT / "codec" / "target" / "wheel"
    build = (
        "build",
        "--release",
        "--quiet",
        "--compatibility",
        "linux",
        "--target-dir",
        target,
        "--out",
        tmp_path,
    )
    run(sys.executable, "-m", "maturin", *build, folder=ROOT / "codec")
    (wheel,) = tmp_path.glob("*.whl")
    check_notices_of_the_codec(wheel)
    code = {name.removeprefix("codec/python/") for name in tracked("codec/python")}
    others = names(wheel) - code
    assert code <= names(wheel)
    info = wheel.name.partition("-cp")[0] + ".dist-info/"
    modules = [name for name in others if re.fullmatch(r"pillow_tpg/_pillow_tpg\.[\w.-]+", name)]
    assert len(modules) == 1
    assert {name for name in others if not name.startswith(info)} == set(modules)


def test_the_licence_of_native_modules_is_ours() -> None:
    for folder in ("codec", "pixels"):
        assert (ROOT / folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_the_notices_are_up_to_date() -> None:
    if shutil.which("cargo") is None:
        pytest.skip("cargo was not found")
    run(sys.executable, ROOT / "tools" / "third_party.py", "--check", folder=ROOT)
    notices = (ROOT / "codec" / "THIRD_PARTY.txt").read_text(encoding="utf-8")
    for crate in ("pyo3 ", "fast-ssim2 ", "linear-srgb "):
        assert f"\n{crate}" in notices
    assert "serde_json" not in notices
    notices = (ROOT / "pixels" / "THIRD_PARTY.txt").read_text(encoding="utf-8")
    for crate in ("mozjpeg-sys ", "fast_image_resize ", "png ", "landlock ", "seccompiler "):
        assert f"\n{crate}" in notices
