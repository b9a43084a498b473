# SPDX-License-Identifier: Apache-2.0
"""compose/local: servers keep ports and data through kill -9, and only they are ever ended."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import pytest
import stack
from servers import jars

PROGRAM = pathlib.Path(stack.__file__)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="module")
def both(folder):
    """A broker and a database, started at once. The last test stops them."""
    servers = [stack.Neo4j(folder / "neo4j-a", "neo4j-a"), stack.Kafka(folder / "kafka")]
    try:
        for server in servers:
            server.start(wait=False)
        for server in servers:
            server.wait_ready()
        yield servers
    finally:
        for server in servers:
            server.kill()


@pytest.fixture
def neo4j(both):
    return both[0]


@pytest.fixture
def kafka(both):
    return both[1]


@pytest.fixture
def bystander():
    """A process that is none of ours; it ends with its standard input."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()


def shell(folder, *args):
    return subprocess.run([sys.executable, PROGRAM, *args, "--dir", folder], text=True,
                          capture_output=True, timeout=120, check=False)


def test_servers_work_and_hide_the_password(neo4j, kafka):
    assert neo4j.rows("RETURN 1 + $n", {"n": 1}) == [[2]]
    assert neo4j.version.startswith("5.26.")
    assert kafka.why_not_ready() is None
    assert f"Kafka version: {kafka.version}" in kafka.log_tail(50)
    assert neo4j.password_file.stat().st_mode & 0o777 == 0o600
    command = pathlib.Path(f"/proc/{neo4j.pid}/cmdline").read_text()
    assert "CommunityEntryPoint" in command and neo4j.password not in command


def test_kill_and_start_keep_data_and_ports(neo4j, kafka):
    neo4j.rows("CREATE (:Kept {id: 1})")
    before = [(s.pid, s.address, s.ports) for s in (neo4j, kafka)]
    cluster = (kafka.data / "meta.properties").read_text()
    for server in (neo4j, kafka):
        server.kill()
        assert not server.alive and server.state() == "stopped"
    for server in (neo4j, kafka):
        server.start(wait=False)
    for server, (pid, address, ports) in zip((neo4j, kafka), before):
        server.wait_ready()
        assert server.pid != pid and (server.address, server.ports) == (address, ports)
    assert neo4j.rows("MATCH (n:Kept) RETURN n.id") == [[1]]
    assert (kafka.data / "meta.properties").read_text() == cluster


def test_a_paused_server_does_not_answer(neo4j):
    neo4j.pause()
    try:
        assert neo4j.alive and neo4j.state() == "paused"
        with pytest.raises(stack.StackError) as refused:
            neo4j.rows("RETURN 1", timeout=0.5)
        assert refused.value.code == 4
        with pytest.raises(stack.StackError, match="paused") as refused:
            neo4j.wait_ready(deadline_s=0.1)
        assert refused.value.code == 4
    finally:
        neo4j.resume()
    neo4j.wait_ready(30)


def test_wipe_and_start_refuse_while_it_runs(neo4j):
    for refused in (neo4j.wipe, neo4j.start):
        with pytest.raises(stack.StackError, match="runs"):
            refused()
    assert neo4j.rows("RETURN 1") == [[1]]


def test_a_number_used_again_is_not_killed(tmp_path, bystander):
    server = stack.Kafka(tmp_path / "kafka")
    start = stack.process_start(bystander.pid)
    (tmp_path / "kafka" / "pid").write_text(f"{bystander.pid} {start}")
    assert server.alive, "the check below proves nothing"
    (tmp_path / "kafka" / "pid").write_text(f"{bystander.pid} {start - 1}")
    assert not server.alive and server.pid is None
    server.stop()
    server.kill()
    with pytest.raises(stack.StackError, match="does not run"):
        server.pause()
    assert bystander.poll() is None
    assert stack.process_start(bystander.pid) == start


def test_a_taken_port_is_named(tmp_path):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        with pytest.raises(stack.StackError, match=f"port {port} .* is taken"):
            stack.Kafka(tmp_path / "kafka", port=port).start()


def test_a_server_that_ends_fails_the_wait_at_once(tmp_path):
    server = stack.Neo4j(tmp_path / "n", "n", extra_conf={"no.such.setting": 1})
    with pytest.raises(stack.StackError, match="(?s)ended while.*no.such.setting"):
        server.start()


def test_wrong_password_is_not_waited_for(neo4j):
    right = neo4j.password
    try:
        neo4j.password_file.write_text("not this one\n")
        with pytest.raises(stack.StackError, match="wipe its data"):
            neo4j.wait_ready(30)
    finally:
        neo4j.password_file.write_text(right + "\n")
    neo4j.wait_ready(30)  # three refusals: Neo4j makes us wait five seconds


# Fails the first time, as registries do; then copies one jar.
MAVEN = """#!/bin/sh
echo run >> "$RUNS"
test "$(wc -l < "$RUNS")" -gt 1 || exit 1
for arg; do case $arg in -DoutputDirectory=*) mkdir -p "${arg#*=}"; echo > "${arg#*=}/a.jar" ;; esac; done
"""


def test_fetch_repeats_what_failed_and_nothing_else(tmp_path, monkeypatch):
    runs, cache = tmp_path / "runs", tmp_path / "cache"
    (tmp_path / "mvn").write_text(MAVEN)
    (tmp_path / "mvn").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("RUNS", str(runs))
    monkeypatch.setattr(jars, "CACHE", cache)
    (cache / "kafka.part" / "lib").mkdir(parents=True)
    (cache / "kafka.part" / "lib" / "half.jar").touch()
    for _ in range(2):
        assert [path.name for path in jars.fetch("kafka").iterdir()] == ["a.jar"]
    assert runs.read_text() == "run\n" * 2
    (cache / "kafka" / "complete").write_text("another pom")
    jars.fetch("kafka")
    assert runs.read_text() == "run\n" * 3


def test_another_process_finds_and_stops_them(folder, neo4j, kafka):
    """Last, since it stops them."""
    rows = json.loads(shell(folder, "status", "--json").stdout)
    assert [(row["name"], row["pid"], row["address"], row["state"]) for row in rows] == [
        (s.name, s.pid, s.address, "ready") for s in (kafka, neo4j)]
    assert shell(folder, "env", "neo4j-a").stdout.splitlines() == [
        f"export BROKERS={kafka.bootstrap}", f"export NEO4J_PASS_FILE={neo4j.password_file}",
        f"export NEO4J_URI={neo4j.http_uri}", "export NEO4J_USER=neo4j"]
    assert shell(folder, "wipe", "--yes").returncode == 1
    pids = [neo4j.pid, kafka.pid]
    stopped = shell(folder, "stop")
    assert stopped.returncode == 0, stopped.stderr
    assert [stack.process_start(pid) for pid in pids] == [None, None]
    assert shell(folder, "status").returncode == 4
    assert shell(folder, "wipe", "--yes").returncode == 0
    assert list(folder.iterdir()) == []
