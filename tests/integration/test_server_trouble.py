# SPDX-License-Identifier: Apache-2.0
"""global_server when what it stands on misbehaves, or its settings do."""

import time

import pytest
from confluent_kafka import Consumer, TopicPartition
from programs import run
from replies import check_one_reply_each, knows_age, wait_replies
from wait import until

ENDLESS = "UNWIND range(1, 1000000) AS x UNWIND range(1, 100000) AS y RETURN sum((x + y) % 7) AS s"  # 4.4 takes no longer range


def runs(neo, text):
    """Neo4j works on the text now."""
    rows = neo.run("SHOW TRANSACTIONS YIELD currentQuery RETURN currentQuery")
    return any(text in str(row) and "SHOW" not in str(row) for row in rows)


def test_age_is_never_too_young_while_the_broker_hangs(topics, kafka, replica, neo_a, global_server):
    """What was sent since the last word of the broker is not known: so old the state may be."""
    server = global_server(replica)
    server.wait_event("start")
    knows_age(topics)
    topics.produce("request", [{"id": "before", "command": "RETURN 1 AS x"}])
    assert wait_replies(topics, ["before"])["before"][0]["age_ms"] == 0
    at = neo_a.offset()
    topics.produce("request", [{"id": "q", "command": "RETURN 1 AS x", "min_offset": at + 1}])
    until("the request waits", lambda: server.events("request_waits"))
    kafka.pause()
    try:
        since = time.monotonic()
        until("three silent seconds", lambda: time.monotonic() > since + 3)
        neo_a.run("MATCH (p:`__db_sync`) SET p.offset = p.offset + 1")
        server.wait_event("request_answered", count=2)
    finally:
        kafka.resume()
    (page,) = wait_replies(topics, ["q"])["q"]
    assert page["offset"] == at + 1
    assert page["age_ms"] is None or page["age_ms"] > 1000


def test_request_that_takes_neo4j_down(topics, replica, neo_a, global_server):
    """It is tried again, since Neo4j may have gone for another reason, but not for ever."""
    server = global_server(replica)
    topics.produce("request", [{"id": "deadly", "command": ENDLESS, "timeout_ms": 300000}])
    for outage in range(3):
        until("the request runs", lambda: runs(neo_a, "UNWIND"))
        replica.kill()
        server.wait_event("neo4j_down", count=outage + 1)
        replica.start()
    topics.produce("request", [{"id": "good", "command": "RETURN 1 AS x"}])
    found = wait_replies(topics, ["deadly", "good"])
    assert found["deadly"][0]["error"]["code"] == "request.neo4j-lost"
    assert found["good"][0]["rows"] == [[1]]


def test_request_topic_made_anew(topics, kafka, replica, global_server):
    """What a former owner settled stood in another log: nothing of the new one is passed over."""
    def ask(*ids):
        topics.produce("one-request", [{"id": i, "command": "RETURN 1 AS x"} for i in ids])

    topics.create("one-request", 1)
    ask("n0", "n1", "n2")
    former = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "anew"})
    former.commit(offsets=[TopicPartition(topics.name("one-request"), 0, 10, "2;2,1")], asynchronous=False)
    former.close()
    server = global_server(replica, REQUEST_TOPIC="one-request", GROUP_ID="anew")
    wait_replies(topics, ["n0", "n1", "n2"])
    ids = [f"n{i}" for i in range(3, 20)]
    ask(*ids)
    wait_replies(topics, ids)
    assert server.stop() == 0
    global_server(replica, instance="two", REQUEST_TOPIC="one-request", GROUP_ID="anew")
    ask("end")
    check_one_reply_each(wait_replies(topics, ["end"]), ["n0", "n1", "n2", *ids, "end"])


@pytest.mark.parametrize("topic", ["request", "command", "fail", "status"])
def test_replies_need_a_topic_of_their_own(topic, topics, server_a, neo_a, agent_env):
    done = run("global_server", ["run"], agent_env(server_a, "readers", RESPONSE_TOPIC=topic))
    assert done.returncode == 3 and f"RESPONSE_TOPIC is {topic}" in done.stderr


def test_large_error_in_row_format(topics, replica, global_server):
    """A request that fits no reply message is left out of its error reply, which comes all the same."""
    topics.create("narrow", 1, max_message_bytes=5000)
    global_server(replica, REPLY_FORMAT="row", REPLY_TOPICS="narrow")
    topics.produce("request", [{"id": "big", "to": "narrow", "command": f"RETURN 1/0 AS x // {'x' * 20000}"}])
    (message,) = until("the reply", lambda: topics.read("narrow"))
    assert b"ArithmeticError" in message.value() and len(message.value()) < 5000
