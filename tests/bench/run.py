#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make bench: cypherlog beside a rival, in one run, on the same servers (rival.py)."""

import argparse
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "lib"), str(ROOT / "compose" / "local")]

import commands  # noqa: E402
import lifting  # noqa: E402
import reads  # noqa: E402
import snapshots  # noqa: E402
from rival import SCALE, Bench, write_table  # noqa: E402

RESULTS = ROOT / "tests/bench/results"
BENCHES = {**commands.BENCHES, **lifting.BENCHES, **reads.BENCHES, **snapshots.BENCHES}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"some of {', '.join(BENCHES)} (default: all)")
    names = parser.parse_args().names or list(BENCHES)
    with tempfile.TemporaryDirectory(prefix="cypherlog-bench-") as folder:
        bench = Bench(pathlib.Path(folder), RESULTS if SCALE == 1 else pathlib.Path(folder))
        try:
            for name in names:
                BENCHES[name](bench)
                write_table(bench)  # after each: a run that is ended keeps what it has
        finally:
            bench.close()
        print("\n" + (bench.results / "bench.md").read_text())


if __name__ == "__main__":
    sys.exit(main())
