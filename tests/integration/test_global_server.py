# SPDX-License-Identifier: Apache-2.0
"""Each request has exactly one complete reply for a read_committed reader, and changes nothing."""

import itertools
import json
import random
import threading
import time

from conftest import scaled
from endpoint import Metrics, address
from programs import run
from replica import applied
from replies import check_one_reply_each, knows_age, replies, wait_replies
from wait import until


def test_reply_with_offset_and_age(topics, replica, global_server):
    global_server(replica)
    knows_age(topics)
    topics.produce("request", [{"id": "q", "with_key": "k", "command": "MATCH (p:P) RETURN count(p) AS c, $x AS x", "params": {"x": [1, "a"]}}], key="k")
    (page,) = wait_replies(topics, ["q"])["q"]
    assert page["columns"] == ["c", "x"] and page["rows"] == [[20, [1, "a"]]]
    assert (page["with_key"], page["replica"], page["offset"], page["age_ms"], page["total"]) == ("k", "a", 20, 0, 1)


def test_request_of_the_older_tool(topics, replica, global_server):
    topics.create("kafka_query_response_topic")
    global_server(replica, REPLY_TOPICS="kafka_query_response_topic")
    topics.produce("request", [b'{"to":"kafka_query_response_topic","with_key":"query_key","command":"MATCH (u:User {name :\\"user_1\\"}) return u"}'], key="r")
    message = until("a reply", lambda: topics.read("kafka_query_response_topic"))[0]
    body = json.loads(message.value())
    assert message.key() == b"query_key" and body["with_key"] == "query_key"
    assert body["rows"] == [] and body["last"] and body["columns"] == ["u"]


def test_pages(topics, replica, global_server):
    global_server(replica)
    topics.produce("request", [{"id": "p", "command": "UNWIND range(1, 2500) AS n RETURN n", "page_rows": 1000}])
    pages = wait_replies(topics, ["p"])["p"]
    assert [len(p["rows"]) for p in pages] == [1000, 1000, 500] and pages[-1]["total"] == 2500
    check_one_reply_each({"p": pages}, ["p"])


def test_min_offset_and_max_age(topics, replica, neo_a, global_server):
    global_server(replica)
    knows_age(topics)
    topics.produce("request", [
        {"id": "late", "command": "MATCH (w:W) RETURN w.n AS n", "min_offset": 21, "timeout_ms": 30000},
        {"id": "never", "command": "RETURN 1 AS x", "min_offset": 1000, "timeout_ms": 1000},
        {"id": "now", "command": "RETURN 1 AS x", "max_age_ms": 60000},
    ])
    found = wait_replies(topics, ["never", "now"])
    assert "error" in found["never"][0] and found["now"][0]["rows"] == [[1]]
    topics.commands(["CREATE (:W {n: 1})"])
    assert wait_replies(topics, ["late"])["late"][0]["rows"] == [[1]]


def test_kill_with_requests_in_flight(topics, replica, global_server):
    """kill -9 of one of two, again and again: one complete reply each."""
    rounds, each = scaled(4, 20), 60
    one, two = global_server(replica, instance="one"), global_server(replica, instance="two")
    one.wait_event("start")
    two.wait_event("start")
    rng, ids = random.Random(11), []
    for turn in range(rounds):
        batch = [f"r{turn}-{i}" for i in range(each)]
        ids += batch
        topics.produce("request", [{"id": i, "command": f"UNWIND range(1, {rng.choice([1, 10, 3000])}) AS n RETURN n, sum(n) AS s"} for i in batch])
        threading.Event().wait(rng.uniform(0, 0.6))  # any moment of the work
        if turn % 2 == 0:
            one.kill()
            one = global_server(replica, instance="one")
        else:
            two.kill()
            two = global_server(replica, instance="two")
    check_one_reply_each(wait_replies(topics, ids, deadline_s=180), ids)


def test_neo4j_down_and_back(topics, replica, neo_a, global_server):
    """The server leaves the group while its Neo4j is down, and answers when it is back."""
    server = global_server(replica)
    server.wait_event("start")
    replica.kill()
    server.wait_event("neo4j_down")
    ids = [f"d{i}" for i in range(20)]
    topics.produce("request", [{"id": i, "command": "MATCH (p:P) RETURN count(p) AS c"} for i in ids])
    replica.start()
    found = wait_replies(topics, ids, deadline_s=120)
    check_one_reply_each(found, ids)
    assert all(pages[0]["rows"] == [[20]] for pages in found.values())


def test_status(topics, kafka, server_a, neo_a, db_sync, global_server):
    """Each state is told, with its reason, and shown beside db_sync's."""
    server = global_server(server_a)
    server.wait_event("replica_not_ready")
    db_sync(server_a)
    server.wait_event("start")
    topics.commands(["CREATE (:P)"])
    told = until("offset 1", lambda: (s := topics.status("a", "global_server")) and s["offset"] == 1 and s["age_ms"] == 0 and s)
    assert told["state"] == "serving" and told["instance"] == "one" and told["group"] == "readers"
    server_a.kill()
    down = until("an outage", lambda: (s := topics.status("a", "global_server"))["state"] == "waiting-neo4j" and s)
    assert "refused" in down["reason"] or "connect" in down["reason"].lower(), down
    server_a.start()
    until("serving again", lambda: topics.status("a", "global_server")["state"] == "serving")
    neo_a.run("MATCH (p:`__db_sync`) SET p.state = 'restoring'")
    restoring = until("a restore", lambda: (s := topics.status("a", "global_server"))["state"] == "waiting-replica" and s)
    assert "restored" in restoring["reason"]
    assert server.stop() == 0
    assert topics.status("a", "global_server")["state"] == "stopped"
    shown = run("db_sync", ["status"], {"BROKERS": kafka.bootstrap, "B_TOPIC_PREFIX": topics.prefix}).stdout.splitlines()
    assert any(line.split()[:3] == ["a", "global_server", "stopped"] for line in shown), shown


def test_kafka_restarted(topics, kafka, replica, global_server):
    server = global_server(replica)
    server.wait_event("start")
    ids = [f"k{i}" for i in range(40)]
    topics.produce("request", [{"id": i, "command": "MATCH (p:P) RETURN count(p) AS c"} for i in ids[:20]])
    kafka.kill()
    kafka.start()
    topics.produce("request", [{"id": i, "command": "MATCH (p:P) RETURN count(p) AS c"} for i in ids[20:]])
    check_one_reply_each(wait_replies(topics, ids, deadline_s=120), ids)


def test_same_instance_twice(topics, replica, global_server):
    """The newest of two with one INSTANCE_ID wins, the older exits 5 and names the setting."""
    older = global_server(replica)
    older.wait_event("start")
    newer = global_server(replica)
    newer.wait_event("start", 60)
    for i in range(30):  # every partition: an idle one has no transaction that could be refused
        topics.produce("request", [{"id": f"s{i}", "command": "RETURN 1 AS x"}], key=f"s{i}")
    assert older.wait_exit(60) == 5 and "INSTANCE_ID" in older.log
    check_one_reply_each(wait_replies(topics, [f"s{i}" for i in range(30)], deadline_s=90), [f"s{i}" for i in range(30)])


def test_same_static_member_twice(topics, replica, global_server):
    """The same, where no request ever comes: the group tells the older."""
    static = {"STATIC_MEMBER": "yes", "KAFKA_HEARTBEAT_INTERVAL_MS": 300}
    older = global_server(replica, **static)
    older.wait_event("claim")
    newer = global_server(replica, **static)
    assert older.wait_exit(30) == 5 and "INSTANCE_ID" in older.log and "static member" in older.log
    newer.wait_event("claim")
    assert newer.stop() == 0


def test_stop_answers_what_is_in_flight(topics, replica, global_server):
    server = global_server(replica)
    server.wait_event("start")
    topics.produce("request", [{"id": f"t{i}", "command": "UNWIND range(1, 100000) AS n RETURN sum(n) AS s"} for i in range(30)])
    until("the first reply", lambda: replies(topics))
    assert server.stop() == 0
    other = global_server(replica, instance="two")
    ids = [f"t{i}" for i in range(30)]
    check_one_reply_each(wait_replies(topics, ids), ids)
    assert other.stop() == 0


def test_ask(topics, replica, global_server, agent_env, kafka):
    global_server(replica)
    env = {"BROKERS": kafka.bootstrap, "B_TOPIC_PREFIX": topics.prefix}
    done = run("global_server", ["ask", "MATCH (p:P) WHERE p.n < 2 RETURN p.n AS n, 'ä' AS text ORDER BY n"], env)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines == [["n", "text"], ["0", "ä"], ["1", "ä"]]
    done = run("global_server", ["ask", "--csv", "RETURN 'a,b' AS x, 1 AS y"], env)
    assert done.stdout.splitlines() == ["x,y", '"a,b",1']
    done = run("global_server", ["ask", "--json", "--params", '{"v": 7}', "RETURN $v AS v"], env)
    assert json.loads(done.stdout.splitlines()[0])["rows"] == [[7]]
    done = run("global_server", ["ask", "--csv", '{"command": "RETURN $v AS v", "params": {"v": 8}}'], env)
    assert done.stdout == "v\n8\n", done.stderr
    done = run("global_server", ["ask"], env, stdin="RETURN 1 AS a\nRETURN 2 AS a\n")
    assert done.returncode == 0 and done.stdout.split() == ["a", "1", "a", "2"]
    done = run("global_server", ["ask", "CREATE (:X)"], env)
    assert done.returncode == 1 and "Neo.ClientError" in done.stderr
    done = run("global_server", ["ask", "--min-offset", "99", "--timeout", "1s", "RETURN 1 AS x"], env)
    assert done.returncode in (1, 4) and done.stderr


def test_a_replica_that_lags_leaves_the_answers_to_others(topics, server_a, neo_a, server_b, neo_b, db_sync, global_server):
    """Until it has caught up. What it has in hand by then is answered once, by it or by another."""
    slow = db_sync(server_a, "a")
    db_sync(server_b, "b")
    topics.commands(["CREATE (:P)"] * 10)
    applied(neo_a, topics), applied(neo_b, topics)
    lags, well = global_server(server_a, instance="one", MAX_LAG="2s"), global_server(server_b, instance="two", MAX_LAG="2s")
    until("both serve", lambda: all((s := topics.status(r, "global_server")) and s["state"] == "serving" for r in "ab"))
    slow.stop()
    topics.commands(["CREATE (:P)"])
    told = until("a lags", lambda: (s := topics.status("a", "global_server"))["state"] == "lagging" and s)
    assert "MAX_LAG" in told["reason"] and told["age_ms"] > 2000
    lags.wait_event("claim_ended")
    ids = [f"q{i}" for i in range(40)]
    for i in ids:
        topics.produce("request", [{"id": i, "command": "MATCH (p:P) RETURN count(p)"}], key=i)
    found = wait_replies(topics, ids)
    check_one_reply_each(found, ids)
    assert {p["replica"] for pages in found.values() for p in pages} == {"b"}
    assert topics.status("b", "global_server")["state"] == "serving"
    db_sync(server_a, "a")
    until("a serves again", lambda: topics.status("a", "global_server")["state"] == "serving")
    lags.wait_event("replica_caught_up", count=2)
    lags.wait_event("claim", count=len(lags.events("claim_ended")) + 1)
    well.stop()
    topics.produce("request", [{"id": "last", "command": "MATCH (p:P) RETURN count(p)"}])
    (page,) = wait_replies(topics, ["last"])["last"]
    assert page["replica"] == "a" and page["rows"] == [[11]]


def refused(pages):
    """By the limit of a key's rate; any other error fails."""
    if error := pages[-1].get("error"):
        assert error["code"] == "request.rate-limited" and "MAX_KEY_RATE" in error["message"], error
    return bool(error)


def test_a_key_that_asks_too_often(topics, replica, global_server):
    """A thousand costly requests of one key: as many are asked as a key may have, the others refused at once. Who keeps to
    the rate is answered meanwhile."""
    server = global_server(replica, STATUS_LISTEN="0", MAX_KEY_RATE="20")
    server.wait_event("claim")
    costly = "UNWIND range(1, 1500000) AS n RETURN count(CASE WHEN n % 7 = 3 THEN 1 END) AS c"
    greedy, modest, keyless = ([f"{who}{i}" for i in range(n)] for who, n in (("greedy", 1000), ("modest", 20), ("keyless", 60)))
    begun = time.monotonic()
    topics.produce("request", [{"id": i, "command": costly} for i in greedy], key="greedy")
    topics.produce("request", [{"id": i, "with_key": "modest", "command": "MATCH (p:P) RETURN count(p)"} for i in modest], key="modest")
    topics.produce("request", [{"id": i, "command": "RETURN 1"} for i in keyless])
    pages = wait_replies(topics, modest)
    assert any(i not in pages for i in greedy), "they had to wait for the costly ones"
    assert [page["rows"] for i in modest for page in pages[i]] == [[[20]]] * 20
    pages = wait_replies(topics, greedy + modest + keyless)
    took_s = time.monotonic() - begun
    check_one_reply_each(pages, greedy + modest + keyless)
    for ids in (greedy, keyless):
        assert 20 <= sum(not refused(pages[i]) for i in ids) <= min(20 + 20 * took_s, len(ids) - 1)
    metrics, all_refused = Metrics(address(server)), sum(refused(p) for p in pages.values())
    assert metrics.value("global_server_rate_limited_requests_total") == metrics.value("global_server_replies_total", outcome="error") == all_refused
    names = (f"again{i}" for i in itertools.count())

    def asks_again():
        topics.produce("request", [{"id": (name := next(names)), "command": "RETURN 1"}], key="greedy")
        return not refused(wait_replies(topics, [name])[name])

    until("its next token", asks_again)
