"""What is published: all distributions hold their licence and notices, all of their code, and nothing stray."""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from openmogr import console
from tools.release.archives import (
    components,
    crates_of_notices,
    has_decoder,
    problems_of_source,
    problems_of_wheel,
    text,
)
from tools.release.binaries import problems_of_module, read_module
from tools.release.build import CARGO_FOR_WINDOWS, target_of_rust
from tools.release.check import missing, problems, without_decoder
from tools.release.distributions import DECODER, NATIVE, ROOT, TARGETS, VERSIONS, version_of_release
from tools.release.version import changes

WHEELS = ("openmogr-*-none-any.whl", "pillow_tpg-*.whl", "openmogr_pixels-*.whl")


def run(*command: str | Path) -> str:
    """Run a command; without the network, from which builds take their own tools, the test is skipped."""
    done = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True)
    output = done.stdout + done.stderr
    if done.returncode and re.search(
        r"No matching distribution|Could not find a version|failed to download|Connection|resolve host",
        output,
    ):
        pytest.skip("building needs the network")
    assert done.returncode == 0, output
    return output


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All distributions, the wheels for this machine alone, out of what ``make setup`` has compiled."""
    if shutil.which("cargo") is None:
        pytest.skip("cargo was not found")
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("what belongs to the repository is known in a clone only")
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "tools.release.build", "sources", "--out", folder)
    run(sys.executable, "-m", "tools.release.build", "wheels", "--out", folder)
    return folder


def archive(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["openmogr", *(native.name for native in NATIVE)])
def test_a_distribution_holds_what_it_has_to_and_no_more(dist: Path, name: str) -> None:
    stem = name.replace("-", "_")
    assert problems_of_source(name, archive(dist, f"{stem}-[0-9]*.tar.gz")) == []
    assert problems_of_wheel(name, archive(dist, f"{stem}-[0-9]*.whl")) == []


@pytest.mark.timeout(1800)
def test_stray_and_missing_files_are_found(dist: Path, tmp_path: Path) -> None:
    wheel = archive(dist, "pillow_tpg-*.whl")
    changed = tmp_path / wheel.name
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith(".cyclonedx.json"):
                bill = json.loads(data)
                bill["components"] = [one for one in bill["components"] if one["name"] != "pyo3"]
                data = json.dumps(bill).encode()
            if not name.endswith("/plugin.py"):
                new.writestr(name, data + (b"x" if name.endswith("/LICENSE") else b""))
        new.writestr("pillow_tpg/notes.txt", "stray")
    found = problems_of_wheel("pillow-tpg", changed)
    assert found[:3] == [
        "lacks pillow_tpg/plugin.py",
        "holds pillow_tpg/notes.txt",
        "LICENSE is not that of the repository",
    ]
    assert [words.rpartition(" ")[0] for words in found[3:]] == ["the bill of materials lacks pyo3"]
    # It is no wheel that strangers could install, either.
    assert "is for linux_" in " ".join(problems(wheel))


def without(wheel: Path, folder: Path, *left_out: str) -> Path:
    """A wheel without some files."""
    changed = folder / wheel.name
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(changed, "w") as new:
        for name in set(old.namelist()) - set(left_out):
            new.writestr(name, old.read(name))
    return changed


@pytest.mark.timeout(1800)
def test_the_service_has_the_whole_decoder_of_the_console_or_none(dist: Path, tmp_path: Path) -> None:
    wheel = archive(dist, WHEELS[0])
    sources = archive(dist, "openmogr-[0-9]*.tar.gz")
    assert has_decoder(wheel) == has_decoder(sources) == console.has_decoder()
    bare = without(wheel, tmp_path, *DECODER)
    assert problems_of_wheel("openmogr", bare) == []
    assert without_decoder([bare]) == [f"{bare.name}: lacks the decoder of the console: make wasm"]
    if not has_decoder(wheel):
        pytest.skip("the decoder for browsers is not built: make wasm")
    assert without_decoder([wheel, sources]) == []
    (tmp_path / "part").mkdir()
    part = without(wheel, tmp_path / "part", "openmogr/console/decoder/png.js")
    assert problems_of_wheel("openmogr", part) == ["lacks openmogr/console/decoder/png.js"]


def test_a_release_lacks_what_is_not_built(tmp_path: Path) -> None:
    version = version_of_release()
    whole = [f"{stem}-{version}.tar.gz" for stem in ("openmogr", "pillow_tpg", "openmogr_pixels")]
    whole.append(f"openmogr-{version}-py3-none-any.whl")
    platforms = [re.sub(r"\\d\+", "11", target.tag) for target in TARGETS.values()]
    for native in NATIVE:
        for abi in ("cp311-abi3", "cp314-cp314t"):
            whole += [f"{native.package}-{version}-{abi}-{platform}.whl" for platform in platforms]
    for name in whole:
        (tmp_path / name).touch()
    assert list(missing(tmp_path)) == []
    (tmp_path / f"pillow_tpg-{version}-cp314-cp314t-win_amd64.whl").unlink()
    (tmp_path / f"openmogr-{version}.tar.gz").unlink()
    assert list(missing(tmp_path)) == [
        f"openmogr-{version}.tar.gz",
        "the wheel of pillow-tpg for cp314t and x86_64-pc-windows-msvc",
    ]


@pytest.mark.timeout(1800)
def test_it_installs_and_runs_without_rust(dist: Path, tmp_path: Path) -> None:
    bill = tmp_path / "openmogr.cdx.json"
    output = run(sys.executable, "-m", "tools.release.smoke", dist, "--sbom", bill)
    assert output.count(": fine\n") == 3
    document = json.loads(bill.read_text())
    assert document["metadata"]["component"]["name"] == "openmogr"
    found = {component["name"].lower() for component in document["components"]}
    assert {"pillow-tpg", "openmogr-pixels", "pillow", "uvicorn"} <= found


def test_the_licence_of_native_modules_is_ours() -> None:
    for native in NATIVE:
        assert (native.folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_the_notices_are_up_to_date() -> None:
    if shutil.which("cargo") is None:
        pytest.skip("cargo was not found")
    run(sys.executable, ROOT / "tools" / "third_party.py", "--check")
    for folder, crates in (
        ("codec", {"pyo3", "fast-ssim2", "butteraugli", "linear-srgb"}),
        ("pixels", {"mozjpeg-sys", "fast_image_resize", "png", "landlock", "seccompiler"}),
    ):
        notices = (ROOT / folder / "THIRD_PARTY.txt").read_text(encoding="utf-8")
        assert {crate.split()[0] for crate in crates_of_notices(notices)} >= crates
        assert "serde_json" not in notices


@pytest.mark.timeout(1800)
def test_bills_of_materials_name_more_than_the_notices(dist: Path) -> None:
    for pattern in WHEELS[1:]:
        wheel = archive(dist, pattern)
        assert crates_of_notices(text(wheel, "/THIRD_PARTY.txt")) < components(wheel)


@pytest.mark.skipif(sys.platform != "linux", reason="wheels of other systems are linked otherwise")
@pytest.mark.timeout(1800)
def test_a_module_is_for_what_its_wheel_says(dist: Path, tmp_path: Path) -> None:
    wheel = archive(dist, "pillow_tpg-*.whl")
    module = read_module(wheel)
    assert (module.kind, module.machine) == ("ELF", platform.machine())
    assert "libc.so.6" in module.libraries
    here = f"{module.machine}-unknown-linux"
    assert problems_of_module(wheel, f"{here}-gnu") == []
    assert "needs libc.so.6" in problems_of_module(wheel, f"{here}-musl")
    other = {"x86_64": "aarch64", "aarch64": "x86_64"}[module.machine]
    assert problems_of_module(wheel, f"{other}-unknown-linux-gnu") == [
        f"is ELF for {module.machine}, wanted is ELF for {other}"
    ]
    for target, kind in (("x86_64-apple-darwin", "Mach-O"), ("x86_64-pc-windows-msvc", "PE")):
        assert problems_of_module(wheel, target) == [
            f"is ELF for {module.machine}, wanted is {kind} for x86_64"
        ]
    broken = tmp_path / wheel.name
    with zipfile.ZipFile(broken, "w") as new:
        new.writestr("pillow_tpg/_pillow_tpg.abi3.so", b"no module")
    assert problems_of_module(broken, f"{here}-gnu") == ["pillow_tpg/_pillow_tpg.abi3.so is no module"]


def test_zig_builds_for_other_systems_than_this_one() -> None:
    assert target_of_rust("x86_64-unknown-linux-gnu", "linux") == ("x86_64-unknown-linux-gnu", True)
    assert target_of_rust("aarch64-apple-darwin", "linux") == ("aarch64-apple-darwin", True)
    assert target_of_rust("aarch64-apple-darwin", "darwin") == ("aarch64-apple-darwin", False)
    assert target_of_rust("x86_64-pc-windows-msvc", "win32") == ("x86_64-pc-windows-msvc", False)
    assert target_of_rust("x86_64-pc-windows-msvc", "linux") == ("x86_64-pc-windows-gnu", True)


def test_the_exports_for_windows_are_mended_before_cargo_runs(tmp_path: Path) -> None:
    """The list that maturin writes names the package too, and the linker finds no such function."""
    exports = tmp_path / "target/maturin/pillow_tpg._pillow_tpg.def"
    exports.parent.mkdir(parents=True)
    exports.write_text("LIBRARY pillow_tpg._pillow_tpg\nEXPORTS\n    PyInit_pillow_tpg._pillow_tpg\n")
    cargo = tmp_path / "bin/cargo"
    cargo.parent.mkdir()
    cargo.write_text('#!/bin/sh\necho "$@"\n')
    cargo.chmod(0o755)
    command = [CARGO_FOR_WINDOWS, "rustc", "--target-dir", tmp_path / "target", "--release"]
    environment = {"PATH": f"{cargo.parent}:{Path(sys.executable).parent}:/usr/bin:/bin"}
    done = subprocess.run([str(part) for part in command], env=environment, capture_output=True, text=True)
    assert done.stdout == f"rustc --target-dir {tmp_path}/target --release\n", done.stderr
    assert exports.read_text() == "LIBRARY pillow_tpg._pillow_tpg\nEXPORTS\n    PyInit__pillow_tpg\n"


# ---------------------------------------------------------------------------------------------------- versions


def test_every_version_is_the_same_and_stands_in_one_place() -> None:
    version = version_of_release()
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert set(VERSIONS) == {"openmogr", "pillow-tpg", "openmogr-pixels", "tpg-wasm", "@openmogr/tpg"}
    for folder in (ROOT, ROOT / "codec", ROOT / "pixels"):
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        assert project["dynamic"] == ["version"]
    for manifest in (ROOT / "codec", ROOT / "pixels"):
        for crate in manifest.glob("*/Cargo.toml"):
            package = tomllib.loads(crate.read_text(encoding="utf-8"))["package"]
            if crate.parent.name not in {"fuzz", "wasm"}:
                assert package["version"] == {"workspace": True}, crate


def test_the_modules_tell_their_version() -> None:
    import openmogr_pixels
    import pillow_tpg

    import openmogr

    assert {pillow_tpg.__version__, openmogr_pixels.__version__, openmogr.__version__} == {
        version_of_release()
    }


def test_the_service_asks_for_modules_of_its_own_release() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    given = [Requirement(text) for text in (*project["dependencies"], *extras["tpg"], *extras["pixels"])]
    for native in NATIVE:
        asked = [one for one in given if one.name == native.name]
        assert len(asked) == 2  # wherever there are wheels, and by an extra
        for one in asked:
            assert version_of_release() in one.specifier
            following = ".".join(str(int(part) + 1) for part in version_of_release().split(".")[:2]) + ".0"
            assert following not in one.specifier
    (marker,) = {str(one.marker) for one in given if one.marker and one.name == "pillow-tpg"}
    wheels = Requirement(f"x; {marker}").marker
    assert wheels is not None
    for machine, there in {"x86_64": True, "aarch64": True, "AMD64": True, "riscv64": False}.items():
        assert wheels.evaluate({"platform_machine": machine}) is there


CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- a\n\n## [1.2.0] - 2026-01-02\n\n- b\n\n## [1.1.0]\n- c\n"


def test_the_changes_of_a_version() -> None:
    assert changes(CHANGELOG, "1.2.0") == "- b\n"
    assert changes(CHANGELOG, "Unreleased") == "### Added\n\n- a\n"
    for version in ("1.1.0", "1.3.0"):  # without a date; not there
        with pytest.raises(SystemExit, match=re.escape(f"[{version}] - YYYY-MM-DD")):
            changes(CHANGELOG, version)


def test_a_tag_of_another_version_is_refused() -> None:
    command = [sys.executable, "-m", "tools.release.version", "v99.0.0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"the tag is v99.0.0, but the version is {version_of_release()}" in done.stderr
