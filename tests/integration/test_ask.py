# SPDX-License-Identifier: Apache-2.0
"""What `global_server ask` prints, and how it asks again and again."""

import json
import os
import signal
import subprocess
import time

import pytest
from programs import BIN, read_terminal, run, terminal
from replica import applied
from wait import until

COLUMNS = ["REPLICA", "REPLIES", "ERRORS", "P50_MS", "P99_MS", "MAX_MS"]


@pytest.fixture
def env(topics, kafka):
    return {"BROKERS": kafka.bootstrap, "B_TOPIC_PREFIX": topics.prefix}


@pytest.fixture
def served(replica, global_server, env):
    """A replica, `a`, with a global_server."""
    server = global_server(replica)
    server.wait_event("claim", 60)
    return server


@pytest.fixture
def begin(env):
    """begin(*args): an ask that goes on by itself."""
    started = []

    def start(*args):
        started.append(subprocess.Popen([BIN / "global_server", "ask", *args], env={**os.environ, **env}, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def summary(told):
    """{replica: (replies, errors, p50, p99, max)} of what --repeat says at its end."""
    lines = [line.split() for line in told.splitlines()]
    rows = lines[lines.index(COLUMNS) + 1:]
    return {row[0]: (int(row[1]), int(row[2]), *map(float, row[3:])) for row in rows if len(row) == len(COLUMNS)}


def test_output(served, env):
    query = "UNWIND [1, 22] AS n RETURN n, 'a,b' AS text"
    csv = "n,text\n1,\"a,b\"\n22,\"a,b\"\n"
    for flags in (["--output", "csv"], ["--csv"], ["--csv", "--output", "csv"]):
        assert run("global_server", ["ask", *flags, query], env).stdout == csv, flags
    for flags in (["--output", "json"], ["--json"]):
        assert json.loads(run("global_server", ["ask", *flags, query], env).stdout)["rows"] == [[1, "a,b"], [22, "a,b"]]
    for flags in (["--output", "table"], []):
        assert [line.split() for line in run("global_server", ["ask", *flags, query], env).stdout.splitlines()] == [["n", "text"], ["1", "a,b"], ["22", "a,b"]]


@pytest.mark.parametrize("args, words", [
    (["--output", "xml"], "table|json|csv"),
    (["--json", "--csv"], "--json and --csv exclude each other"),
    (["--output", "csv", "--json"], "--output csv and --json exclude each other"),
    (["--output", "json", "--csv"], "--output json and --csv exclude each other"),
    (["--repeat", "0"], "1 to 1000000"),
    (["--repeat", "many"], "whole number"),
    (["--interval", "1s"], "--interval is for --repeat"),
    (["--min-offset", ""], "whole number"),
])
def test_wrong_ways(args, words, env):
    done = run("global_server", ["ask", *args, "RETURN 1"], env)
    assert done.returncode == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1, done


def test_again_and_again_from_two_replicas(topics, server_a, neo_a, server_b, neo_b, db_sync, global_server, env):
    for name, server, neo in (("a", server_a, neo_a), ("b", server_b, neo_b)):
        db_sync(server, name)
        topics.commands(["CREATE (:P)"])
        applied(neo, topics)
        global_server(server, instance=name).wait_event("claim", 60)
    until("both answer", lambda: len(summary(run("global_server", ["ask", "--repeat", "20", "RETURN 1"], env).stderr)) == 3)
    done = run("global_server", ["ask", "--repeat", "40", "MATCH (p:P) RETURN count(p) AS n", "RETURN 7 AS seven"], env)
    assert done.returncode == 0 and done.stdout.split() == ["n", "2", "seven", "7"], "the last answers"
    lines = done.stderr.splitlines()
    assert [line.split(",")[0] for line in lines[:2]] == ["1 row", "1 row"] and lines[2].startswith("80 of 80 answered in "), done.stderr
    found = summary(done.stderr)
    assert list(found) == ["a", "b", "all"] and found["a"][0] > 0 and found["b"][0] > 0
    assert found["a"][0] + found["b"][0] == found["all"][0] == 80
    for replies, errors, p50, p99, longest in found.values():
        assert errors == 0 and 0 < p50 <= p99 <= longest
    done = run("global_server", ["ask", "--repeat", "20", "--key", "k", "RETURN 1"], env)
    assert len(summary(done.stderr)) == 1, "one key, one server"
    done = run("global_server", ["ask", "--repeat", "10", "--json", '{"command": "RETURN 1 AS n", "id": "mine"}'], env)
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    assert len({r["id"] for r in replies}) == len(replies) == 10 and replies[0]["id"] == "mine" and all(r["rows"] == [[1]] for r in replies)


def test_errors_of_some(topics, served, env, neo_a, begin):
    """The first is told, all are counted."""
    done = run("global_server", ["ask", "--repeat", "5", "RETURN 1 AS n", "RETURN 1/0 AS n"], env)
    assert done.returncode == 1 and done.stdout.split() == ["n", "1"]
    assert done.stderr.count("/ by zero") == 1 and "5 of 10 queries had an error reply" in done.stderr, done
    assert summary(done.stderr)["a"][:2] == (10, 5)
    neo_a.run("CREATE (:Zero)")  # errors in the first rounds alone
    asking = begin("--repeat", "12", "--interval", "300ms", "MATCH (z:Zero) RETURN 1 / (1 - count(z)) AS n")
    until("a sixth error", lambda: sum(b'"error"' in m.value() for m in topics.read("response")) > 5)
    neo_a.run("MATCH (z:Zero) DELETE z")
    out, told = asking.communicate(timeout=60)
    assert asking.returncode == 1 and out.split() == ["n", "1"] and told.count("/ by zero") == 1 and 0 < summary(told)["a"][1] < 12, told


def test_interval(served, env):
    begun = time.monotonic()
    done = run("global_server", ["ask", "--repeat", "4", "--interval", "400ms", "RETURN 1"], env)
    assert done.returncode == 0 and time.monotonic() - begun >= 1.2, done


def test_interrupted(topics, served, begin):
    """What was measured so far is told."""
    asking = begin("--repeat", "1000000", "RETURN 1")
    until("some replies", lambda: len(topics.read("response")) > 5)
    asking.send_signal(signal.SIGINT)
    out, told = asking.communicate(timeout=30)
    assert asking.returncode == 1 and out == "" and summary(told)["a"][0] > 5, told


def test_no_reply_in_the_middle(topics, served, begin):
    asking = begin("--repeat", "1000000", "--timeout", "1s", "RETURN 1")
    until("some replies", lambda: len(topics.read("response")) > 5)
    assert served.stop() == 0
    _, told = asking.communicate(timeout=60)
    assert asking.returncode == 4 and summary(told)["a"][0] > 5 and "of 1000000 were answered" in told, told


def test_progress_on_a_terminal(served, env):
    process, master = terminal("global_server", ["ask", "--repeat", "25", "--interval", "100ms", "RETURN 1 AS n"], env)
    shown = read_terminal(master)
    assert process.wait() == 0 and process.stdout.read().split() == [b"n", b"1"]
    assert b"/25 rounds" in shown and shown.index(b"\x1b[K1 row") < shown.index(b"25 of 25 answered"), shown
