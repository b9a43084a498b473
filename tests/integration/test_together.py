# SPDX-License-Identifier: Apache-2.0
"""Quick requests go to Neo4j many at once; each has its own answer all the same, and what is slow
holds up none of them."""

import json
import re

import pytest
from endpoint import Metrics, address
from replies import WRITE_REFUSED, check_one_reply_each, complete, replies, wait_replies
from wait import until

LOOKUP = "MATCH (p:P {n: $n}) RETURN p.n AS n"
SLOW = "MATCH (a:P), (b:P), (c:P), (d:P), (e:P), (f:P), (g:P), (h:P) WHERE a.n + b.n + c.n + d.n + e.n + f.n + g.n + h.n < 0 RETURN count(*)"  # 20^8; Neo4j sees soon that it is to end


def learn(topics, text, params, times=6):
    """The form of this text is known to be quick."""
    for i in range(times):
        topics.produce("request", [{"id": f"learn-{hash(text)}-{i}", "command": text, "params": params}])
    wait_replies(topics, [f"learn-{hash(text)}-{i}" for i in range(times)])


@pytest.fixture
def tier(topics, replica, global_server):
    """A global_server that has its partitions."""
    def make(**env):
        server = global_server(replica, STATUS_LISTEN="0", **env)
        server.wait_event("claim")
        return server

    return make


@pytest.fixture
def calm(neo_a):
    """What still runs at Neo4j when the test is over is ended."""
    yield
    for transaction in neo_a.transactions("(h:P)"):
        neo_a.run(f"TERMINATE TRANSACTION '{transaction}'")


def test_each_has_its_own_answer(topics, neo_a, tier):
    """Good ones, and such as fail in every way: by their data, by their text, by an answer that is too large for company."""
    neo_a.run("CREATE (:Odd {l: [0.0/0.0, 1.0/0.0]})")  # sparse Jolt cannot tell it from texts
    server = tier(MAX_ROWS=5000)
    divide, many, odd = "RETURN 10 / $d AS x", "UNWIND range(1, $n) AS x RETURN x, 'some text of a row ' + x AS t", "MATCH (o:Odd) RETURN o.l AS l"
    for text, params in ((LOOKUP, {"n": 1}), (divide, {"d": 1}), (many, {"n": 3}), (odd, {})):
        learn(topics, text, params)
    server.pause()  # so that all wait in Kafka
    wanted = {}
    for i in range(400):
        kind = i % 40
        request, answer = {"command": LOOKUP, "params": {"n": i % 20}}, [[i % 20]]
        if kind == 3:
            request, answer = {"command": divide, "params": {"d": 0}}, ("Neo.ClientError.Statement.ArithmeticError",)
        elif kind == 11:
            request, answer = {"command": divide, "params": {"d": 5}}, [[2]]
        elif kind == 17:
            request, answer = {"command": many, "params": {"n": 6000}}, ("answer.too-many-rows",)
        elif kind == 23:
            request, answer = {"command": many, "params": {"n": 5000}, "page_rows": 1000}, [[n, f"some text of a row {n}"] for n in range(1, 5001)]
        elif kind == 29:
            request, answer = {"command": odd}, [[[{"$type": "Float", "_value": "NaN"}, {"$type": "Float", "_value": "Infinity"}]]]
        elif kind == 31:
            request, answer = {"command": "CREATE (:P)"}, WRITE_REFUSED
        elif kind == 37:
            request, answer = {"command": "THIS IS NOT CYPHER"}, ("Neo.ClientError.Statement.SyntaxError",)
        wanted[f"q{i}"] = answer
        topics.produce("request", [{"id": f"q{i}", **request}], bad="perhaps")
    server.resume()
    found = {i: p for i, p in wait_replies(topics, list(wanted)).items() if i in wanted}
    check_one_reply_each(found, list(wanted))
    for i, answer in wanted.items():
        if isinstance(answer, tuple):
            assert found[i][-1]["error"]["code"] in answer, (i, found[i][-1])
        else:
            assert [row for page in found[i] for row in page["rows"]] == answer, i
    metrics = Metrics(address(server))
    few, questions = metrics.value("global_server_question_requests_bucket", le="5"), metrics.value("global_server_question_requests_count")
    assert few < questions, "they did not go together"  # how many more is a matter of Neo4j's speed, which decides what goes into a question
    assert neo_a.one("MATCH (p:P) RETURN count(p)") == 20


def test_literals_go_as_parameters(topics, neo_a, replica, through, global_server):
    """Queries of one shape have one text at Neo4j. Columns keep their names, and an error is about the text that was sent."""
    proxy = through(replica)
    global_server(proxy).wait_event("claim")

    def text(i):
        return f"MATCH (p:P {{n: {i}}}) WHERE p.n < $most AND 'é' <> '{'x' * (i + 1)}' RETURN p.n,  p.n  +/* one */1, 'a' AS t"

    learn(topics, text(0), {"most": 100})
    for i in range(20):
        topics.produce("request", [{"id": f"q{i}", "command": text(i), "params": {"most": 100}}])
    topics.produce("request", [{"id": "bad", "command": text(7).replace("p.n  +/* one */1", "p.n / (p.n - 7)"), "params": {"most": 100}},
                               {"id": "wrong", "command": text(7) + " ORDER BY nobody", "params": {"most": 100}}])
    found = wait_replies(topics, [f"q{i}" for i in range(20)] + ["bad", "wrong"])
    for i in range(20):
        (page,) = found[f"q{i}"]
        assert page["columns"] == ["p.n", "p.n  +/* one */1", "t"] and page["rows"] == [[i, i + 1, "a"]]
    assert "ArithmeticError" in found["bad"][0]["error"]["code"]
    assert "nobody" in found["wrong"][0]["error"]["message"] and "__cl" not in str(found["wrong"])
    texts = {s["statement"] for r in proxy.requests for s in r.statements}
    lifted = {t for t in texts if "__cl" in t and t.endswith("RETURN p.n,  p.n  +/* one */1, 'a' AS t")}
    assert len(lifted) == 1 and not any(text(i) in texts for i in range(20)), texts  # the last column's literal stays


def test_what_is_slow_holds_up_nobody(topics, neo_a, tier, calm):
    """Slow ones of many clients, more than there are workers, and of forms that nobody knows yet: lookups pass them all, and so
    does one whose form is not known either."""
    tier()
    learn(topics, LOOKUP, {"n": 1})
    slow = [f"slow{i}" for i in range(12)]
    for i, name in enumerate(slow):
        topics.produce("request", [{"id": name, "command": SLOW + f" AS c{i}", "timeout_ms": 100_000}], key=name)
    ids = [f"q{i}" for i in range(60)]
    for i in ids:
        topics.produce("request", [{"id": i, "command": LOOKUP, "params": {"n": 3}}], key=i)
    found = wait_replies(topics, ids, deadline_s=15)
    assert not set(found) & set(slow), "the slow ones were not slow"
    topics.produce("request", [{"id": "new", "command": "MATCH (p:P) RETURN count(p) AS c"}], key="new")  # its form is not known
    (page,) = wait_replies(topics, ["new"], deadline_s=60)["new"]
    assert page["rows"] == [[20]]
    assert not set(replies(topics)) & set(slow) and len(neo_a.transactions("(h:P)")) >= 6


def test_a_partition_with_too_many_holds_up_no_other(topics, tier, calm):
    """More slow requests than may be in flight, all in one partition."""
    tier(MAX_IN_FLIGHT=40, WORKERS=2)
    learn(topics, LOOKUP, {"n": 1})
    for i in range(100):
        topics.produce("request", [{"id": f"slow{i}", "command": SLOW + f" AS c{i}", "timeout_ms": 100_000}], key=f"slow{i}", partition=0)
    ids = [f"q{i}" for i in range(60)]
    for i in ids:
        topics.produce("request", [{"id": i, "command": LOOKUP, "params": {"n": 3}}], key=i, partition=1)
    found = wait_replies(topics, ids, deadline_s=30)
    assert not any(i.startswith("slow") for i in found), "the slow ones were not slow"


def test_a_form_that_turns_slow(topics, tier, calm):
    """It was quick a hundred times, and now takes for ever: those that went with it are answered soon, and it has its time."""
    server = tier(WORKERS=4)
    text = SLOW.replace("WHERE", "WHERE a.n < $n AND b.n < $n AND")
    learn(topics, text, {"n": 0})
    learn(topics, LOOKUP, {"n": 1})
    server.pause()
    ids = [f"q{i}" for i in range(60)]
    for i in ids[:30]:
        topics.produce("request", [{"id": i, "command": LOOKUP, "params": {"n": 3}}], key=i)
    topics.produce("request", [{"id": "slow", "command": text, "params": {"n": 100}, "timeout_ms": 8000}], key="slow")
    for i in ids[30:]:
        topics.produce("request", [{"id": i, "command": LOOKUP, "params": {"n": 3}}], key=i)
    server.resume()
    found = wait_replies(topics, ids, deadline_s=15)
    assert "slow" not in found, "it was to be slow"
    (page,) = wait_replies(topics, ["slow"], deadline_s=30)["slow"]
    assert "timeout_ms" in page["error"]["message"]


def test_clients_take_turns(topics, tier):
    """One with two hundred requests that each take a while, of forms that differ, and one with a few."""
    tier(WORKERS=2)
    hog = [f"hog{i}" for i in range(200)]
    topics.produce("request", [{"id": i, "with_key": "hog", "command": f"UNWIND range(1, 300000) AS x WITH x WHERE x % 7 = 9 RETURN count(x) AS c{n}"}
                               for n, i in enumerate(hog)], key="hog")
    until("the first", lambda: replies(topics))
    few = [f"few{i}" for i in range(10)]
    topics.produce("request", [{"id": i, "with_key": "few", "command": f"MATCH (p:P) RETURN count(p) AS c{n}"} for n, i in enumerate(few)], key="few")
    wait_replies(topics, [*few, *hog], deadline_s=120)
    order = [json.loads(m.value())["id"] for m in topics.read("response")]
    last, begun = order.index(few[-1]), min(order.index(i) for i in few)
    assert last - begun < 40, "the ten waited for the two hundred"
    assert complete(replies(topics)["hog199"])


def test_a_long_answer_is_written_beside_the_others(topics, tier):
    """It has a producer of its own: while that writes, others are answered."""
    server = tier(REPLY_TOPICS="large")
    topics.create("large")
    learn(topics, LOOKUP, {"n": 1})
    rows = 100_000
    topics.produce("request", [{"id": "large", "to": "large", "command": f"UNWIND range(1, {rows}) AS x RETURN x, $t AS t",
                                "params": {"t": "x" * 1000}}])
    until("its answer", lambda: any(int(e["rows"]) == rows for e in server.events("request_answered")))
    asked = 0
    while not any(int(e["bytes"]) > rows * 1000 for e in server.events("transaction")):
        topics.produce("request", [{"id": f"q{asked}", "command": LOOKUP, "params": {"n": 3}}])
        asked += 1
    lines = [line for line in server.log.splitlines() if " event=transaction " in line or f" rows={rows} " in line]
    answered = next(i for i, line in enumerate(lines) if f" rows={rows} " in line)
    written = next(i for i, line in enumerate(lines) if re.search(r" bytes=\d{9} ", line))
    assert written - answered > 5, "others waited until it was written"
    wait_replies(topics, [f"q{i}" for i in range(asked)])
    (pages,) = wait_replies(topics, ["large"], "large").values()
    assert sum(len(p["rows"]) for p in pages) == rows and pages[-1]["total"] == rows
