# SPDX-License-Identifier: Apache-2.0
"""A start that could lose or repeat something is refused, with one message that says what to do and
the documented exit code, and the replica is left as it was."""



import pytest
from neo import graph, schema
from programs import run
from stack import free_port
from replica import applied
from wait import until


def refused(agent, exit_code, *words):
    """It ended with the code and said why once."""
    assert agent.wait_exit(60) == exit_code, agent.log
    lines = [line for line in agent.log.splitlines() if "level=error" in line]
    assert len(lines) == 1, agent.log
    for word in words:
        assert word in lines[0], lines[0]


def untouched(neo, before):
    assert (graph(neo), schema(neo), neo.position()) == before


def state(neo):
    return graph(neo), schema(neo), neo.position()


def test_two_partitions(topics, server_a, neo_a, db_sync):
    topics.create("two", 2)
    before = state(neo_a)
    refused(db_sync(server_a, COMMAND_TOPIC="two"), 5, "2 partitions", "exactly one")
    untouched(neo_a, before)


def test_topic_missing(topics, server_a, neo_a, db_sync):
    refused(db_sync(server_a, COMMAND_TOPIC="nowhere"), 3, "topics create")
    refused(db_sync(server_a, FAIL_TOPIC="nowhere"), 3, "topics create")


def test_compacted_log(topics, server_a, neo_a, db_sync):
    topics.create("compacted", cleanup_policy="compact")
    before = state(neo_a)
    refused(db_sync(server_a, COMMAND_TOPIC="compacted"), 5, "cleanup.policy is compact")
    untouched(neo_a, before)


def test_another_log(topics, server_a, neo_a, db_sync):
    topics.commands(["CREATE (:A)"])
    agent = db_sync(server_a)
    applied(neo_a, topics)
    assert agent.stop() == 0
    neo_a.run("MATCH (a:A) DELETE a")
    topics.create("other")
    before = state(neo_a)
    refused(db_sync(server_a, COMMAND_TOPIC="other"), 5, f"follows topic {topics.name('command')}", "one log")
    untouched(neo_a, before)


def test_replica_id_that_no_message_can_hold(server_a, topics, db_sync):
    for name in ("x" * 201, "caf\udce9"):  # the last byte alone is no UTF-8
        refused(db_sync(server_a, REPLICA_ID=name), 3, "REPLICA_ID", "UTF-8")


def test_the_position_s_constraint_is_made_again(topics, server_a, neo_a, db_sync):
    topics.commands(["CREATE (:A)"])
    agent = db_sync(server_a)
    applied(neo_a, topics)
    assert agent.stop() == 0
    neo_a.run("DROP CONSTRAINT `__db_sync_position`")
    agent = db_sync(server_a)
    agent.wait_event("position")
    assert neo_a.run("SHOW CONSTRAINTS YIELD name WHERE name STARTS WITH '__db_sync' RETURN name")


def test_data_and_no_position(topics, server_a, neo_a, db_sync):
    neo_a.run("CREATE (:Old {n: 1})")
    topics.commands(["CREATE (:New {n: 1})", "CREATE (:New {n: 2})"])
    before = state(neo_a)
    refused(db_sync(server_a), 5, "--adopt", "no position")
    untouched(neo_a, before)
    assert not [n for n in neo_a.run("SHOW CONSTRAINTS YIELD name RETURN name")], "a refusal made a constraint"
    # the way out that the message names
    agent = db_sync(server_a, args=("run", "--adopt", "1"))
    applied(neo_a, topics)
    assert neo_a.one("MATCH (n) WHERE n:Old OR n:New WITH labels(n)[0] + n.n AS t ORDER BY t RETURN collect(t)") == ["New2", "Old1"]
    agent.stop()
    # left in a unit file it does no harm
    agent = db_sync(server_a, args=("run", "--adopt", "0"))
    agent.wait_event("adopt_ignored")
    topics.commands(["CREATE (:New {n: 3})"])
    applied(neo_a, topics)
    assert neo_a.one("MATCH (n:New) RETURN count(n)") == 2


def test_schema_without_data_is_not_empty(topics, server_a, neo_a, db_sync):
    neo_a.run("CREATE INDEX old FOR (o:Old) ON (o.n)")
    refused(db_sync(server_a), 5, "--adopt", "1 indexes")


def test_truncated_past_the_position(topics, server_a, neo_a, db_sync):
    topics.commands([f"CREATE (:T {{n: {i}}})" for i in range(10)])
    agent = db_sync(server_a)
    applied(neo_a, topics)
    agent.stop()
    topics.commands([f"CREATE (:T {{n: {i}}})" for i in range(10, 20)])
    topics.truncate("command", 15)
    before = state(neo_a)
    refused(db_sync(server_a), 5, "starts at 15", "needs 10")
    untouched(neo_a, before)
    neo_a.wipe()
    refused(db_sync(server_a), 5, "starts at 15")


def test_last_applied_record_gone_is_fine(topics, server_a, neo_a, db_sync):
    topics.commands(["CREATE (:T {n: 1})", "CREATE (:T {n: 2})"])
    agent = db_sync(server_a)
    applied(neo_a, topics)
    agent.stop()
    topics.truncate("command", 2)
    topics.commands(["CREATE (:T {n: 3})"])
    db_sync(server_a)
    applied(neo_a, topics)
    assert neo_a.one("MATCH (t:T) RETURN count(t)") == 3


@pytest.mark.parametrize("new_length", [3, 30])
def test_deleted_and_made_anew(new_length, topics, server_a, neo_a, db_sync):
    """The new log is shorter than the position, or longer: another one in any case."""
    topics.commands([f"CREATE (:T {{n: {i}}})" for i in range(10)])
    agent = db_sync(server_a)
    applied(neo_a, topics)
    agent.stop()
    topics.delete("command")
    topics.create("command", message_timestamp_type="LogAppendTime")
    topics.commands([f"CREATE (:T {{n: {i}}})" for i in range(new_length)])  # the same commands
    before = state(neo_a)
    refused(db_sync(server_a), 5, "ends at 3" if new_length == 3 else "not the one that this replica applied")
    untouched(neo_a, before)


def test_log_replaced_while_it_runs(topics, kafka, server_a, neo_a, db_sync):
    topics.commands([f"CREATE (:T {{n: {i}}})" for i in range(10)])
    agent = db_sync(server_a)
    applied(neo_a, topics)
    agent.pause()  # so that it sees the new log whole, not while it is still empty
    topics.delete("command")
    topics.create("command", message_timestamp_type="LogAppendTime")
    topics.commands([f"CREATE (:Other {{n: {i}}})" for i in range(30)])
    agent.resume()
    refused(agent, 5, "not the one that this replica applied")
    assert neo_a.one("MATCH (o:Other) RETURN count(o)") == 0


def test_wrong_password(topics, server_a, neo_a, db_sync, agent_env, programs):
    refused(db_sync(server_a, NEO4J_PASS="wrong"), 3, "Unauthorized", "NEO4J_PASS")
    refused(db_sync(server_a, NEO4J_DATABASE="nowhere"), 3, "DatabaseNotFound")
    until("the server to forgive the wrong password", lambda: neo_a.one("RETURN 1") == 1)


def test_wrong_address(server_a, neo_a, topics, db_sync, kafka):
    refused(db_sync(server_a, NEO4J_URI="ftp://somewhere"), 3, "http://")
    refused(db_sync(server_a, NEO4J_URI=f"bolt://127.0.0.1:{server_a.bolt_port}"), 3, "NEO4J_HTTP_URI")
    agent = db_sync(server_a, NEO4J_URI=f"bolt://127.0.0.1:{server_a.bolt_port}", NEO4J_HTTP_URI=server_a.http_uri)
    agent.wait_event("position")


def test_broker_unreachable(server_a, neo_a, topics, db_sync, agent_env):
    """run waits and says so once; a subcommand ends with 4."""
    nowhere = f"127.0.0.1:{free_port()}"
    agent = db_sync(server_a, BROKERS=nowhere)
    agent.wait_event("kafka_down")
    assert agent.alive and len(agent.events("kafka_down")) == 1
    assert agent.stop() == 0
    done = run("db_sync", ["topics", "check", "--timeout", "2s"], {"BROKERS": nowhere})
    assert done.returncode == 4 and nowhere in done.stderr, done.stderr


def test_restoring_is_refused(topics, server_a, neo_a, db_sync):
    topics.commands(["CREATE (:T)"])
    agent = db_sync(server_a)
    applied(neo_a, topics)
    agent.stop()
    neo_a.run("MATCH (p:`__db_sync`) SET p.state = 'restoring'")
    refused(db_sync(server_a), 5, "restoring")


def test_position_changed_by_hand(topics, server_a, neo_a, db_sync):
    """Nobody else may write the node: noticed, not overwritten."""
    agent = db_sync(server_a)
    topics.commands(["CREATE (:T)"])
    applied(neo_a, topics)
    neo_a.run("MATCH (p:`__db_sync`) SET p.offset = 77")
    topics.commands(["CREATE (:T)"])
    refused(agent, 5, "77")
