# SPDX-License-Identifier: Apache-2.0
"""A snapshot holds the replica: db_sync waits and says so, reads go on, and limits that an operator set for
locks and transactions end a wait, never a command."""

import os
import signal
import subprocess

import pytest
import stack
from conftest import scaled
from hold import Hold
from neo import Neo, plain
from programs import BIN, run
from replica import applied
from replies import knows_age, wait_replies
from test_snapshot import neo_env, verify
from wait import until

FACTOR = 1_000_003


def steps(first, last):
    """Commands whose order and number of times show in the result."""
    return [f"MATCH (c:Counter) SET c.sum = c.sum * 3 % {FACTOR} + {i}" for i in range(first, last)]


def total(last):
    value = 0
    for i in range(last):
        value = value * 3 % FACTOR + i
    return value


def check_once(topics, neo, last):
    applied(neo, topics)
    assert neo.one("MATCH (c:Counter) RETURN c.sum") == total(last)
    assert topics.dead_letters() == []


@pytest.fixture
def limited(servers_dir, neo4j_version):
    """limited(lock="5s", transaction="5s"): a server with an operator's limits."""
    started = []

    def start(**limits):
        top = "dbms" if neo4j_version == "4.4" else "db"
        names = {"lock": f"{top}.lock.acquisition.timeout", "transaction": f"{top}.transaction.timeout"}
        server = stack.Neo4j(servers_dir / f"limited-{len(started)}", "limited", version=neo4j_version,
                             extra_conf={names[k]: v for k, v in limits.items()}).start(wait=False)
        started.append(server)
        return server.wait_ready(), Neo(server.http_uri, server.user, server.password)

    yield start
    for server in started:
        server.kill()
        server.wipe()


def status_is(topics, state, word="", replica="a"):
    def told():
        newest = topics.status(replica)
        return newest and newest["state"] == state and word in newest.get("reason", "") and newest
    return until(f"state {state} {word}, it is {topics.status(replica)}", told, 60)


def test_state_while_a_snapshot_holds(topics, kafka, server_a, neo_a, db_sync, global_server):
    topics.commands(["CREATE (:Counter {sum: 0})", *steps(0, 5)])
    agent = db_sync(server_a)
    server = global_server(server_a)
    server.wait_event("start")
    applied(neo_a, topics)
    knows_age(topics)
    with Hold(server_a, topics.name("command")) as hold:
        assert hold.offset() == 6
        topics.commands(steps(5, 20))
        told = status_is(topics, "snapshot", "reads go on")
        assert told["offset"] == 6 and told["lag"] == 15
        shown = run("db_sync", ["status"], {"BROKERS": kafka.bootstrap, "B_TOPIC_PREFIX": topics.prefix}).stdout
        assert " snapshot " in shown, shown
        assert [e["reason"] for e in agent.events("state") if e["state"] == "snapshot"]
        topics.produce("request", [{"id": "q", "command": "MATCH (c:Counter) RETURN c.sum"}])
        (page,) = wait_replies(topics, ["q"])["q"]
        assert page["rows"] == [[total(5)]] and page["offset"] == 6 and page["age_ms"] > 0
        assert hold.offset() == 6
    status_is(topics, "in-sync")
    check_once(topics, neo_a, 20)
    assert agent.events("state")[-1]["state"] == "in-sync"
    assert agent.stop() == 0


def test_our_own_limit_ends_no_command(topics, server_a, neo_a, db_sync):
    """TRANSACTION_TIMEOUT is shorter than the snapshot: no verdict, and no halt."""
    topics.commands(["CREATE (:Counter {sum: 0})"])
    agent = db_sync(server_a, TRANSACTION_TIMEOUT="1s")
    applied(neo_a, topics)
    with Hold(server_a, topics.name("command")) as hold:
        topics.commands(["CREATE INDEX late FOR (c:Late) ON (c.x)", *steps(0, 20)])
        told = status_is(topics, "snapshot", "TRANSACTION_TIMEOUT")
        assert "tried again" in told["reason"]
        # more often than a command alone may meet a limit
        since = until("the first wait", lambda: agent.events("neo4j_busy"))
        tries = "SHOW TRANSACTIONS YIELD transactionId, currentQuery WHERE currentQuery STARTS WITH 'CREATE (:`__db_sync`' RETURN transactionId"
        seen = set()
        until("five tries", lambda: hold.offset() and seen.update(plain(r[0]) for r in neo_a.run(tries)) or len(seen) >= 5, 90)
        assert agent.must_live() and len(since) == 1
    check_once(topics, neo_a, 20)
    assert int(agent.events("neo4j_free")[0]["attempts"]) >= 4
    assert not agent.events("batch_too_large")
    assert agent.stop() == 0


@pytest.mark.parametrize("limit", scaled([5], [5, 10]))
def test_operators_limits(topics, limited, db_sync, limit, tmp_path):
    old = os.environ.get("NEO4J_VERSION") == "4.4"  # there the lower of both limits counts, and ends the hold
    server, neo = limited(lock=f"{limit}s", **({} if old else {"transaction": f"{limit}s"}))
    for begin in range(1, 60_000, 5_000):  # in parts, since the limit is theirs too
        neo.run("UNWIND range($begin, $begin + 4999) AS i CREATE (:Big {i: i, text: 'some text that takes its time ' + i})", begin=begin)
    topics.commands(["CREATE (:Counter {sum: 0})"])
    agent = db_sync(server, args=("run", "--adopt", "0"))
    applied(neo, topics)
    with Hold(server, topics.name("command")) as hold:
        topics.commands(steps(0, 20))
        told = status_is(topics, "snapshot", "lock.acquisition.timeout")
        assert "tried again" in told["reason"]
        assert "lock.acquisition.timeout" in agent.wait_event("neo4j_busy")[0]["error"]
        tries = "SHOW TRANSACTIONS YIELD transactionId, currentQuery WHERE currentQuery STARTS WITH 'CREATE (:`__db_sync`' RETURN transactionId"
        seen = set()
        until("two more tries", lambda: hold.offset() and seen.update(plain(r[0]) for r in neo.run(tries)) or len(seen) >= 2, 90)
    check_once(topics, neo, 20)
    status_is(topics, "in-sync")
    # the snapshot brings its own limit, which wins, and its scan waits for no lock
    taking, said = paused_snapshot(server, neo, limit, tmp_path / "s", B_TOPIC_PREFIX=topics.prefix)
    assert taking.returncode == 0, said
    verify(tmp_path / "s")
    assert agent.stop() == 0


def paused_snapshot(server, neo, seconds, dest, **env):
    """One whose hold is older than that many seconds before its scan goes on."""
    env = {**{k: v for k, v in os.environ.items() if not k.startswith(("KAFKA_", "NEO4J_", "B_"))}, **neo_env(server, **env)}
    held = ("SHOW TRANSACTIONS YIELD metaData, elapsedTime WHERE metaData.cypherlog = 'snapshot' "
            "RETURN elapsedTime.seconds")
    taking = subprocess.Popen([BIN / "db_sync", "snapshot", dest], env=env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        until("a scan", lambda: neo.transactions("RETURN e") or taking.poll() is not None, 30)
        taking.send_signal(signal.SIGSTOP)
        until("an old hold", lambda: all(plain(r[0]) > seconds for r in neo.run(held)), 60)
    finally:
        taking.send_signal(signal.SIGCONT)
    return taking, taking.communicate(timeout=120)[1]


def test_a_limit_that_ends_a_snapshot_is_named(topics, server_a, neo_a, db_sync, limited, neo4j_version, tmp_path):
    server, neo = limited(transaction="5s") if neo4j_version == "4.4" else (server_a, neo_a)
    neo.run("UNWIND range(1, 60000) AS i CREATE (:Big {i: i, text: 'some text that takes its time ' + i})")
    agent = db_sync(server, args=("run", "--adopt", "0"))
    agent.wait_event("position")
    name = "dbms.transaction.timeout" if neo4j_version == "4.4" else "SNAPSHOT_TIMEOUT"
    taking, said = paused_snapshot(server, neo, 5, tmp_path / "s", B_TOPIC_PREFIX=topics.prefix, SNAPSHOT_TIMEOUT="2s" if server is server_a else "24h")
    assert taking.returncode in (1, 5), said  # the scan's limit, or the hold's
    assert name in said, said
    assert not list(tmp_path.glob("s*"))
    assert agent.stop() == 0
