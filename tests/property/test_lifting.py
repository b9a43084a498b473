# SPDX-License-Identifier: Apache-2.0
"""Commands whose literals become parameters do what their texts do one by one: the same graph, with
types, and the same failures with their codes. Few shapes and awkward literals, so that templates are
trusted soon and then meet values that their first commands did not have."""

import uuid

from conftest import scaled
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from oracle import apply_one_by_one
from replica import applied, check_equal

INTEGERS = ["0", "1", "-1", "2", "- 3", "-0", "7", "9223372036854775807", "-9223372036854775807", "-9223372036854775808", "9223372036854775808",
            "017", "0x1F", "1_000", "08", "--2"]
FLOATS = ["1.0", "0.0", "-0.0", ".5", "1e3", "1E-3", "-2.5e+2", "1e-400", "1e400", "1.5f", "9007199254740993.0", "5."]
STRINGS = ["'a'", "''", '""', '"a"', "'it\\'s'", '"say \\"x\\""', "'\\\\'", "'a\\tb\\n'", "'\\q\\d'", "'$p'", "'// no'", "'/* no */'", "'}) DETACH DELETE n //'",
           "'ä😀'", "'a\\u0041'", "'\\\\u0041'", "'x' + 'y'", "'`'", "'it''s'", "'2020-01-01'", "'a\nb'"]
OTHERS = ["true", "FALSE", "null", "Null", "[]", "[1, 2]", "[1, 2.5]", "['a', 'b']", "[1, 'a']", "[null]", "[[1]]", "{a: 1}", "[{a: 1}]", "date('2020-01-31')",
          "date('2020-13-31')", "datetime('2020-01-01T00:00:00+01:00')", "duration('P1M')", "point({x: 1, y: 2.0})", "point({x: 1, y: 2, crs: 'wgs-84'})",
          "point({longitude: 1, latitude: 100})", "1/0", "1.0/0", "NaN", "Infinity", "true AND null", "NOT true", "'a' IN ['a']", "1 = 1.0", "size('abc')"]
ANY = st.sampled_from(INTEGERS + FLOATS + STRINGS + OTHERS)
KEY = st.sampled_from(["0", "1", "2", "3", "'a'", "1.0", "-1"])
PLAIN = st.sampled_from(["0", "1", "2", "5", "-3", "1.5", "'a'", "'b c'", "true", "null", "[1, 2]"])

# {v} any literal, {k} a key, {p} a plain one
SHAPES = [
    "MERGE (n:K {{id: {k}}}) SET n.v = {v}",
    "MERGE (n:K {{id: {k}}}) ON CREATE SET n.c = 1, n.v = {v} ON MATCH SET n.c = n.c + 1, n.w = {v}",
    "CREATE (:K {{id: {k}, v: {v}, w: {v}}})",
    "MATCH (n:K) WHERE n.id = {k} SET n.v = {v}",
    "MATCH (n:K) WHERE n.v = {v} SET n.hit = coalesce(n.hit, 0) + 1",
    "MATCH (n:K {{id: {k}}}) SET n.v = n.v + {v}",
    "MATCH (n:K {{id: {k}}}) SET n.v = {v} + n.v, n.w = n.c - {p}",
    "MATCH (n:K {{id: {k}}}) SET n.v = 10 / {p}, n.w = n.c / {p}, n.x = n.c % {p}",
    "MATCH (n:K {{id: {k}}}) SET n += {{v: {v}, w: {v}}}",
    "MATCH (n:K {{id: {k}}}) SET n.v = CASE WHEN n.c > {p} THEN {v} ELSE {v}END",
    "MATCH (a:K {{id: {k}}}), (b:K {{id: {k}}}) MERGE (a)-[r:R {{v: {p}}}]->(b) SET r.w = {v}",
    "MATCH (a:K {{id: {k}}})-[r:R*1..2]->(b:K {{id: {k}}}) SET b.far = {p}",
    "MATCH (a:K)-[r:R {{v: {p}}}]-() DELETE r",
    "MATCH (n:K) WHERE n.v IN [{p}, {p}] AND n.id <> {k} SET n.in = {p}",
    "MATCH (n:K) WHERE n.v STARTS WITH {v} OR n.v CONTAINS {v} SET n.text = {p}",
    "UNWIND [{{id: {k}, v: {p}}}, {{id: {k}, v: {v}}}] AS r MERGE (n:K {{id: r.id}}) SET n.v = r.v",
    "UNWIND [{v}, {p}] AS x MERGE (n:U {{id: x}})",
    "FOREACH (x IN [{p}, {v}] | CREATE (:F {{id: x}}))",
    "MATCH (n:K {{id: {k}}}) WITH n, {v} AS x WHERE x = {p} SET n.x = x",
    "MATCH (n:K {{id: {k}}}) WITH count(n) AS c CREATE (:Count {{c: c, v: {v}}})",
    "MATCH (n:K {{id: {k}}}) RETURN n.v, {v} AS x ORDER BY x LIMIT 1",
    "MATCH (n:K) WHERE n.id > {p} WITH n ORDER BY n.id, toString(n.v), toString(n.w) LIMIT 2 SET n.first = {p}",
    "MATCH (n:K {{id: {k}}}) DETACH DELETE n",
    "MATCH (n:K {{id: {k}}}) DELETE n",
    "MATCH (n:K) WHERE NOT EXISTS {{ MATCH (n)-[:R {{v: {p}}}]->() }} AND n.c = {p} SET n.alone = {v}",
    "CALL {{ MATCH (n:K {{id: {k}}}) RETURN n }} SET n.v = {v}",
    "MATCH (n:K {{id: {k}}}) REMOVE n.v SET n:L /* {p} */ // {p}\n",
    "MATCH (n:K {{id: {k}}}) SET n['v'] = {v}",
    "MATCH (n:K {{id: {k}}}) SET n.v = substring({v}, 1), n.w = toString({v}), n.d = date({v})",
]


@st.composite
def streams(draw):
    shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=2, max_size=5, unique=True))
    commands = []
    for _ in range(draw(st.integers(30, 90))):
        shape = draw(st.sampled_from(shapes))
        for slot, values in (("{v}", ANY), ("{k}", KEY), ("{p}", PLAIN)):
            while slot in shape:
                # most are of one type, so that a template is met again
                value = draw(st.one_of(st.sampled_from(["1", "5", "'a'"]), values))
                shape = shape.replace(slot, value.replace("{", "{{").replace("}", "}}"), 1)
        commands.append(shape.replace("{{", "{").replace("}}", "}"))
    return commands


@settings(max_examples=scaled(8, 150), deadline=None, phases=[Phase.generate], print_blob=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large])
@given(commands=streams(), batch=st.sampled_from([3, 20, 1000]), constraint=st.booleans())
def test_lifted_equals_one_by_one(commands, batch, constraint, topics, server_a, neo_a, server_b, neo_b, db_sync):
    for neo in (neo_a, neo_b):
        neo.wipe()
    if constraint:
        commands = ["CREATE CONSTRAINT k_id FOR (k:K) REQUIRE k.id IS UNIQUE"] + commands
    topics.prefix = f"l{uuid.uuid4().hex[:8]}-"  # a log of its own for each example
    for topic in ("command", "fail", "status"):
        topics.create(topic)
    failed = apply_one_by_one(neo_b, commands)
    topics.commands(commands)
    agent = db_sync(server_a, BATCH_COUNT=batch, LOG_LEVEL="debug")
    applied(neo_a, topics)
    check_equal(neo_a, neo_b)
    assert [(offset, code) for offset, code, _ in topics.dead_letters()] == failed
    assert [e for e in agent.events("template") if e["state"] in ("trusted", "refused")]
    assert agent.stop() == 0
