#!/usr/bin/env bash
# Fuzzes with coverage guidance on stable Rust: codec/fuzz/run.sh header|decode|animation [SECONDS]
#
# The flags are those of `cargo fuzz -s none`; its nightly-only part is the address sanitizer, which code without
# `unsafe` outside of small SIMD kernels can do without. Overflow checks and debug assertions are on.
set -euo pipefail
target=${1:?usage: $0 header|decode|animation [SECONDS]}
seconds=${2:-600}
cd "$(dirname "$0")"
host=$(rustc -vV | sed -n 's/^host: //p')
flags='--cfg fuzzing -Cpasses=sancov-module'
for argument in level=4 inline-8bit-counters pc-table trace-compares; do
  flags+=" -Cllvm-args=-sanitizer-coverage-$argument"
done
RUSTFLAGS=$flags cargo build --release --target "$host" --bin "$target"

shared=${OPENMOGR_SHARED:-../../../shared}
seeds=corpus/seeds
mkdir -p "corpus/$target" artifacts "$seeds"
find ../testdata \( -name '*.avs' -o -name '*.tpg' \) -size -5k -exec cp -u {} "$seeds" \;
if [ -d "$shared/vectors" ]; then
  find "$shared/vectors" \( -name '*.avs' -o -name '*.tpg' \) -size -5k -exec cp -u {} "$seeds" \;
fi
# Genuine animations cut to a few bytes, and small ones of our own where the Python package is installed.
if [ -d "$shared/corpus/tpg" ]; then
  find "$shared/corpus/tpg" -name '*_tpg.gif' | while read -r file; do
    head -c 12000 "$file" > "$seeds/$(basename "$file")"
  done
fi
python=${PYTHON:-../../.venv/bin/python}
if [ "$target" = animation ] && [ -x "$python" ]; then
  "$python" seeds.py "$seeds"
fi
exec "${CARGO_TARGET_DIR:-target}/$host/release/$target" "corpus/$target" "$seeds" \
  -artifact_prefix="artifacts/$target-" -max_len=12000 -timeout=10 -rss_limit_mb=1024 \
  -max_total_time="$seconds" -print_final_stats=1
