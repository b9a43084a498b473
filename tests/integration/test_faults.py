# SPDX-License-Identifier: Apache-2.0
"""No crash, cut or outage loses or repeats a command. The end compares whole graphs with an oracle
that applied each command once."""

import contextlib
import os
import random
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
from conftest import ROOT, scaled
from oracle import apply_one_by_one
from stack import free_port
from replica import applied, check_equal
from wait import until


def counters(n, seed=1):
    """Commands of which none may be lost, repeated or reordered without another end."""
    rng = random.Random(seed)
    commands = ["CREATE CONSTRAINT c_id IF NOT EXISTS FOR (c:C) REQUIRE c.id IS UNIQUE"]
    commands += [f"CREATE (:C {{id: {i}, v: {i + 1}}})" for i in range(3)]
    for i in range(n):
        kind, c = rng.randrange(10), rng.randrange(3)
        if kind < 7:
            commands.append((f"MATCH (c:C {{id: $c}}) SET c.v = (c.v * {rng.randrange(2, 9)} + $i) % 1000003", {"c": c, "i": i}))
        elif kind < 8:
            commands.append((f"MATCH (c:C {{id: $c}}) CREATE (c)-[:HAS]->(:Item {{n: $i, v: c.v}})", {"c": c, "i": i}))
        elif kind < 9:
            commands.append("MATCH (i:Item) WITH i ORDER BY i.n LIMIT 1 DETACH DELETE i")
        else:
            commands.append((f"MATCH (c:C {{id: $c}}) SET c.v = c.v / (c.v % 2)", {"c": c}))  # fails at times
    return commands


def feed_slowly(topics, commands, done):
    """Produces in small portions from a thread, so that faults fall between them too."""

    def work():
        for i in range(0, len(commands), 20):
            topics.commands(commands[i:i + 20])
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_kill_at_random_moments(topics, server_a, neo_a, server_b, neo_b, db_sync):
    kills = scaled(10, 100)
    commands = counters(kills * 60)
    failed = apply_one_by_one(neo_b, commands)
    rng = random.Random(7)
    agent = db_sync(server_a, BATCH_COUNT=23)
    done = threading.Event()
    feeder = feed_slowly(topics, commands, done)
    for _ in range(kills):
        # from before it is up to the middle of its work
        threading.Event().wait(rng.uniform(0, 1.5))
        agent.kill()
        agent = db_sync(server_a, BATCH_COUNT=rng.choice([1, 5, 50, 1000]))
    feeder.join()
    applied(neo_a, topics, 240)
    check_equal(neo_a, neo_b)
    assert [(o, c) for o, c, _ in topics.dead_letters()] == failed


@contextlib.contextmanager
def cutting(server, tmp_path, when, every):
    """The server behind a proxy that cuts connections, and how often it did."""
    port, cut_log = free_port(), tmp_path / "cuts"
    cut_log.touch()
    proxy = subprocess.Popen(
        [os.path.join(os.path.dirname(sys.executable), "mitmdump"), "-q", "--mode", f"reverse:{server.http_uri}",
         "--listen-host", "127.0.0.1", "-p", str(port), "-s", str(ROOT / "tests/lib/cutter.py"),
         "--set", f"confdir={tmp_path / 'mitm'}"],
        env=dict(os.environ, CUT_WHEN=when, CUT_EVERY=str(every), CUT_LOG=str(cut_log)))
    try:
        yield SimpleNamespace(http_uri=f"http://127.0.0.1:{port}", password=server.password,
                              cuts=lambda: len(cut_log.read_text().splitlines()))
    finally:
        proxy.kill()
        proxy.wait()


@pytest.mark.parametrize("when", ["before", "after"])
def test_answers_cut_off(when, topics, server_a, neo_a, server_b, neo_b, db_sync, tmp_path):
    """The request cut off before the server has it, and the answer after it committed."""
    cuts = scaled(10, 50)
    commands = counters(cuts * 30, seed=3)
    failed = apply_one_by_one(neo_b, commands)
    topics.commands(commands)
    with cutting(server_a, tmp_path, when, 3) as through:
        agent = db_sync(through, BATCH_COUNT=9)
        applied(neo_a, topics, 240)
        assert through.cuts() >= cuts
    check_equal(neo_a, neo_b)
    assert [(o, c) for o, c, _ in topics.dead_letters()] == failed
    assert agent.alive


@pytest.mark.parametrize("when", ["before", "after"])
def test_large_batches_cut_off(when, topics, server_a, neo_a, db_sync, tmp_path):
    """The same with a thousand commands a transaction: more than go out again after a failure. A
    client that sends a request again by itself, unasked, shows here."""
    batches, expected = scaled(6, 40), 0
    for i in range(batches * 1000):
        expected = (expected * 3 + i % 10) % 1000003
    topics.commands([("MERGE (c:C) SET c.n = (coalesce(c.n, 0) * 3 + $v) % 1000003", {"v": i % 10})
                     for i in range(batches * 1000)])
    with cutting(server_a, tmp_path, when, 2) as through:
        agent = db_sync(through, BATCH_COUNT=1000)
        applied(neo_a, topics, 240)
        assert through.cuts() >= batches // 2
    assert neo_a.one("MATCH (c:C) RETURN c.n") == expected
    assert topics.dead_letters() == []
    assert agent.alive


def test_neo4j_killed_hung_and_absent(topics, server_a, neo_a, server_b, neo_b, db_sync):
    """It waits, says so once, goes on; nothing is dead-lettered for an outage."""
    commands = counters(1500, seed=5)
    failed = apply_one_by_one(neo_b, commands)
    server_a.stop()
    agent = db_sync(server_a, BATCH_COUNT=10)
    agent.wait_event("neo4j_down")
    topics.commands(commands[:300])
    until("state waiting-neo4j", lambda: "waiting-neo4j" in topics.states("a"))
    server_a.start()
    applied(neo_a, topics)
    topics.commands(commands[300:600])
    server_a.kill()
    agent.wait_event("neo4j_down", count=2)
    server_a.start()
    applied(neo_a, topics)
    topics.commands(commands[600:])
    server_a.pause()
    until("state waiting-neo4j while it hangs",
          lambda: topics.status("a")["state"] == "waiting-neo4j", deadline_s=60)
    threading.Event().wait(scaled(5, 20))  # 30 s of SIGSTOP in all at full scale
    server_a.resume()
    applied(neo_a, topics)
    check_equal(neo_a, neo_b)
    assert [(o, c) for o, c, _ in topics.dead_letters()] == failed
    assert len(agent.events("neo4j_down")) == len(agent.events("neo4j_up")) == 2
    until("state in-sync", lambda: topics.status("a")["state"] == "in-sync")


def test_kafka_restarted(topics, kafka, server_a, neo_a, server_b, neo_b, db_sync):
    commands = counters(1200, seed=6)
    failed = apply_one_by_one(neo_b, commands)
    agent = db_sync(server_a, BATCH_COUNT=20)
    topics.commands(commands[:600])
    until("work", lambda: (neo_a.offset() or 0) > 0)
    kafka.kill()
    agent.wait_event("kafka_down")
    kafka.start()
    topics.commands(commands[600:])
    applied(neo_a, topics)
    check_equal(neo_a, neo_b)
    assert [(o, c) for o, c, _ in topics.dead_letters()] == failed
    until("state in-sync", lambda: topics.status("a")["state"] == "in-sync")
    # idle, it comes back too: an end of the log that was told before is not told again
    downs, ups = len(agent.events("kafka_down")), len(agent.events("kafka_up"))
    kafka.kill()
    agent.wait_event("kafka_down", count=downs + 1)
    kafka.start()
    agent.wait_event("kafka_up", count=ups + 1)
    until("state in-sync", lambda: topics.status("a")["state"] == "in-sync")


def test_second_db_sync_takes_over(topics, server_a, neo_a, server_b, neo_b, db_sync):
    """The newest goes on, the older exits 5, nothing twice."""
    rounds = scaled(6, 20)
    commands = counters(rounds * 150, seed=8)
    failed = apply_one_by_one(neo_b, commands)
    done = threading.Event()
    feeder = feed_slowly(topics, commands, done)
    agent = db_sync(server_a, BATCH_COUNT=5)
    agent.wait_event("position")  # the newest is who took over last, not who was launched last
    for _ in range(rounds):
        newer = db_sync(server_a, BATCH_COUNT=5)
        newer.wait_event("position")
        topics.commands([{"command": "MATCH (c:C) WHERE c.id > 100 RETURN c"}])  # something to write
        assert agent.wait_exit() == 5, agent.log[-2000:]
        agent = newer
    feeder.join()
    applied(neo_a, topics)
    check_equal(neo_a, neo_b)
    assert {c for _, c, _ in topics.dead_letters()} == {c for _, c in failed}
    assert len(topics.dead_letters()) == len(failed)


def test_two_start_on_an_empty_database(topics, server_a, neo_a, db_sync):
    for turn in range(scaled(3, 20)):
        neo_a.wipe()
        topics.commands([f"CREATE (:E {{turn: {turn}}})"])
        first, second = db_sync(server_a), db_sync(server_a)
        applied(neo_a, topics)
        assert neo_a.one("MATCH (e:E) RETURN count(e)") == turn + 1
        # an idle one notices too that another has taken over
        until("one of them to end", lambda: not (first.alive and second.alive))
        assert sorted([first.alive, second.alive]) == [False, True]
        gone = first if not first.alive else second
        assert gone.process.returncode == 5, gone.log
        for agent in (first, second):
            agent.stop()
        assert neo_a.offset() == topics.end("command")


def test_takeover_waits_for_a_hung_transaction(topics, server_a, neo_a, db_sync):
    """The first one is hung in a long transaction; the second waits for it, and nothing is twice."""
    slow = "UNWIND range(1, 6000000) AS x WITH sum(x % 7) AS s CREATE (:Slow {s: s})"
    first = db_sync(server_a)
    first.wait_event("position")
    topics.commands([slow, "CREATE (:After)"])
    until("the long transaction", lambda: any(
        "UNWIND" in str(row) for row in neo_a.run("SHOW TRANSACTIONS YIELD currentQuery RETURN currentQuery")
        if "SHOW" not in str(row)))
    first.pause()
    second = db_sync(server_a)
    second.wait_event("position", 60)
    applied(neo_a, topics)
    assert neo_a.one("MATCH (s:Slow) RETURN count(s)") == 1
    assert neo_a.one("MATCH (s:After) RETURN count(s)") == 1
    first.resume()
    topics.commands(["CREATE (:Last)"])
    assert first.wait_exit() == 5
    applied(neo_a, topics)
    assert second.alive and neo_a.one("MATCH (s:Last) RETURN count(s)") == 1


def test_kill_in_schema_commands(topics, server_a, neo_a, server_b, neo_b, db_sync):
    rounds = scaled(6, 40)
    commands = []
    for i in range(rounds):
        commands += [f"CREATE INDEX i{i} FOR (n:N{i % 3}) ON (n.p{i})", f"CREATE (:N{i % 3} {{p{i}: {i}}})",
                     f"CREATE INDEX i{i} FOR (n:N{i % 3}) ON (n.p{i})"]
        if i % 3 == 0:
            commands += [f"DROP INDEX i{i}", f"DROP INDEX i{i}"]
    failed = apply_one_by_one(neo_b, commands)
    topics.commands(commands)
    rng = random.Random(4)
    agent = db_sync(server_a)
    end = topics.end("command")
    for _ in range(rounds * 3):
        threading.Event().wait(rng.uniform(0.05, 0.9))
        if neo_a.offset() == end:
            break
        agent.kill()
        agent = db_sync(server_a)
    applied(neo_a, topics)
    check_equal(neo_a, neo_b)
    assert [(o, c) for o, c, _ in topics.dead_letters()] == failed
