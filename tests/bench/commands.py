# SPDX-License-Identifier: Apache-2.0
"""Commands on their way into Neo4j, and requests out of it: speed, latency, memory."""

import json
import statistics
import time
from typing import NamedTuple

from programs import Program
from rival import ROUNDS, Rival, spread, stamp
from wait import until

BATCH = 1000  # db_sync's default


def fresh(bench, keys=("Person.id",)):
    """An empty database in which these properties are unique."""
    bench.neo.wipe()
    for label, key in (k.split(".") for k in keys):
        bench.neo.run(f"CREATE CONSTRAINT FOR (n:{label}) REQUIRE n.{key} IS UNIQUE")
    bench.neo.run("CALL db.awaitIndexes()")


def bare(bench, commands):
    """Seconds that Neo4j needs for the commands."""
    rival, bodies = Rival(bench.server), []
    for i in range(0, len(commands), BATCH):
        statements = [{"statement": c, "parameters": p} for c, p in commands[i:i + BATCH]]
        bodies.append(json.dumps({"statements": statements}).encode())
    start = time.perf_counter()
    for body in bodies:
        rival.commit(body)
    return time.perf_counter() - start


class Applied(NamedTuple):
    """What it took to apply a backlog."""

    seconds: float  # from the first look into the log to the last commit
    rss_kb: int     # peak
    cpu_s: float    # of db_sync
    size: float     # commands a transaction, on average
    together: bool  # some were one statement for many


def follow(bench, topics, count, **env):
    """db_sync applies the count commands that wait."""
    agent = bench.db_sync(topics, LOG_LEVEL="debug", **env)
    until("the backlog", lambda: agent.must_live() and bench.neo.offset() == count, 600 + count / 100, 0.5)  # a look is work for the server
    batches = agent.events("applied")
    took = [stamp(e["time"]) for e in agent.events("position") + batches]
    found = Applied(took[-1] - took[0], agent.rss_peak_kb(), agent.cpu_s(), count / len(batches), bool(agent.events("templates")))
    agent.stop()
    return found


def apply(bench, commands):
    """Seconds and peak memory in kB of a waiting backlog."""
    topics = bench.topics()
    topics.commands(commands, check=False)
    fresh(bench)
    found = follow(bench, topics, len(commands))
    return found.seconds, found.rss_kb


def throughput(bench, name, commands, goal):
    rival, ours, rss = [], [], 0
    plain = [c if isinstance(c, tuple) else (c, {}) for c in commands]
    for n in range(ROUNDS + 1):  # the first round warms the server and is thrown away
        fresh(bench)
        r = len(plain) / bare(bench, plain)
        took, kb = apply(bench, commands)
        if n > 0:
            rival.append(r)
            ours.append(len(commands) / took)
        rss = max(rss, kb)
    ratios = sorted(o / r for o, r in zip(ours, rival))
    bench.add(name, statistics.median(rival), statistics.median(ours), "commands/s", statistics.median(ratios), goal,
              f"{spread(ratios)}; RSS {rss / 1024:.0f} MB")


def with_parameters(bench):
    text = "MERGE (p:Person {id: $id}) SET p.name = $name, p.age = $age"
    throughput(bench, "50,000 waiting commands of one text with parameters",
               [(text, {"id": i, "name": f"Person {i}", "age": i % 90}) for i in range(50_000)], "at least 0.8")


class Latency:
    """One command at a time. A look costs the server time too, so each command gets a single one, a
    while after it was produced: a while that shrinks when the command was visible and grows when it
    was not, and so settles where half of them are (an up-and-down staircase finds the median)."""

    STEP_S = 0.00025

    def __init__(self, bench):
        from confluent_kafka import Consumer, TopicPartition
        self.topics = bench.topics()
        self.consumer = Consumer({"bootstrap.servers": bench.kafka.bootstrap, "group.id": "bench"})
        self.consumer.assign([TopicPartition(self.topics.name("command"), 0, 0)])
        self.rival, self.probe = Rival(bench.server), Rival(bench.server)
        self.wait_s = 0.010

    def bare_commit(self, text, params):
        body = json.dumps({"statements": [{"statement": text, "parameters": params}]}).encode()
        start = time.perf_counter()
        self.rival.commit(body)
        return time.perf_counter() - start

    def produce(self, text, params):
        self.topics.producer.produce(self.topics.name("command"), json.dumps({"command": text, "params": params}).encode())
        self.topics.producer.flush()

    def bare_hop(self, offset, start):
        while True:
            message = self.consumer.poll(0.5)
            if message is not None and message.error() is None and message.offset() == offset:
                return time.perf_counter() - start

    def is_visible(self, key):
        ask = json.dumps({"statements": [{"statement": "MATCH (p:Person {id: $id}) RETURN p.name", "parameters": {"id": key}}]}).encode()
        self.probe.connection.request("POST", "/db/neo4j/tx/commit", ask, self.probe.headers)
        return bool(json.loads(self.probe.connection.getresponse().read())["results"][0]["data"])

    def whole(self, key, start):
        """Looks once; the moment of the look, between its start and its answer."""
        time.sleep(max(0, start + self.wait_s - time.perf_counter()))
        before = time.perf_counter()
        visible = self.is_visible(key)
        moment = (before + time.perf_counter()) / 2 - start
        self.wait_s += -self.STEP_S if visible else self.STEP_S
        while not visible:
            visible = self.is_visible(key)
        return moment


def one_at_a_time(bench):
    """From produce to visible, against one bare commit plus one bare hop through Kafka."""
    fresh(bench)
    latency = Latency(bench)
    agent = bench.db_sync(latency.topics)
    agent.wait_event("position")
    text, bare, hops, whole = "MERGE (p:Person {id: $id}) SET p.name = $name", [], [], []
    for i in range(600):
        bare.append(latency.bare_commit(text, {"id": -1 - i, "name": f"Person {i}"}))
        start = time.perf_counter()
        latency.produce(text, {"id": i, "name": f"Person {i}"})
        if i % 2 == 0:  # in turn: the hop's reader takes time from the look
            hops.append(latency.bare_hop(i, start))
            until("the command", lambda: latency.is_visible(i), 30, 0.001)
        else:
            whole.append(latency.whole(i, start))
            latency.bare_hop(i, start)
    latency.consumer.close()
    agent.stop()
    ms = [1000 * statistics.median(v[len(v) // 3:]) for v in (bare, hops, whole)]
    bench.add("one command at a time, produce to visible", ms[0] + ms[1], ms[2], "ms", ms[2] / (ms[0] + ms[1]), "at most 1.5",
              f"bare commit {ms[0]:.2f} ms, bare Kafka hop {ms[1]:.2f} ms, medians")


def memory_backlog(bench):
    """A million commands wait: the program's memory must not follow."""
    topics = bench.topics()
    text = b'{"command":"CREATE (:M {n: $n})","params":{"n":1}}'
    topics.produce("command", (text for _ in range(1_000_000)), check=False)
    fresh(bench)
    agent = bench.db_sync(topics)
    until("100,000 applied", lambda: agent.must_live() and (bench.neo.offset() or 0) > 100_000, 300, 0.5)
    rss = agent.rss_peak_kb() / 1024
    agent.stop()
    bench.add("RSS of db_sync with a million commands waiting", 64, rss, "MB", rss / 64, "under 64 MB")


def memory_reply(bench):
    topics = bench.topics()
    bench.neo.wipe()
    agent = bench.db_sync(topics)
    agent.wait_event("position")
    server = Program(bench.folder, "global_server", ["run"], bench.env(topics, GROUP_ID="readers")).start()
    server.wait_event("start", 60)
    topics.produce("request", [{"command": "UNWIND range(1, 200000) AS n RETURN n, 'some text of a row ' + n AS text, n * 1.5 AS x"}])

    def rows():
        pages = [json.loads(m.value()) for m in topics.read("response")]
        assert not any("error" in p for p in pages), pages[-1]
        return sum(len(p["rows"]) for p in pages) if pages and pages[-1]["last"] else 0

    until("200,000 rows", lambda: rows() == 200_000, 120, 0.5)
    rss = server.rss_peak_kb() / 1024
    server.stop()
    agent.stop()
    bench.add("RSS of global_server with 200,000 rows to send", 64, rss, "MB", rss / 64, "under 64 MB")


BENCHES = {"parameters": with_parameters, "latency": one_at_a_time, "backlog": memory_backlog, "reply": memory_reply}
