#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make bench: cypherlog beside a hand-written rival, in one run, on the same servers.

The rival is what an expert would write by hand: a client that keeps one connection, sends the same
statements in transactions of the same size, and reads the next ones while one is in flight. Each
figure is the median of three; rounds of rival and ours alternate, so that a noisy machine hits
both. No figure here is a test: the table is the result."""

import argparse
import base64
import datetime
import http.client
import json
import os
import pathlib
import platform
import re
import statistics
import sys
import tempfile
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "lib"), str(ROOT / "compose" / "local")]

import stack  # noqa: E402
from kafka import Topics  # noqa: E402
from neo import Neo  # noqa: E402
from programs import Program  # noqa: E402
from wait import until  # noqa: E402

ROUNDS = 3
BATCH = 1000  # db_sync's default


class Rival:
    """Bare HTTP, the whole body made beforehand: its time is what Neo4j needs, and no more."""

    def __init__(self, server):
        self.server = server
        self.connection = http.client.HTTPConnection("127.0.0.1", server.http_port)
        login = base64.b64encode(f"{server.user}:{server.password}".encode()).decode()
        self.headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json",
                        "Accept": "application/json"}

    def commit(self, body):
        self.connection.request("POST", "/db/neo4j/tx/commit", body, self.headers)
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status == 200 and text.count(b'"errors":[]') == 1, text[-500:]

    def run(self, commands):
        bodies = []
        for i in range(0, len(commands), BATCH):
            statements = [{"statement": c, "parameters": p} for c, p in commands[i:i + BATCH]]
            bodies.append(json.dumps({"statements": statements}).encode())
        start = time.perf_counter()
        for body in bodies:
            self.commit(body)
        return time.perf_counter() - start


class Bench:
    def __init__(self, folder):
        self.folder = folder
        self.kafka = stack.Kafka(folder / "kafka", profile="fast").start()
        self.server = stack.Neo4j(folder / "neo4j", "neo4j", profile="fast", heap_mb=1024).start()
        self.neo = Neo(self.server.http_uri, self.server.user, self.server.password)
        self.rows = []

    def close(self):
        self.server.kill()
        self.kafka.kill()

    def topics(self):
        t = Topics(self.kafka.bootstrap, f"b{uuid.uuid4().hex[:8]}-")
        t.create("command", message_timestamp_type="LogAppendTime", max_message_bytes=20_000_000)
        for name in ("fail", "status", "request", "response"):
            t.create(name)
        return t

    def env(self, topics, **more):
        return {"BROKERS": self.kafka.bootstrap, "B_TOPIC_PREFIX": topics.prefix, "GROUP_ID": "bench",
                "NEO4J_URI": self.server.http_uri, "NEO4J_PASS": self.server.password, **more}

    def db_sync(self, topics, **more):
        # the constraint that both sides use is there already
        return Program(self.folder, "db_sync", ["run", "--adopt", "0"], self.env(topics, **more)).start()

    def fresh(self):
        self.neo.wipe()
        self.neo.run("CREATE CONSTRAINT person FOR (p:Person) REQUIRE p.id IS UNIQUE")
        self.neo.run("CALL db.awaitIndexes()")

    def apply(self, commands):
        """Seconds from the first to the last commit of a waiting backlog, and the peak memory."""
        topics = self.topics()
        topics.commands(commands, check=False)
        self.fresh()
        agent = self.db_sync(topics, LOG_LEVEL="debug")
        end = len(commands)
        until("the backlog", lambda: agent.must_live() and self.neo.offset() == end, 600, 0.1)
        took = [self.stamp(e["time"]) for e in agent.events("position") + agent.events("applied")]
        rss = agent.rss_peak_kb()
        agent.stop()
        return took[-1] - took[0], rss

    @staticmethod
    def stamp(text):
        return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").timestamp()

    def add(self, name, rival, ours, unit, ratio, goal, note=""):
        self.rows.append((name, rival, ours, unit, ratio, goal, note))
        print(f"{name}: rival {rival:,.1f} {unit}, ours {ours:,.1f} {unit}, ratio {ratio:.2f} (goal {goal}) {note}", flush=True)


def throughput(bench, name, commands, goal):
    rival, ours, rss = [], [], 0
    plain = [c if isinstance(c, tuple) else (c, {}) for c in commands]
    for n in range(ROUNDS + 1):  # the first round warms the server and is thrown away
        bench.fresh()
        r = len(plain) / Rival(bench.server).run(plain)
        took, kb = bench.apply(commands)
        if n > 0:
            rival.append(r)
            ours.append(len(commands) / took)
        rss = max(rss, kb)
    ratios = sorted(o / r for o, r in zip(ours, rival))
    bench.add(name, statistics.median(rival), statistics.median(ours), "commands/s", statistics.median(ratios), goal,
              f"ratios {', '.join(f'{r:.2f}' for r in ratios)}; RSS {rss / 1024:.0f} MB")


def with_parameters(bench):
    text = "MERGE (p:Person {id: $id}) SET p.name = $name, p.age = $age"
    throughput(bench, "50,000 waiting commands of one text with parameters",
               [(text, {"id": i, "name": f"Person {i}", "age": i % 90}) for i in range(50_000)], "at least 0.8")


def literals(bench):
    throughput(bench, "20,000 waiting commands with literals",
               [f"MERGE (p:Person {{id: {i}}}) SET p.name = 'Person {i}', p.age = {i % 90}" for i in range(20_000)], "at least 0.9")


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
    bench.fresh()
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
    bench.fresh()
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


def write_table(bench, folder):
    """The table of all benches: what this run measured, and the last figures of the others."""
    kept = folder / "bench.json"
    rows = {row[0]: row for row in (json.loads(kept.read_text()) if kept.exists() else [])}
    rows.update({row[0]: list(row) for row in bench.rows})
    kept.write_text(json.dumps(list(rows.values()), indent=1) + "\n")
    path = folder / "bench.md"
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text()).group(1)) // 1024 // 1024
    lines = [f"# Bench, {datetime.date.today()}", "",
             f"{os.cpu_count()} x {cpu.group(1) if cpu else platform.machine()}, {memory} GiB; {platform.system()} {platform.release()}; "
             f"Neo4j {bench.server.version}, Kafka 4.2.1 on the same machine.", "",
             f"Rival: a hand-written HTTP client with the same statements in transactions of the same size ({BATCH}), bodies made "
             "beforehand. Median of three alternating rounds after one to warm up.", "",
             "| what | rival | ours | ratio | goal | notes |", "|---|---|---|---|---|---|"]
    for name, rival, ours, unit, ratio, goal, note in rows.values():
        lines.append(f"| {name} | {rival:,.1f} {unit} | {ours:,.1f} {unit} | {ratio:.2f} | {goal} | {note} |")
    path.write_text("\n".join(lines) + "\n")
    print(f"\n{path.relative_to(ROOT)}:\n" + "\n".join(lines[6:]))


BENCHES = {"parameters": with_parameters, "literals": literals, "latency": one_at_a_time, "backlog": memory_backlog, "reply": memory_reply}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"some of {', '.join(BENCHES)} (default: all)")
    names = parser.parse_args().names or list(BENCHES)
    with tempfile.TemporaryDirectory(prefix="cypherlog-bench-") as folder:
        bench = Bench(pathlib.Path(folder))
        try:
            for name in names:
                BENCHES[name](bench)
        finally:
            bench.close()
    results = ROOT / "tests/bench/results"
    results.mkdir(exist_ok=True)
    write_table(bench, results)


if __name__ == "__main__":
    sys.exit(main())
