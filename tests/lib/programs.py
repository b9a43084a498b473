# SPDX-License-Identifier: Apache-2.0
"""db_sync and global_server as processes under test. Messages that a subcommand prints are checked
against topics/."""

import os
import pathlib
import pty
import re
import signal
import subprocess

import schemas
from wait import until

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / os.environ.get("BUILD", "build/release") / "bin"


class Program:
    """One process. Its log goes to a file that is kept when a test fails."""

    count = 0

    def __init__(self, folder, program, args, env):
        Program.count += 1
        self.log_path = pathlib.Path(folder) / f"{program}-{Program.count}.log"
        self.program, self.args = program, list(args)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("KAFKA_", "NEO4J_", "B_"))}
        self.env.update(env)
        self.process = None

    def start(self):
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen([BIN / self.program, *self.args], env=self.env,
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                        start_new_session=True)
        log.close()
        return self

    @property
    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def events(self, name):
        """The log lines of one event, as dictionaries of their bare fields."""
        return [dict(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)', line))
                for line in self.log.splitlines() if f" event={name} " in line + " "]

    def wait_event(self, name, deadline_s=30, count=1):
        until(f"{count} x event={name} in the log of {self.program}; it says:\n{self.log[-3000:]}",
              lambda: len(self.events(name)) >= count or not self.must_live(), deadline_s)
        return self.events(name)

    def must_live(self):
        """True, or a failed assertion with the end of its log."""
        assert self.process.poll() is None, f"{self.program} ended with {self.process.returncode}:\n{self.log[-3000:]}"
        return True

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None

    def wait_exit(self, deadline_s=30):
        try:
            return self.process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.program} still runs after {deadline_s} s:\n{self.log[-3000:]}") from None

    def stop(self, deadline_s=20):
        """SIGTERM; the exit code."""
        if not self.alive:
            return self.process.returncode
        self.process.send_signal(signal.SIGTERM)
        return self.wait_exit(deadline_s)

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def rss_peak_kb(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status).group(1))

    def cpu_s(self):
        """Processor time of all its threads so far, the kernel's for it included."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def terminal(program, args, env):
    """A subcommand whose stderr is a terminal: the process and the terminal's other end, for read_terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen([BIN / program, *args], env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=slave)
    os.close(slave)
    return process, master


def read_terminal(master):
    """All that is written to it until the process ends."""
    shown = b""
    try:
        while chunk := os.read(master, 4096):
            shown += chunk
    except OSError:
        pass  # its other end is closed
    os.close(master)
    return shown


def run(program, args, env, stdin=None, deadline_s=60):
    """A subcommand to its end: CompletedProcess with text output."""
    full = {k: v for k, v in os.environ.items() if not k.startswith(("KAFKA_", "NEO4J_", "B_"))}
    full.update(env)
    done = subprocess.run([BIN / program, *args], env=full, input=stdin, text=True,
                          capture_output=True, timeout=deadline_s)
    kind = {"status": "status", "ask": "reply"}.get(args[0]) if args and "--json" in args else None
    for line in done.stdout.splitlines() if kind else ():
        schemas.check_body(kind, schemas.parse(line))
    return done
