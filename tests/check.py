#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make check`: unit tests, replay of the fuzz corpora, schemas, README against the programs, compose/
and its units (deployment.py). No services.
Ends in a line `N passed, N failed`."""

import argparse
import os
import pathlib
import re
import subprocess
import sys

import deployment

ROOT = pathlib.Path(__file__).resolve().parents[1]


def run(command, timeout=300):
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout,
                              env=dict(os.environ, ASAN_OPTIONS="allocator_may_return_null=1"))
        return done.returncode, done.stdout + done.stderr
    except subprocess.TimeoutExpired:
        return -1, f"no end after {timeout} s"


def unit_tests(build):
    """(name, ok, output) for each cmocka test function, and one for a program that died."""
    for source in sorted((ROOT / "tests/unit").glob("test_*.c")):
        code, output = run([build / "unit" / source.stem])
        passed = re.findall(r"^\[       OK \] (.+)$", output, re.M)
        failed = re.findall(r"^\[  FAILED  \] (\S+)$", output, re.M)
        for name in passed:
            yield f"{source.stem}: {name}", True, ""
        for name in sorted(set(failed)):
            yield f"{source.stem}: {name}", False, output[-2000:]
        if code != 0 and not failed or not passed and not failed:
            yield f"{source.stem}: ended with {code}", False, output[-2000:]


def corpora(build):
    """Every input that a fuzz target has seen once must still be taken without harm."""
    for source in sorted((ROOT / "tests/fuzz").glob("fuzz_*.c")):
        name = source.stem.removeprefix("fuzz_")
        inputs = sorted(p for p in (ROOT / "tests/fuzz/corpus" / name).glob("*") if p.is_file())
        code, output = run([build / "replay" / source.stem, *inputs])
        yield f"corpus {name}: {len(inputs)} inputs", code == 0 and len(inputs) > 0, output[-2000:]


def python_tests(_):
    """(name, ok, output) for each pytest test of tests/unit."""
    code, output = run([ROOT / "build/venv/bin/python", "-m", "pytest", "-rA", "--durations=0", ROOT / "tests/unit"])
    lines = re.findall(r"^(PASSED|FAILED|ERROR) (\S+)", output, re.M)
    for verdict, name in lines:
        yield name, verdict == "PASSED", output[-4000:]
    if code != 0 and all(verdict == "PASSED" for verdict, _ in lines) or not lines:
        yield f"pytest tests/unit: ended with {code}", False, output[-2000:]


def help_options(build, program, command):
    code, text = run([build / "bin" / program, command, "--help"])
    return set(re.findall(r"\[([A-Z0-9_]+)[,\]]", text)) - {"FLAGS"} if code == 0 else set()


def readme(build):
    """README's table names every environment variable, and none that does not exist."""
    text = (ROOT / "README.md").read_text()
    for program, commands in (("db_sync", ("run", "send", "status", "topics", "snapshot")),
                              ("global_server", ("run", "ask", "snapshot"))):
        known = set().union(*(help_options(build, program, c) for c in commands))
        section = text.split(f"<!-- options of {program} -->")[-1].split("<!-- end -->")[0]
        named = set(re.findall(r"^\| `([A-Z0-9_]+)`", section, re.M))
        # options of one subcommand that come from the command line alone are not in --help's brackets
        yield (f"README names every option of {program}", known <= named, f"missing: {sorted(known - named)}")
        yield (f"README names no option that {program} lacks", named <= known, f"unknown: {sorted(named - known)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/release")
    build = (ROOT / parser.parse_args().build).resolve()
    passed = failed = 0
    for check in (unit_tests, corpora, python_tests, readme, deployment.checks):
        for name, ok, output in check(build):
            passed, failed = passed + ok, failed + (not ok)
            if not ok:
                print(f"FAILED {name}\n{output}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
