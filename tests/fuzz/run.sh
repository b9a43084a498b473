#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make fuzz: each target for FUZZ_SECONDS under address and undefined sanitizers. New inputs stay in
# build/fuzz; what crashes is to be added to the corpus with its fix.
set -eu
cd "$(dirname "$0")/../.."
command -v clang >/dev/null 2>&1 || { echo "clang is missing; make deps installs it" >&2; exit 1; }
for source in tests/fuzz/fuzz_*.c; do
    name=$(basename "$source" .c | sed 's/^fuzz_//')
    [ -z "${1:-}" ] || [ "$1" = "$name" ] || continue
    mkdir -p "build/fuzz/$name"
    # the rooms, and the program whose header it includes: both have an agent_run
    objects=$(ls common/*/*.c)
    for program in db_sync global_server; do
        grep -q "#include \"$program/" "$source" && objects="$objects $(ls $program/*.c | grep -v /main.c)"
    done
    # shellcheck disable=SC2046,SC2086 # lists of words
    clang -std=c11 -D_POSIX_C_SOURCE=200809L -DCYPHERLOG_VERSION='"fuzz"' -g -O1 -fsanitize=fuzzer,address,undefined \
        -fno-sanitize-recover=undefined -Icommon -I. $(pkg-config --cflags $PKGS) "$source" $objects -o "build/fuzz/fuzz_$name" \
        $(pkg-config --libs $PKGS) -lpthread
    echo "fuzzing $name for ${FUZZ_SECONDS:-60} s"
    "build/fuzz/fuzz_$name" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 -rss_limit_mb=2048 \
        -artifact_prefix="build/fuzz/$name-" "build/fuzz/$name" "tests/fuzz/corpus/$name" 2>&1 | tail -n 4
done
