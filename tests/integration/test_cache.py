# SPDX-License-Identifier: Apache-2.0
"""RESULT_CACHE: equal questions are answered without Neo4j, and never with what is no longer so."""

import random

from endpoint import Metrics, address
from replica import applied
from replies import wait_replies

LOOKUP = "MATCH (p:P {n: $n}) RETURN p.n AS n"


def ask(topics, name, text, count, **params):
    """The rows of each answer."""
    ids = [f"{name}-{i}" for i in range(count)]
    for i in ids:
        topics.produce("request", [{"id": i, "command": text, "params": params, "page_rows": 10}], key=i)
    found = wait_replies(topics, ids)
    return [[row for page in found[i] for row in page["rows"]] for i in ids], [found[i][0]["offset"] for i in ids]


def hits(server, outcome="hit"):
    return Metrics(address(server)).value("global_server_cache_requests_total", outcome=outcome)


def test_equal_questions_cost_no_query(topics, neo_a, replica, global_server):
    """Asked by one, answered from memory to the others, also what is slow; at another offset it is asked anew."""
    server = global_server(replica, STATUS_LISTEN="0", RESULT_CACHE="1MiB")
    server.wait_event("claim")
    slow = "UNWIND range(1, 3000000) AS x WITH count(x) AS c MATCH (p:P) RETURN c, count(p) AS p"
    for text, params, rows in ((LOOKUP, {"n": 3}, [[3]]), (slow, {}, [[3000000, 20]]), (LOOKUP, {"n": -1}, [])):
        assert ask(topics, f"first{rows}", text, 1, **params)[0] == [rows]
        before, asked = hits(server), Metrics(address(server)).value("global_server_question_requests_sum")
        assert ask(topics, f"again{rows}", text, 50, **params)[0] == [rows] * 50
        assert hits(server) == before + 50
        assert Metrics(address(server)).value("global_server_question_requests_sum") == asked
    assert ask(topics, "other", LOOKUP, 1, n=4)[0] == [[[4]]]  # another value
    metrics = Metrics(address(server))
    assert metrics.value("global_server_cache_answers") == 4 and 0 < metrics.value("global_server_cache_bytes") < 2**20
    topics.commands(["MATCH (p:P {n: 3}) DELETE p"])
    applied(neo_a, topics)
    (rows,), (offset,) = ask(topics, "gone", LOOKUP, 1, n=3)
    assert rows == [] and offset == topics.end("command")


def test_what_changes_by_itself_is_asked_each_time(topics, replica, global_server):
    """Clocks, chance, what the server says about itself; errors; answers of several pages."""
    server = global_server(replica, STATUS_LISTEN="0", RESULT_CACHE="1MiB")
    for text in ("RETURN randomUUID() AS x", "RETURN toString(datetime.realtime()) + toString(rand()) AS x"):
        assert len({str(rows) for rows in ask(topics, text, text, 20)[0]}) == 20
    for text in ("CALL db.labels() YIELD label RETURN label", "UNWIND range(1, 11) AS x RETURN x"):
        ask(topics, text, text, 5)
    topics.produce("request", [{"id": f"e{i}", "command": "RETURN 1 / 0 AS x"} for i in range(5)])
    wait_replies(topics, [f"e{i}" for i in range(5)])
    assert hits(server) == 0


def test_never_older_than_its_offset(topics, neo_a, replica, global_server):
    """A counter goes up by each command while many ask for it: what a reply says is what it was at its offset, or later; and who
    asks with the offset of his own write reads it."""
    server = global_server(replica, STATUS_LISTEN="0", RESULT_CACHE="1MiB")
    server.wait_event("claim")
    topics.commands(["CREATE (:Counter {c: 0})"])
    applied(neo_a, topics)
    start, rng, wanted = topics.end("command"), random.Random(3), {}
    for round_no in range(1, 61):
        topics.commands(["MATCH (c:Counter) SET c.c = c.c + 1"])
        own = topics.end("command")
        for k in range(rng.randrange(1, 20)):
            name, request = f"r{round_no}-{k}", {"command": "MATCH (c:Counter) RETURN c.c AS c"}
            if k == 0:
                request["min_offset"] = own
            topics.produce("request", [{"id": name, **request}], key=name)
            wanted[name] = request.get("min_offset", 0)
    found = wait_replies(topics, list(wanted))
    for name, least in wanted.items():
        (page,) = found[name]
        ((value,),) = page["rows"]
        assert page["offset"] >= least and value >= page["offset"] - start, (name, page)
    assert hits(server) > 0, "nothing came from the cache"


def test_equal_questions_that_come_together(topics, neo_a, replica, global_server):
    """A worker asks none of them twice, however many it has in hand."""
    server = global_server(replica, STATUS_LISTEN="0", RESULT_CACHE="1MiB", WORKERS="3")
    server.wait_event("claim")
    ask(topics, "learn", LOOKUP, 1, n=1)
    topics.commands(["MATCH (p:P {n: 1}) SET p.seen = true"])
    applied(neo_a, topics)
    before = Metrics(address(server)).value("global_server_question_requests_sum")
    ids = [f"q{i}" for i in range(1000)]
    topics.produce("request", [{"id": name, "command": LOOKUP, "params": {"n": i % 5}} for i, name in enumerate(ids)])
    found = wait_replies(topics, ids)
    assert [found[name][0]["rows"] for name in ids] == [[[i % 5]] for i in range(1000)]
    assert {found[name][0]["offset"] for name in ids} == {topics.end("command")}
    assert Metrics(address(server)).value("global_server_question_requests_sum") - before <= 3 * 5
