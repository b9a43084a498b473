# SPDX-License-Identifier: Apache-2.0
"""Commands take effect in the order of the log, each exactly once."""

import pytest
from conftest import scaled
from oracle import apply_one_by_one
from replica import applied, check_equal


# Each stream holds a trap: a transaction of many commands is not the same as one command each.
STREAMS = {
    "delete-at-commit": [
        "CREATE (:P {id: 1})-[:R]->(:P {id: 2})",
        "MATCH (n:P {id: 1}) DELETE n",  # fails alone: it still has a relationship
        "MATCH (m:P {id: 2}) DETACH DELETE m",
        "CREATE (:P {id: 3})-[:R]->(:P {id: 4})",
        "MATCH (n:P {id: 3})-[r]->() DELETE n",
        "MATCH (:P {id: 3})-[r]->() DELETE r",
        "MATCH (n:P {id: 3}) DELETE n",
    ],
    "minus-zero": [
        "CREATE CONSTRAINT k FOR (n:K) REQUIRE n.id IS UNIQUE",
        "MERGE (:K {id: -0.0})",
        "MERGE (:K {id: 0})",
        ("MERGE (:K {id: $id})", {"id": -0.0}),
        ("MERGE (:K {id: $id})", {"id": 0}),
        "MERGE (:K {id: 1})",
    ],
    "whole-graph": [
        "CREATE (:A {n: 1})",
        "MATCH (n) SET n.count = 1",
        "MATCH (n) WITH count(n) AS c CREATE (:Count {c: c})",
        "MATCH (n) DETACH DELETE n",
        "CREATE (:B {n: 1})",
        "MATCH (n) WITH count(n) AS c CREATE (:Count {c: c})",
        "MATCH (n) SET n.offset = 5, n.epoch = 'x'",
        "MATCH (n) WHERE n.offset IS NOT NULL WITH count(n) AS c CREATE (:Count {c: c, of: 'offset'})",
        "MATCH (n) SET n = {}",
        "MATCH (n) REMOVE n:B",
        "MATCH (a), (b) CREATE (a)-[:X]->(b)",
        "MATCH (n) WITH count(n) AS c, collect(DISTINCT labels(n)) AS l CREATE (:Count {c: c, l: size(l)})",
        "MATCH (n) WITH max(size(keys(n))) AS k CREATE (:Count {k: k})",
    ],
    "schema": [
        "CREATE (:S {id: 1})",
        "CREATE INDEX s_id FOR (s:S) ON (s.id)",
        "CREATE (:S {id: 2})",
        "CREATE INDEX s_id FOR (s:S) ON (s.id)",  # exists: fails
        "CREATE CONSTRAINT s_unique FOR (s:S) REQUIRE s.name IS UNIQUE",
        "DROP INDEX s_id",
        "DROP INDEX s_id",  # gone: fails
        "CREATE CONSTRAINT s_key FOR (s:S) REQUIRE s.id IS UNIQUE",
        "CREATE (:S {id: 2})",  # violates
        "CREATE INDEX s_more IF NOT EXISTS FOR (s:S) ON (s.more)",
        "CREATE INDEX s_more IF NOT EXISTS FOR (s:S) ON (s.more)",
        "CREATE (:S {id: 3})",
    ],
    "failures": [
        "CREATE (:F {id: 1})",
        "CREATE (:F {id: 1/0})",
        "MATCH (f:F) SET f.x = coalesce(f.x, 0) + 1",
        "THIS IS NOT CYPHER",
        ("CREATE (:F {id: $missing})", {"other": 1}),
        "MATCH (f:F) SET f.x = f.x * 3",
        "CALL no.such.procedure()",
        "CREATE (:F {id: date('not a date')})",
        "MATCH (f:F) SET f.x = f.x + 10",
    ],
}


@pytest.mark.parametrize("batch", [1, 2, 7, 1000])
def test_streams_equal_one_by_one(batch, topics, server_a, neo_a, server_b, neo_b, db_sync):
    """All traps in one stream, cut into batches everywhere: equal graphs, equal dead letters."""
    commands = [c for name in STREAMS for c in STREAMS[name] + ["MATCH (n) WHERE n:F OR n:S OR n:P DETACH DELETE n"]]
    for neo in (neo_a, neo_b):
        neo.run("RETURN 1")
    failed = apply_one_by_one(neo_b, commands)
    topics.commands(commands)
    db_sync(server_a, BATCH_COUNT=batch)
    applied(neo_a, topics)
    check_equal(neo_a, neo_b)
    assert [(o, c) for o, c, _ in topics.dead_letters()] == failed


def test_poison_in_the_middle(topics, server_a, neo_a, db_sync):
    """A syntax error, a violated constraint and what is no JSON, between 1,000 good commands."""
    neo_a.run("CREATE CONSTRAINT g FOR (g:G) REQUIRE g.id IS UNIQUE")
    neo_a.wipe()
    good = [{"command": "CREATE (:G {id: $i})", "params": {"i": i}} for i in range(scaled(1000, 1000))]
    messages = ([{"command": "CREATE CONSTRAINT g FOR (g:G) REQUIRE g.id IS UNIQUE"}] + good[:300]
                + [{"command": "CREATE (:G {id: "}] + good[300:500]
                + [{"command": "CREATE (:G {id: 7})"}] + good[500:501] + [b"\xffnot json"] + good[501:])
    topics.produce("command", messages, bad=True)
    db_sync(server_a)
    applied(neo_a, topics)
    assert neo_a.one("MATCH (g:G) RETURN count(g)") == len(good)
    letters = topics.dead_letters()
    assert [(o, c) for o, c, _ in letters] == [
        (301, "Neo.ClientError.Statement.SyntaxError"),
        (502, "Neo.ClientError.Schema.ConstraintValidationFailed"),
        (504, "json.not-utf8")]
    assert letters[2][2]["raw_base64"] == "/25vdCBqc29u"


def test_rows_of_any_size_are_passed_over(topics, server_a, neo_a, db_sync):
    """Also while the answer is read line by line, to find the command at fault beside them."""
    topics.commands([*[f"CREATE (:Q {{n: {i}}})" for i in range(300)],  # batches grow
                     "CREATE (:P {n: 1})", f"RETURN reduce(s = '{'x' * 17}', i IN range(1, 22) | s + s) AS s",
                     "RETURN date('never') AS x", "CREATE (:P {n: 2})"])
    agent = db_sync(server_a)
    applied(neo_a, topics)
    assert agent.alive and sorted(neo_a.one("MATCH (p:P) RETURN collect(p.n)")) == [1, 2]
    assert [offset for offset, _, _ in topics.dead_letters()] == [302]


def test_several_statements_are_one_transaction(topics, server_a, neo_a, db_sync):
    topics.produce("command", [
        {"commands": [{"command": "CREATE (:M {n: $n})", "params": {"n": 1}}, {"command": "MATCH (m:M) SET m.n = m.n + 1"}]},
        {"commands": [{"command": "CREATE (:M {n: 100})"}, {"command": "RETURN 1/0"}]},
        {"command": "MATCH (m:M) SET m.n = m.n * 10"},
    ])
    db_sync(server_a)
    applied(neo_a, topics)
    assert neo_a.one("MATCH (m:M) RETURN collect(m.n)") == [20]
    assert [(o, c) for o, c, _ in topics.dead_letters()] == [(1, "Neo.ClientError.Statement.ArithmeticError")]


def test_message_of_the_older_tool(topics, server_a, neo_a, db_sync):
    topics.produce("command", [
        b'{"with_key":"command_key","command":"MERGE (u:User {name :\\"user_1\\"}) ON MATCH SET u.password = \\"pass\\" "}'] * 2)
    db_sync(server_a)
    applied(neo_a, topics)
    assert neo_a.run("MATCH (u:User) RETURN u.name, u.password") == [[{"U": "user_1"}, {"U": "pass"}]]


def test_two_replicas_hold_the_same(topics, server_a, neo_a, server_b, neo_b, db_sync):
    commands = ["CREATE (:C {id: 0, v: 1})"] + [
        f"MATCH (c:C) SET c.v = (c.v * {i % 7 + 2} + {i}) % 1000003" for i in range(200)]
    topics.commands(commands)
    db_sync(server_a, "a", BATCH_COUNT=13)
    db_sync(server_b, "b")
    applied(neo_a, topics)
    applied(neo_b, topics)
    check_equal(neo_a, neo_b)
    assert neo_a.position()["outcome"] == neo_b.position()["outcome"]
