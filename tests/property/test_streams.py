# SPDX-License-Identifier: Apache-2.0
"""Random streams, cut into batches anywhere, leave what one command a transaction leaves: the graph,
the schema and the failures, each with its code."""

import uuid

from conftest import scaled
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from oracle import apply_one_by_one
from replica import applied, check_equal

IDS = st.integers(0, 4)
VALUES = st.one_of(st.integers(-3, 3), st.sampled_from([0.0, -0.0, 1.5, "a", "ä'\"\\", True, None, [1, 2], [], 2**62]))

COMMANDS = st.one_of(
    st.tuples(st.just("MERGE (k:K {id: $id}) ON MATCH SET k.seen = coalesce(k.seen, 0) + 1"), st.fixed_dictionaries({"id": VALUES})),
    st.tuples(st.just("CREATE (:K {id: $id, v: $v})"), st.fixed_dictionaries({"id": IDS, "v": VALUES})),
    st.tuples(st.just("MATCH (a:K {id: $a}), (b:K {id: $b}) CREATE (a)-[:R {v: $v}]->(b)"), st.fixed_dictionaries({"a": IDS, "b": IDS, "v": VALUES})),
    st.builds(lambda i: (f"MATCH (k:K {{id: {i}}}) DELETE k", {}), IDS),
    st.builds(lambda i: (f"MATCH (k:K {{id: {i}}}) DETACH DELETE k", {}), IDS),
    st.builds(lambda i: (f"MATCH (:K {{id: {i}}})-[r:R]-() DELETE r", {}), IDS),
    st.builds(lambda i: (f"MATCH (k:K) WHERE k.id = {i} SET k.v = 10 / {i - 2}", {}), IDS),
    st.sampled_from([(t, {}) for t in (
        "MATCH (n) WITH count(n) AS c CREATE (:Count {c: c})",
        "MATCH (a:K), (b:K) WITH count(*) AS c CREATE (:Count {c: c, of: 'pairs'})",
        "MATCH (n) SET n.touched = coalesce(n.touched, 0) + 1",
        "MATCH (n) REMOVE n:Count",
        "MATCH (n) WHERE n.c IS NOT NULL SET n = {}",
        "MATCH (n) DETACH DELETE n",
        "CREATE CONSTRAINT k_id FOR (k:K) REQUIRE k.id IS UNIQUE",
        "DROP CONSTRAINT k_id",
        "CREATE INDEX k_v IF NOT EXISTS FOR (k:K) ON (k.v)",
        "DROP INDEX k_v IF EXISTS",
        "MERGE (:K {id: -0.0})",
        "CREATE (:K {id: date('no date')})",
        "CREATE (:K {id: $missing})",
        "MATCH (k:K RETURN k",
    )]),
)


@settings(max_examples=scaled(6, 60), deadline=None, phases=[Phase.generate], print_blob=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large])
@given(commands=st.lists(COMMANDS, min_size=20, max_size=60), batch=st.sampled_from([1, 2, 7, 1000]))
def test_any_stream_equals_one_by_one(commands, batch, topics, server_a, neo_a, server_b, neo_b, db_sync):
    for neo in (neo_a, neo_b):
        neo.wipe()
    topics.prefix = f"p{uuid.uuid4().hex[:8]}-"  # a log of its own for each example
    for topic in ("command", "fail", "status"):
        topics.create(topic)
    failed = apply_one_by_one(neo_b, commands)
    topics.commands(commands)
    agent = db_sync(server_a, BATCH_COUNT=batch)
    applied(neo_a, topics)
    check_equal(neo_a, neo_b)
    assert [(offset, code) for offset, code, _ in topics.dead_letters()] == failed
    assert agent.stop() == 0
