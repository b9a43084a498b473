# SPDX-License-Identifier: Apache-2.0
"""One Java server: a process that outlives the program that started it, and a folder of its own.

The folder holds server.json (how it was made, ports), pid, server.log, and what the server itself
writes. A restart keeps ports and data, so clients reconnect. Other programs, such as a shell in
another window, find the server by its folder.

Everything is a condition with a deadline; a process that ends while it is waited for fails the
wait at once, with the end of its log."""

import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from .error import UNREACHABLE, USAGE, StackError
from .jars import Java, class_archive, fetch, find_java, locked, need_space, pinned_version

HOST = "127.0.0.1"
POLL_S = 0.05
START_S = 120  # a cold start on a busy machine takes 20 s

# "small" starts quickest and uses least CPU in its first minutes; "fast" is for benches.
JVM_PROFILES = {
    "small": ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"],
    "fast": ["-XX:+UseG1GC"],
}


def free_port() -> int:
    """A port that nobody listens on. From below those that Linux gives to outgoing connections
    (32768 and up): one of them may be taken by any client while its server is down, even by a
    client that tries to reach that very server, and thus reaches itself."""
    for port in random.SystemRandom().sample(range(20000, 32768), 1000):
        if _is_free(port):
            return port
    raise StackError("no free port between 20000 and 32767")


def _is_free(port: int) -> bool:
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java: TIME_WAIT does not count
        try:
            s.bind((HOST, port))
            return True
        except OSError:
            return False


def _stat(pid: int) -> Tuple[str, int]:
    """State letter and start time (clock ticks since boot) of a process; ("", 0) without one.
    A zombie counts as none, once its last thread has ended: before that it may look like a zombie
    and still hold its ports and files."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "", 0
    fields = text.rpartition(")")[2].split()  # from the third of proc(5) on: the name may hold anything
    state, threads, start = fields[0], int(fields[17]), int(fields[19])
    return ("", 0) if state in "ZX" and threads <= 1 else (state, start)


def process_start(pid: int) -> Optional[int]:
    """When the process began: with the pid it names one process, even when the number is used
    again. None when there is none."""
    return _stat(pid)[1] or None


def write_whole(path: pathlib.Path, text: str) -> None:
    """Replaces a file, never half, readable by its owner only: configuration may hold secrets."""
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    aside.touch(mode=0o600)
    aside.write_text(text)
    aside.rename(path)


class Server:
    """What Kafka and Neo4j have in common. Subclasses say how to run it and when it is ready.
    An object belongs to one thread; several objects and processes may share a folder."""

    kind = ""

    def __init__(self, folder, name: str, distribution: str, profile: str, heap_mb: int,
                 extra_conf: Optional[Mapping[str, Any]], jvm_args: Sequence[str],
                 ports: Mapping[str, Optional[int]], **options):
        if profile not in JVM_PROFILES:
            raise StackError(f"no profile {profile}, only {', '.join(JVM_PROFILES)}", USAGE)
        self.folder = pathlib.Path(folder).resolve()
        self.name, self.distribution = name, distribution
        self.profile, self.heap_mb, self.jvm_args = profile, heap_mb, list(jvm_args)
        self.extra_conf = {key: str(value) for key, value in (extra_conf or {}).items()}
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.log_path, self.data = self.folder / "server.log", self.folder / "data"
        self._pid_path, self._new_archive = self.folder / "pid", self.folder / "classes.jsa"
        self._child: Optional[subprocess.Popen] = None
        self.ports = self._remember(ports, {"profile": profile, "heap_mb": heap_mb,
                                            "extra_conf": self.extra_conf,
                                            "jvm_args": self.jvm_args, **options})

    def _remember(self, ports: Mapping[str, Optional[int]], options: Dict[str, Any]) -> Dict[str, int]:
        """Keeps in server.json what known_servers needs; the ports: those given, else those
        remembered, else free ones."""
        path = self.folder / "server.json"
        before = json.loads(path.read_text()) if path.exists() else {"ports": {}}
        chosen = {key: port or before["ports"].get(key) or free_port() for key, port in ports.items()}
        now = {"kind": self.kind, "name": self.name, "options": options, "ports": chosen}
        if now != before:
            write_whole(path, json.dumps(now, indent=1) + "\n")
        return chosen

    # ------------------------------------------------------------ what subclasses say

    def _configure(self) -> None:
        """Writes the configuration and whatever must be there before the first start."""
        raise NotImplementedError

    def _arguments(self, java: Java) -> List[str]:
        """Java's flags, main class and its arguments, beyond memory, profile and class path."""
        raise NotImplementedError

    def why_not_ready(self) -> Optional[str]:
        """One look: None when the server does its work, else what is missing. StackError when
        waiting cannot help."""
        raise NotImplementedError

    @property
    def address(self) -> str:
        raise NotImplementedError

    # ------------------------------------------------------------ the process

    @property
    def version(self) -> str:
        """The server's version as its pom pins it."""
        return pinned_version(self.distribution)

    @property
    def pid(self) -> Optional[int]:
        """Of the running process; None when there is none, or its number is another's by now."""
        try:
            pid, start = map(int, self._pid_path.read_text().split())
        except (OSError, ValueError):
            return None
        return pid if process_start(pid) == start else None

    @property
    def alive(self) -> bool:
        """Whether the process exists, paused or not."""
        if self._child is not None:
            self._child.poll()  # else a dead child stays as a zombie
        return self.pid is not None

    @property
    def paused(self) -> bool:
        pid = self.pid
        return pid is not None and _stat(pid)[0] == "T"

    def state(self) -> str:
        """For people: stopped, paused, ready, or what it still lacks."""
        if not self.alive:
            return "stopped"
        if self.paused:
            return "paused"
        try:
            return self.why_not_ready() or "ready"
        except StackError as error:
            return str(error)

    def log_tail(self, lines: int = 20) -> str:
        """The last lines that the server printed."""
        text = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def java_command(self, java: Java, lib: pathlib.Path, *arguments: str) -> List[str]:
        return [str(java.path), f"-Xmx{self.heap_mb}m", *JVM_PROFILES[self.profile], *self.jvm_args,
                "-cp", f"{lib}/*", *arguments]

    def start(self, wait: bool = True, deadline_s: float = START_S) -> "Server":
        """Starts the process; fetches its jars before, the first time. wait=False returns at once:
        start several, then wait_ready each."""
        java, lib = find_java(self.distribution), fetch(self.distribution)
        need_space(self.folder, 200)
        with locked(self.folder / "lock"):
            if self.alive:
                raise StackError(f"{self.name} runs already, pid {self.pid}")
            for key, port in self.ports.items():
                if not _is_free(port):
                    raise StackError(
                        f"{self.name}: port {port} ({key}) is taken by another program; stop that "
                        f"one, or remove {self.folder / 'server.json'} to get other ports")
            self._configure()
            command = self.java_command(java, lib, *self._class_sharing(java), *self._arguments(java))
            with open(self.log_path, "ab") as log:
                # a session of its own: Ctrl-C in the shell that started it is not for the server
                self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                               cwd=self.folder, start_new_session=True)
            write_whole(self._pid_path, f"{self._child.pid} {process_start(self._child.pid)}\n")
        if wait:
            self.wait_ready(deadline_s)
        return self

    def wait_ready(self, deadline_s: float = START_S) -> "Server":
        """Returns when the server does its work. StackError with the end of its log when it ends
        instead, or (code 4) when the deadline passes."""
        why: Optional[str] = ""

        def ready() -> bool:
            nonlocal why
            if not self.alive:
                raise StackError(f"{self.name} ended while it was waited for; {self._log_end()}")
            why = "it is paused" if self.paused else self.why_not_ready()
            return why is None

        if not self._until(ready, deadline_s):
            raise StackError(f"{self.name} is not ready after {deadline_s:g} s: {why}; "
                             f"{self._log_end()}", UNREACHABLE)
        return self

    def _log_end(self) -> str:
        tail = self.log_tail()
        full = "\nThe disk is full: make room" if "No space left" in tail else ""
        return f"the end of {self.log_path}:\n{tail}{full}"

    @staticmethod
    def _until(condition: Callable[[], bool], deadline_s: float) -> bool:
        end = time.monotonic() + deadline_s
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(POLL_S)
        return True

    def _signal(self, number: int) -> bool:
        """False when there is no process (any more)."""
        pid = self.pid
        try:
            if pid is not None:
                os.kill(pid, number)
        except ProcessLookupError:
            pid = None
        return pid is not None

    def stop(self, deadline_s: float = 60) -> None:
        """SIGTERM, and SIGKILL when that has not helped by the deadline. Does nothing when the
        server does not run."""
        if not self.alive:
            return
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)  # a paused process takes no SIGTERM
        if not self._until(lambda: not self.alive, deadline_s):
            self.kill()
        elif self._new_archive.exists():
            self._keep_archive()

    def kill(self) -> None:
        """SIGKILL, as when the power goes; returns when the process is gone."""
        self._signal(signal.SIGKILL)
        if not self._until(lambda: not self.alive, 30):
            raise StackError(f"{self.name}, pid {self.pid}, survives SIGKILL: it hangs in the "
                             "kernel (a failing disk?)")

    def restart(self, deadline_s: float = START_S) -> "Server":
        """stop and start."""
        self.stop()
        return self.start(deadline_s=deadline_s)

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nobody answers. Returns when it stands still."""
        if not self._signal(signal.SIGSTOP) or not self._until(lambda: self.paused, 10):
            raise StackError(f"{self.name} does not run, so it cannot be paused")

    def resume(self) -> None:
        """Ends a pause."""
        if not self._signal(signal.SIGCONT):
            raise StackError(f"{self.name} does not run, so it cannot be resumed")

    def wipe(self) -> None:
        """Removes data and logs; ports, options and password stay."""
        if self.alive:
            raise StackError(f"{self.name} runs, pid {self.pid}: stop it before its data is removed")
        kept = {"server.json", "password", "lock"}
        for path in self.folder.iterdir():
            if path.name not in kept:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    # ------------------------------------------------------------ class data sharing

    def _class_sharing(self, java: Java) -> List[str]:
        """Uses the archive of parsed classes; without one, has Java write it as it ends. So the
        first orderly stop of a distribution takes some seconds more, and no start does."""
        quiet = ["-Xlog:cds=off", "-Xlog:cds+dynamic=off"]  # what cannot be shared is no error
        archive = class_archive(self.distribution, java)
        if archive.exists():
            return [*quiet, f"-XX:SharedArchiveFile={archive}"]
        self._new_archive.unlink(missing_ok=True)
        return [*quiet, f"-XX:ArchiveClassesAtExit={self._new_archive}"]

    def _keep_archive(self) -> None:
        archive = class_archive(self.distribution, find_java(self.distribution))
        aside = archive.with_suffix(f".{os.getpid()}")
        shutil.move(self._new_archive, aside)  # may be another file system
        aside.rename(archive)
