# SPDX-License-Identifier: Apache-2.0
"""A replica from a snapshot and the log behind it, and replicas that stop at a point in time: no gap, no
overlap, or a refusal before anything is written."""

import datetime
import json
import os
import shutil
import threading
import time

import backup
from confluent_kafka import Producer
from conftest import scaled
from neo import graph, schema
from oracle import apply_one_by_one
from programs import run
from replica import applied, check_equal
from test_hold import steps, total
from test_snapshot import snapshot
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


# ---- seeding ----

def take(server, topics, dest, *args, **env):
    snapshot(server, dest, *args, B_TOPIC_PREFIX=topics.prefix, **env)
    return backup.manifest(dest)["position"]["next_offset"]


def seeded(agent, neo, topics, path, offset):
    """It began with that snapshot and holds the whole log now."""
    (begun,) = agent.wait_event("seeded", 60)
    assert begun["path"] == str(path) and begun["next_offset"] == str(offset), agent.log[-3000:]
    applied(neo, topics)


def check_same_replica(neo_a, neo_b):
    check_equal(neo_a, neo_b)
    a, b = neo_a.position(), neo_b.position()
    assert (a["offset"], a["last"], a["outcome"], a["since"]) == (b["offset"], b["last"], b["outcome"], b["since"])


def test_replicas_from_one_snapshot(topics, kafka, server_a, neo_a, server_b, neo_b, db_sync, tmp_path):
    """Each ends as the one that lived through all of it."""
    topics.commands([COUNTER, "CREATE CONSTRAINT one FOR (p:P) REQUIRE p.i IS UNIQUE", "CREATE (:Bad {x: 1/0})", *steps(0, 100)])
    db_sync(server_a)
    applied(neo_a, topics)
    offset = take(server_a, topics, tmp_path / "s", BROKERS=kafka.bootstrap)
    topics.commands([*steps(100, 200), "CREATE (:P {i: 1})", "CREATE (:P {i: 1})"])
    applied(neo_a, topics)
    for name in ("b", "c"):
        neo_b.wipe()
        agent = db_sync(server_b, name, SEED_FROM=tmp_path / "s")
        seeded(agent, neo_b, topics, tmp_path / "s", offset)
        check_same_replica(neo_a, neo_b)
        assert neo_b.position()["replica"] == name
        until("in-sync", lambda n=name: topics.status(n)["state"] == "in-sync")
        assert agent.stop() == 0
    assert sums(neo_b) == total(200)
    again = db_sync(server_b, "c", SEED_FROM=tmp_path / "s")
    assert again.wait_event("seed_ignored")[0]["offset"] == str(neo_b.offset())
    again.wait_event("position")
    assert again.stop() == 0
    both = run("db_sync", ["run", "--adopt", "0", "--seed-from", "x"], {"BROKERS": "x", "GROUP_ID": "a", "NEO4J_PASS": "x"})
    assert both.returncode == 2 and "SEED_FROM" in both.stderr


def test_log_that_no_longer_reaches_back(topics, server_a, neo_a, server_b, neo_b, db_sync, tmp_path):
    topics.commands([COUNTER, *steps(0, 3)])
    writer = db_sync(server_a)
    applied(neo_a, topics)
    assert take(server_a, topics, tmp_path / "old") == 4
    topics.commands(steps(3, 10))
    applied(neo_a, topics)
    before = state(neo_b)
    topics.truncate("command", 4)  # the last that will do
    seeded(db_sync(server_b, "b", SEED_FROM=tmp_path / "old"), neo_b, topics, tmp_path / "old", 4)
    neo_b.wipe()
    topics.truncate("command", 6)
    refused(db_sync(server_b, "c", SEED_FROM=tmp_path / "old"), 5, "starts at 6", "needs 4", str(tmp_path / "old"))
    untouched(neo_b, before)
    refused(db_sync(server_b, "c", SEED_FROM=tmp_path), 5, "starts at 6", "needs 4", "none of the 1")
    untouched(neo_b, before)
    take(server_a, topics, tmp_path / "new")
    agent = db_sync(server_b, "c", SEED_FROM=tmp_path)
    seeded(agent, neo_b, topics, tmp_path / "new", 11)
    check_same_replica(neo_a, neo_b)
    assert agent.stop() == 0 and writer.stop() == 0


def changed(folder, **position):
    """The manifest with another position, and proved by itself."""
    manifest = backup.manifest(folder)
    manifest["position"].update(position)
    (folder / "manifest.json").write_text(json.dumps(backup.checked(manifest)))


def test_snapshot_of_another_log(topics, kafka, server_a, neo_a, server_b, neo_b, db_sync, tmp_path):
    topics.commands([COUNTER, *steps(0, 3)])
    writer = db_sync(server_a)
    applied(neo_a, topics)
    take(server_a, topics, tmp_path / "s", BROKERS=kafka.bootstrap)
    assert writer.stop() == 0
    before = state(neo_b)

    def copy(**position):
        shutil.copytree(tmp_path / "s", tmp_path / "copy", dirs_exist_ok=True)
        changed(tmp_path / "copy", **position)
        return tmp_path / "copy"

    for position, *words in (({"cluster_id": "elsewhere"}, "elsewhere", "cluster"), ({"fingerprint": "0" * 64}, "record at 3"),
                             ({"next_offset": 7}, "ends at 4", "before 7"), ({"topic": "other"}, "of topic other", "COMMAND_TOPIC")):
        refused(db_sync(server_b, "b", SEED_FROM=copy(**position)), 5, *words)
        untouched(neo_b, before)
    refused(db_sync(server_b, "b", SEED_FROM=tmp_path / "nowhere"), 3, "SEED_FROM", "nowhere")
    (tmp_path / "empty").mkdir()
    refused(db_sync(server_b, "b", SEED_FROM=tmp_path / "empty"), 5, "no whole snapshot")
    untouched(neo_b, before)
    neo_b.run("CREATE (:Mine)")
    before = state(neo_b)
    refused(db_sync(server_b, "b", SEED_FROM=tmp_path / "s"), 5, "--adopt", "no position")
    untouched(neo_b, before)


def test_folder_of_snapshots(topics, server_a, neo_a, server_b, neo_b, db_sync, tmp_path):
    """The newest whole one; and for a point in time the newest that is not beyond it."""
    folder = tmp_path / "backups"
    folder.mkdir()
    topics.commands([COUNTER])
    writer = db_sync(server_a)
    for n, last in enumerate((5, 10, 15)):
        topics.commands(steps(5 * n, last))
        applied(neo_a, topics)
        assert take(server_a, topics, folder / f"s{n}") == last + 1
    topics.commands(steps(15, 20))
    applied(neo_a, topics)
    take(server_a, topics, folder / "a-part", "--labels", "Counter")
    for name in ("newest.partial", "newest.old", "damaged", "cut"):
        shutil.copytree(folder / "s2", folder / name)
        changed(folder / name, next_offset=21, last_offset=20)
    (folder / "damaged/manifest.json").write_text("{")
    changed(folder / "cut", next_offset=16, last_offset=15)
    data = next((folder / "cut/data").iterdir())
    os.truncate(data, data.stat().st_size // 2)
    os.utime(folder / "cut")
    (folder / "notes").mkdir()
    (folder / "notes/file").write_text("mine")
    (folder / "file").write_text("mine")

    agent = db_sync(server_b, "b", SEED_FROM=folder)
    agent.wait_event("seeded", 60)
    applied(neo_b, topics)
    check_same_replica(neo_a, neo_b)
    assert agent.events("seeded")[0]["path"] == str(folder / "s2")
    passed = {e["path"].rsplit("/")[-1] for e in agent.events("seed_passed_by")}
    assert {"damaged", "a-part"} <= passed <= {"damaged", "a-part", "cut"}, passed
    assert agent.stop() == 0
    for target, which in ((12, "s1"), (11, "s1"), (10, "s0")):
        neo_b.wipe()
        agent = db_sync(server_b, "b", args=("run", "--to-offset", str(target)), SEED_FROM=folder)
        ends_at(agent, neo_b, target)
        assert agent.events("seeded")[0]["path"] == str(folder / which), agent.log
        assert sums(neo_b) == total(target - 1)
    neo_b.wipe()
    before = state(neo_b)
    refused(db_sync(server_b, "b", args=("run", "--to-offset", "5"), SEED_FROM=folder), 5, "--to-offset 5", "before 6")
    untouched(neo_b, before)
    moment = topics.read("command")[10].timestamp()[1]
    agent = db_sync(server_b, "b", args=("run", "--to-time", str(moment)), SEED_FROM=folder)
    ends_at(agent, neo_b, 11)
    assert agent.events("seeded")[0]["path"] == str(folder / "s1")
    assert writer.stop() == 0


def test_killed_while_it_is_seeded(topics, server_a, neo_a, server_b, neo_b, db_sync, tmp_path):
    topics.commands([COUNTER, f"UNWIND range(1, {scaled(8000, 20000)}) AS i CREATE (:A {{i: i, s: 'text ' + i}})-[:R {{i: i}}]->(:B)"])
    writer = db_sync(server_a)
    applied(neo_a, topics)
    offset = take(server_a, topics, tmp_path / "s")
    topics.commands(steps(0, 10))
    applied(neo_a, topics)
    for moment in ["MATCH (n:A) RETURN count(n) > 0", "MATCH ()-[r]->() RETURN count(r) > 0"][:scaled(1, 2)]:
        agent = db_sync(server_b, "b", SEED_FROM=tmp_path / "s")
        until(moment, lambda m=moment, a=agent: a.must_live() and neo_b.one(m), 120)
        agent.kill()
        until("its last transaction", lambda: not neo_b.transactions("UNWIND"), 60)
        assert neo_b.position()["state"] == "restoring"
    refused(db_sync(server_b, "b"), 5, "restoring", "SEED_FROM")
    agent = db_sync(server_b, "b", SEED_FROM=tmp_path / "s")
    seeded(agent, neo_b, topics, tmp_path / "s", offset)
    check_same_replica(neo_a, neo_b)
    assert agent.stop() == 0 and writer.stop() == 0
    assert "restoring" in topics.states("b")  # the one that ended in order has told; the killed one need not have


def command(i):
    """A stream in which order, number and failures matter."""
    texts = (f"MATCH (c:Counter) SET c.sum = c.sum * 3 % 1000003 + {i}",
             f"CREATE (:P {{i: {i}, at: {i} * 2}})",
             f"MATCH (p:P) WHERE p.i < {i} WITH p ORDER BY p.i DESC LIMIT 2 SET p.seen = coalesce(p.seen, 0) * 2 + {i}",
             f"MATCH (p:P), (c:Counter) WHERE p.i % 7 = {i} % 7 AND p.i < {i} CREATE (c)-[:SAW {{i: {i}, sum: c.sum}}]->(p)",
             f"CREATE (:P {{i: {i - i % 20}}})",  # mostly there already
             f"MATCH (p:P) WHERE p.i % 11 = {i} % 11 AND p.i < {i - 40} DETACH DELETE p",
             f"MATCH (c:Counter) SET c.bad = {i} / (c.sum % 2)")
    return texts[i % len(texts)]


def test_snapshots_under_load(topics, server_a, neo_a, server_b, neo_b, db_sync, tmp_path):
    """Taken while commands come: each alone is what the log says up to its offset, by another client; and with
    the rest of the log it is the replica that lived."""
    first = [COUNTER, "CREATE CONSTRAINT one FOR (p:P) REQUIRE p.i IS UNIQUE"]
    sent, done = list(first), threading.Event()
    topics.commands(first)
    live = db_sync(server_a)

    def send():
        while not done.is_set():
            until("room", lambda: done.is_set() or (neo_a.offset() or 0) > len(sent) - 60, 60)
            more = [command(i) for i in range(len(sent), len(sent) + 20)]
            topics.commands(more)
            sent.extend(more)

    sender = threading.Thread(target=send)
    sender.start()
    offsets = []
    try:
        for n in range(scaled(3, 20)):
            until("commands", lambda: (neo_a.offset() or 0) > (offsets or [20])[-1] + 20, 60)
            offsets.append(take(server_a, topics, tmp_path / f"s{n}"))
    finally:
        done.set()
        sender.join()
    applied(neo_a, topics)
    assert offsets == sorted(set(offsets)) and offsets[-1] < len(sent)
    end = graph(neo_a), schema(neo_a), neo_a.position()["outcome"]
    assert live.stop() == 0
    moments = []
    for n, offset in enumerate(offsets):
        neo_b.wipe()
        ends_at(db_sync(server_b, "b", args=("run", "--to-offset", str(offset)), SEED_FROM=tmp_path / f"s{n}"), neo_b, offset)
        moments.append((graph(neo_b), schema(neo_b)))
        agent = db_sync(server_b, "b")
        applied(neo_b, topics)
        assert (graph(neo_b), schema(neo_b), neo_b.position()["outcome"]) == end, f"snapshot {n} and the log behind {offset}"
        assert agent.stop() == 0
    neo_a.wipe()
    at = 0
    for offset, moment in zip(offsets, moments, strict=True):
        apply_one_by_one(neo_a, sent[at:offset])
        at = offset
        assert (graph(neo_a), schema(neo_a)) == moment, f"snapshot at {offset}"
