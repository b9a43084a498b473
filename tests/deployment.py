# SPDX-License-Identifier: Apache-2.0
"""Part of `make check`: what compose/ promises without a Docker engine or a running systemd. The
compose files parse, every name and value in them is one that the programs take, .env.example
explains all of them and no others, images and packages are those that the tests ran with, and the
units verify and are hardened. A tool that is missing is a failure."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
COMPOSE = ROOT / "compose"
PROGRAMS = {"db_sync": ("run", "topics"), "global_server": ("run",)}
VARIANTS = (["compose.yaml"], ["compose.yaml", "compose.existing-kafka.yaml"],
            ["compose.yaml", "compose.existing-kafka.yaml", "compose.kafka-login.yaml"],
            ["compose.yaml", "compose.monitoring.yaml"],
            ["compose.yaml", "compose.existing-kafka.yaml", "compose.kafka-login.yaml", "compose.monitoring.yaml"])
FOREIGN = {"TMPDIR"}  # names that the programs take from the environment and that are no options
STANDARD = set("""arpa/inet assert ctype dirent errno fcntl getopt inttypes langinfo locale malloc math netinet/in pthread signal stdarg stdatomic
stdbool stddef stdint stdio stdlib string strings sys/file sys/mman sys/resource sys/socket sys/stat time unistd""".split())  # headers of C and POSIX
PACKAGE_OF = {"curl": "libcurl4-openssl-dev", "jansson": "libjansson-dev", "librdkafka": "librdkafka-dev", "libsmartcols": "libsmartcols-dev",
              "microhttpd": "libmicrohttpd-dev", "openssl": "libssl-dev", "uthash": "uthash-dev", "utlist": "uthash-dev", "zlib": "zlib1g-dev"}
EXPOSURE = 2.0  # what `systemd-analyze security` may say at most


def run(command, env=None):
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, env=env)
    return done.returncode, done.stdout, done.stderr


def missing(tool, package):
    return f"{tool} is not installed: make deps installs it (Debian package {package})"


def known_names(build, program):
    """Environment names in --help, those of secrets' files included."""
    names = set()
    for command in PROGRAMS[program]:
        for inside in re.findall(r"\[([A-Z0-9_, \n]+)\]", run([build / "bin" / program, command, "--help"])[1]):
            names |= set(re.split(r"[,\s]+", inside))
    return names | FOREIGN


def unknown_names(build, program, names):
    known = known_names(build, program)
    return sorted(n for n in names if n not in known and not n.startswith("KAFKA_"))


def services(text):
    """What `config` prints, which is YAML of one plain shape: {service: {"environment": {…}, "target": …}}."""
    found, service, section = {}, None, None
    for line in text.split("\nservices:\n", 1)[-1].splitlines():
        if re.match(r"\S", line):
            break
        if match := re.match(r"  (\S+):$", line):
            service = found.setdefault(match[1], {"environment": {}, "target": None})
        elif match := re.match(r"    (\w+):", line):
            section = match[1]
        elif match := re.match(r"      (\w+): ?(.*)$", line):
            value = match[2].strip("'\"")
            if section == "environment":
                service["environment"][match[1]] = value
            elif section == "build" and match[1] == "target":
                service["target"] = value
    return found


def takes(build, name, service, secret):
    """Whether the program takes the service's environment, values included: '' or what it said."""
    program = service["target"]
    env = {k: secret if k.endswith("_FILE") else v for k, v in service["environment"].items()}
    command = [build / "bin" / program, "topics", "create"] if name == "topics" else [build / "bin" / program, "run"]
    code, _, err = run([*command, "--print-config"], env)
    unknown = unknown_names(build, program, env)
    return (f"{name}: {err}" if code else "") + (f"{name}: {program} has no {unknown}" if unknown else "")


def compose(build):
    tool = ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]
    if shutil.which(tool[0]) is None or run([*tool, "version"])[0] != 0:
        yield "compose files", False, missing("docker-compose", "docker-compose")
        return
    env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    for files in VARIANTS:
        named = [word for f in files for word in ("-f", COMPOSE / f)]
        code, out, err = run([*tool, "--env-file", COMPOSE / ".env.example", *named, "config"], env)
        yield f"compose config: {' '.join(files)}", code == 0 and not err, err
        ours = {n: s for n, s in services("\n" + out).items() if s["target"] in PROGRAMS}
        with tempfile.NamedTemporaryFile("w") as secret:
            secret.write("secret\n")
            secret.flush()
            said = [t for t in (takes(build, n, s, secret.name) for n, s in ours.items()) if t]
        yield f"programs take the environment of {' '.join(files)}", len(ours) == 7 and not said, said or f"services: {sorted(ours)}"


def environment_file():
    """.env.example shows each variable of the compose files with its default."""
    used = {}
    for path in COMPOSE.glob("compose*.yaml"):
        used |= dict(re.findall(r"\$\{(\w+):-([^}]*)\}", path.read_text()))
    shown = dict(re.findall(r"^#?([A-Z0-9_]+)=(.*)$", (COMPOSE / ".env.example").read_text(), re.M))
    shown.pop("COMPOSE_PROJECT_NAME", None)  # compose itself reads this one
    wrong = sorted(n for n in used.keys() | shown.keys() if used.get(n) != shown.get(n))
    yield ".env.example shows every variable and its default", bool(used) and not wrong, f"differ: {wrong}"


def foreign_headers():
    """What the programs include that is neither theirs nor of C and POSIX: first parts of the names."""
    names = set()
    for folder in ("common", *PROGRAMS):
        for path in (ROOT / folder).rglob("*.[ch]"):
            names |= set(re.findall(r"#include <(.+)\.h>", path.read_text()))
    return {name.split("/")[0] for name in names - STANDARD}


def pinned():
    """Images have the versions of the poms that tests run with; the Makefile knows every library that is
    included, and Dockerfile and deps.sh install them."""
    text = (COMPOSE / "compose.yaml").read_text()
    for image, pom in (("apache/kafka:", "kafka"), ("neo4j:", "neo4j-5.26")):
        versions = re.findall(r"<version>([\d.]+)</version>", (COMPOSE / "local" / pom / "pom.xml").read_text())
        version = re.search(rf":-{image}([\d.]+)", text)[1]
        yield f"image {image}{version} is what tests run with", version in versions, f"pom: {versions}"
    libraries = re.findall(r":([a-z0-9-]+-dev)\b", (ROOT / "Makefile").read_text())
    unknown = [h for h in foreign_headers() if PACKAGE_OF.get(h) not in libraries]
    yield "the Makefile knows every library that is included", not unknown, f"not known, or not in PACKAGE_OF: {unknown}"
    for path in ("Dockerfile", "local/deps.sh"):
        words = (COMPOSE / path).read_text().split()
        absent = [p for p in libraries if p not in words]
        yield f"{path} installs the libraries of the Makefile", bool(libraries) and not absent, f"missing: {absent}"


def units(build):
    if shutil.which("systemd-analyze") is None:
        yield "systemd units", False, missing("systemd-analyze", "systemd")
        return
    with tempfile.TemporaryDirectory() as prefix:
        # -o all: what was built is installed as it is; no DESTDIR, for verify looks for the program
        code, _, err = run(["make", "-s", "-o", "all", "install", f"PREFIX={prefix}", "DESTDIR=", f"B={build}"])
        yield "make install with units", code == 0, err
        for program in PROGRAMS:
            unit = pathlib.Path(prefix, "lib/systemd/system", f"{program}@.service")
            code, out, err = run(["systemd-analyze", "verify", unit])
            yield f"systemd-analyze verify {unit.name}", code == 0 and not err, out + err
            _, out, err = run(["systemd-analyze", "security", "--offline=true", "--no-pager", unit])
            level = re.search(r"Overall exposure level.*?: ([\d.]+)", out)
            yield (f"exposure of {unit.name} below {EXPOSURE}", level is not None and float(level[1]) < EXPOSURE, out + err)
            names = re.findall(r"^Environment=(\w+)=", unit.read_text(), re.M)
            unknown = unknown_names(build, program, names)
            yield f"names in {unit.name}", bool(names) and not unknown, f"{program} has no {unknown}"


def checks(build):
    yield from compose(build)
    yield from environment_file()
    yield from pinned()
    yield from units(build)
