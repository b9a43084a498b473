# SPDX-License-Identifier: Apache-2.0
"""Queries of the openCypher TCK as commands do what they do one by one: the same graph, the same failures with their codes."""

import collections
import random

import pytest
import tck
from conftest import scaled
from neo import dump, graph
from oracle import apply_one_by_one
from replica import applied

SCENARIOS = 2  # at once: more templates than that are seldom all branches of one statement
ROUNDS = 12
BATCH = 48  # commands a transaction: the first ones are trials


@pytest.mark.timeout(scaled(1200, 14400))
def test_tck_equals_one_by_one(topics, server_a, neo_a, neo_b, db_sync, neo4j_version, record_property):
    scenarios, counts, sent = tck.scenarios(), collections.Counter(), 0
    assert len(scenarios) > 500
    random.Random(7).shuffle(scenarios)
    scenarios = scenarios[:scaled(24, None)]
    for at in range(0, len(scenarios), SCENARIOS):
        some = scenarios[at:at + SCENARIOS]
        commands = tck.stream(some, ROUNDS)
        topics.commands(commands, bad="perhaps")
        agent = db_sync(server_a, BATCH_COUNT=BATCH)
        applied(neo_a, topics, scaled(60, 300))
        letters = {offset - sent: code for offset, code, _ in topics.dead_letters() if offset >= sent}
        sent += len(commands)
        # what db_sync itself refuses is no command for the oracle; a text that is no Cypher is one for both
        refused = {i for i, code in letters.items() if not code.startswith("Neo.") and code != "cypher.unreadable"}
        failed = dict(apply_one_by_one(neo_b, ["RETURN 1" if i in refused else c for i, c in enumerate(commands)]))
        mine = {i: failed.get(i, code) if code == "cypher.unreadable" else code for i, code in letters.items() if i not in refused}
        assert mine == failed, [(i, letters.get(i), failed.get(i), commands[i]) for i in sorted(mine.keys() ^ failed.keys())]
        assert graph(neo_a) == graph(neo_b), f"{commands}\nmine:\n{dump(neo_a)}\noracle:\n{dump(neo_b)}"
        counts.update(scenarios=len(some), commands=len(commands), failing=len(failed), refused=len(refused))
        for event in agent.events("applied"):
            counts[event["form"]] += int(event["commands"])
        assert agent.stop() == 0
    record_property("counts", f"Neo4j {neo4j_version}, TCK: {dict(counts)}")
    assert counts["coalesced"] > 0 and counts["parameters"] > 0, counts
