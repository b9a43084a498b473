# SPDX-License-Identifier: Apache-2.0
"""Two replicas, one of which is made to answer differently: it says `diverged`, at the offset where
it began, and the other one does not."""

import re

from replica import applied
from wait import until

DOUBLE = "CREATE (:P {k: 1})"


def pair(topics, neo_a, neo_b, db_sync, server_a, server_b, **settings):
    """Both replicas run and hold the whole log, or have ended."""
    a, b = db_sync(server_a, "a", **settings), db_sync(server_b, "b", **settings)
    applied(neo_a, topics)
    until("b to hold the log or to end", lambda: not b.alive or neo_b.offset() == topics.end("command"), 120)
    return a, b


def diverged_at(topics, replica):
    """The offset that the newest status names; None while it is not diverged."""
    status = topics.status(replica) or {}
    if status.get("state") != "diverged":
        return None
    return int(re.search(r"the command at offset (\d+)", status["reason"]).group(1))


def by_hand(neo, topics, db_sync, server, replica, text):
    """Something that nobody may do: a change beside the log."""
    agent = db_sync(server, replica)
    applied(neo, topics)
    assert agent.stop() == 0
    neo.run(text)


def test_a_constraint_made_by_hand(topics, server_a, server_b, neo_a, neo_b, db_sync):
    topics.commands([DOUBLE])
    by_hand(neo_b, topics, db_sync, server_b, "b", "CREATE CONSTRAINT FOR (p:P) REQUIRE p.k IS UNIQUE")
    topics.commands(["CREATE (:Q)", DOUBLE, "CREATE (:Q)"])
    a, b = pair(topics, neo_a, neo_b, db_sync, server_a, server_b)
    assert b.wait_exit() == 7
    assert diverged_at(topics, "b") == 2
    assert "on a (Neo4j" in topics.status("b")["reason"]
    until("a to notice", lambda: a.events("peer_diverged"))
    assert a.events("peer_diverged")[0]["offset"] == "2"
    a.must_live()
    assert topics.status("a")["state"] == "in-sync"
    # it does not go on by being started again
    again = db_sync(server_b, "b")
    assert again.wait_exit() == 7
    assert diverged_at(topics, "b") == 2


def test_warn_goes_on(topics, server_a, server_b, neo_a, neo_b, db_sync):
    topics.commands([DOUBLE])
    by_hand(neo_b, topics, db_sync, server_b, "b", "CREATE CONSTRAINT FOR (p:P) REQUIRE p.k IS UNIQUE")
    topics.commands([DOUBLE])
    a, b = pair(topics, neo_a, neo_b, db_sync, server_a, server_b, DIVERGENCE="warn")
    until("b to say so", lambda: diverged_at(topics, "b") == 1)
    topics.commands(["CREATE (:Q)"])
    applied(neo_b, topics)
    b.must_live()
    a.must_live()


def test_a_row_changed_by_hand(topics, server_a, server_b, neo_a, neo_b, db_sync):
    topics.commands(["CREATE CONSTRAINT FOR (p:P) REQUIRE p.k IS UNIQUE", "CREATE (:P {k: 1})"])
    by_hand(neo_b, topics, db_sync, server_b, "b", "MATCH (p:P) SET p.k = 2")
    topics.commands(["CREATE (:P {k: 2})"])
    _, b = pair(topics, neo_a, neo_b, db_sync, server_a, server_b)
    assert b.wait_exit() == 7
    assert diverged_at(topics, "b") == 2


def test_an_index_dropped_by_hand_far_back_in_the_log(topics, server_a, server_b, neo_a, neo_b, db_sync):
    call = "CALL db.index.fulltext.queryNodes('ft', 'x') YIELD node SET node.found = true"
    topics.commands(["CREATE FULLTEXT INDEX ft FOR (n:T) ON EACH [n.text]"])
    by_hand(neo_b, topics, db_sync, server_b, "b", "DROP INDEX ft")
    texts = ["MERGE (c:C) SET c.n = 1"] * 3200
    texts[1500] = call
    texts[700] = texts[2500] = "CREATE (:P {n: 1/0})"  # fails alike on both
    topics.commands(texts)
    a = db_sync(server_a, "a")
    applied(neo_a, topics)  # far ahead before b begins
    b = db_sync(server_b, "b")
    assert b.wait_exit(60) == 7
    assert diverged_at(topics, "b") == 1501
    assert neo_b.offset() <= 3201
    a.must_live()


def test_equal_replicas_agree(topics, server_a, server_b, neo_a, neo_b, db_sync):
    topics.commands([DOUBLE, "CREATE CONSTRAINT FOR (p:P) REQUIRE p.k IS UNIQUE", DOUBLE, "CREATE (:P {k: 1/0})"]
                    + ["MERGE (c:C) SET c.n = 1"] * 1200)
    for _ in range(2):
        a, b = pair(topics, neo_a, neo_b, db_sync, server_a, server_b, BATCH_COUNT=70)
        for replica in "ab":
            until("in sync, told with its checkpoint", lambda r=replica: (now := topics.status(r) or {}).get("state") == "in-sync" and now["checkpoints"])
        mine, theirs = topics.status("a"), topics.status("b")
        assert mine["outcome"] == theirs["outcome"] and mine["checkpoints"] == theirs["checkpoints"]
        assert [offset for offset, _ in mine["checkpoints"]] == [1000]
        assert [offset for offset, _ in mine["failures"]] == [2, 3]
        assert mine["jvm"] and mine["language"] and mine["time_zone"] == "Z"
        for agent in (a, b):
            assert agent.stop() == 0
            assert not agent.events("diverged") and not agent.events("peer_diverged")
            assert not agent.events("outcomes_differ")
