# SPDX-License-Identifier: Apache-2.0
"""Requests that misbehave: each has one error reply that says what to do, changes nothing, and holds
up nobody behind it."""

import json

import pytest
from conftest import scaled
from neo import graph
from replies import WRITE_REFUSED, check_one_reply_each, replies, wait_replies
from wait import until

N = "Neo.ClientError."
SYNTAX = N + "Statement.SyntaxError"
MB = 1_000_000


def ask(cypher, **more):
    return {"command": cypher, **more}


# name: (message, code or codes, words of the text that say what is wrong or what to do)
MESSAGES = {
    "no value": (None, "json.invalid", "JSON"),
    "empty": (b"", "json.invalid", "JSON"),
    "no JSON": (b"MATCH (n) RETURN n", "json.invalid", "JSON"),
    "not UTF-8": (b'{"command": "RETURN \'\xff\' AS x"}', "json.not-utf8", "line 1"),
    "cut off": (b'{"command": "RETURN 1 AS x"', "json.invalid", "line 1"),
    "list": (b"[]", "request.type", "JSON object"),
    "string": (b'"RETURN 1 AS x"', "request.type", "JSON object"),
    "10,000 deep": (b'{"command": "RETURN $x AS x", "params": {"x": ' + b"[" * 10_000 + b"]" * 10_000 + b"}}", "json.too-deep", "deeper than"),
    "integer beyond 64 bits": (b'{"command": "RETURN $x AS x", "params": {"x": 9223372036854775808}}', "json.number-range", "integer"),
    "real beyond a double": (b'{"command": "RETURN $x AS x", "params": {"x": 1e400}}', "json.number-range", "real"),
    "command twice": (b'{"command": "RETURN 1 AS x", "command": "RETURN 1 AS x"}', "json.duplicate-key", "duplicate"),
    "lone surrogate": (b'{"command": "RETURN \'\\ud800\' AS x"}', "json.invalid", "JSON"),
    "NUL in a parameter's name": (b'{"command": "RETURN 1 AS x", "params": {"a\\u0000": 1}}', "json.invalid", "NUL"),
    "no command": ({}, "request.no-command", '"command"'),
    "command null": ({"command": None}, "request.no-command", '"command"'),
    "several commands": ({"commands": [{"command": "RETURN 1 AS x"}]}, "request.no-command", '"command"'),
    "command a number": ({"command": 1}, "request.type", '"command" must be a string'),
    "execute a list": ({"execute": ["RETURN 1 AS x"]}, "request.type", '"execute" must be a string'),
    "id a number": (ask("RETURN 1 AS x", id=5), "request.type", '"id" must be a string'),
    "id too long": (ask("RETURN 1 AS x", id="i" * 1025), "request.too-long", "1024"),
    "with_key a list": (ask("RETURN 1 AS x", with_key=[]), "request.type", '"with_key" must be a string'),
    "with_key too long": (ask("RETURN 1 AS x", with_key="k" * 16385), "request.too-long", "16384"),
    "params a list": (ask("RETURN 1 AS x", params=[]), "request.type", '"params" must be an object'),
    "timeout_ms a string": (ask("RETURN 1 AS x", timeout_ms="5s"), "request.type", "whole number from 1"),
    "timeout_ms 0": (ask("RETURN 1 AS x", timeout_ms=0), "request.type", "whole number from 1"),
    "page_rows 0": (ask("RETURN 1 AS x", page_rows=0), "request.type", "1000000"),
    "page_rows with a fraction": (ask("RETURN 1 AS x", page_rows=1.5), "request.type", "whole number"),
    "min_offset below 0": (ask("RETURN 1 AS x", min_offset=-1), "request.type", "whole number from 0"),
    "max_age_ms a string": (ask("RETURN 1 AS x", max_age_ms="1"), "request.type", "whole number from 0"),
    "to a number": (ask("RETURN 1 AS x", to=1), "request.type", '"to" must be a string'),
    "to no topic's name": (ask("RETURN 1 AS x", to="a b"), "request.topic-name", "no name of a Kafka topic"),
    "to empty": (ask("RETURN 1 AS x", to=""), "request.topic-name", "no name"),
    "to with NUL": (ask("RETURN 1 AS x", to="allowed\0"), "request.topic-name", "no name"),
    "to the command topic": (ask("RETURN 1 AS x", to="command"), "request.topic-refused", "REPLY_TOPICS"),
    "to the request topic": (ask("RETURN 1 AS x", to="request"), "request.topic-refused", "REPLY_TOPICS"),
    "to the fail topic": (ask("RETURN 1 AS x", to="fail"), "request.topic-refused", "REPLY_TOPICS"),
    "to the status topic": (ask("RETURN 1 AS x", to="status"), "request.topic-refused", "REPLY_TOPICS"),
    "to Kafka's own": (ask("RETURN 1 AS x", to="__consumer_offsets"), "request.topic-refused", "REPLY_TOPICS"),
    "to what is not allowed": (ask("RETURN 1 AS x", to="elsewhere"), "request.topic-refused", "REPLY_TOPICS must name it"),
    "to what does not exist": (ask("RETURN 1 AS x", to="missing"), "reply.no-topic", "does not exist"),
    "to what is too small": (ask("UNWIND range(1, 500) AS x RETURN x", to="tiny"), "reply.too-large", "page_rows"),
    "bytes": (ask("RETURN $x AS x", params={"x": {"$type": "Base64", "_value": "AA=="}}), "param.bytes", "base64"),
    "typed date in a list": (ask("RETURN $x AS x", params={"x": [{"$type": "Date", "_value": "2021-02-29"}]}), "param.value", "params.x[0]: "),
    "typed point in a map": (ask("RETURN $x AS x", params={"x": {"a": {"$type": "Point", "_value": ""}}}), "param.value", "params.x.a: "),
    "typed behind LIMIT": (ask("RETURN 1 AS x LIMIT $x", params={"x": {"$type": "Float", "_value": "NaN"}}), "param.place", "LIMIT"),
    "unknown type": (ask("RETURN $x AS x", params={"x": {"$type": "Vector", "_value": []}}), "param.type", "known are"),
    "typed integer of letters": (ask("RETURN $x AS x", params={"x": {"$type": "Integer", "_value": "x"}}), "param.value", "_value"),
    "never so new": (ask("RETURN 1 AS x", min_offset=10**9, timeout_ms=300), "request.not-reached", "min_offset"),
}

TEXTS = {
    "": ("cypher.empty", "no statement"), ";": ("cypher.empty", "no statement"), "RETURN 1 AS x; RETURN 2 AS x": ("cypher.several-statements", "one statement"),
    "THIS IS NOT CYPHER": (SYNTAX, "Invalid input"), "RETURN '" + "ä" * 3000: ("cypher.unreadable", "closing quote"), **{"RETURN " + "x" * shift + "€" * 600 + "(": (SYNTAX, "") for shift in range(3)},
    "RETURN 1/0 AS x": (N + "Statement.ArithmeticError", "zero"), "UNWIND [1, 1, 0] AS x RETURN 1/x AS y": (N + "Statement.ArithmeticError", "zero"),
    "RETURN $absent AS x": (N + "Statement.ParameterMissing", "absent"), "CALL no.such.procedure()": ("cypher.procedure", "list"),
    "RETURN " + "(" * 150 + "1" + ")" * 150 + " AS x": ("cypher.too-deep", "as parameter"), "RETURN 1" + " + 1" * 20_000 + " AS x": ("cypher.too-deep", "parameter"),
    "RETURN reduce(x = [], i IN range(1, 3000) | [x]) AS x": ("cypher.too-deep", "append"),
    "MATCH (b)-[*..4294967295]->() RETURN b": ("cypher.bound", "2147483647"),
    "RETURN reduce(x = [], i IN range(1, 300) | [coalesce(x)]) AS x": ("json.too-deep", "deeper than"),
    # writes
    "CREATE (:Bad)": (WRITE_REFUSED, ""), "MATCH (p:P) SET p.bad = 1": (WRITE_REFUSED, ""), "MATCH (n) DETACH DELETE n": (WRITE_REFUSED, ""),
    "CALL { CREATE (x:Bad) RETURN x } RETURN 1 AS one": (WRITE_REFUSED, ""), "MERGE (p:P {n: 3}) RETURN p": (WRITE_REFUSED, ""), "FOREACH (i IN [1] | CREATE (:Bad))": (WRITE_REFUSED, ""),
    "MATCH (p:P) CALL { WITH p SET p.bad = 1 } IN TRANSACTIONS": ("cypher.in-transactions", ""), "CALL db.createLabel('Bad')": ("cypher.procedure", "only read"),
    "CREATE INDEX bad FOR (b:Bad) ON (b.n)": ("cypher.schema", "as a command"), "DROP CONSTRAINT __db_sync_position": ("cypher.schema", "as a command"),
    "CREATE USER bad SET PASSWORD 'abcdefgh'": ("cypher.administration", "by hand"), "ALTER USER neo4j SET PASSWORD 'abcdefgh'": ("cypher.administration", "by hand"),
    # what READ mode lets through
    "SHOW USERS": ("cypher.show", "ask that server"), "show/**/transactions": ("cypher.show", ""), "CYPHER 5 SHOW SETTINGS": ("cypher.show", ""),
    "SH\\u004fW USERS": ("cypher.show", ""), "// \\u000aSHOW USERS": ("cypher.show", ""), "UNWIND [1] AS i SHOW DATABASES YIELD name RETURN name": ("cypher.show", ""),
    "SHOW FUNCTIONS YIELD name RETURN count(*) AS n": ("cypher.show", ""), "SHOW CURRENT USER": ("cypher.show", ""),
    "TERMINATE TRANSACTIONS 'neo4j-transaction-1'": ("cypher.terminate", "own server"), "terminate /* c */ transaction 'x'": ("cypher.terminate", ""),
    "LOAD CSV FROM 'file:///x.csv' AS line RETURN line": ("cypher.load-csv", "graph only"), "CALL { LOAD CSV FROM 'http://127.0.0.1:1/' AS line RETURN line } RETURN line": ("cypher.load-csv", ""),
    "L\\u004fAD/**/CSV FROM 'file:///x.csv' AS line RETURN line": ("cypher.load-csv", ""),
    "CALL dbms.listConfig()": ("cypher.procedure", "only read"), "CALL dbms.listConfig('password') YIELD name, value RETURN name, value": ("cypher.procedure", ""),
    "CALL dbms.killConnections(['a'])": ("cypher.procedure", ""), "CALL dbms.killConnection('a')": ("cypher.procedure", ""), "CALL dbms.listConnections()": ("cypher.procedure", ""),
    "CALL db.clearQueryCaches()": ("cypher.procedure", ""), "CALL `db`.`clearQueryCaches`()": ("cypher.procedure", ""), "CALL { CALL db.clearQueryCaches() YIELD value RETURN value } RETURN 1 AS x": ("cypher.procedure", ""),
    "OPTIONAL CALL db.clearQueryCaches() YIELD value RETURN value": ("cypher.procedure", ""), "CALL dbms.queryJmx('*:*')": ("cypher.procedure", ""),
    "CALL dbms.killTransaction('x')": ("cypher.procedure", ""), "CALL db.awaitIndexes(300)": ("cypher.procedure", ""), "CALL tx.setMetaData({a: 1})": ("cypher.procedure", ""),
    "CALL fleetManagement.status()": ("cypher.procedure", ""), "CALL dbms.info()": ("cypher.procedure", ""),
    "EXPLAIN MATCH (n) RETURN n": ("cypher.explain", "without it"), "PROFILE MATCH (n) RETURN n": ("cypher.profile", "without it"), "USE system SHOW USERS": ("cypher.use", "NEO4J_DATABASE"),
    "USE neo4j MATCH (n) RETURN n": ("cypher.use", ""), "CALL { USE system RETURN 1 AS x } RETURN x": ("cypher.use", ""),
}

BAD = [(f"message: {name}", *row) for name, row in MESSAGES.items()]
BAD += [(f"text: {cypher[:60]}", ask(cypher), *row) for cypher, row in TEXTS.items()]


def place_of(topics):
    """{value of a request: what its reply is named by}."""
    names = {}
    for message in topics.read("request"):
        value, name = message.value(), f"{message.topic()}/{message.partition()}/{message.offset()}"
        try:
            given = json.loads(value).get("id")
        except (ValueError, TypeError, AttributeError, RecursionError):
            given = None
        names.setdefault(value, given if isinstance(given, str) and len(given) <= 1024 else name)
    return names


def encoded(message):
    return message if message is None or isinstance(message, bytes) else json.dumps(message).encode()


def test_each_has_an_error_reply(topics, replica, neo_a, global_server):
    """One error reply each, and a good request behind it, with its key, is answered."""
    topics.create("tiny", max_message_bytes=700)
    topics.create("allowed-1")
    before, schema_before = graph(neo_a), neo_a.run("SHOW INDEXES YIELD name RETURN name ORDER BY name")
    server = global_server(replica, REPLY_TOPICS="allowed-*,missing,tiny")
    for i, (_, message, _, _) in enumerate(BAD):
        topics.produce("request", [message], key=f"k{i}", bad="perhaps")
        topics.produce("request", [ask("RETURN $i AS i", id=f"good-{i}", with_key=f"k{i}", params={"i": i})], key=f"k{i}")
    topics.produce("request", [{"to": "allowed-1", "id": "allowed", "execute": "RETURN 2 AS x"}])
    names = place_of(topics)
    ids = [names[encoded(message)] for _, message, _, _ in BAD]
    goods = [f"good-{i}" for i in range(len(BAD))]
    found = wait_replies(topics, ids + goods, deadline_s=120)
    check_one_reply_each(found, ids + goods)
    wrong = []
    for (name, _, codes, words), request_id in zip(BAD, ids, strict=True):
        error = found[request_id][0].get("error", {"code": "an answer", "message": ""})
        if error["code"] not in (codes if isinstance(codes, tuple) else (codes,)):
            wrong.append(f"{name}: {error}, not {codes}")
        elif words not in error["message"] or not error["message"]:
            wrong.append(f"{name}: {words!r} is not in: {error['message']}")
    assert not wrong, "\n".join(wrong)
    assert wait_replies(topics, ["allowed"], "allowed-1")["allowed"][0]["rows"] == [[2]]
    for i in range(len(BAD)):
        assert found[f"good-{i}"][0]["rows"] == [[i]] and found[f"good-{i}"][0]["with_key"] == f"k{i}"
    assert graph(neo_a) == before and neo_a.run("SHOW INDEXES YIELD name RETURN name ORDER BY name") == schema_before
    assert topics.end("command") == 20 and topics.read("tiny") == [] and topics.end("fail") == 0
    until("the end of all transactions in the server", lambda: neo_a.transactions() == [], 20)
    assert server.rss_peak_kb() < 50_000, server.rss_peak_kb()


def test_runaway_queries_are_stopped(topics, replica, neo_a, global_server):
    """Eight that would run for hours, as many as there are workers: stopped on the server too."""
    global_server(replica)
    # they read the store: 4.4 looks at its limits only then
    slow = "UNWIND range(1, 2000000000) AS x MATCH (p:P) WHERE p.n = -x RETURN count(p) AS runaway"
    topics.produce("request", [ask(slow, id=f"slow-{i}", timeout_ms=2000) for i in range(8)])
    until("the queries in the server", lambda: neo_a.transactions("runaway"), 60)
    topics.produce("request", [ask("RETURN 1 AS x", id="good")])
    ids = [f"slow-{i}" for i in range(8)]
    found = wait_replies(topics, [*ids, "good"], deadline_s=120)
    check_one_reply_each(found, [*ids, "good"])
    for i in ids:
        assert "timeout_ms" in found[i][0]["error"]["message"], found[i]
    assert found["good"][0]["rows"] == [[1]]
    until("the end of the queries in the server", lambda: neo_a.transactions("runaway") == [], 60)


def test_large_answers(topics, replica, global_server):
    """Many rows come whole; a 5 MB value does where the topic takes it, else it is an error."""
    rows = scaled(50_000, 1_000_000)
    topics.create("wide", max_message_bytes=12 * MB)
    five = "RETURN substring(reduce(s = 'x', i IN range(1, 23) | s + s), 0, 5000000) AS s"
    server = global_server(replica, REPLY_TOPICS="wide", MAX_ROWS=rows)
    topics.produce("request", [
        ask(f"UNWIND range(1, {rows}) AS n RETURN n, 'row ' + n AS t", id="rows", page_rows=10_000, timeout_ms=120_000),
        ask(five, id="five"),
        ask("RETURN range(1, 3000000) AS l", id="list"), ask("UNWIND range(1, 100000000) AS n RETURN n", id="too many", timeout_ms=120_000),
        ask("RETURN 1 AS x", id="good")])
    ids = ["rows", "five", "list", "too many", "good"]
    found = wait_replies(topics, ids, deadline_s=200)
    check_one_reply_each(found, ids)
    flat = [row for page in found["rows"] for row in page["rows"]]
    assert len(flat) == rows == found["rows"][-1]["total"] and flat == [[n, f"row {n}"] for n in range(1, rows + 1)]
    for i, code, words in (("five", "answer.row-too-large", "MAX_REPLY_BYTES"), ("list", "answer.row-too-large", "MAX_REPLY_BYTES"), ("too many", "answer.too-many-rows", "LIMIT")):
        assert found[i][0]["error"]["code"] == code and words in found[i][0]["error"]["message"], found[i]
    assert found["good"][0]["rows"] == [[1]]
    assert server.rss_peak_kb() < 80_000, server.rss_peak_kb()
    assert server.stop() == 0
    wide = global_server(replica, instance="wide", REPLY_TOPICS="wide", MAX_REPLY_BYTES="8MB")
    topics.produce("request", [ask(five, id="wide", to="wide"), ask(five, id="narrow"), ask("RETURN 1 AS x", id="behind")])
    assert wait_replies(topics, ["wide"], "wide")["wide"][0]["rows"] == [["x" * 5_000_000]]
    found = wait_replies(topics, ["narrow", "behind"])
    assert found["narrow"][0]["error"]["code"] == "reply.too-large" and "max.message.bytes" in found["narrow"][0]["error"]["message"]
    assert wide.rss_peak_kb() < 120_000, wide.rss_peak_kb()


@pytest.mark.parametrize("style", ["typed", "row"])
def test_replies_that_do_not_fit(style, topics, replica, global_server):
    """Topics that take almost nothing, and requests larger than a reply may be: RESPONSE_TOPIC gets
    an error, and nobody waits."""
    topics.create("tiny", max_message_bytes=300)
    topics.create("wide", max_message_bytes=12 * MB)
    topics.delete("request")
    topics.create("request", 1, max_message_bytes=6 * MB)
    global_server(replica, REPLY_TOPICS="*", REPLY_FORMAT=style)
    big = "y" * (3 * MB)
    asked = [ask("UNWIND range(1, 500) AS x RETURN collect(x) AS x", to="tiny", id="rows"), ask("RETURN 1/0 AS x", to="tiny", id="error " + "e" * 200),
             ask("MATCH (x:Nobody) RETURN x", to="tiny", id="none " + "n" * 200), ask("RETURN 1/0 AS x", id="big error", params={"p": big}),
             ask("RETURN 1 AS x", id="big", params={"p": big}), ask("RETURN size($p) AS x", id="big and wide", to="wide", params={"p": big}),
             {"id": "big and nothing", "params": {"p": big}}, ask("RETURN 1 AS x", id="last")]
    topics.produce("request", asked, bad=True)
    ids = {a["id"] for a in asked} - {"big and wide"}

    def all_there():
        found = replies(topics)
        return found if ids <= found.keys() else None

    found = until("a reply to each", all_there, 60)
    (wide,) = until("the reply that is allowed to be large", lambda: replies(topics, "wide").get("big and wide"))
    if style == "typed":
        assert found.pop("last")[0]["rows"] == [[1]] and found.pop("big")[0]["rows"] == [[1]] and wide["rows"] == [[len(big)]]
    else:
        assert found.pop("last")[0]["result"] == {"properties": {"x": 1}} and "MAX_REPLY_BYTES" in wide["error"]["message"]
    assert all(len(bodies) == 1 and bodies[0]["error"]["message"] for bodies in found.values()), found
    assert topics.read("tiny") == []


def test_many_at_once_with_one_key(topics, replica, global_server):
    """One partition has them all; several pages each, in order, on one partition of the replies."""
    server = global_server(replica, PAGE_ROWS=10)
    ids = [f"q{i}" for i in range(scaled(1000, 10_000))]
    topics.produce("request", [ask("UNWIND range(1, $n) AS x RETURN x", id=i, with_key="one", params={"n": 1 + n % 35}) for n, i in enumerate(ids)], key="one")
    found = wait_replies(topics, ids, deadline_s=180)
    check_one_reply_each(found, ids)
    for n, i in enumerate(ids):
        assert [row for page in found[i] for row in page["rows"]] == [[x] for x in range(1, 2 + n % 35)]
    places = [(m.partition(), m.key()) for m in topics.read("response")]
    assert set(places) == {(places[0][0], b"one")}
    assert server.rss_peak_kb() < 50_000, server.rss_peak_kb()
    assert replies(topics).keys() == set(ids)


@pytest.mark.parametrize("size, wait, count", [(1_000, 2_500, 4_000), (50_000, 60, 200)])
def test_many_parameters(size, wait, count, topics, replica, global_server):
    """Requests with long lists take little more memory than they have bytes, while they wait and while they are answered."""
    some, server = [i % 10 for i in range(size)], global_server(replica)
    asked = ask("RETURN size($some) AS n", params={"some": some})
    waiting, soon = [f"w{i}" for i in range(wait)], [f"s{i}" for i in range(count)]
    topics.produce("request", [{**asked, "id": i, "min_offset": 10**9, "timeout_ms": 10_000} for i in waiting], check=False)  # that takes Python long
    topics.produce("request", [ask("RETURN 1 AS x", id="between")])
    wait_replies(topics, ["between"])
    assert not replies(topics).keys() & set(waiting), "they have not waited"
    found = wait_replies(topics, waiting)
    assert {found[i][0]["error"]["code"] for i in waiting} == {"request.not-reached"}
    topics.produce("request", [{**asked, "id": i} for i in soon], check=False)
    found = wait_replies(topics, soon)
    check_one_reply_each(found, [*waiting, "between", *soon])
    assert all(found[i][0]["rows"] == [[size]] for i in soon)
    assert server.rss_peak_kb() < 64_000, server.rss_peak_kb()
