# SPDX-License-Identifier: Apache-2.0
"""Notices, POISON_POLICY and skip: what became of each command, told at least once and truly."""

import collections
import json
import random

from conftest import scaled
from oracle import apply_one_by_one
from programs import run
from replica import applied, check_equal
from wait import until

BAD = "CREATE (:P {n: 1/0})"


def notices(topics):
    """[(offset, status, code, key)] as they came; from one partition after the other."""
    found = []
    for message in topics.read("response"):
        body = json.loads(message.value())
        found.append((body["offset"], body["status"], body.get("error", {}).get("code"),
                      message.key().decode()))
    return found


def first_of_each(found):
    """{offset: (status, code)}; repeats of a notice must say the same."""
    by_offset = {}
    for offset, status, code, _ in found:
        assert by_offset.setdefault(offset, (status, code)) == (status, code)
    return by_offset


def test_a_notice_for_each_command(topics, server_a, neo_a, db_sync):
    topics.commands([{"command": "CREATE (:A)", "with_key": "k", "id": "c-1"},
                     {"command": "CREATE (:A)", "id": "c-2"},
                     {"command": BAD, "with_key": "k"}])
    topics.produce("command", [b"not json"], bad=True)
    db_sync(server_a, RESPONSE_TOPIC="response")
    applied(neo_a, topics)
    until("four notices", lambda: len(notices(topics)) == 4)
    bodies = {m["offset"]: m for m in map(lambda m: json.loads(m.value()), topics.read("response"))}
    name = topics.name("command")
    assert bodies[0] == {"with_key": "k", "id": "c-1", "offset": 0, "replica": "a", "status": "applied"}
    assert bodies[1] == {"with_key": "c-2", "id": "c-2", "offset": 1, "replica": "a", "status": "applied"}
    assert bodies[2]["id"] == f"{name}/0/2" and bodies[2]["status"] == "failed"
    assert bodies[2]["error"]["code"] == "Neo.ClientError.Statement.ArithmeticError"
    assert bodies[3]["error"]["code"].startswith("json.")
    assert {key for *_, key in notices(topics)} == {"k", "c-2", f"{name}/0/3"}


def test_none_unless_asked_for(topics, server_a, neo_a, db_sync):
    topics.commands(["CREATE (:A)"])
    agent = db_sync(server_a)
    applied(neo_a, topics)
    agent.stop()
    assert notices(topics) == []


def test_an_orderly_restart_repeats_none(topics, server_a, neo_a, db_sync):
    topics.commands(["CREATE (:A)"] * 50 + [BAD] * 20)
    for _ in range(2):
        agent = db_sync(server_a, RESPONSE_TOPIC="response")
        applied(neo_a, topics)
        agent.wait_event("state", count=2)
        assert agent.stop() == 0
    assert len(notices(topics)) == 70


def test_notices_switched_on_later_begin_there(topics, server_a, neo_a, db_sync):
    topics.commands(["CREATE (:A)"] * 3)
    first = db_sync(server_a)
    applied(neo_a, topics)
    first.stop()
    topics.commands(["CREATE (:B)"])
    db_sync(server_a, RESPONSE_TOPIC="response")
    applied(neo_a, topics)
    until("one notice", lambda: [n[0] for n in notices(topics)] == [3])


def test_none_is_lost_by_kill_9(topics, server_a, neo_a, db_sync):
    rng = random.Random(11)
    texts = [BAD if rng.random() < 0.1 else f"MERGE (c:C) SET c.n = coalesce(c.n, 0) + {i % 7}"
             for i in range(scaled(1500, 6000))]
    topics.commands([{"command": text, "with_key": "k"} for text in texts])
    for _ in range(scaled(6, 40)):
        agent = db_sync(server_a, RESPONSE_TOPIC="response", BATCH_COUNT=rng.choice([3, 20, 200]))
        before = neo_a.offset() or 0
        steps = rng.randrange(1, 60)
        until("some progress", lambda: (neo_a.offset() or 0) >= min(before + steps, len(texts)), 60)
        agent.kill()
    agent = db_sync(server_a, RESPONSE_TOPIC="response")
    applied(neo_a, topics)
    assert agent.stop() == 0
    found = notices(topics)
    told = first_of_each(found)
    assert sorted(told) == list(range(len(texts)))
    failed = {offset for offset, (status, _) in told.items() if status == "failed"}
    assert failed == {i for i, text in enumerate(texts) if text == BAD}
    assert {offset for offset, *_ in topics.dead_letters()} == failed
    offsets = [offset for offset, *_ in found]  # one key, so one partition: in order, but for repeats
    assert all(later <= earlier + 1 for earlier, later in zip(offsets, offsets[1:]))
    counts = collections.Counter(offset for offset, *_ in found)
    assert max(counts.values()) <= scaled(6, 40) + 1


def test_kafka_away_delays_them(topics, kafka, server_a, neo_a, db_sync):
    agent = db_sync(server_a, RESPONSE_TOPIC="response")
    topics.commands(["CREATE (:A)"] * 20)
    applied(neo_a, topics)
    kafka.restart()
    topics.commands(["CREATE (:A)"] * 20)
    applied(neo_a, topics)
    until("all notices", lambda: sorted(first_of_each(notices(topics))) == list(range(40)), 60)
    agent.must_live()


def test_halt_and_skip(topics, server_a, neo_a, neo_b, agent_env, db_sync):
    topics.commands(["CREATE (:A {n: 1})", "CREATE (:A {n: 2})", BAD, "CREATE (:A {n: 3})"])
    topics.produce("command", [b"{}"], bad=True)
    topics.commands(["CREATE (:A {n: 4})"])
    settings = {"POISON_POLICY": "halt", "RESPONSE_TOPIC": "response"}
    for offset in (2, 4):
        agent = db_sync(server_a, **settings)
        assert agent.wait_exit() == 1
        assert f"db_sync skip {offset}" in agent.log
        assert neo_a.offset() == offset
        status = topics.status("a")
        assert status["state"] == "halted" and f"skip {offset}" in status["reason"]
        env = agent_env(server_a, "a", RESPONSE_TOPIC="response", LOG_LEVEL="info")
        assert topics.dead_letters() == [] or offset == 4
        wrong = run("db_sync", ["skip", str(offset + 1)], env)
        assert wrong.returncode == 5 and f"stands at offset {offset}" in wrong.stderr
        done = run("db_sync", ["skip", str(offset)], env)
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"skipped the command at offset {offset}; the next offset is {offset + 1}\n"
        assert "level=info" not in done.stderr
    agent = db_sync(server_a, **settings)
    applied(neo_a, topics)
    assert agent.stop() == 0
    nothing = run("db_sync", ["skip", "6"], agent_env(server_a, "a"))
    assert nothing.returncode == 5 and "nothing to skip" in nothing.stderr
    assert [(offset, code) for offset, code, _ in topics.dead_letters()] == [
        (2, "command.skipped"), (4, "command.skipped")]
    assert first_of_each(notices(topics)) == {
        0: ("applied", None), 1: ("applied", None), 2: ("skipped", "command.skipped"),
        3: ("applied", None), 4: ("skipped", "command.skipped"), 5: ("applied", None)}
    apply_one_by_one(neo_b, [f"CREATE (:A {{n: {n}}})" for n in (1, 2, 3, 4)])
    check_equal(neo_a, neo_b)


def test_skip_used_wrongly(server_a, agent_env):
    env = agent_env(server_a, "a")
    for args, code, text in ((["skip"], 2, "skip OFFSET"), (["skip", "x"], 2, "whole number"),
                             (["skip", "--", "-1"], 2, "outside 0"),
                             (["skip", "1", "--timeout", "500ms", "--brokers", "127.0.0.1:1"], 4, "127.0.0.1:1")):
        result = run("db_sync", args, env)
        assert result.returncode == code and text in result.stderr, result.stderr
