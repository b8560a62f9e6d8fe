#!/usr/bin/env bash
# Runs the tests of sockeye-fec where wrong addresses are noticed: with AddressSanitizer, whose part of the compiler is not stable yet,
# hence RUSTC_BOOTSTRAP; then its unit tests under valgrind where that is installed.
# (valgrind knows neither GFNI nor AVX-512, so the processor it shows to the program has neither; those backends are left to
# AddressSanitizer.)
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(rustc -vV | sed -n 's/^host: //p')

printf '=== AddressSanitizer\n'
RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address" \
    cargo test -p sockeye-fec --features fuzz --target "$target" --lib --tests

if ! command -v valgrind >/dev/null; then
    printf '=== valgrind is not installed: SKIPPED\n'
    exit 0
fi
printf '=== valgrind\n'
binary=$(cargo test -p sockeye-fec --lib --no-run --message-format=json 2>/dev/null |
    sed -n 's/.*"executable":"\([^"]*sockeye_fec-[^"]*\)".*/\1/p')
valgrind --quiet --error-exitcode=1 --leak-check=no "$binary" --test-threads=1
