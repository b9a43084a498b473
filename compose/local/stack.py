#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real Kafka and real Neo4j Community servers on 127.0.0.1, as Java processes: the stack of
compose.yaml where there is no Docker. Demo, tests and benches use it; README.md beside it tells how.
Python's standard library only."""

import argparse
import base64
import contextlib
import fcntl
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CACHE = pathlib.Path(os.environ.get("CYPHERLOG_CACHE", ROOT / "build" / "stack"))

# name of the pom's folder: least Java, newest Java that is known to work (0: any)
JAVA_NEEDED = {"kafka": (17, 0), "neo4j-4.4": (11, 17), "neo4j-5.26": (17, 21), "neo4j-2026": (21, 0)}
NEO4J_VERSIONS = ("5.26", "4.4", "2026")

# "small" starts quickest and uses least CPU in its first minutes; "fast" is for benches.
JVM_PROFILES = {
    "small": ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"],
    "fast": ["-XX:+UseG1GC"],
}


class StackError(Exception):
    """Says what was wrong and what to do; code is the exit code of the command line."""

    def __init__(self, text, code=1):
        super().__init__(text)
        self.code = code


# ---------------------------------------------------------------- Java and jars

def java_candidates():
    """Java programs of this machine, the likeliest first."""
    if os.environ.get("JAVA_HOME"):
        yield pathlib.Path(os.environ["JAVA_HOME"]) / "bin" / "java"
    if shutil.which("java"):
        yield pathlib.Path(shutil.which("java"))
    yield from sorted(pathlib.Path("/usr/lib/jvm").glob("*/bin/java"))


def java_version(java):
    """The major version, 0 when it does not run."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        text = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30).stderr
        found = re.search(r'version "(\d+)', text)
        return int(found.group(1)) if found else 0
    return 0


def find_java(name):
    """A Java that suits the server. StackError when there is none."""
    least, most = JAVA_NEEDED[name]
    versions = [(java_version(java), java) for java in java_candidates() if java.exists()]
    suited = [(v, j) for v, j in versions if v >= least and (most == 0 or v <= most)]
    if not suited:
        raise StackError(
            f"{name} needs Java {least}{f' to {most}' if most else ' or newer'}; found "
            f"{sorted({v for v, _ in versions}) or 'none'}. On Debian and Ubuntu: "
            f"apt-get install openjdk-{max(least, 17)}-jdk-headless, or set JAVA_HOME")
    return min(suited)[1]


def has_java(name):
    try:
        find_java(name)
        return True
    except StackError:
        return False


@contextlib.contextmanager
def locked(path):
    """Two processes must not fetch the same jars at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def run_maven(pom, target, log):
    command = ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies",
               "-DincludeScope=runtime", f"-DoutputDirectory={target}"]
    with open(log, "ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        start = time.monotonic()
        while True:
            try:
                return process.wait(1)
            except subprocess.TimeoutExpired:
                if sys.stderr.isatty():
                    sys.stderr.write(f"\r  {len(list(target.glob('*.jar')))} jars, "
                                     f"{time.monotonic() - start:.0f} s ")
                    sys.stderr.flush()


def fetch(name):
    """The folder with the server's jars; downloads them the first time."""
    pom, target = HERE / name / "pom.xml", CACHE / name / "lib"
    # The pom's content is part of the stamp: another version is fetched anew.
    stamp, wanted = CACHE / name / "complete", pom.read_text()
    with locked(CACHE / f"{name}.lock"):
        if stamp.exists() and stamp.read_text() == wanted:
            return target
        if shutil.which("mvn") is None:
            raise StackError("Maven is missing, which fetches the servers' jars. On Debian and "
                             "Ubuntu: apt-get install maven")
        shutil.rmtree(CACHE / name, ignore_errors=True)
        target.mkdir(parents=True)
        log, start = CACHE / f"{name}.log", time.monotonic()
        print(f"fetching {name} (once) ...", file=sys.stderr)
        for _ in range(3):  # registries have bad moments
            if run_maven(pom, target, log) == 0:
                break
        else:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            raise StackError(f"Maven could not fetch {name}; the end of {log}:\n{tail}\n"
                             "Check the network and Maven's settings, then try again")
        clear = "\r\033[K" if sys.stderr.isatty() else ""
        print(f"{clear}fetched {name}: {len(list(target.glob('*.jar')))} jars in "
              f"{time.monotonic() - start:.0f} s", file=sys.stderr)
        stamp.write_text(wanted)
    return target


# ---------------------------------------------------------------- processes

def free_port():
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def process_start(pid):
    """When the process began, in clock ticks since boot: with the pid it names one process."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


class Server:
    """A Java process with a folder of its own: state.json, data, log."""

    kind = ""

    def __init__(self, folder, name, heap_mb, profile, jvm_args):
        self.folder, self.name = pathlib.Path(folder).resolve(), name
        self.heap_mb, self.jvm = heap_mb, JVM_PROFILES[profile] + list(jvm_args)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log_path = self.folder / "server.log"
        self._state_path = self.folder / "state.json"
        self._child = None

    # what must outlive this object: ports, pid, password
    def _state(self):
        return json.loads(self._state_path.read_text()) if self._state_path.exists() else {}

    def _remember(self, **values):
        state = self._state() | values
        aside = self._state_path.with_suffix(".new")
        aside.touch(mode=0o600)
        aside.write_text(json.dumps(state))
        aside.rename(self._state_path)

    def _once(self, key, make):
        """A value that is chosen at first and kept, so that clients find a restarted server."""
        state = self._state()
        if key not in state:
            self._remember(**{key: make()})
        return self._state()[key]

    @property
    def pid(self):
        """The pid of the running process; None when there is none, or another has its number."""
        state = self._state()
        pid = state.get("pid")
        return pid if pid and process_start(pid) == state.get("pid_start") else None

    @property
    def alive(self):
        return self.pid is not None

    def log_tail(self, lines=20):
        text = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def _command(self):
        raise NotImplementedError

    def _ready(self):
        raise NotImplementedError

    def start(self, wait=True, deadline_s=120):
        if self.alive:
            raise StackError(f"{self.name} runs already, pid {self.pid}")
        command = self._command()
        with open(self.log_path, "ab") as log:
            self._child = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder,
                                           stdin=subprocess.DEVNULL, start_new_session=True)
        self._remember(pid=self._child.pid, pid_start=process_start(self._child.pid))
        if wait:
            self.wait_ready(deadline_s)
        return self

    def wait_ready(self, deadline_s=120):
        end = time.monotonic() + deadline_s
        while not self._ready():
            if not self._running():
                raise StackError(f"{self.name} ended while it started; the end of "
                                 f"{self.log_path}:\n{self.log_tail()}")
            if time.monotonic() > end:
                raise StackError(f"{self.name} is not ready after {deadline_s} s; the end of "
                                 f"{self.log_path}:\n{self.log_tail()}", 4)
            time.sleep(0.1)
        return self

    def _running(self):
        if self._child is not None:
            self._child.poll()  # else a dead child would stay as a zombie
        return self.alive

    def _signal(self, number):
        pid = self.pid
        if pid is None:
            raise StackError(f"{self.name} does not run")
        os.kill(pid, number)

    def _wait_gone(self, deadline_s):
        end = time.monotonic() + deadline_s
        while self._running():
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def stop(self, deadline_s=30):
        """SIGTERM, then SIGKILL if that does not help. Nothing happens when it does not run."""
        if not self._running():
            return
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        if not self._wait_gone(deadline_s):
            self.kill()

    def kill(self):
        """As when the power goes."""
        if self._running():
            self._signal(signal.SIGKILL)
            self._wait_gone(30)

    def restart(self, deadline_s=120):
        self.stop()
        return self.start(deadline_s=deadline_s)

    def pause(self):
        self._signal(signal.SIGSTOP)

    def resume(self):
        self._signal(signal.SIGCONT)

    def wipe(self):
        """Back to nothing; ports and password stay."""
        if self._running():
            raise StackError(f"{self.name} runs, pid {self.pid}: stop it before its data is wiped")
        for path in self.folder.iterdir():
            if path != self._state_path:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def classpath(lib):
    return f"{lib}/*"


LOG4J = """<Configuration status="error"><Appenders><Console name="out">
<PatternLayout pattern="%d{ISO8601} %p %c{1}: %m%n"/></Console></Appenders>
<Loggers><Root level="warn"><AppenderRef ref="out"/></Root></Loggers></Configuration>
"""


class Kafka(Server):
    """One broker that is its own controller (KRaft). extra_conf goes into server.properties."""

    kind = "kafka"

    def __init__(self, folder, port=None, heap_mb=320, profile="small", extra_conf=None,
                 jvm_args=()):
        super().__init__(folder, "kafka", heap_mb, profile, jvm_args)
        self.extra_conf = dict(extra_conf or {})
        self.port = self._once("port", lambda: port or free_port())
        self.controller_port = self._once("controller_port", free_port)
        self.cluster_id = self._once(
            "cluster_id", lambda: base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[:22])

    @property
    def bootstrap(self):
        return f"127.0.0.1:{self.port}"

    def _properties(self):
        values = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller_port}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},"
                         f"CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": self.folder / "data",
            "auto.create.topics.enable": "false",
            "delete.topic.enable": "true",
            # one broker: no copies
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            # small and quick
            "offsets.topic.num.partitions": 1,
            "transaction.state.log.num.partitions": 1,
            "group.initial.rebalance.delay.ms": 0,
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
            "log.index.size.max.bytes": 1048576,
            "num.network.threads": 2,
            "num.io.threads": 4,
            "log.cleaner.dedupe.buffer.size": 10485760,
        }
        values.update(self.extra_conf)
        return "".join(f"{k}={v}\n" for k, v in values.items())

    def _java(self, main, *args):
        lib = fetch("kafka")
        (self.folder / "log4j2.xml").write_text(LOG4J)
        return [str(find_java("kafka")), f"-Xms64m", f"-Xmx{self.heap_mb}m", *self.jvm,
                f"-Dlog4j2.configurationFile={self.folder / 'log4j2.xml'}",
                "-cp", classpath(lib), main, *map(str, args)]

    def _command(self):
        conf = self.folder / "server.properties"
        conf.write_text(self._properties())
        if not (self.folder / "data" / "meta.properties").exists():
            done = subprocess.run(self._java("kafka.tools.StorageTool", "format", "-t",
                                             self.cluster_id, "-c", conf),
                                  capture_output=True, text=True)
            if done.returncode != 0:
                raise StackError(f"Kafka's data folder could not be made: {done.stderr[-800:]}")
        return self._java("kafka.Kafka", conf)

    def _ready(self):
        """A metadata request is answered, and the broker is no longer fenced."""
        # Kafka protocol: size, ApiKey 3 (Metadata), version 1, correlation 1, client id, no topics
        client = b"stack"
        body = struct.pack(">hhih", 3, 1, 1, len(client)) + client + struct.pack(">i", 0)
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as s:
                s.settimeout(5)
                s.sendall(struct.pack(">i", len(body)) + body)
                size = struct.unpack(">i", self._exactly(s, 4))[0]
                answer = self._exactly(s, size)
                return struct.unpack(">i", answer[4:8])[0] == 1  # number of live brokers
        except (OSError, struct.error):
            return False

    @staticmethod
    def _exactly(s, n):
        data = b""
        while len(data) < n:
            part = s.recv(n - len(data))
            if not part:
                raise OSError("closed")
            data += part
        return data


class Neo4j(Server):
    """One Neo4j Community server. extra_conf goes into neo4j.conf."""

    kind = "neo4j"
    user = "neo4j"

    def __init__(self, folder, name, version="5.26", http_port=None, bolt_port=None, password=None,
                 heap_mb=512, profile="small", extra_conf=None, jvm_args=()):
        super().__init__(folder, name, heap_mb, profile, jvm_args)
        if version not in NEO4J_VERSIONS:
            raise StackError(f"there is no Neo4j {version} here, only {', '.join(NEO4J_VERSIONS)}", 2)
        self.version, self.extra_conf = version, dict(extra_conf or {})
        self._remember(version=version)
        self.http_port = self._once("http_port", lambda: http_port or free_port())
        self.bolt_port = self._once("bolt_port", lambda: bolt_port or free_port())
        self.password = self._once("password", lambda: password or secrets.token_hex(8))
        self.password_file = self.folder / "password"
        if not self.password_file.exists():
            self._write_password_file()

    def _write_password_file(self):
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(self.password + "\n")

    @property
    def http_uri(self):
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def bolt_uri(self):
        return f"bolt://127.0.0.1:{self.bolt_port}"

    def _conf(self):
        old = self.version == "4.4"
        prefix = "dbms" if old else "server"
        values = {f"{prefix}.directories.{d}": self.folder / d
                  for d in ("data", "logs", "run", "plugins", "import")}
        if old:
            values |= {
                "dbms.connector.http.listen_address": f"127.0.0.1:{self.http_port}",
                "dbms.connector.bolt.listen_address": f"127.0.0.1:{self.bolt_port}",
                "dbms.connector.bolt.advertised_address": f"127.0.0.1:{self.bolt_port}",
                "dbms.connector.https.enabled": "false",
                "dbms.memory.pagecache.size": "64m",
            }
        else:
            values |= {
                "server.default_listen_address": "127.0.0.1",
                "server.http.listen_address": f"127.0.0.1:{self.http_port}",
                "server.bolt.listen_address": f"127.0.0.1:{self.bolt_port}",
                "server.bolt.advertised_address": f"127.0.0.1:{self.bolt_port}",
                "server.https.enabled": "false",
                "dbms.usage_report.enabled": "false",
                "server.memory.pagecache.size": "64m",
            }
        values |= self.extra_conf
        return "".join(f"{k}={v}\n" for k, v in values.items())

    def _command(self):
        name = f"neo4j-{self.version}"
        lib, java = fetch(name), find_java(name)
        for d in ("data", "logs", "run", "plugins", "import", "conf"):
            (self.folder / d).mkdir(exist_ok=True)
        if not self.password_file.exists():
            self._write_password_file()
        (self.folder / "conf" / "neo4j.conf").write_text(self._conf())
        opens = ["java.nio", "java.io", "sun.nio.ch", "java.util.concurrent"]
        main, extra = "org.neo4j.server.CommunityEntryPoint", ["--enable-native-access=ALL-UNNAMED"]
        if self.version == "4.4":
            opens, extra = opens + ["java.lang"], []
        elif self.version == "2026":
            main = "org.neo4j.server.Neo4jCommunity"
            extra += ["--add-modules=jdk.incubator.vector", "--sun-misc-unsafe-memory-access=allow"]
        return [str(java), f"-Xms{self.heap_mb // 2}m", f"-Xmx{self.heap_mb}m", *self.jvm,
                *[f"--add-opens=java.base/{o}=ALL-UNNAMED" for o in opens], *extra,
                "-Dio.netty.tryReflectionSetAccessible=true", "-Dfile.encoding=UTF-8",
                "-cp", classpath(lib), main, f"--home-dir={self.folder}",
                f"--config-dir={self.folder / 'conf'}"]

    def cypher(self, text, database="neo4j", password=None, timeout=10):
        """One statement; the decoded answer. Raises OSError when nobody answers."""
        login = base64.b64encode(f"{self.user}:{password or self.password}".encode()).decode()
        request = urllib.request.Request(
            f"{self.http_uri}/db/{database}/tx/commit",
            data=json.dumps({"statements": [{"statement": text}]}).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Basic {login}",
                     "Accept": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=timeout) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return {"errors": [{"code": f"http.{error.code}"}]}

    def _ready(self):
        """Statements run with our password, which a fresh server gets here (never on a command
        line, where a process list would show it)."""
        try:
            if not self._state().get("password_set"):
                answer = self.cypher("ALTER CURRENT USER SET PASSWORD FROM 'neo4j' TO "
                                     f"'{self.password}'", "system", "neo4j")
                if answer["errors"]:
                    return False
                self._remember(password_set=True)
            return not self.cypher("RETURN 1")["errors"]
        except (OSError, ValueError):
            return False

    def wipe(self):
        super().wipe()
        self._remember(password_set=False)


# ---------------------------------------------------------------- command line

def default_dir():
    return ROOT / "build" / "local"


def known_servers(folder):
    """The servers that were ever started in the folder."""
    servers = []
    for path in sorted(pathlib.Path(folder).glob("*/state.json")):
        state, name = json.loads(path.read_text()), path.parent.name
        servers.append(Kafka(path.parent) if name == "kafka"
                       else Neo4j(path.parent, name, state.get("version", "5.26")))
    return servers


def named(folder, name):
    for server in known_servers(folder):
        if server.name == name:
            return server
    raise StackError(f"there is no server {name} in {folder}; see: stack.py status", 2)


def do_fetch(args):
    for name in args.names or ["kafka", "neo4j-5.26"]:
        if name not in JAVA_NEEDED:
            raise StackError(f"{name} is none of {', '.join(JAVA_NEEDED)}", 2)
        fetch(name)


def do_start(args):
    servers = [Kafka(args.dir / "kafka")]
    for i in range(1, args.neo4j + 1):
        servers.append(Neo4j(args.dir / f"neo4j-{i}", f"neo4j-{i}", args.version))
    started = [s for s in servers if not s.alive]
    for server in started:
        server.start(wait=False)
    for server in started:
        server.wait_ready()
    do_status(args)


def do_stop(args):
    for server in reversed(known_servers(args.dir)):
        if server.alive:
            print(f"stopping {server.name}, pid {server.pid}")
        server.stop()


def do_status(args):
    rows = [("NAME", "VERSION", "PID", "ADDRESS", "STATE")]
    for s in known_servers(args.dir):
        address = s.bootstrap if s.kind == "kafka" else s.http_uri
        version = "4.2.1" if s.kind == "kafka" else s.version
        state = "stopped" if not s.alive else "ready" if s._ready() else "not answering"
        rows.append((s.name, version, str(s.pid or "-"), address, state))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def do_env(args):
    for s in known_servers(args.dir):
        if s.kind == "kafka":
            print(f"export BROKERS={s.bootstrap}")
        else:
            print(f"# {s.name}\nexport NEO4J_URI={s.http_uri} NEO4J_USER={s.user} "
                  f"NEO4J_PASS_FILE={s.password_file}")


def do_one(args):
    server = named(args.dir, args.name)
    getattr(server, args.command)()
    print(f"{server.name}: {args.command} done")


def do_wipe(args):
    servers = known_servers(args.dir)
    if not args.yes:
        print(f"This deletes the data of {', '.join(s.name for s in servers)} in {args.dir}. "
              "Type yes: ", end="", flush=True)
        if sys.stdin.readline().strip() != "yes":
            raise StackError("nothing was deleted")
    for server in servers:
        server.wipe()


def main():
    parser = argparse.ArgumentParser(
        prog="stack.py", description="Real Kafka and Neo4j on 127.0.0.1, without Docker.")
    parser.add_argument("--dir", type=pathlib.Path, default=default_dir(),
                        help="where the servers live (default: build/local)")
    sub = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    p = sub.add_parser("fetch", help="download the servers' jars")
    p.add_argument("names", nargs="*", help=", ".join(JAVA_NEEDED) + " (default: kafka neo4j-5.26)")
    p.set_defaults(do=do_fetch)
    p = sub.add_parser("start", help="start Kafka and some Neo4j servers")
    p.add_argument("--neo4j", type=int, default=2, metavar="N", help="how many (default 2)")
    p.add_argument("--version", default="5.26", choices=NEO4J_VERSIONS)
    p.set_defaults(do=do_start)
    sub.add_parser("stop", help="stop all, by pid").set_defaults(do=do_stop)
    sub.add_parser("status", help="what runs where").set_defaults(do=do_status)
    sub.add_parser("env", help="settings for db_sync and global_server").set_defaults(do=do_env)
    for name, text in (("kill", "end one at once, as a power cut would"), ("restart", "stop and start one"),
                       ("pause", "let one hang (SIGSTOP)"), ("resume", "end its pause")):
        p = sub.add_parser(name, help=text)
        p.add_argument("name")
        p.set_defaults(do=do_one)
    p = sub.add_parser("wipe", help="delete all data of stopped servers")
    p.add_argument("--yes", action="store_true", help="do not ask")
    p.set_defaults(do=do_wipe)
    args = parser.parse_args()
    try:
        args.do(args)
    except StackError as error:
        print(f"stack.py: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
