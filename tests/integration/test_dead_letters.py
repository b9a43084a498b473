# SPDX-License-Identifier: Apache-2.0
"""db_sync send --dead-letters: what lies on the fail topic is sent again once its cause is gone."""

import json

from programs import run
from replica import applied, check_equal
from wait import until

TAKEN = "Neo.ClientError.Schema.ConstraintValidationFailed"


def stranded(topics):
    """Two commands that fail until a constraint is gone, and one that always fails."""
    topics.commands(["CREATE CONSTRAINT c FOR (p:P) REQUIRE p.k IS UNIQUE", "CREATE (:P {k: 1})",
                     {"command": "CREATE (:P {k: $k})", "params": {"k": 1}, "with_key": "x"},
                     "CREATE (:P {n: 1/0})",
                     {"command": "CREATE (:P {k: 1, again: true})", "id": "i"}, "CREATE (:Q)"])
    topics.produce("command", [b"no json"], bad=True)


def send(env, *args):
    return run("db_sync", ["send", "--dead-letters", *args], env)


def test_sent_again_once_the_cause_is_gone(topics, server_a, server_b, neo_a, neo_b, agent_env, db_sync):
    stranded(topics)
    db_sync(server_a, "a")
    db_sync(server_b, "b")
    applied(neo_a, topics)
    applied(neo_b, topics)
    env = agent_env(server_a, "a")
    until("both statuses", lambda: all((topics.status(r) or {}).get("offset") == 7 for r in "ab"))
    listed = send(env, "--dry-run")
    assert listed.returncode == 0, listed.stderr
    rows = [line.split()[:2] for line in listed.stdout.splitlines()[1:]]
    assert [int(offset) for offset, _ in rows] == [2, 3, 4, 6]
    assert ("a, b" in listed.stdout or "b, a" in listed.stdout) and topics.end("command") == 7
    topics.commands(["DROP CONSTRAINT c"])
    applied(neo_a, topics)
    done = send(env, "--code", TAKEN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 commands are in" in done.stdout
    again = topics.read("command")[-2:]
    assert [json.loads(m.value()) for m in again] == [
        {"command": "CREATE (:P {k: $k})", "params": {"k": 1}, "with_key": "x"},
        {"command": "CREATE (:P {k: 1, again: true})", "id": "i"}]
    assert [m.key() for m in again] == [b"x", b"i"]
    assert dict(again[0].headers())["dead_letter"] == f"{topics.name('command')}/0/2".encode()
    applied(neo_a, topics)
    applied(neo_b, topics)
    check_equal(neo_a, neo_b)
    assert neo_a.one("MATCH (p:P) RETURN count(p)") == 3
    # what can never succeed is refused here, and named
    refused = send(env, "--offsets", "3,6")
    assert refused.returncode == 1 and "no JSON object" in refused.stdout, refused.stdout


def test_not_sent_where_a_replica_has_applied_it(topics, server_a, server_b, neo_a, neo_b, agent_env, db_sync):
    neo_b.run("CREATE CONSTRAINT by_hand FOR (p:P) REQUIRE p.k IS UNIQUE")
    db_sync(server_a, "a")
    db_sync(server_b, "b", args=("run", "--adopt", "0"))
    topics.commands(["CREATE (:P {k: 1})", "CREATE (:P {k: 1})"])
    applied(neo_a, topics)
    applied(neo_b, topics)
    env = agent_env(server_a, "a")
    until("both statuses", lambda: all((topics.status(r) or {}).get("offset") == 2 for r in "ab"))
    result = send(env, "--offsets", "0-5")
    assert result.returncode == 1 and "replica a has no letter of it" in result.stdout, result.stdout
    assert topics.end("command") == 2
    assert send(env, "--offsets", "0-5", "--unchecked").returncode == 0
    assert topics.end("command") == 3


def test_used_wrongly(topics, server_a, agent_env):
    env = agent_env(server_a, "a")
    for args, text in (([], "--offsets"), (["--offsets", "3-1"], "3-1"), (["--offsets", "x"], "no list"),
                       (["--code", "X", "CREATE (:A)"], "--dead-letters takes")):
        result = send(env, *args)
        assert result.returncode == 2 and text in result.stderr, result.stderr
    assert "no such dead letter" in send(env, "--code", "X").stdout
    plain = run("db_sync", ["send", "--code", "X", "CREATE (:A)"], env)
    assert plain.returncode == 2 and "--dead-letters" in plain.stderr



def test_a_fail_topic_that_was_deleted_is_named(topics, server_a, neo_a, db_sync):
    """Waited for, named in log and status with what to do, long before a record's time-out."""
    agent = db_sync(server_a, "a")
    topics.commands(["CREATE (:P {n: 1/0})"])
    applied(neo_a, topics)
    topics.delete("fail")
    topics.produce("command", [b"no json"], bad=True)
    missing = f"topic {topics.name('fail')} does not exist; make it with: db_sync topics create"
    until("the reason in the status", lambda: missing in (topics.status("a") or {}).get("reason", ""), deadline_s=15)
    assert topics.status("a")["state"] == "waiting-kafka"
    assert agent.wait_event("dead_letter_waits")[0]["code"] == "topic.missing"
    assert missing in agent.wait_event("state", count=3)[-1]["reason"]
    topics.create("fail", max_message_bytes=20_000_000)
    applied(neo_a, topics)
    assert [(offset, code) for offset, code, _ in topics.dead_letters()] == [(1, "json.invalid")]
    agent.must_live()


def test_a_long_reason_is_cut_with_a_mark(topics, server_a, neo_a, db_sync):
    """The server's text quotes the command, here far beyond what a dead letter tells."""
    db_sync(server_a, "a")
    topics.commands([f"CREATE (:P) FROBNICATE '{'ä' * 2000}'"])
    applied(neo_a, topics)
    [(_, code, body)] = topics.dead_letters()
    assert code == "Neo.ClientError.Statement.SyntaxError"
    assert body["error"]["message"].endswith("…"), body["error"]
    assert len(body["error"]["message"].encode()) > 300
