# SPDX-License-Identifier: Apache-2.0
"""Requests out of Neo4j: throughput, latency, and who is held up by whom. Rivals: a load generator that sends the same lookups over
HTTP, as many at once, with requests made beforehand, and does nothing with the answers; and the loop that people write: consume, ask
by Bolt, produce, flush."""

import json
import statistics
import threading
import time

from commands import fresh
from confluent_kafka import Consumer, Producer, TopicPartition
from neo4j import READ_ACCESS, GraphDatabase
from programs import Program
from rival import ROUNDS, Rival, spread
from wait import until

PEOPLE = 10_000
LOOKUP = "MATCH (n:Person {id: $id}) RETURN n.id AS id, n.name AS name, n.age AS age"
POSITION = "MATCH (p:`__db_sync`) RETURN p.offset, p.replica"
TOGETHER = 64    # LANES_TURN in global_server
CONNECTIONS = 4  # of the load generator: more or fewer are slower on two cores


def request(i, person=None):
    return {"id": str(i), "command": LOOKUP, "params": {"id": i % PEOPLE if person is None else person}}


class Tier:
    """Persons, a replica that serves them, and a reader of the replies who sees what is committed."""

    def __init__(self, bench, partitions=4, **env):
        self.bench, self.topics = bench, bench.topics()
        self.topics.delete("request")
        self.topics.create("request", partitions)
        fresh(bench)
        bench.neo.run(f"UNWIND range(0, {PEOPLE - 1}) AS i CREATE (:Person {{id: i, name: 'Person ' + i, age: i % 90}})")
        self.agent = bench.db_sync(self.topics)
        self.agent.wait_event("position")
        self.server = Program(bench.folder, "global_server", ["run"], bench.env(self.topics, GROUP_ID="readers", **env)).start()
        self.server.wait_event("claim", 60)
        self.producer = Producer({"bootstrap.servers": bench.kafka.bootstrap, "linger.ms": 0})
        self.consumer = Consumer({"bootstrap.servers": bench.kafka.bootstrap, "group.id": "bench-reader", "enable.auto.commit": False,
                                  "isolation.level": "read_committed", "fetch.wait.max.ms": 10})
        self.consumer.assign([TopicPartition(self.topics.name("response"), 0, 0)])

    def send(self, requests):
        for r in requests:
            while True:
                try:
                    self.producer.produce(self.topics.name("request"), json.dumps(r).encode(), key=r["id"])
                    break
                except BufferError:
                    self.producer.poll(0.05)
        assert self.producer.flush(60) == 0

    def replies(self, count, deadline_s=120):
        """[(id, moment it was seen)] of so many more replies, none of them an error."""
        found, end = [], time.monotonic() + deadline_s
        while len(found) < count:
            assert time.monotonic() < end, f"{len(found)} of {count} replies"
            for message in self.consumer.consume(10_000, 0.05):
                body = message.value()
                assert message.error() is None and b'"error"' not in body[:300], body[:300]
                found.append((message.key(), time.perf_counter()))
        return found

    def backlog(self, count):
        """Requests a second, of so many that wait in Kafka."""
        self.server.pause()
        self.send(request(i) for i in range(count))
        start = time.perf_counter()
        self.server.resume()
        seen = self.replies(count)
        assert len({i for i, _ in seen}) == count
        return count / (seen[-1][1] - start)

    def close(self):
        self.consumer.close()
        rss = self.server.rss_peak_kb() / 1024
        self.server.stop()
        self.agent.stop()
        return rss


class Generator:
    """Lookups over HTTP, many at once, as fast as Neo4j answers."""

    def __init__(self, bench):
        self.bench = bench

    @staticmethod
    def body(people):
        return json.dumps({"statements": [{"statement": POSITION}] + [{"statement": LOOKUP, "parameters": {"id": i}} for i in people]}).encode()

    def rate(self, count):
        """Lookups a second."""
        bodies = [self.body([i % PEOPLE for i in range(a, a + TOGETHER)]) for a in range(0, count, TOGETHER)]

        def work(share):
            rival = Rival(self.bench.server, "application/vnd.neo4j.jolt-v2, application/vnd.neo4j.jolt;q=0.5", read=True)
            for body in share:
                rival.ask(body)

        threads = [threading.Thread(target=work, args=(bodies[n::CONNECTIONS],)) for n in range(CONNECTIONS)]
        start = time.perf_counter()
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return len(bodies) * TOGETHER / (time.perf_counter() - start)


def loop_rate(tier, count):
    """Consume, ask by Bolt, produce, flush: requests a second."""
    bench, topics = tier.bench, tier.topics
    consumer = Consumer({"bootstrap.servers": bench.kafka.bootstrap, "group.id": "loop", "enable.auto.commit": False, "fetch.wait.max.ms": 10})
    name = topics.name("request")
    consumer.assign([TopicPartition(name, p, 0) for p in topics.partitions("request")])
    producer, out = Producer({"bootstrap.servers": bench.kafka.bootstrap}), topics.name("status")  # nobody reads it there
    with GraphDatabase.driver(bench.server.bolt_uri, auth=(bench.server.user, bench.server.password)) as driver, \
            driver.session(default_access_mode=READ_ACCESS) as session:
        messages = consumer.consume(1, 30)
        start = time.perf_counter()
        for _ in range(count):
            if not messages:
                messages = consumer.consume(1, 30)
            body = json.loads(messages.pop().value())
            rows = [list(r.values()) for r in session.run(body["command"], body["params"])]
            producer.produce(out, json.dumps({"id": body["id"], "rows": rows}).encode(), key="loop")
            producer.flush()
        took = time.perf_counter() - start
    consumer.close()
    return count / took


def lookups(bench):
    """10,000 wait in Kafka."""
    tier, generator, count = Tier(bench), Generator(bench), 10_000
    direct, loop, ours = [], [], []
    for n in range(ROUNDS + 2):  # the first rounds warm the server and are thrown away
        found = generator.rate(count), tier.backlog(count), loop_rate(tier, 1000)
        if n > 1:
            for figures, figure in zip((direct, ours, loop), found):
                figures.append(figure)
        print([round(f) for f in found], flush=True)
    rss = tier.close()
    for name, rival, goal in (("a load generator over HTTP", direct, "at least 0.6"), ("a Python loop over Bolt", loop, "at least 40")):
        ratios = sorted(o / r for o, r in zip(ours, rival))
        bench.add(f"point lookups, 10,000 waiting, beside {name}", statistics.median(rival), statistics.median(ours), "requests/s",
                  statistics.median(ratios), goal, spread(ratios))
    bench.add("RSS of global_server, 10,000 lookups waiting", 64, rss, "MB", rss / 64, "under 64 MB")


BENCHES = {"lookups": lookups}
