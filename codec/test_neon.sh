#!/usr/bin/env bash
# Runs the codec as a 64-bit ARM processor does, with QEMU: codec/test_neon.sh
#
# Kernels against portable code, conformance vectors, and pictures whose encodings must be those of this machine. Needs
# Rust's target aarch64-unknown-linux-gnu, a cross compiler that links, and QEMU's user mode; without one of them it
# says what is missing and ends well, unless NEON_REQUIRED is set.
set -euo pipefail
cd "$(dirname "$0")"
target=aarch64-unknown-linux-gnu

skip() {
  echo "SKIPPED: NEON kernels under QEMU: $1"
  [ -z "${NEON_REQUIRED:-}" ]
  exit
}

case "$(uname -m)" in aarch64|arm64) skip "this processor has NEON, and the other tests run with it";; esac
command -v aarch64-linux-gnu-gcc >/dev/null || skip "no cross compiler; on Debian: apt install gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
command -v qemu-aarch64 >/dev/null || skip "no qemu-aarch64; on Debian: apt install qemu-user"
[ -d "$(rustc --print sysroot)/lib/rustlib/$target" ] || skip "no Rust for it; rustup target add $target"

# Where the cross compiler has its C library, QEMU finds the loader.
libc=$(realpath "$(aarch64-linux-gnu-gcc -print-file-name=libc.so.6)")
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L ${libc%/lib/*}"

# The profile of the other tests, whose build is used again; QEMU takes several times as long for what is not optimised.
profile=(--quiet --profile quick)
# Large files go through the same kernels as the small streams, which have every tool and size, and take QEMU a minute.
cargo test "${profile[@]}" --target "$target" --package avs2 --lib --test testdata --test conformance -- --skip genuine_files
for streams in inter_ladder encoder_made_clips genuine_animations; do
  cargo test "${profile[@]}" --target "$target" --package avs2 --test inter -- "$streams"
done
fingerprints() { cargo run "${profile[@]}" "$@" --package tpg --example fingerprints -- testdata/tpg/base_*.tpg testdata/tpg/dingdang_tpg.gif; }
diff <(fingerprints) <(fingerprints --target "$target") || { echo "encodings or pixels differ between processors"; exit 1; }
echo "NEON: encodings and pixels are those of $(uname -m)"
