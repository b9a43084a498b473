# SPDX-License-Identifier: Apache-2.0
"""Requests out of Neo4j: throughput, latency, and who is held up by whom. Rivals: a load generator that sends the same lookups over
HTTP, as many at once, with requests made beforehand, and does nothing with the answers; and the loop that people write: consume, ask
by Bolt, produce, flush."""

import json
import os
import statistics
import threading
import time

import stack
from commands import fresh
from confluent_kafka import Consumer, Producer, TopicPartition
from endpoint import Metrics, address
from neo import Neo
from neo4j import READ_ACCESS, GraphDatabase
from programs import Program
from rival import ROUNDS, Rival, spread
from wait import until

PEOPLE = 10_000
LOOKUP = "MATCH (n:Person {id: $id}) RETURN n.id AS id, n.name AS name, n.age AS age"
POSITION = "MATCH (p:`__db_sync`) RETURN p.offset, p.replica"
PERSONS = f"UNWIND range(0, {PEOPLE - 1}) AS i CREATE (:Person {{id: i, name: 'Person ' + i, age: i % 90}})"
TOGETHER = 64    # LANES_TOGETHER in global_server
WARM_S = 60      # how long a server is warmed up
PACED_S = 40     # how long lookups come at a steady rate
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
        bench.neo.run(PERSONS)
        self.agent = bench.db_sync(self.topics)
        self.agent.wait_event("position")
        self.others = []  # servers of other replicas
        self.serve(**env)
        self.producer = Producer({"bootstrap.servers": bench.kafka.bootstrap, "linger.ms": 0})
        self.consumer = Consumer({"bootstrap.servers": bench.kafka.bootstrap, "group.id": "bench-reader", "enable.auto.commit": False,
                                  "isolation.level": "read_committed", "fetch.wait.max.ms": 10})
        self.consumer.assign([TopicPartition(self.topics.name("response"), 0, 0)])

    def serve(self, **env):
        """A server of these settings."""
        self.server = Program(self.bench.folder, "global_server", ["run"], self.bench.env(self.topics, GROUP_ID="readers", **env)).start()
        self.server.wait_event("claim", 60)

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
            for message in self.consumer.consume(1_000, 0.005):
                body = message.value()
                assert message.error() is None and b'"error"' not in body[:300], body[:300]
                found.append((message.key(), time.perf_counter()))
        return found

    def backlog(self, requests):
        """Requests a second, of these, which wait in Kafka."""
        for server in (self.server, *self.others):
            server.pause()
        self.send(requests)
        start = time.perf_counter()
        for server in (self.server, *self.others):
            server.resume()
        seen = self.replies(len(requests))
        assert len({i for i, _ in seen}) == len(requests)
        return len(requests) / (seen[-1][1] - start)

    def close(self):
        self.consumer.close()
        rss = self.server.rss_peak_kb() / 1024
        self.server.stop()
        self.agent.stop()
        return rss


class Generator:
    """Lookups over HTTP, many at once, as fast as Neo4j answers."""

    def __init__(self, server):
        self.server = server

    @staticmethod
    def body(people):
        return json.dumps({"statements": [{"statement": POSITION}] + [{"statement": LOOKUP, "parameters": {"id": i}} for i in people]}).encode()

    def rate(self, count):
        """Lookups a second."""
        bodies = [self.body([i % PEOPLE for i in range(a, a + TOGETHER)]) for a in range(0, count, TOGETHER)]

        def work(share):
            rival = Rival(self.server, "application/vnd.neo4j.jolt-v2, application/vnd.neo4j.jolt;q=0.5", read=True)
            for body in share:
                rival.ask(body)

        threads = [threading.Thread(target=work, args=(bodies[n::CONNECTIONS],)) for n in range(CONNECTIONS)]
        start = time.perf_counter()
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return len(bodies) * TOGETHER / (time.perf_counter() - start)


def warm(*works):
    """Does each in turn, again and again: a young server compiles what it runs for long, on the processors that are measured."""
    end = time.monotonic() + WARM_S
    while time.monotonic() < end:
        for work in works:
            work()


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
    tier, generator, count = Tier(bench), Generator(bench.server), 10_000
    direct, loop, ours = [], [], []
    works = (lambda: generator.rate(count)), (lambda: tier.backlog([request(i) for i in range(count)])), (lambda: loop_rate(tier, 1000))
    warm(*works)
    for _ in range(ROUNDS):
        for figures, work in zip((direct, ours, loop), works):
            figures.append(work())
    rss = tier.close()
    for name, rival, goal in (("a load generator over HTTP", direct, "at least 0.6"), ("a Python loop over Bolt", loop, "at least 40")):
        ratios = sorted(o / r for o, r in zip(ours, rival))
        bench.add(f"point lookups, 10,000 waiting, beside {name}", statistics.median(rival), statistics.median(ours), "requests/s",
                  statistics.median(ratios), goal, spread(ratios))
    bench.add("RSS of global_server, 10,000 lookups waiting", 64, rss, "MB", rss / 64, "under 64 MB")


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


class Echo:
    """What a request and its reply take at Kafka when nothing is asked: a thread that answers each request in a transaction with
    its offset. Its reader and the client's are the same as beside ours."""

    def __init__(self, tier):
        self.topics, self.ended = tier.bench.topics(), threading.Event()
        bootstrap = tier.bench.kafka.bootstrap
        self.source = Consumer({"bootstrap.servers": bootstrap, "group.id": "echo", "enable.auto.commit": False, "isolation.level": "read_committed",
                                "auto.offset.reset": "earliest"})
        self.assigned = threading.Event()
        self.source.subscribe([self.topics.name("request")], on_assign=lambda *_: self.assigned.set())
        self.out = Producer({"bootstrap.servers": bootstrap, "transactional.id": self.topics.prefix})
        self.out.init_transactions(30)
        self.client = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0})
        self.reader = Consumer({"bootstrap.servers": bootstrap, "group.id": "echo-reader", "enable.auto.commit": False,
                                "isolation.level": "read_committed", "fetch.wait.max.ms": 10})
        self.reader.assign([TopicPartition(self.topics.name("response"), 0, 0)])
        self.thread = threading.Thread(target=self.answer)
        self.thread.start()
        assert self.assigned.wait(30)

    def answer(self):
        while not self.ended.is_set():
            message = self.source.poll(0.1)
            if message is None or message.error():
                continue
            self.out.begin_transaction()
            self.out.produce(self.topics.name("response"), message.value(), message.key())
            here = [TopicPartition(message.topic(), message.partition(), message.offset() + 1)]
            self.out.send_offsets_to_transaction(here, self.source.consumer_group_metadata())
            self.out.commit_transaction()

    def round_trip(self, value):
        start = time.perf_counter()
        self.client.produce(self.topics.name("request"), value)
        self.client.flush()
        while not (message := self.reader.poll(1)):
            continue
        assert message.error() is None
        return time.perf_counter() - start

    def close(self):
        self.ended.set()
        self.thread.join()
        self.source.close()
        self.reader.close()


def one_request(tier, i):
    """From a request to the sight of its reply, nothing else under way."""
    start = time.perf_counter()
    tier.producer.produce(tier.topics.name("request"), json.dumps(request(i)).encode(), key=str(i))
    tier.producer.flush()
    while not (message := tier.consumer.poll(1)):
        continue
    assert message.error() is None and b'"error"' not in message.value()[:300], message.value()
    return time.perf_counter() - start


def one_at_a_time(bench):
    """The whole way of one request, beside its parts: the query over HTTP, and Kafka with a transaction."""
    tier = Tier(bench)
    echo = Echo(tier)
    rival = Rival(bench.server, "application/vnd.neo4j.jolt-v2, application/vnd.neo4j.jolt;q=0.5", read=True)
    queries, hops, ours, ratios = [], [], [], []
    for n in range(ROUNDS + 1):
        found = [], [], []
        for i in range(200):
            start = time.perf_counter()
            rival.ask(Generator.body([i]))
            found[0].append(time.perf_counter() - start)
            found[1].append(echo.round_trip(json.dumps(request(i)).encode()))
            found[2].append(one_request(tier, i))
        if n > 0:
            for kept, figures in zip((queries, hops, ours), found):
                kept += figures
            ratios.append(statistics.median(found[2]) / (statistics.median(found[0]) + statistics.median(found[1])))
    echo.close()
    tier.close()
    query, hop, mine = (1000 * statistics.median(f) for f in (queries, hops, ours))
    bench.add("one request at a time, produced to seen, p50", query + hop, mine, "ms", statistics.median(ratios), "at most 1.3",
              f"rival: the query over HTTP {query:.1f} ms, and a request and reply through Kafka with a transaction {hop:.1f} ms; p99: "
              f"ours {1000 * percentile(ours, 0.99):.1f} ms, query {1000 * percentile(queries, 0.99):.1f} ms, "
              f"Kafka {1000 * percentile(hops, 0.99):.1f} ms; {spread(ratios)}")


def busy(bench, seconds):
    """A query that keeps a processor at work for about so long."""
    text = "UNWIND range(1, {}) AS x WITH x WHERE x % 7 = 3 RETURN count(x) AS c"
    size = 1_000_000
    for _ in range(4):  # the first ones compile it
        start = time.perf_counter()
        bench.neo.run(text.format(size))
        size = int(size * seconds / (time.perf_counter() - start))
    return text.format(size)


def paced(tier, per_s, seconds, beside=None):
    """Latencies of lookups that come at a steady rate, whatever becomes of those before. beside: a query of which one is always
    under way."""
    sent, seen, slow = {}, {}, []
    start, count, another = time.perf_counter(), 0, beside is not None

    def look():
        nonlocal another
        for message in tier.consumer.consume(100, 0.002):
            key = message.key().decode()
            assert message.error() is None and b'"error"' not in message.value()[:300], message.value()
            if key.startswith("slow"):
                slow.append(time.perf_counter())
                another = beside is not None
            else:
                seen[key] = time.perf_counter()

    while count < per_s * seconds or len(seen) < count:
        if count < per_s * seconds and time.perf_counter() - start >= count / per_s:
            key = f"q{count}"
            sent[key] = time.perf_counter()
            tier.producer.produce(tier.topics.name("request"), json.dumps({**request(count), "id": key}).encode(), key=key)
            tier.producer.poll(0)
            count += 1
        if another and count < per_s * seconds:
            another = False
            tier.producer.produce(tier.topics.name("request"), json.dumps({"id": f"slow{len(slow)}", "command": beside}).encode(),
                                  key=f"slow{len(slow)}")
        look()
        assert time.perf_counter() - start < seconds + 60, "replies are missing"
    while beside is not None and not another:
        look()
    return [1000 * (seen[k] - sent[k]) for k in sent], len(slow)


def open_loop(bench):
    """30 lookups a second, without and with a query of half a second always in flight."""
    tier = Tier(bench)
    slow = busy(bench, 0.5)
    warm(lambda: paced(tier, 30, 10), lambda: paced(tier, 30, 10, slow))
    calm, beside, ratios, ran = [], [], [], 0
    for _ in range(ROUNDS):
        without, (with_it, count) = paced(tier, 30, PACED_S)[0], paced(tier, 30, PACED_S, slow)
        calm.append(percentile(without, 0.99))
        beside.append(percentile(with_it, 0.99))
        ratios.append(beside[-1] / calm[-1])
        ran += count
    tier.close()
    bench.add("30 lookups a second beside a query of 500 ms: p99", statistics.median(calm), statistics.median(beside), "ms",
              statistics.median(ratios), "at most 2", f"rival: ours without it; {ran} such queries in {ROUNDS * PACED_S} s; {spread(ratios)}")


DEGREES = "MATCH (n:Person {id: $id})-[:KNOWS]->(f)-[:KNOWS]->(g) RETURN n.name AS name, count(DISTINCT g) AS friends, avg(g.age) AS age"

MAY_KNOW = """MATCH (n:Person {id: $id})-[:KNOWS]->(f)-[:KNOWS]->(g) WHERE g <> n AND NOT (n)-[:KNOWS]->(g)
RETURN g.name AS name, count(f) AS common ORDER BY common DESC, name LIMIT 10"""
REPEATS = 200  # so that the first time, when all are asked, is a small part of it


def kept(bench):
    """1,000 different questions, again and again, with RESULT_CACHE and without."""
    tier = Tier(bench)
    bench.neo.run("MATCH (n:Person) UNWIND range(1, 10) AS k MATCH (m:Person {id: (n.id * 7 + k * 131) % 10000}) CREATE (n)-[:KNOWS]->(m)")
    for name, text in (("point lookups", LOOKUP), ("friends of friends", DEGREES), ("people one may know", MAY_KNOW)):
        asked = [{"id": f"{k}-{i}", "command": text, "params": {"id": i}} for k in range(REPEATS) for i in range(1000)]
        warm(lambda: tier.backlog(asked))
        rates = [], []
        for _ in range(ROUNDS):
            for env, figures in zip(({}, {"RESULT_CACHE": "32MiB", "STATUS_LISTEN": "0"}), rates):
                tier.server.stop()
                tier.serve(**env)
                tier.backlog([{**a, "id": f"first-{a['id']}", "params": {"id": 1000 + i}} for i, a in enumerate(asked[:500])])
                figures.append(tier.backlog(asked))
        hits = Metrics(address(tier.server)).value("global_server_cache_requests_total", outcome="hit")
        rss = tier.server.rss_peak_kb() / 1024
        plain, cached = rates
        ratios = [c / p for c, p in zip(cached, plain)]
        bench.add(f"1,000 different questions, {REPEATS} times each, from memory: {name}", statistics.median(plain), statistics.median(cached),
                  "requests/s", statistics.median(ratios), "at least 5",
                  f"rival: ours without RESULT_CACHE; {hits / len(asked) * 100:.0f} % from memory; RSS {rss:.0f} MB with 32MiB; {spread(ratios)}")
    tier.close()


def pair(bench):
    """Two replicas beside one, on the same two processors."""
    tier = Tier(bench)
    server = stack.Neo4j(bench.folder / "second", "second", profile="fast", heap_mb=1024).start()
    neo = Neo(server.http_uri, server.user, server.password)
    neo.run("CREATE CONSTRAINT person FOR (n:Person) REQUIRE n.id IS UNIQUE")
    neo.run(PERSONS)
    second = {"NEO4J_URI": server.http_uri, "NEO4J_PASS": server.password}
    agent = Program(bench.folder, "db_sync", ["run", "--adopt", "0"], bench.env(tier.topics, **{"GROUP_ID": "second", **second})).start()
    agent.wait_event("position")
    asked, one, two = [request(i) for i in range(10_000)], [], []
    generators = Generator(bench.server), Generator(server)
    warm(*(lambda g=g: g.rate(10_000) for g in generators))
    for _ in range(ROUNDS):
        one.append(tier.backlog(asked))
        claims = len(tier.server.events("claim"))
        other = Program(bench.folder, "global_server", ["run"], bench.env(tier.topics, **{"GROUP_ID": "readers", "INSTANCE_ID": "second", **second}))
        other.start().wait_event("claim", 60)
        tier.server.wait_event("claim", 60, claims + 1)
        tier.others = [other]
        two.append(tier.backlog(asked))
        tier.others = []
        other.stop()
        tier.server.wait_event("claim", 60, claims + 2)
    tier.close()
    agent.stop()
    server.kill()
    ratios = [b / a for a, b in zip(one, two)]
    bench.add("point lookups, 10,000 waiting, two replicas beside one", statistics.median(one), statistics.median(two), "requests/s",
              statistics.median(ratios), "none", f"rival: ours with one; all on the same {os.cpu_count()} processors; {spread(ratios)}")


def parameters(bench):
    """Memory for requests with long lists, which take it forty times while they are parsed."""
    for count, size in ((5000, 1000), (200, 50_000)):
        tier = Tier(bench)
        some = [i % 10 for i in range(size)]
        rate = tier.backlog([{"id": str(i), "command": "RETURN size($some) AS n", "params": {"some": some}} for i in range(count)])
        rss = tier.close()
        bench.add(f"RSS of global_server, {count:,} requests with {size:,} numbers each", 64, rss, "MB", rss / 64, "under 64 MB", f"{rate:,.0f} requests/s")


BENCHES = {"lookups": lookups, "parameters": parameters, "one_request": one_at_a_time, "open_loop": open_loop, "kept": kept, "pair": pair}
