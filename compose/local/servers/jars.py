# SPDX-License-Identifier: Apache-2.0
"""Java and the servers' jars. A distribution is a folder beside stack.py with a pom.xml that pins
one server's version; its jars are copied to build/stack/<distribution>/lib, once."""

import contextlib
import dataclasses
import fcntl
import functools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree
from typing import Iterator, List, Optional

from .error import StackError

HERE = pathlib.Path(__file__).resolve().parents[1]
ROOT = HERE.parents[1]
CACHE = pathlib.Path(os.environ.get("CYPHERLOG_CACHE") or ROOT / "build" / "stack").resolve()

# distribution: the oldest Java that runs it
JAVA_NEEDED = {"kafka": 17, "neo4j-5.26": 17, "neo4j-4.4": 17, "neo4j-2026": 21,
               "cypher-shell": 17, "opencypher-tck": 17}

ATTEMPTS = 3  # registries have bad moments
SPACE_MB = 700  # of the largest: its jars in Maven's own repository and here, and its class archive


@dataclasses.dataclass(frozen=True)
class Java:
    """One Java of this machine: 17, '17.0.15', the program."""

    major: int
    version: str
    path: pathlib.Path


@functools.lru_cache(maxsize=None)  # each look starts a process
def _java(path: pathlib.Path) -> Optional[Java]:
    try:
        text = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=30).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "((\d+)[^"]*)"', text)
    return Java(int(found[2]), found[1], path) if found else None


def _javas() -> List[Java]:
    paths = sorted(pathlib.Path("/usr/lib/jvm").glob("*/bin/java"))
    if shutil.which("java"):
        paths.insert(0, pathlib.Path(shutil.which("java")))
    if os.environ.get("JAVA_HOME"):
        paths.insert(0, pathlib.Path(os.environ["JAVA_HOME"], "bin", "java"))
    # one program is often found by several names
    unique = dict.fromkeys(path.resolve() for path in paths if path.exists())
    return [java for java in map(_java, unique) if java]


def find_java(name: str) -> Java:
    """The oldest Java that runs the distribution: nearest to what its makers tested it with."""
    least, found = JAVA_NEEDED[name], _javas()
    suited = [java for java in found if java.major >= least]
    if not suited:
        have = ", ".join(f"{java.version} ({java.path})" for java in found) or "none"
        raise StackError(
            f"{name} needs Java {least} or newer; found: {have}. On Debian and Ubuntu: apt-get "
            f"install openjdk-{least}-jdk-headless (where it has no such package: a newer number, "
            "or any JDK unpacked below /usr/lib/jvm or named by JAVA_HOME)")
    return min(suited, key=lambda java: java.major)


def has_java(name: str) -> bool:
    """Whether this machine can run the distribution."""
    return any(java.major >= JAVA_NEEDED[name] for java in _javas())


def pinned_version(name: str) -> str:
    """The server's version, from the pom: its first dependency is the server."""
    pom = xml.etree.ElementTree.parse(HERE / name / "pom.xml")
    return pom.findtext("{*}dependencies/{*}dependency/{*}version") or "?"


@contextlib.contextmanager
def locked(path: pathlib.Path, waiting: str = "") -> Iterator[None]:
    """Holds the lock file for the block. waiting is printed when another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting:
                print(waiting, file=sys.stderr)
            fcntl.flock(f, fcntl.LOCK_EX)
        yield


def need_space(folder: pathlib.Path, mb: int) -> None:
    """Full disks make servers fail in ways that do not say so."""
    free_mb = shutil.disk_usage(folder).free >> 20
    if free_mb < mb:
        raise StackError(f"the disk of {folder} has {free_mb} MB free, {mb} MB are needed: make "
                         "room, or choose another place (CYPHERLOG_CACHE for jars, --dir for data)")


def fetch(name: str) -> pathlib.Path:
    """The folder with the distribution's jars; downloads them when it is not there yet, or when
    its pom has changed since. Any number of processes may call it at once."""
    home = CACHE / name
    wanted = (HERE / name / "pom.xml").read_text()
    with locked(CACHE / f"{name}.lock", f"{name}: waiting for another process that fetches it"):
        stamp = home / "complete"
        if not stamp.exists() or stamp.read_text() != wanted:
            _fetch_anew(name, home, wanted)
    return home / "lib"


def _fetch_anew(name: str, home: pathlib.Path, stamp: str) -> None:
    """Into a folder aside that is renamed when complete, so that none is ever half there."""
    aside, log = CACHE / f"{name}.part", CACHE / f"{name}.log"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    need_space(CACHE, SPACE_MB)
    log.write_text("")
    title = f"{name}: fetching version {pinned_version(name)}"
    start = time.monotonic()
    print(f"{title}, once (log: {log})", file=sys.stderr)
    for attempt in range(ATTEMPTS):
        if _copy_jars(name, aside / "lib", log, title, again=attempt > 0):
            break
    else:
        raise StackError(_why_maven_failed(name, log))
    jars = list((aside / "lib").glob("*.jar"))
    size_mb = sum(jar.stat().st_size for jar in jars) / 1e6
    print(f"{name}: {len(jars)} jars, {size_mb:.0f} MB in {time.monotonic() - start:.0f} s",
          file=sys.stderr)
    (aside / "complete").write_text(stamp)
    shutil.rmtree(home, ignore_errors=True)  # of another pom
    aside.rename(home)


def _copy_jars(name: str, target: pathlib.Path, log: pathlib.Path, title: str, again: bool) -> bool:
    """One run of Maven; whether it succeeded. Shows that it lives when a person watches."""
    maven = shutil.which("mvn")
    if maven is None:
        raise StackError("Maven is missing, which fetches the servers' jars: apt-get install maven")
    command = [maven, "--batch-mode", "--file", HERE / name / "pom.xml",
               "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={target}"]
    if again:
        command.append("--update-snapshots")  # else Maven remembers what it failed to find
    env = {**os.environ, "JAVA_HOME": str(find_java(name).path.parents[1])}
    start = time.monotonic()
    with open(log, "ab") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env)
        try:
            while True:
                try:
                    return process.wait(0.5) == 0
                except subprocess.TimeoutExpired:
                    _show_progress(title, time.monotonic() - start, log)
        finally:
            process.kill()  # only when interrupted; else it has ended
            process.wait()
            if sys.stderr.isatty():
                print("\r\033[K", end="", file=sys.stderr, flush=True)


def _show_progress(title: str, seconds: float, log: pathlib.Path) -> None:
    if sys.stderr.isatty():
        files = log.read_bytes().count(b"Downloaded from")
        print(f"\r\033[K{title}: {files} files, {seconds:.0f} s", end="", file=sys.stderr, flush=True)


def _why_maven_failed(name: str, log: pathlib.Path) -> str:
    text = log.read_text(errors="replace")
    tail = "\n".join(text.splitlines()[-15:])
    advice = ("The disk is full: make room, or set CYPHERLOG_CACHE and Maven's -Dmaven.repo.local "
              "to a larger one" if "No space left" in text else
              "Check the network and, behind a proxy or mirror, Maven's settings.xml; then try again")
    return f"Maven could not fetch {name}, {ATTEMPTS} attempts; the end of {log}:\n{tail}\n{advice}"


def class_archive(name: str, java: Java) -> pathlib.Path:
    """Where the classes that the server loads are kept parsed (class data sharing): with it Kafka
    and Neo4j start with 60 % of the CPU time. It suits one Java, hence the name, and the jars beside
    it, with which it goes. Java ignores an archive that does not suit."""
    return CACHE / name / f"classes-{java.version}.jsa"
