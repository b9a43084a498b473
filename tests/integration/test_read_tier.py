# SPDX-License-Identifier: Apache-2.0
"""Three servers on two replicas under a steady load of mixed requests, and something happens to them: each request has
one complete reply, nobody else waits longer than a bound, nothing is written, memory stays small."""

import random
import signal
import threading

import pytest
from conftest import scaled
from confluent_kafka import Consumer, TopicPartition
from load import GRAPH, Load, N, lookup, pages, slow
from neo import graph, schema
from proxy import CUT
from replica import applied
from wait import until

PROTOCOLS = ["eager", "cooperative"]
QUICK = {"KAFKA_SESSION_TIMEOUT_MS": 2000, "KAFKA_HEARTBEAT_INTERVAL_MS": 300, "TRANSACTION_TIMEOUT": "2s"}
RSS_KB = 64 * 1024


class Tier:
    """Servers one and two on replica a, three on b."""

    def __init__(self, topics, global_server, at, **settings):
        self.topics, self.global_server, self.at = topics, global_server, at
        self.settings = {**QUICK, "GROUP_ID": topics.prefix + "tier", **settings}
        self.servers, self.peaks = {}, []
        for name in at:
            self.start(name)
        for server in self.servers.values():
            server.wait_event("claim", 60)

    def start(self, name):
        self.servers[name] = self.global_server(self.at[name], instance=name, **self.settings)
        return self.servers[name]

    def kill(self, name):
        self.peaks.append(self.servers[name].rss_peak_kb())
        self.servers[name].kill()

    def end(self):
        """Stops all; whoever ended before fails the test."""
        for server in self.servers.values():
            server.must_live()
            self.peaks.append(server.rss_peak_kb())
            server.process.terminate()
        for server in self.servers.values():
            assert server.wait_exit() == 0, server.log[-3000:]
        assert max(self.peaks) < RSS_KB, self.peaks

    def check_settled(self):
        """The group's offsets are at the end of every partition, and no metadata is beside them."""
        consumer = Consumer({"bootstrap.servers": self.topics.bootstrap, "group.id": self.settings["GROUP_ID"]})
        parts = [TopicPartition(self.topics.name("request"), p) for p in self.topics.partitions("request")]
        committed = {p.partition: (max(p.offset, 0), p.metadata or "") for p in consumer.committed(parts, timeout=30)}
        ends = {p.partition: (consumer.get_watermark_offsets(p, timeout=30)[1], "") for p in parts}
        consumer.close()
        assert committed == ends


@pytest.fixture
def replicas(topics, server_a, neo_a, server_b, neo_b, db_sync):
    """Both hold the graph; after the test they hold nothing else, but for what the log says."""
    topics.delete("request")
    topics.create("request", 6)  # more than there are servers
    for name, server in (("a", server_a), ("b", server_b)):
        db_sync(server, name)
    topics.commands(GRAPH)
    applied(neo_a, topics), applied(neo_b, topics)
    return {"one": server_a, "two": server_a, "three": server_b}


@pytest.fixture
def check_end(topics, replicas, neo_a, neo_b, record_property):
    """check_end(tier, load), after the load: what every fault must leave behind. The graphs are as they were, once the log's own
    changes are undone."""
    before = graph(neo_a), schema(neo_a)

    def check(tier, load):
        load.settle(120)
        tier.end()
        load.check()
        tier.check_settled()
        topics.commands(["MATCH (w:W) DELETE w"])
        applied(neo_a, topics), applied(neo_b, topics)
        assert (graph(neo_a), schema(neo_a)) == before and (graph(neo_b), schema(neo_b)) == before
        record_property("counts", f"{len(load.asked)} requests, slowest lookup {load.slowest_s():.1f} s, RSS at most {max(tier.peaks)} KiB")

    return check


@pytest.mark.parametrize("protocol", scaled(["eager"], PROTOCOLS))
def test_kill_at_random_moments(protocol, topics, replicas, global_server, check_end):
    """kill -9 of any of three. A request waits for the end of the dead one's session and transaction, and for the
    groups that follow from each other, no longer."""
    rng = random.Random(5)
    tier = Tier(topics, global_server, replicas, REBALANCE_PROTOCOL=protocol)
    with Load(topics) as load:
        for _ in range(scaled(10, 100)):
            threading.Event().wait(rng.uniform(0, 2))  # also while the group still settles after the last one
            name = rng.choice(list(tier.at))
            tier.kill(name)
            tier.start(name)
    check_end(tier, load)
    load.check_prompt(30)


@pytest.mark.parametrize("fault", scaled(["stopped"], ["stopped", "killed"]))
def test_neo4j_of_one_replica(fault, topics, replicas, server_b, global_server, check_end):
    """Its server leaves the requests to the others, and takes its share again once Neo4j answers."""
    tier = Tier(topics, global_server, replicas)
    with Load(topics) as load:
        begun, ended = load.mark(), len(tier.servers["three"].events("claim_ended"))
        {"stopped": server_b.stop, "killed": server_b.kill, "hung": server_b.pause}[fault]()
        try:
            tier.servers["three"].wait_event("claim_ended", 30, ended + 1)
            alone = load.mark()
            load.wait_answers(30, since=alone, replica="a")
        finally:
            server_b.resume() if fault == "hung" else server_b.start()
        load.wait_answers(10, since=load.mark(), replica="b")
    check_end(tier, load)
    load.check_prompt(30, since=begun)  # until it is noticed, for the requests that this server holds
    load.check_prompt(15, since=alone)


def slowly(_, when):
    """A rule for a proxy: a second and a half for each request to Neo4j."""
    threading.Event().wait(1.5 if when == "before" else 0)


def test_slow_neo4j_of_one_replica(topics, replicas, server_b, through, global_server, check_end):
    """The other replica's requests do not wait for it."""
    proxy = through(server_b)
    tier = Tier(topics, global_server, {**replicas, "three": proxy})
    with Load(topics) as load:
        proxy.rule = slowly
        begun = load.mark()
        load.wait_answers(60, since=begun, replica="a")
        proxy.rule = None
        load.wait_answers(10, since=load.mark(), replica="b")
    check_end(tier, load)
    load.check_prompt(5, since=begun, replica="a")


@pytest.mark.parametrize("fault", ["killed", "hung"])
def test_broker(fault, topics, kafka, replicas, global_server, check_end):
    """In the middle of transactions: what was under way is answered once it is back."""
    tier = Tier(topics, global_server, replicas)
    with Load(topics) as load:
        for _ in range(scaled(1, 5)):
            if fault == "killed":
                kafka.kill()
                kafka.start()
            else:
                kafka.pause()
                threading.Event().wait(4)  # longer than sessions and transactions last
                kafka.resume()
            load.wait_answers(20, since=load.mark())
    check_end(tier, load)
    load.check_prompt(45)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_rebalance_storm(protocol, topics, replicas, server_b, global_server, check_end):
    """Three more servers join and leave ten times each, now and then by kill -9, half of the time before they have got their
    share. Requests are answered in between."""
    rng = random.Random(6)
    tier = Tier(topics, global_server, replicas, REBALANCE_PROTOCOL=protocol)
    with Load(topics, per_s=15) as load:
        for turn in range(scaled(10 if protocol == "eager" else 2, 50)):
            guests = [global_server(server_b, instance=f"guest {i}", **tier.settings) for i in range(3)]
            for guest in guests:
                threading.Event().wait(rng.uniform(0, 0.5))
                if turn % 5 == 0:
                    guest.kill()
                else:
                    assert guest.stop() in (0, -signal.SIGTERM), guest.log[-3000:]  # the latter before it has taken the signal over
            if turn % 3 == 2:
                load.wait_answers(3, since=load.mark())
    check_end(tier, load)
    load.check_prompt(30)


def generations(server):
    """Of the group, that it has had a share in: with the cooperative protocol a claim may outlive one."""
    return len(server.events("claim")) + len(server.events("claim_renewed"))


@pytest.mark.parametrize("protocol", scaled(["eager"], PROTOCOLS))
def test_zombie(protocol, topics, replicas, global_server, check_end):
    """A server that stands still until others have its requests, and then goes on where it was: what it still sends is seen by
    nobody, and it takes part again."""
    rng = random.Random(7)
    tier = Tier(topics, global_server, replicas, REBALANCE_PROTOCOL=protocol)
    with Load(topics, per_s=60) as load:
        for _ in range(scaled(2, 30)):
            threading.Event().wait(rng.uniform(0, 1))
            name = rng.choice(list(tier.at))
            zombie, others = tier.servers[name], [s for n, s in tier.servers.items() if n != name]
            before = {s: generations(s) for s in tier.servers.values()}
            zombie.pause()
            try:
                until("a group without it", lambda: all(generations(s) > before[s] for s in others), 30)
            finally:
                zombie.resume()
            until("it takes part", lambda: zombie.must_live() and generations(zombie) > before[zombie], 30)
    check_end(tier, load)
    load.check_prompt(20)


def group_events(servers):
    """What the group has told these servers of."""
    return [{name: len(server.events(name)) for name in ("claim", "claim_ended", "claim_renewed")} for server in servers]


@pytest.mark.parametrize("protocol", scaled(["cooperative"], PROTOCOLS))
def test_static_member_restarts(protocol, topics, replicas, global_server, check_end):
    """Stopped or killed: its partitions wait for it, and nobody else's."""
    tier = Tier(topics, global_server, replicas, STATIC_MEMBER="yes", REBALANCE_PROTOCOL=protocol, KAFKA_SESSION_TIMEOUT_MS=20_000)
    with Load(topics) as load:
        until("all have partitions", lambda: all(s.events("claim")[-1]["partitions"] == "2" for s in tier.servers.values()))
        others = [tier.servers["one"], tier.servers["three"]]
        before, begun = group_events(others), load.mark()
        for turn in range(scaled(2, 20)):
            if turn % 2 == 0:
                assert tier.servers["two"].stop() == 0
            else:
                tier.kill("two")
            (claim, *_) = tier.start("two").wait_event("claim")
            assert claim["partitions"] == "2"
            load.wait_answers(10, since=load.mark())
        assert group_events(others) == before
    check_end(tier, load)
    load.check_prompt(10, since=begun)  # half of a session


@pytest.mark.parametrize("protocol", scaled(["eager"], PROTOCOLS))
def test_static_member_whose_neo4j_is_away(protocol, topics, replicas, through, global_server, check_end):
    """Others have its partitions long before its session would end."""
    proxy = through(replicas["three"])
    tier = Tier(topics, global_server, {**replicas, "three": proxy}, STATIC_MEMBER="yes", REBALANCE_PROTOCOL=protocol,
                KAFKA_SESSION_TIMEOUT_MS=120_000)
    with Load(topics) as load:
        until("all have partitions", lambda: all(s.events("claim")[-1]["partitions"] == "2" for s in tier.servers.values()))
        begun, ended = load.mark(), len(tier.servers["three"].events("claim_ended"))
        proxy.rule = lambda *_: CUT
        tier.servers["three"].wait_event("claim_ended", 30, ended + 1)
        until("two have three each", lambda: all(tier.servers[n].events("claim")[-1]["partitions"] == "3" for n in ("one", "two")))
        proxy.rule = None
        load.wait_answers(10, since=load.mark(), replica="b")
    check_end(tier, load)
    load.check_prompt(30, since=begun)


@pytest.mark.parametrize("static", scaled(["no"], ["no", "yes"]))
def test_answers_while_the_group_waits(static, topics, replicas, server_b, global_server, check_end):
    """For a member that stands still, as another one joins: the cooperative protocol lets all go on meanwhile."""
    tier = Tier(topics, global_server, replicas, REBALANCE_PROTOCOL="cooperative", STATIC_MEMBER=static, KAFKA_SESSION_TIMEOUT_MS=20_000)

    def waits():
        (group,) = topics.admin.describe_consumer_groups([tier.settings["GROUP_ID"]]).values()
        return group.result(30).state.name == "PREPARING_REBALANCING"

    with Load(topics) as load:
        until("all have partitions", lambda: all(s.events("claim")[-1]["partitions"] == "2" for s in tier.servers.values()))
        tier.servers["three"].pause()
        try:
            guest = global_server(server_b, instance="guest", **tier.settings)
            until("a rebalance", waits)
            begun = load.mark()
            load.wait_answers(20, since=begun, deadline_s=15)
            assert waits(), "the rebalance was over too soon to see anything"
        finally:
            tier.servers["three"].resume()
        guest.wait_event("claim")
        tier.servers["guest"] = guest
    check_end(tier, load)
    load.check_prompt(20)


def test_two_with_one_instance_id(topics, replicas, global_server, check_end):
    """The older ends in the middle of its work, which the newer does again."""
    tier = Tier(topics, global_server, replicas)
    with Load(topics) as load:
        for _ in range(scaled(2, 10)):
            older = tier.servers["one"]
            tier.start("one").wait_event("claim")
            assert older.wait_exit(30) == 5 and "INSTANCE_ID" in older.log
    check_end(tier, load)
    load.check_prompt(20)


def test_all_die_with_a_thousand_of_one_key(topics, replicas, global_server, check_end):
    """One partition has them all. What was settled out of order stands beside the committed offset, and the next owner skips it."""
    tier = Tier(topics, global_server, replicas)
    with Load(topics, per_s=5) as load:
        kinds = [lookup, lookup, slow, pages]
        sent = []
        for i in range(scaled(1000, 10_000)):
            request, want = kinds[i % 50 if i % 50 < 4 else 0](load.rng)
            sent.append(load.ask("one_key", {**request, "with_key": "one"}, **want))
        for part in scaled((0.3,), (0.1, 0.3, 0.5, 0.7, 0.9)):
            until(f"{part} of the answers", lambda: sum(a.done_at is not None for a in sent) >= part * len(sent), 90)
            for name in list(tier.at):
                tier.kill(name)
            for name in tier.at:
                tier.start(name)
    check_end(tier, load)


LONG = "UNWIND range(1, 2000000000) AS x MATCH (p:P) WHERE p.n = -x RETURN count(p) AS c"
TOO_LONG = (N + "Transaction.TransactionTimedOut", N + "Transaction.TransactionTimedOutClientConfiguration", "neo4j.timeout",
            "Neo.DatabaseError.Statement.ExecutionFailed")  # as 4.4 says it


def test_what_takes_long_holds_up_nobody(topics, replicas, global_server, check_end):
    """Answers of 200,000 rows, values of 5 MB, queries that never end, beside lookups."""
    rows = [[n, f"row {n}"] for n in range(1, 200_001)]
    large = {"command": "UNWIND range(1, 200000) AS n RETURN n, 'row ' + n AS t", "page_rows": 10_000}
    wide = {"command": "RETURN substring(reduce(s = 'x', i IN range(1, 23) | s + s), 0, 5000000) AS s"}
    tier = Tier(topics, global_server, replicas)
    with Load(topics) as load:
        begun = load.mark()
        for _ in range(scaled(1, 20)):
            special = [load.ask("large", large, rows=rows), load.ask("wide", wide, codes=("answer.row-too-large",))]
            special += [load.ask("long", {"command": LONG, "timeout_ms": 2000}, codes=TOO_LONG) for _ in range(3)]
            until("the special ones", lambda: all(a.done_at for a in special), 120)
    check_end(tier, load)
    load.check_prompt(10, since=begun)


GONE = ("reply.no-topic", "kafka._UNKNOWN_TOPIC", "kafka._UNKNOWN_PARTITION")  # the latter in the moment of the deletion


def test_reply_topic_deleted(topics, replicas, global_server, check_end):
    """While replies to it are under way: its requests get an error where they can, the others do not wait for it. librdkafka 2.0.2 may
    forget what is on its way there, about one time in twenty when the processors are busy, and would wait for it for ever."""
    names = [f"elsewhere{n}" for n in range(scaled(5, 60))]
    tier = Tier(topics, global_server, replicas, REPLY_TOPICS=",".join(names))
    with Load(topics) as load:
        begun = load.mark()
        for name in names:
            elsewhere = {"to": name, "command": "RETURN 1 AS x"}
            topics.create(name)
            for _ in range(300):
                load.ask("early", elsewhere, codes=GONE, optional=True)  # what was answered in time goes with the topic
            until("the first of them", lambda: topics.read(name))
            for _ in range(200):
                load.ask("early", elsewhere, codes=GONE, optional=True)
            topics.delete(name)
            for _ in range(20):
                load.ask("late", elsewhere, codes=GONE)
            load.wait_answers(40, since=load.mark())
    check_end(tier, load)
    load.check_prompt(20, since=begun)
