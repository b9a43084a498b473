#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make test: check, integration and property tests; the last line is `N passed, N failed` of all.
# With a word: only the integration and property tests whose names hold it.
cd "$(dirname "$0")/.." || exit 1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
code=0

count() { # count WORD: the sum of what the runners' last lines say
    grep -oE "[0-9]+ $1" "$log" | awk '{n += $1} END {print n + 0}'
}

run() { # run COMMAND…: shows its output, keeps its closing lines
    out=$(mktemp)
    "$@" 2>&1 | grep --line-buffered -vE '^%[0-9]' | tee "$out" # librdkafka's own lines left out
    # "12 passed, 1 failed in 3 s": not just any line that speaks of failure
    status=$(grep -E '^[0-9]+ (passed|failed|error|errors|skipped|deselected)(,| in |$)' "$out" | tail -n 1)
    echo "$status" >>"$log"
    case $status in
    *failed* | *error* | *passed* | *deselected*) ;;
    *) echo "1 failed" >>"$log" ;; # it did not even get to its last line
    esac
    rm -f "$out"
}

[ -n "${1:-}" ] || run tests/check.py --build "$BUILD"
# Tests wait most of their time: two files at once, each with servers of its own (1.5 GB of memory).
run build/venv/bin/python -m pytest -n "${TEST_JOBS:-2}" --dist loadfile tests/integration tests/property ${1:+-k "$1"}

passed=$(count passed)
failed=$(($(count failed) + $(count error)))
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ] || code=1
echo "$passed passed, $failed failed"
exit $code
