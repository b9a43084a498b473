# SPDX-License-Identifier: Apache-2.0
"""A replica from a snapshot and the log behind it, and replicas that stop at a point in time: no gap, no
overlap, or a refusal before anything is written."""

import datetime
import time

import pytest
from confluent_kafka import Producer
from oracle import apply_one_by_one
from programs import run
from replica import applied, check_equal
from test_hold import steps, total
from test_start import refused, state, untouched
from wait import until

COUNTER = "CREATE (:Counter {sum: 0})"


def ends_at(agent, neo, offset, deadline_s=60):
    assert agent.wait_exit(deadline_s) == 0, agent.log[-3000:]
    assert agent.events("target_reached")[0]["next_offset"] == str(offset), agent.log[-2000:]
    assert neo.offset() == offset


def sums(neo):
    return neo.one("MATCH (c:Counter) RETURN c.sum")


# ---- point in time ----

def test_to_offset(topics, server_a, neo_a, server_b, neo_b, db_sync):
    """Exactly there, though a batch is larger; from there on as if it had never stopped."""
    commands = [COUNTER, *steps(0, 5), "CREATE (:Bad {x: 1/0})", *steps(5, 40)]
    topics.commands(commands)
    ends_at(db_sync(server_a, args=("run", "--to-offset", "0")), neo_a, 0)
    ends_at(db_sync(server_a, args=("run", "--to-offset", "17")), neo_a, 17)
    apply_one_by_one(neo_b, commands[:17])
    check_equal(neo_a, neo_b)
    before = state(neo_a)
    ends_at(db_sync(server_a, args=("run", "--to-offset", "17")), neo_a, 17)
    refused(db_sync(server_a, args=("run", "--to-offset", "16")), 5, "--to-offset 16", "17")
    after = state(neo_a)
    assert after[:2] == before[:2] and after[2]["offset"] == 17
    # further than the log goes: it waits for the rest of it
    waiting = db_sync(server_a, args=("run", "--to-offset", "45"))
    applied(neo_a, topics)
    until("in-sync", lambda: topics.status("a")["state"] == "in-sync")
    topics.commands(steps(40, 60))
    ends_at(waiting, neo_a, 45)
    agent = db_sync(server_a)
    applied(neo_a, topics)
    assert sums(neo_a) == total(60)
    assert agent.stop() == 0


def test_to_offset_on_marks_of_transactions(topics, kafka, server_a, neo_a, db_sync):
    """The log holds no command there: the position is that offset all the same."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": topics.prefix})
    producer.init_transactions(30)
    for i in range(3):  # 0 1 mark 3 4 mark 6 7 mark
        producer.begin_transaction()
        for text in ([COUNTER, *steps(0, 1)] if i == 0 else steps(2 * i - 1, 2 * i + 1)):
            producer.produce(topics.name("command"), b'{"command": "%s"}' % text.encode())
        producer.commit_transaction(30)
    for offset, last in ((2, 1), (3, 1), (5, 3), (8, 5), (9, 5)):
        ends_at(db_sync(server_a, args=("run", "--to-offset", str(offset))), neo_a, offset)
        assert sums(neo_a) == total(last)


def iso(ms, zone=datetime.timezone.utc):
    return datetime.datetime.fromtimestamp(ms / 1000, zone).isoformat(timespec="milliseconds")


def test_to_time(topics, server_a, neo_a, db_sync):
    topics.commands([COUNTER])
    for part in range(4):  # each part later than the one before
        last = topics.read("command")[-1].timestamp()[1]
        until("another millisecond", lambda t=last: time.time() * 1000 > t + 5)
        topics.commands(steps(5 * part, 5 * part + 5))
    times = [m.timestamp()[1] for m in topics.read("command")]
    assert times == sorted(times) and times[5] < times[6] and times[15] < times[16]
    moment = iso(times[10], datetime.timezone(datetime.timedelta(hours=-3, minutes=-30)))
    ends_at(db_sync(server_a, args=("run", "--to-time", moment)), neo_a, 11)
    assert sums(neo_a) == total(10)
    refused(db_sync(server_a, args=("run", "--to-time", iso(times[5]))), 5, "--to-time", "10", iso(times[10])[:19])
    ends_at(db_sync(server_a, args=("run", "--to-time", str(times[16] - 1))), neo_a, 16)
    # no later command: the end of the log, once the moment has passed
    ends_at(db_sync(server_a, args=("run", "--to-time", iso(times[-1]).replace("+00:00", "Z"))), neo_a, 21)
    ahead = int(time.time() * 1000) + 6000
    waiting = db_sync(server_a, args=("run", "--to-time", str(ahead)))
    waiting.wait_event("position")
    topics.commands(steps(20, 25))
    last = topics.read("command")[-1].timestamp()[1]
    ends_at(waiting, neo_a, 26 if last <= ahead else 21)
    assert time.time() * 1000 > ahead
    refused_usage = run("db_sync", ["run", "--to-time", "tomorrow"], {"BROKERS": "x", "GROUP_ID": "a", "NEO4J_PASS": "x"})
    assert refused_usage.returncode == 2 and "no moment" in refused_usage.stderr
