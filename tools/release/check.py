"""Checks what has been built before it is published: names, versions, contents, modules, and how old a Linux may be.

python -m tools.release.check dist            what is there
python -m tools.release.check dist --complete  and nothing that a release has is missing
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.utils import parse_sdist_filename, parse_wheel_filename

from tools.release.archives import has_decoder, problems_of_paths, problems_of_source, problems_of_wheel
from tools.release.binaries import problems_of_abi, problems_of_module
from tools.release.distributions import NATIVE, TARGETS, version_of_release

__all__ = ["main", "missing", "problems", "without_decoder"]

ABI = {("cp311", "abi3"), ("cp314", "cp314t")}


def problems(archive: Path) -> list[str]:
    """What is wrong with one archive, in words."""
    if archive.suffix != ".whl":
        name, version = parse_sdist_filename(archive.name)
        return _wrong_version(str(version)) + problems_of_source(name, archive)
    name, version, _, tags = parse_wheel_filename(archive.name)
    platforms = {tag.platform for tag in tags}
    target = next(
        (triple for triple, one in TARGETS.items() if any(re.fullmatch(one.tag, p) for p in platforms)), None
    )
    found = _wrong_version(str(version)) + problems_of_wheel(name, archive, target)
    if name == "openmogr":
        return found
    wrong = {(tag.interpreter, tag.abi) for tag in tags} - ABI
    found += [f"is for {interpreter} and {abi}" for interpreter, abi in wrong]
    if target is None:
        return [*found, f"is for {', '.join(sorted(platforms))}, which is no target of a release"]
    found += problems_of_paths(archive) + problems_of_abi(archive) + problems_of_module(archive, target)
    policy = TARGETS[target].policy
    # auditwheel judges musl only on a system with that C library, which has no versions of symbols to look at.
    return found + (_wrong_policy(archive, policy) if policy and policy.startswith("manylinux") else [])


def _wrong_version(version: str) -> list[str]:
    wanted = version_of_release()
    return [] if version == wanted else [f"is of version {version}, wanted is {wanted}"]


def _wrong_policy(archive: Path, policy: str) -> list[str]:
    """What a wheel needs beyond its policy of symbols of glibc, as auditwheel sees them."""
    command = [sys.executable, "-m", "auditwheel", "show", str(archive)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    words = " ".join((done.stdout + done.stderr).split())
    consistent = re.search(r'consistent with the following platform tag: "(\w+?)_(\d+)_(\d+)_\w+"', words)
    if done.returncode or consistent is None:
        return [f"auditwheel: {words}"]
    family, major, minor = policy.split("_")
    found = (int(consistent[2]), int(consistent[3]))
    if consistent[1] != family or found > (int(major), int(minor)):
        return [f"needs {consistent[1]}_{consistent[2]}_{consistent[3]}, wanted is {policy}"]
    return []


def missing(folder: Path) -> Iterator[str]:
    """What a whole release has and the folder has not."""
    found = {path.name for path in folder.iterdir()}
    version = version_of_release()
    for name in ("openmogr", *(native.package for native in NATIVE)):
        if f"{name}-{version}.tar.gz" not in found:
            yield f"{name}-{version}.tar.gz"
    if f"openmogr-{version}-py3-none-any.whl" not in found:
        yield f"openmogr-{version}-py3-none-any.whl"
    for native in NATIVE:
        for interpreter, abi in sorted(ABI):
            for target, one in TARGETS.items():
                wanted = rf"{native.package}-{re.escape(version)}-{interpreter}-{abi}-(\w+\.)*{one.tag}(\.\w+)*\.whl"
                if not any(re.fullmatch(wanted, name) for name in found):
                    yield f"the wheel of {native.name} for {abi} and {target}"


def without_decoder(archives: list[Path]) -> list[str]:
    """Which archives of the service have no decoder for the console, which builds of one's own may do without."""
    lacking = [one.name for one in archives if one.name.startswith("openmogr-") and not has_decoder(one)]
    return [f"{name}: lacks the decoder of the console: make wasm" for name in lacking]


def main() -> int:
    """Prints what is wrong, a line each; the result is the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--complete", action="store_true", help="a whole release has to be there")
    options = parser.parse_args()
    archives = sorted([*options.folder.glob("*.whl"), *options.folder.glob("*.tar.gz")])
    wrong = [f"{archive.name}: {words}" for archive in archives for words in problems(archive)]
    if options.complete:
        wrong += [f"missing: {words}" for words in missing(options.folder)]
        wrong += without_decoder(archives)
    for words in wrong:
        print(words)
    print(f"{len(archives)} archives, {len(wrong)} problems")
    return int(bool(wrong) or not archives)


if __name__ == "__main__":
    sys.exit(main())
