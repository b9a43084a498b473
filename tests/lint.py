#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make lint`: what compilers do not say. Ends with 1 when it found something; `--strict`, which CI
uses, also fails when a tool is missing."""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
ROOMS = ["base", "cypher", "kafka", "neo4j", "snapshot", "ops"]  # lowest first
PROGRAMS = ["db_sync", "global_server"]
TOP = {"Makefile", "README.md", "LICENSE", "common", "compose", "db_sync", "global_server", "tests", "topics"}
BANNED = r"\b(strcpy|strcat|strncpy|strncat|sprintf|vsprintf|atoi|atol|atoll|atof|strtok|gets|alloca)\s*\("
# types of the libraries stay inside the rooms that wrap them
WRAPPED = {r"\brd_kafka_\w+\s*\(": ("common/kafka/",), r"\bcurl_\w+\s*\(": ("common/neo4j/http.c",),
           r"\bscols_\w+\s*\(": ("common/ops/table.c",)}

found = []


def complain(path, line, text):
    found.append(f"{path}:{line}: {text}")


def tracked(*patterns):
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *patterns], cwd=ROOT, text=True,
                           capture_output=True, check=True).stdout.split()
    return [ROOT / n for n in names if (ROOT / n).exists()]


def room_of(name):
    parts = name.split("/")
    return parts[1] if parts[0] == "common" else parts[0]


def check_include(name, number, target):
    """A file includes its own room and lower ones; common never a program, a program never another."""
    own, other = room_of(name), target.split("/")[0]
    if other in PROGRAMS and own != other:
        complain(name, number, f"{own} must not include {target}")
    elif other in ROOMS and own in ROOMS and ROOMS.index(other) > ROOMS.index(own):
        complain(name, number, f"room {own} is below {other}: it must not include {target}")
    elif other not in ROOMS + PROGRAMS:
        complain(name, number, f"include {target} with its room in the path")


def check_source(path):
    name = str(path.relative_to(ROOT))
    text = path.read_text()
    program = not name.startswith("tests/")
    if "SPDX-License-Identifier: Apache-2.0" not in text.splitlines()[0]:
        complain(name, 1, "the first line is not the SPDX line")
    # strings and comments may name what code may not
    code = re.sub(r'"(\\.|[^"\\\n])*"|/\*.*?\*/', lambda m: re.sub(r"[^\n]", " ", m.group(0)) if m.group(0)[0] == "/" else '""', text, flags=re.S)
    for number, (raw, line) in enumerate(zip(text.splitlines(), code.splitlines()), 1):
        include = re.match(r'#include "(.+)"', raw)
        if include and program:
            check_include(name, number, include.group(1))
        if re.search(BANNED, line):
            complain(name, number, "banned call: " + line.strip())
        if program and re.search(r"\bexit\s*\(", line) and not name.endswith("main.c") and "_exit" not in line:
            complain(name, number, "exit belongs into main.c")
        if re.search(r"\b(TODO|FIXME|XXX)\b", raw):
            complain(name, number, "finish it, or name it among README's limits")
        for pattern, allowed in WRAPPED.items():
            if program and re.search(pattern, line) and not name.startswith(allowed):
                complain(name, number, "a call of a library outside the module that wraps it: " + line.strip())
    if path.suffix == ".h" and not re.search(r"#ifndef \w+_H\n#define \w+_H\n", text):
        complain(name, 1, "no include guard")


def check_layout():
    for path in tracked():
        top = path.relative_to(ROOT).parts[0]
        if top not in TOP and not top.startswith("."):
            complain(top, 1, "does not belong at the top level")
    seen = {}
    for path in tracked("*.c"):
        name = str(path.relative_to(ROOT))
        if name.startswith("tests/"):
            continue
        if path.name in seen and path.name not in ("main.c", "options.c", "agent.c", "report.c"):
            complain(name, 1, f"a file of this name is in {seen[path.name]} already")
        seen[path.name] = path.parent.relative_to(ROOT)
        if path.name != "main.c" and not path.with_suffix(".h").exists():
            complain(name, 1, "no header of the same name beside it")
    for room in [f"common/{r}" for r in ROOMS] + PROGRAMS:
        if not (ROOT / room / "README.md").exists():
            complain(room, 1, "a room without README.md")


def compile_header(path):
    """A header is complete alone."""
    flags = subprocess.run(["pkg-config", "--cflags", "smartcols", "jansson"], text=True, capture_output=True).stdout.split()
    done = subprocess.run([os.environ.get("CC", "gcc"), "-std=c11", "-D_POSIX_C_SOURCE=200809L", "-Icommon", "-I.", *flags, "-fsyntax-only",
                           "-Wall", "-Wextra", "-x", "c", "-include", path, "/dev/null"], cwd=ROOT, text=True, capture_output=True)
    return None if done.returncode == 0 and not done.stderr else (str(path.relative_to(ROOT)), done.stderr[:500])


def check_headers():
    headers = [p for p in tracked("*.h") if not str(p.relative_to(ROOT)).startswith("tests/")]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for problem in filter(None, pool.map(compile_header, headers)):
            complain(problem[0], 1, "does not compile alone:\n" + problem[1])


def run_tool(command, strict):
    if shutil.which(command[0]) is None:
        print(f"{command[0]} is missing: make deps installs it", file=sys.stderr)
        if strict:
            complain(command[0], 1, "missing")
        return
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True)
    if done.returncode != 0:
        complain(command[0], 1, (done.stdout + done.stderr)[-3000:])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strict", action="store_true")
    strict = parser.parse_args().strict
    sources = tracked("*.c", "*.h")
    for path in sources:
        check_source(path)
    check_layout()
    check_headers()
    run_tool(["clang-format", "--dry-run", "-Werror", *map(str, sources)], strict)
    run_tool(["cppcheck", "--quiet", "--error-exitcode=1", "--enable=warning,portability", "--inline-suppr", "--std=c11",
              "--suppress=missingIncludeSystem", "--suppress=unknownMacro", f"-j{os.cpu_count()}", "-Icommon", "-I.", "common", *PROGRAMS], strict)
    print("\n".join(found) if found else "lint: nothing found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
