# SPDX-License-Identifier: Apache-2.0
"""What the benches share: the servers, the rival, the table.

The rival is what an expert would write by hand: a client that keeps one connection and sends the
same statements in transactions of the same size, whose bodies were all made beforehand: its time is
what Neo4j needs, and no more. Each figure is the median of three; rounds of rival and ours
alternate, so that a noisy machine hits both. No figure is a test: the table is the result."""

import base64
import datetime
import functools
import http.client
import json
import os
import pathlib
import platform
import re
import uuid

import chart
import stack
from confluent_kafka import Producer
from kafka import Topics
from neo import Neo
from programs import Program

ROUNDS = 3
ELSEWHERE = ("| Neo4j's own sink connector, tuned, with one fixed UNWIND template | 26,000 to 32,000 commands/s | | | none | | "
             "measured elsewhere, on such a machine, with 0.5 to 0.7 GB of memory; not run here |")
# BENCH_SCALE=0.1 tries the benches out on a tenth of the graph: their figures are then not kept
SCALE = float(os.environ.get("BENCH_SCALE", "1"))


class Rival:
    """Bare HTTP over one connection."""

    def __init__(self, server, accept="application/json", read=False):
        self.server = server
        self.connection = http.client.HTTPConnection("127.0.0.1", server.http_port)
        login = base64.b64encode(f"{server.user}:{server.password}".encode()).decode()
        self.headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json", "Accept": accept}
        if read:
            self.headers["Access-Mode"] = "READ"

    def ask(self, body):
        """Neo4j's answer, as it is."""
        self.connection.request("POST", "/db/neo4j/tx/commit", body, self.headers)
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status == 200 and b'"errors":[{' not in text, text[-500:]
        return text

    def commit(self, body):
        """The same in plain JSON, which says that nothing failed."""
        text = self.ask(body)
        assert text.count(b'"errors":[]') == 1, text[-500:]
        return text


class Bench:
    def __init__(self, folder, results):
        self.folder, self.results = folder, results
        self.server = stack.Neo4j(folder / "neo4j", "neo4j", profile="fast", heap_mb=1024,
                                  extra_conf={"server.memory.pagecache.size": "512m"}).start()
        self.neo = Neo(self.server.http_uri, self.server.user, self.server.password)
        self.rows = []

    @functools.cached_property
    def kafka(self):
        return stack.Kafka(self.folder / "kafka", profile="fast").start()

    def close(self):
        self.server.kill()
        if "kafka" in self.__dict__:
            self.kafka.kill()

    def topics(self):
        t = Topics(self.kafka.bootstrap, f"b{uuid.uuid4().hex[:8]}-")
        t.create("command", message_timestamp_type="LogAppendTime", max_message_bytes=20_000_000)
        for name in ("fail", "status", "request", "response"):
            t.create(name)
        return t

    def fill(self, topics, texts):
        """A backlog of commands, a million in seconds; how many."""
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap, "linger.ms": 50, "max.in.flight": 1})  # in order
        name, count = topics.name("command"), 0
        for count, text in enumerate(texts, 1):
            value = json.dumps({"command": text}).encode()
            while True:
                try:
                    producer.produce(name, value)
                    break
                except BufferError:
                    producer.poll(0.05)
        assert producer.flush(120) == 0 and topics.end("command") == count
        return count

    def neo_env(self):
        return {"NEO4J_URI": self.server.http_uri, "NEO4J_PASS": self.server.password}

    def env(self, topics, **more):
        return {"BROKERS": self.kafka.bootstrap, "B_TOPIC_PREFIX": topics.prefix, "GROUP_ID": "bench", **self.neo_env(), **more}

    def db_sync(self, topics, **more):
        # what both sides use is there already
        return Program(self.folder, "db_sync", ["run", "--adopt", "0"], self.env(topics, **more)).start()

    def add(self, name, rival, ours, unit, ratio, goal, note=""):
        self.rows.append((name, rival, ours, unit, ratio, goal, note))
        print(f"{name}: rival {rival:,.1f} {unit}, ours {ours:,.1f} {unit}, ratio {ratio:.2f} (goal {goal}) {note}", flush=True)


def stamp(text):
    """A log line's time, in seconds."""
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()


def spread(ratios):
    return "ratios " + ", ".join(f"{r:.2f}" for r in sorted(ratios))


def met(ratio, goal):
    """What the table says of a ratio. A goal is for it, or "under N unit" for ours, whose rival N is."""
    numbers = [float(n) for n in re.findall(r"[0-9.]+", goal)]
    if goal.startswith("at least"):
        good = ratio >= numbers[0]
    elif goal.startswith("at most"):
        good = ratio <= numbers[0]
    elif goal.startswith("under"):
        good = ratio < 1
    elif " to " in goal:
        good = numbers[0] <= ratio <= numbers[1]
    else:
        return ""
    return "met" if good else "**missed**"


def write_table(bench):
    """The table of all benches: what this run measured, and the last figures of the others."""
    folder = bench.results
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
             "Rival, unless the row names another: a hand-written HTTP client on one connection, with the same statements in transactions "
             "of the same size, bodies made beforehand. Median of three alternating rounds after one to warm up.", "",
             "| what | rival | ours | ratio | goal | | notes |", "|---|---|---|---|---|---|---|"]
    for name, rival, ours, unit, ratio, goal, note in rows.values():
        lines.append(f"| {name} | {rival:,.1f} {unit} | {ours:,.1f} {unit} | {ratio:.2f} | {goal} | {met(ratio, goal)} | {note} |")
    lines.append(ELSEWHERE)
    if (folder / chart.FIGURES).exists():
        lines += chart.table(folder)
    path.write_text("\n".join(lines) + "\n")
