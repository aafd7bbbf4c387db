"""Builds what is released.

    python -m tools.release.build wheels --target aarch64-unknown-linux-gnu   wheels of the native modules
    python -m tools.release.build wheels                                     the same for this machine and no other
    python -m tools.release.build sources                                    source distributions, the wheel of openmogr
    python -m tools.release.build service                                    that wheel alone, without the network

Needs Rust with the target, maturin, build and, for Linux targets and those of other systems than this one, ziglang,
which links against old C libraries and for other systems; on x86 nasm as well. Wheels are of the stable ABI of Python
3.11; ``--free-threaded`` builds those of free-threaded 3.14.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.release.distributions import NATIVE, ROOT, TARGETS, Native

__all__ = ["main"]

OLDEST_PYTHON = "python3.11"
FREE_THREADED = "python3.14t"
CARGO_FOR_WINDOWS = ROOT / "tools" / "release" / "cargo_for_windows"


def run(command: list[str | Path], folder: Path, environment: dict[str, str] | None = None) -> None:
    """Runs a command and ends the program if it fails."""
    print("+", *command, flush=True)
    done = subprocess.run([str(part) for part in command], cwd=folder, env=environment, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def neutral_paths() -> dict[str, str]:
    """An environment in which modules hold no path of the machine that they are built on."""
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True)
    remap = {str(ROOT): "/openmogr", str(home): "/cargo", sysroot.stdout.strip(): "/rust"}
    flags = "\x1f".join(f"--remap-path-prefix={old}={new}" for old, new in remap.items())
    # Zig for the target is a program beside Python.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "CARGO_ENCODED_RUSTFLAGS": flags, "PATH": path}


def target_of_rust(target: str, system: str) -> tuple[str, bool]:
    """What Rust calls the target on a system (``sys.platform``), and whether Zig links for it."""
    one = TARGETS[target]
    if one.policy is not None:
        return target, True
    own = {"darwin": "apple-darwin", "win32": "pc-windows-msvc"}.get(system, "none")
    return (target, False) if target.endswith(own) else (one.elsewhere or target, True)


def build_wheel(native: Native, target: str, out: Path, interpreter: str) -> None:
    """One wheel for a target."""
    policy = TARGETS[target].policy
    command: list[str | Path] = [sys.executable, "-m", "maturin", "build", "--release", "--locked"]
    rust, zig = target_of_rust(target, sys.platform)
    command += ["--target", rust, "--out", out, "--interpreter", interpreter]
    # A folder of its own: other flags would have make setup compile everything anew.
    command += ["--target-dir", native.folder / "target" / "release-wheels"]
    command += ["--zig"] * zig
    if policy is not None:
        command += ["--compatibility", policy]
    mended = {"CARGO": str(CARGO_FOR_WINDOWS)} if zig and "windows" in rust else {}
    run(command, native.folder, neutral_paths() | mended)


def build_wheel_here(native: Native, out: Path) -> None:
    """One wheel for this machine, out of what ``make setup`` has compiled."""
    command: list[str | Path] = [sys.executable, "-m", "maturin", "build", "--release", "--locked", "--quiet"]
    command += ["--compatibility", "linux", "--out", out, "--interpreter", sys.executable]
    run(command, native.folder)


def build_sources(out: Path) -> None:
    """Three source distributions, and the wheel of the service, which is pure Python."""
    run([sys.executable, "-m", "build", "--quiet", "--outdir", out, ROOT], ROOT)
    for native in NATIVE:
        run([sys.executable, "-m", "maturin", "sdist", "--out", out], native.folder)


def build_service(out: Path) -> None:
    """The wheel of the service, with the build system that is installed."""
    run([sys.executable, "-m", "build", "--quiet", "--wheel", "--no-isolation", "--outdir", out, ROOT], ROOT)


def main() -> None:
    """Builds into ``dist`` or another folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=["wheels", "sources", "service"])
    parser.add_argument("--target", choices=sorted(TARGETS), help="of wheels; this machine alone by default")
    parser.add_argument("--free-threaded", action="store_true", help=f"wheels for {FREE_THREADED}")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder; dist by default")
    options = parser.parse_args()
    out = options.out.resolve()
    if shutil.which("cargo") is None:
        raise SystemExit("cargo was not found")
    if options.what != "wheels":
        {"sources": build_sources, "service": build_service}[options.what](out)
        return
    for native in NATIVE:
        if options.target is None:
            build_wheel_here(native, out)
        else:
            interpreter = FREE_THREADED if options.free_threaded else OLDEST_PYTHON
            build_wheel(native, options.target, out, interpreter)


if __name__ == "__main__":
    main()
