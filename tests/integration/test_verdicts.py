# SPDX-License-Identifier: Apache-2.0
"""What db_sync makes of each code of Neo4j, as the table "Verdicts" in common/neo4j/README.md says it.

Servers are real. Where no server can be made to give a code, a proxy gives it (`test_scripted`),
and the row is in UNPROVOKABLE. Differences between Neo4j's lines are in Line."""

import json
import re
import threading
import uuid
from types import SimpleNamespace

import pytest
import requests
import stack
from conftest import ROOT, scaled
from kafka import Topics
from neo import CypherError, Neo, dump, graph, schema
from oracle import apply_one_by_one
from programs import Program, run
from proxy import CUT, error
from replica import applied, check_equal
from wait import until


class Line:
    """What differs between the lines of Neo4j."""

    def __init__(self, version):
        self.version, self.old, self.new = version, version == "4.4", version == "2026"
        self.substring = CLIENT + "Statement.ArgumentError" if self.new else EXECUTION
        self.memory = CLIENT + "General.TransactionOutOfMemoryError" if self.old \
            else TRANSIENT + "General.MemoryPoolOutOfMemoryError"
        self.memory_setting = "dbms.memory.transaction.max_size" if self.old else "db.memory.transaction.max"
        self.timed_out = CLIENT + "Transaction.TransactionTimedOut" + ("" if self.old else "ClientConfiguration")
        self.terminated = (TRANSIENT if self.old else CLIENT) + "Transaction.Terminated"
        self.stopped_in_lock = (TRANSIENT if self.old else CLIENT) + "Transaction.LockClientStopped"
        # 4.4 hides it behind the code of a fault of the command, and only the message tells
        self.lock_in_schema = EXECUTION if self.old else TRANSIENT + "Transaction.LockAcquisitionTimeout"

    def conf(self, **more):
        top = "dbms" if self.old else "db"
        conf = {self.memory_setting: "10m", f"{top}.lock.acquisition.timeout": "300ms",
                f"{top}.transaction.monitor.check.interval": "100ms"}
        return {**conf, **more}

    def read_only(self):
        return {("dbms" if self.old else "server") + ".databases.default_to_read_only": "true"}


CLIENT, TRANSIENT, DATABASE = "Neo.ClientError.", "Neo.TransientError.", "Neo.DatabaseError."
EXECUTION = DATABASE + "Statement.ExecutionFailed"

# Commands that succeed and set the scene for those below.
SCENE = [
    "CREATE CONSTRAINT v_u FOR (n:U) REQUIRE n.id IS UNIQUE",
    "CREATE INDEX v_i FOR (n:I) ON (n.v)",
    "CREATE (:U {id: 1})-[:R]->(:D {id: 1}), (:D {id: 1}), (:Count {n: 0})",
]
# name: command, code (or the name of an attribute of Line)
POISON = {
    "syntax": ("CREATE (:X {v: ", CLIENT + "Statement.SyntaxError"),
    "type": (("CREATE (:X {v: $v})", {"v": {"a": 1}}), CLIENT + "Statement.TypeError"),
    "arithmetic": ("CREATE (:X {v: 1/0})", CLIENT + "Statement.ArithmeticError"),
    "overflow": ("UNWIND [1] AS x CREATE (:X {v: 9223372036854775807 + x})", CLIENT + "Statement.ArithmeticError"),
    "argument": ("CREATE (:X {v: point({x: 1, y: 2, srid: 99})})", CLIENT + "Statement.ArgumentError"),
    "parameter": ("CREATE (:X {v: $missing})", CLIENT + "Statement.ParameterMissing"),
    "entity": ("MATCH (n:D) WITH collect(n) AS l CREATE (x:X) WITH l, x DETACH DELETE l[0] WITH l SET (l[0]).v = 1 "
               "WITH l RETURN l[0].id", CLIENT + "Statement.EntityNotFound"),
    "no-procedure": ("CALL no.such.procedure()", CLIENT + "Procedure.ProcedureNotFound"),
    "procedure": ("CREATE (:X) WITH 1 AS x CALL db.index.fulltext.queryNodes('none', 'x') YIELD node RETURN node",
                  CLIENT + "Procedure.ProcedureCallFailed"),
    "no-index": ("CALL db.awaitIndex('none')", CLIENT + "Schema.IndexNotFound"),
    "token": ("CALL db.createLabel('')", CLIENT + "Schema.TokenNameError"),
    "unique": ("CREATE (:U {id: 1})", CLIENT + "Schema.ConstraintValidationFailed"),
    "commit": ("MATCH (n:U {id: 1}) DELETE n", CLIENT + "Schema.ConstraintValidationFailed"),
    "constraint-data": ("CREATE CONSTRAINT v_d FOR (n:D) REQUIRE n.id IS UNIQUE", DATABASE + "Schema.ConstraintCreationFailed"),
    "constraint-enterprise": ("CREATE CONSTRAINT v_e FOR (n:D) REQUIRE n.id IS NOT NULL",
                              DATABASE + "Schema.ConstraintCreationFailed"),
    "drop-no-index": ("DROP INDEX none", DATABASE + "Schema.IndexDropFailed"),
    "drop-owned-index": ("DROP INDEX v_u", DATABASE + "Schema.IndexDropFailed"),
    "drop-no-constraint": ("DROP CONSTRAINT none", DATABASE + "Schema.ConstraintDropFailed"),
    "index-again": ("CREATE INDEX v_i FOR (n:I) ON (n.v)", CLIENT + "Schema.EquivalentSchemaRuleAlreadyExists"),
    "index-name": ("CREATE INDEX v_i FOR (n:J) ON (n.w)", CLIENT + "Schema.IndexWithNameAlreadyExists"),
    "index-other-name": ("CREATE INDEX v_j FOR (n:I) ON (n.v)", CLIENT + "Schema.IndexAlreadyExists"),
    "constraint-again": ("CREATE CONSTRAINT v_u FOR (n:U) REQUIRE n.id IS UNIQUE",
                         CLIENT + "Schema.EquivalentSchemaRuleAlreadyExists"),
    "constraint-name": ("CREATE CONSTRAINT v_u FOR (n:V) REQUIRE n.id IS UNIQUE",
                        CLIENT + "Schema.ConstraintWithNameAlreadyExists"),
    "constraint-other-name": ("CREATE CONSTRAINT v_w FOR (n:U) REQUIRE n.id IS UNIQUE", CLIENT + "Schema.ConstraintAlreadyExists"),
    "repeated-property": ("CREATE INDEX v_q FOR (n:Q) ON (n.a, n.a)", CLIENT + "Schema.RepeatedPropertyInCompositeSchema"),
    "index-value": (("CREATE (:I {v: $v})", {"v": "x" * 9000}), EXECUTION),
    "substring": ("CREATE (:X {v: substring('abc', -1)})", "substring"),
}

# Rows of code.c that no server can be made to give here, and why; `test_scripted` gives each.
UNPROVOKABLE = {
    "Neo.TransientError.General.OutOfMemoryError": "the heap's end; the server may not survive it",
    "Neo.TransientError.General.StackOverFlowError": "this server answers HTTP 500 instead",
    "Neo.TransientError.General.TransactionOutOfMemoryError": "of a version between the three lines",
    "Neo.TransientError.General.TransactionMemoryLimit": "known to all lines, given by none",
    "Neo.TransientError.Statement.ExecutionTimeout": "known to all lines, given by none",
    "Neo.ClientError.Procedure.ProcedureTimedOut": "needs a procedure with a time limit of its own",
    "Neo.ClientError.Transaction.TransactionNotFound": "of explicit transactions, which db_sync does not use",
    "Neo.ClientError.Transaction.TransactionAccessedConcurrently": "of explicit transactions",
    "Neo.ClientError.Routing.": "a server in panic; a cluster",
    "Neo.DatabaseError.Transaction.TransactionStartFailed": "seen once while 4.4 stopped; a matter of milliseconds",
    "Neo.ClientError.Cluster.": "a cluster",
    "Neo.ClientError.General.ReadOnly": "another version's name of the next two",
    "Neo.ClientError.General.UpgradeRequired": "a store that waits for its upgrade",
    "Neo.DatabaseError.Schema.IndexCreationFailed": "known to all lines, given by none",
    "Neo.DatabaseError.Transaction.TransactionCommitFailed": "a failing disk; see test_commit_failed",
}
# Rows that are provoked below, and where; POISON's are added.
PROVOKED = {
    "Neo.TransientError.General.MemoryPoolOutOfMemoryError": "test_memory_limit_and_read_only",
    "Neo.ClientError.General.TransactionOutOfMemoryError": "test_memory_limit_and_read_only",
    "Neo.ClientError.Transaction.TransactionTimedOut": "test_time_limit",
    "Neo.ClientError.Transaction.Terminated": "test_terminated",
    "Neo.ClientError.Transaction.LockClientStopped": "test_terminated",
    "Neo.ClientError.Security.AuthenticationRateLimit": "test_wrong_password_and_rate_limit",
    "Neo.TransientError.": "test_held_lock, test_deadlock",
    "Neo.ClientError.Security.": "test_wrong_password_and_rate_limit",
    "Neo.ClientError.Database.": "test_database_missing",
    "Neo.ClientError.General.ForbiddenOnReadOnlyDatabase": "test_memory_limit_and_read_only",
    "Neo.ClientError.General.WriteOnReadOnlyAccessDatabase": "test_memory_limit_and_read_only",
    "Neo.DatabaseError.Statement.ExecutionFailed": "test_poison[index-value]",
}


# ------------------------------------------------------------ the table itself


def rows():
    """[(prefix, class)] of code.c, in order, and its rows of hidden."""
    text = (ROOT / "common/neo4j/code.c").read_text()
    table = re.findall(r'^\s*\{"(Neo\.[^"]+)",\s+ERR_(\w+)\},', text, re.M)
    return table, re.findall(r'\{"(Neo\.[^"]+)",\s+"([^"]+)",\s+ERR_(\w+)\}', text)


def class_of(code):
    return next((kind for prefix, kind in rows()[0] if code.startswith(prefix)), "SHRINK")


def code_of(expected, line):
    return expected if expected.startswith("Neo.") else getattr(line, expected)


def test_every_row_has_a_test():
    table = [prefix for prefix, _ in rows()[0]]
    assert len(table) > 25 and rows()[1]
    codes = {code for _, code in POISON.values()}
    covered = set(PROVOKED) | set(UNPROVOKABLE) | {p for p in table if p in codes or p == CLIENT}
    assert covered == set(table), f"no test: {set(table) - covered}; no row: {covered - set(table)}"
    assert not set(PROVOKED) & set(UNPROVOKABLE)
    unit = (ROOT / "tests/unit/test_neo4j.c").read_text()
    assert not [p for p in UNPROVOKABLE if p not in unit], "a row that no server gives needs its unit test"
    readme = (ROOT / "common/neo4j/README.md").read_text()
    assert not [p for p in table if p.removeprefix("Neo.") not in readme], "common/neo4j/README.md lacks a row"


# ------------------------------------------------------------ what is used below


@pytest.fixture(scope="module")
def line(neo4j_version):
    return Line(neo4j_version)


@pytest.fixture(scope="module")
def limited(servers_dir, neo4j_version, line):
    """A server whose limits are low; a test may restart it with others."""
    server = stack.Neo4j(servers_dir / "neo4j-limited", "neo4j-limited", version=neo4j_version, extra_conf=line.conf()).start()
    yield server
    server.kill()


@pytest.fixture
def neo_limited(limited):
    neo = Neo(limited.http_uri, limited.user, limited.password)
    neo.wipe()
    return neo


class Held:
    """An explicit transaction that did something and stays open."""

    def __init__(self, server, *texts):
        self.session = requests.Session()
        self.session.auth, self.session.trust_env = (server.user, server.password), False
        answer = self.session.post(f"{server.http_uri}/db/neo4j/tx", json=self._body(texts), timeout=30)
        assert not answer.json()["errors"], answer.text
        self.url = answer.headers["Location"]

    @staticmethod
    def _body(texts):
        return {"statements": [{"statement": t} for t in texts]}

    def run(self, text):
        return self.session.post(self.url, json=self._body([text]), timeout=60).json()["errors"]

    def end(self):
        self.session.delete(self.url, timeout=30)


def blocked(neo):
    """The ids of transactions that wait for a lock."""
    return set(neo.transactions(status="Blocked"))


def terminate(neo, ident):
    neo.run(f"TERMINATE TRANSACTIONS '{ident}'")


def no_letters(topics):
    assert topics.dead_letters() == []


def last_error(agent):
    return [text for text in agent.log.splitlines() if "level=error" in text][-1]


def halted(agent, offset, neo, *words, deadline_s=90):
    """Exit 1 before the command at offset, and the reason names what to change."""
    assert agent.wait_exit(deadline_s) == 1, agent.log[-3000:]
    assert neo.offset() == offset
    last = last_error(agent)
    assert re.search(rf"offset {offset}\b", last), last
    for word in words:
        assert word in last, last


def counted(n, label="G"):
    return [(f"MATCH (c:Count) SET c.n = c.n + $i CREATE (:{label} {{i: $i}})", {"i": i}) for i in range(n)]


# ------------------------------------------------------------ dead letters


@pytest.fixture(scope="module")
def settled(kafka, server_a, server_b, line, tmp_path_factory):
    """All poisonous commands in one log, each after a good one, applied in large batches."""
    for server in (server_a, server_b):
        Neo(server.http_uri, server.user, server.password).wipe()
    mine, oracle = (Neo(s.http_uri, s.user, s.password) for s in (server_a, server_b))
    good = "MATCH (c:Count) SET c.n = (c.n * 3 + $i) % 1000003"
    commands, at = list(SCENE), {}
    for i, (name, (command, _)) in enumerate(POISON.items()):
        commands.append((good, {"i": i}))
        at[name] = len(commands)
        commands.append(command)
    commands.append((good, {"i": -1}))
    failed = dict(apply_one_by_one(oracle, commands))
    topics = Topics(kafka.bootstrap, f"v{uuid.uuid4().hex[:8]}-")
    for topic, config in (("command", {"message_timestamp_type": "LogAppendTime"}), ("fail", {}),
                          ("status", {"cleanup_policy": "compact"})):
        topics.create(topic, **config)
    topics.commands(commands)
    agent = Program(tmp_path_factory.mktemp("settled"), "db_sync", ["run"], {
        "BROKERS": kafka.bootstrap, "B_TOPIC_PREFIX": topics.prefix, "GROUP_ID": "a", "NEO4J_URI": server_a.http_uri,
        "NEO4J_PASS": server_a.password, "LOG_LEVEL": "debug"}).start()
    try:
        applied(mine, topics)
    finally:
        agent.kill()
    return SimpleNamespace(failed=failed, at=at, letters={o: c for o, c, _ in topics.dead_letters()}, commands=commands,
                           equal=(graph(mine), schema(mine)) == (graph(oracle), schema(oracle)),
                           dumps=f"{dump(mine)}\n---\n{dump(oracle)}")


@pytest.mark.parametrize("name", POISON)
def test_poison(name, settled, line):
    """The dead letter has the code that the command gets alone, and that is the table's."""
    offset, expected = settled.at[name], code_of(POISON[name][1], line)
    assert settled.failed.get(offset) == expected
    assert class_of(expected) == "POISON"
    assert settled.letters.get(offset) == expected


def test_poison_left_nothing_else(settled):
    assert settled.letters == settled.failed
    assert settled.equal, settled.dumps


@pytest.mark.parametrize("poison", scaled(["runtime", "commit"], ["syntax", "runtime", "unique", "commit"]))
def test_poison_costs_a_handful(poison, topics, server_a, neo_a, db_sync, through):
    """1,000 good commands and one that fails: so many requests that write."""
    bad = {"syntax": "CREATE (:P {", "runtime": ("CREATE (:P {i: 1/$i})", {"i": 0}), "unique": ("CREATE (:G {i: $i})", {"i": 7}),
           "commit": "MATCH (n:G {i: 3}) DELETE n"}[poison]
    neo_a.run("CREATE CONSTRAINT g_i FOR (g:G) REQUIRE g.i IS UNIQUE")
    commands = [("CREATE (:G {i: $i})-[:R]->(:H)", {"i": i}) for i in range(1000)]
    topics.commands(commands[:500] + [bad] + commands[500:])
    proxy = through(server_a)
    agent = db_sync(proxy, args=("run", "--adopt", "0"))
    applied(neo_a, topics)
    assert neo_a.one("MATCH (g:G) RETURN count(g)") == 1000
    assert [o for o, _, _ in topics.dead_letters()] == [500]
    writes = proxy.count("commit")
    assert writes <= 12, f"{writes} transactions, sizes {[len(r.statements) - 2 for r in proxy.requests if r.kind == 'commit']}"
    assert len(agent.events("applied")) <= writes
    text = bad[0] if isinstance(bad, tuple) else bad
    assert [r for r in proxy.requests if r.kind == "commit" and len(r.statements) == 3 and r.statements[1]["statement"] == text], "not alone"
    # the first batch takes what has arrived, the second the rest up to the poison: one is large
    sizes = [int(e["commands"]) for e in agent.events("applied")]
    assert max(sizes) >= 250, sizes


def test_poison_that_wants_proof_costs_seconds_once(topics, neo_a, server_a, db_sync):
    """Its error may be a passing one of the server, so it is tried for three seconds; while others take effect, the next ones are not."""
    command, _ = POISON["index-value"]
    topics.commands(["CREATE INDEX i_v FOR (i:I) ON (i.v)"] + [c for good in counted(60) for c in (good, command)])
    neo_a.run("CREATE (:Count {n: 0})")
    db_sync(server_a, args=("run", "--adopt", "0"))
    applied(neo_a, topics, 60)
    assert len(topics.dead_letters()) == 60
    assert neo_a.one("MATCH (c:Count) RETURN c.n") == sum(range(60))


# ------------------------------------------------------------ limits of one replica


# It reads the store, so that 4.4 too notices an end. Whether it takes hours or no time stands in a node.
SLOW = ("MATCH (w:Work) UNWIND range(1, w.n) AS x MATCH (n) WHERE id(n) = x % 7 AND n.n >= 0 "
        "WITH count(n) AS c CREATE (:Slow {c: c})")
HOURS, NO_TIME = 2_000_000_000, 10


def set_work(neo, n):
    neo.run("MERGE (w:Work) SET w.n = $n", n=n)


def test_time_limit(topics, server_a, neo_a, db_sync, line):
    """As with memory; TRANSACTION_TIMEOUT is the limit that counts, since db_sync always sends one."""
    set_work(neo_a, HOURS)
    commands = [*SCENE, *counted(5), SLOW, "CREATE (:Last)"]
    too_slow = commands.index(SLOW)
    topics.commands(commands)
    agent = db_sync(server_a, args=("run", "--adopt", "0"), TRANSACTION_TIMEOUT="1s")
    # 4.4 may say so with a code that is otherwise the command's fault
    halted(agent, too_slow, neo_a, "TRANSACTION_TIMEOUT", "imeout")
    code = re.search(r"Neo\.\w+\.\w+\.\w+", last_error(agent)).group()
    assert code in ((line.timed_out, EXECUTION) if line.old else (line.timed_out,))
    assert class_of(line.timed_out) == "SHRINK"
    smaller = [int(e["commands"]) for e in agent.events("batch_too_large")]
    assert max(smaller) > 1 and smaller[-3:] == [1, 1, 1], smaller
    no_letters(topics)
    set_work(neo_a, NO_TIME)
    db_sync(server_a)
    applied(neo_a, topics)
    assert neo_a.one("MATCH (n) WHERE n:Slow OR n:Last OR n:G RETURN count(n)") == 7
    no_letters(topics)


@pytest.mark.parametrize("what", ["command", "schema"])
def test_held_lock(what, topics, limited, neo_limited, db_sync, line):
    """db.lock.acquisition.timeout is low, and somebody holds the lock for longer: waited out, also
    where 4.4 says ExecutionFailed."""
    neo_limited.run("CREATE (:U {id: 1}), (:Count {n: 0})")
    held = Held(limited, "MATCH (n:U {id: 1}) SET n.held = true")
    command, expected = {
        "command": ("MATCH (n:U {id: 1}) SET n.v = 1", TRANSIENT + "Transaction.LockAcquisitionTimeout"),
        "schema": ("CREATE CONSTRAINT h_u FOR (n:U) REQUIRE n.id IS UNIQUE", line.lock_in_schema)}[what]
    with pytest.raises(CypherError) as alone:
        neo_limited.run(command)
    assert alone.value.code == expected
    topics.commands(counted(20) + [command] + counted(20))
    agent = db_sync(limited, args=("run", "--adopt", "0"))
    seen = set()
    until("more tries than a command gets alone", lambda: seen.update(blocked(neo_limited)) or len(seen) >= 5, 90, every_s=0.02)
    assert agent.alive and neo_limited.offset() <= 20
    held.end()
    applied(neo_limited, topics)
    assert neo_limited.one("MATCH (g:G) RETURN count(g)") == 40
    assert int(agent.wait_event("neo4j_free")[0]["attempts"]) >= 3
    no_letters(topics)


def test_terminated(topics, server_a, neo_a, db_sync, line):
    """An operator ends db_sync's transaction, at work and in the wait for a lock, again and again."""
    neo_a.run("CREATE (:U {id: 1, n: 1})")
    agent = db_sync(server_a, args=("run", "--adopt", "0"))
    agent.wait_event("position")
    set_work(neo_a, HOURS)
    topics.commands([SLOW])
    for turn in range(4):
        ident = until("the transaction", lambda: neo_a.transactions("Work"))[0]
        if turn == 3:
            set_work(neo_a, NO_TIME)
        terminate(neo_a, ident)
        until("its end", lambda: ident not in neo_a.transactions("Work"))
    codes = {line.terminated}
    applied(neo_a, topics)
    held = Held(server_a, "MATCH (n:U {id: 1}) SET n.held = true")
    topics.commands(["MATCH (n:U {id: 1}) SET n.v = 1"])
    for turn in range(4):
        ident = until("the wait for the lock", lambda: blocked(neo_a)).pop()
        terminate(neo_a, ident)
        until("its end", lambda: ident not in blocked(neo_a))
    held.end()
    codes.add(line.stopped_in_lock)
    applied(neo_a, topics)
    assert neo_a.one("MATCH (n:U) RETURN n.v") == 1
    assert neo_a.one("MATCH (s:Slow) RETURN count(s)") == 1
    seen = set(re.findall(r"Neo\.\w+\.\w+\.\w+", agent.log))
    assert codes <= seen and {class_of(c) for c in codes} == {"RETRY"}, seen
    no_letters(topics)


def test_deadlock(topics, server_a, neo_a, db_sync):
    """Neo4j ends the one with fewer locks: db_sync, here."""
    neo_a.run("CREATE (:L {id: 1}), (:L {id: 2}), (:L {id: 3}) WITH 1 AS x UNWIND range(1, 500) AS i CREATE (:Many)")
    lock = "MATCH (n:L {id: %d}) SET n.v = coalesce(n.v, 0) + 1"
    agent = db_sync(server_a, args=("run", "--adopt", "0"))
    agent.wait_event("position")
    one, other = Held(server_a, lock % 1, "MATCH (n:Many) SET n.v = 1"), Held(server_a, lock % 3)
    topics.commands([{"commands": [{"command": lock % i} for i in (2, 3, 1)]}])
    until("db_sync to wait for 3", lambda: len(blocked(neo_a)) == 1)
    thread = threading.Thread(target=one.run, args=(lock % 2,))
    thread.start()
    until("the other to wait for 2", lambda: len(blocked(neo_a)) == 2)
    other.end()
    agent.wait_event("neo4j_busy")
    assert "Neo.TransientError.Transaction.DeadlockDetected" in agent.log
    assert class_of("Neo.TransientError.Transaction.DeadlockDetected") == "RETRY"
    thread.join()
    one.end()
    applied(neo_a, topics)
    assert neo_a.one("MATCH (n:L) WITH n.v AS v ORDER BY v RETURN collect(v)") == [1, 1, 1]
    no_letters(topics)


def test_stopped_under_load(topics, server_a, neo_a, server_b, neo_b, db_sync):
    """An orderly stop gives other codes than a kill; none of them condemns a command."""
    commands = [*SCENE, "CREATE INDEX g_i FOR (g:G) ON (g.i)", *counted(3000)]
    agent = db_sync(server_a, BATCH_COUNT=7)
    topics.commands(commands)
    until("commands to be applied", lambda: (neo_a.offset() or 0) > 500)
    server_a.restart()
    assert agent.alive, agent.log[-3000:]
    applied(neo_a, topics)
    apply_in_one(neo_b, commands)
    check_equal(neo_a, neo_b)
    no_letters(topics)


def apply_in_one(neo, commands):
    """For commands that cannot fail: the oracle, quicker."""
    apply_one_by_one(neo, commands[:4])
    for i in range(4, len(commands), 1000):
        neo.transaction([c if isinstance(c, tuple) else (c, {}) for c in commands[i:i + 1000]])


# ------------------------------------------------------------ settings


def test_wrong_password_and_rate_limit(topics, limited, neo_limited, db_sync):
    assert class_of("Neo.ClientError.Security.Unauthorized") == "CONFIG"
    agent = db_sync(limited, NEO4J_PASS="wrong-one")
    assert agent.wait_exit() == 3 and "Neo.ClientError.Security.Unauthorized" in last_error(agent)
    for _ in range(4):
        requests.post(neo_limited.url, json={"statements": []}, auth=(limited.user, "wrong-two"), timeout=10)
    topics.commands(["CREATE (:X)"])
    agent = db_sync(limited)  # the right one, and too early
    agent.wait_event("neo4j_busy")
    assert "Neo.ClientError.Security.AuthenticationRateLimit" in agent.log
    assert class_of("Neo.ClientError.Security.AuthenticationRateLimit") == "RETRY"
    agent.wait_event("neo4j_free")
    applied(neo_limited, topics)


def test_database_missing(topics, server_a, neo_a, db_sync):
    agent = db_sync(server_a, NEO4J_DATABASE="nowhere")
    assert agent.wait_exit() == 3 and "Neo.ClientError.Database.DatabaseNotFound" in last_error(agent)
    assert class_of("Neo.ClientError.Database.DatabaseNotFound") == "CONFIG"


def test_memory_limit_and_read_only(topics, limited, neo_limited, db_sync, server_b, neo_b, line):
    """Batches get smaller until they fit; what does not fit alone halts it; more memory, and on it goes.
    The last test of this server, which it leaves with other settings."""
    commands = [("UNWIND range(1, 300) AS i CREATE (:M {c: $c, i: i, t: 'some text'})", {"c": c}) for c in range(120)]
    hog = len(commands)
    commands += ["UNWIND range(1, 1000000) AS i WITH collect(i) AS l CREATE (:Hog {n: size(l)})", "CREATE (:Last)"]
    with pytest.raises(CypherError) as alone:
        neo_limited.run(commands[hog])
    assert alone.value.code == line.memory and class_of(line.memory) == "SHRINK"
    apply_one_by_one(neo_b, commands)
    topics.commands(commands)
    agent = db_sync(limited)
    halted(agent, hog, neo_limited, line.memory, line.memory_setting, f"db_sync skip {hog}")
    smaller = [int(e["commands"]) for e in agent.events("batch_too_large")]
    assert max(smaller) > 1 and smaller[-3:] == [1, 1, 1], smaller
    no_letters(topics)
    limited.extra_conf = {**line.conf(), line.memory_setting: "0", **line.read_only()}
    limited.restart()
    agent = db_sync(limited)  # a setting in the way, at start
    assert agent.wait_exit(60) == 3, agent.log[-3000:]
    code = re.search(r"Neo\.\w+\.\w+\.\w+", last_error(agent)).group()
    assert code.split(".")[-1] in ("ForbiddenOnReadOnlyDatabase", "WriteOnReadOnlyAccessDatabase")
    assert class_of(code) == "CONFIG"
    limited.extra_conf = {**line.conf(), line.memory_setting: "0"}
    limited.restart()
    agent = db_sync(limited)
    applied(neo_limited, topics)
    check_equal(neo_limited, neo_b)
    no_letters(topics)


# ------------------------------------------------------------ said by a proxy


def test_scripted(topics, server_a, neo_a, db_sync, through):
    """Every row of the table that is no POISON in the middle of the work, where a server gives it or
    not: twice in a row, which is less than a command gets alone."""
    proxy, said = through(server_a), []
    table = [(p + ("SomethingNew" if p.endswith(".") else ""), kind) for p, kind in rows()[0]]
    script = [(code, "") for code, kind in table if kind in ("RETRY", "CONFIG", "SHRINK", "UNKNOWN") for _ in range(2)]
    script += [(code, message) for code, message, _ in rows()[1] for _ in range(2)]

    def rule(request, when):
        if request.kind != "commit" or when != "before" or not script:
            return None
        said.append(len(said) % 3 < 2)  # the third time the server itself answers
        return error(*script.pop(0)) if said[-1] else None

    proxy.rule = rule
    agent = db_sync(proxy, BATCH_COUNT=1)
    commands = [*SCENE, *counted(100)]
    topics.commands(commands)
    applied(neo_a, topics)
    assert not script and agent.alive
    assert neo_a.one("MATCH (g:G) RETURN count(g)") == 100
    assert neo_a.one("MATCH (c:Count) RETURN c.n") == sum(range(100))
    no_letters(topics)


@pytest.mark.parametrize("really", [True, False])
def test_commit_failed(really, topics, server_a, neo_a, db_sync, through):
    """TransactionCommitFailed says nothing: the position tells whether it committed. Refused three
    times, it is the data that refuse it."""
    code, proxy = "Neo.DatabaseError.Transaction.TransactionCommitFailed", through(server_a)

    def rule(request, when):
        mine = request.kind == "commit" and any("Bad" in s["statement"] for s in request.statements)
        return error(code) if mine and when == ("after" if really else "before") else None

    proxy.rule = rule
    topics.commands([*SCENE, "CREATE (:Bad)", *counted(5)])
    db_sync(proxy)
    applied(neo_a, topics)
    assert [(o, c) for o, c, _ in topics.dead_letters()] == ([] if really else [(3, code)])
    assert neo_a.one("MATCH (b:Bad) RETURN count(b)") == (1 if really else 0)
    assert neo_a.one("MATCH (g:G) RETURN count(g)") == 5


ALONE = 3  # statements: one command between the two of the position


def test_http_500(topics, server_a, neo_a, db_sync, agent_env, through):
    """A fault of the server may pass: more tries than three, no dead letter. Should it stay:
    db_sync halts, after minutes, and names the way past it."""
    proxy, stays, tries = through(server_a), scaled(False, True), []

    def rule(request, when):
        if when != "before" or "Bad" not in json.dumps(request.statements) or (tries.count(ALONE) == 3 and not stays):
            return None
        tries.append(len(request.statements))
        return 500, b""

    proxy.rule = rule
    topics.commands([*SCENE, "CREATE (:Bad)", *counted(5), "CREATE (:Last)"])
    agent = db_sync(proxy)
    if stays:
        halted(agent, 3, neo_a, "db_sync skip 3", "HTTP 500", deadline_s=240)
        skipped = run("db_sync", ["skip", "3"], agent_env(server_a, "a"))
        assert skipped.returncode == 0, skipped.stderr
        db_sync(proxy)
    applied(neo_a, topics)
    assert tries.count(ALONE) == scaled(3, 10), tries
    assert [(o, c) for o, c, _ in topics.dead_letters()] == ([(3, "command.skipped")] if stays else [])
    assert neo_a.one("MATCH (n) WHERE n:Last OR n:G OR n:Bad RETURN count(n)") == (6 if stays else 7)


# ------------------------------------------------------------ schema commands


# Schema commands in the order of one log, and whether they are killed at ci scale too.
SCHEMA = [
    ("CREATE INDEX k_i FOR (s:S) ON (s.k)", True),
    ("CREATE INDEX k_i FOR (s:S) ON (s.k)", True),  # exists, and not by this command: dead letter
    ("CREATE INDEX k_i FOR (t:T) ON (t.k)", False),  # the name is taken
    ("CREATE INDEX k_j IF NOT EXISTS FOR (s:S) ON (s.k)", False),
    ("DROP INDEX k_i", False),
    ("DROP INDEX k_i", False),
    ("CREATE CONSTRAINT k_u FOR (s:S) REQUIRE s.k IS UNIQUE", False),
    ("CREATE CONSTRAINT k_u FOR (s:S) REQUIRE s.k IS UNIQUE", False),
    ("CREATE CONSTRAINT k_d FOR (d:D) REQUIRE d.k IS UNIQUE", False),  # the data forbid it
    ("DROP CONSTRAINT k_u", False),
    ("DROP CONSTRAINT k_u", False),
]
# The steps in their order; before: the server never hears of it; after: it has done it. Between two
# requests nothing else happens, so these are all the gaps there are; those of ci leave out which
# differ from their neighbour in nothing that outlives the process.
STEPS = [(kind, when) for kind in ("intent", "command", "await", "commit")
         for when in scaled(("after",), ("before", "after"))]


def test_schema_commands_killed_at_each_step(topics, server_a, neo_a, server_b, neo_b, db_sync, through):
    """kill -9 at every step of every schema command, one after the other. What exists because of the
    command that was killed is success, what exists for another reason a dead letter."""
    commands = ["CREATE (:S {k: 1}), (:D {k: 1}), (:D {k: 1})"]
    for i, (text, _) in enumerate(SCHEMA):
        commands += [text, f"CREATE (:S {{k: {i + 2}}})", f"MATCH (s:S {{k: 1}}) CREATE (:E {{i: {i}, s: s.k}})"]
    failed = apply_one_by_one(neo_b, commands)
    topics.commands(commands)
    proxy, box, started = through(server_a), {}, threading.Lock()

    def rule(request, when):
        with started:
            step = box.get("step")
        if step is None or (request.kind, when) != step[1:] or request.offset not in (None, step[0]):
            return None
        if request.kind == "command" and request.text != commands[step[0]]:
            return None
        box["step"] = None
        box["agent"].kill()
        box["hit"].set()
        return CUT

    proxy.rule = rule
    kills = 0
    for offset, (text, always) in zip(range(1, len(commands), 3), SCHEMA):
        fails = offset in dict(failed)
        for step in STEPS if scaled(always, True) else ():
            if fails and step[0] == "await":
                continue  # there is nothing to wait for
            with started:  # the rule must know whom to kill
                box.update(step=(offset, *step), hit=threading.Event())
                box["agent"] = agent = db_sync(proxy, BATCH_COUNT=1)
            assert box["hit"].wait(30), f"{step} of {commands[offset]} never came; {agent.log[-2000:]}"
            kills += 1
            done = neo_a.offset() > offset
            assert done == (step == ("commit", "after")), f"{step} of {commands[offset]}: position {neo_a.offset()}"
    db_sync(proxy)
    applied(neo_a, topics)
    check_equal(neo_a, neo_b)
    assert [(o, c) for o, c, _ in topics.dead_letters()] == failed
    assert kills == scaled(7, 76)


@pytest.mark.parametrize("command", scaled(
    ["CREATE INDEX r_x FOR (s:S) ON (s.k)"],
    ["CREATE INDEX r_x FOR (s:S) ON (s.k)", "CREATE CONSTRAINT r_x FOR (s:S) REQUIRE s.k IS UNIQUE"]))
def test_schema_command_arrives_when_its_sender_died(command, topics, server_a, neo_a, db_sync, through):
    """The first sender's request is held up until the next sender has looked at the schema and repeats
    it. The repeat hears that the thing exists, and that is success: the schema is no longer that of
    the intent. The same command again has no such excuse."""
    topics.commands(["CREATE (:S {k: 1})", command, "CREATE (:S {k: 2})", command])
    proxy, first_may_go, first_is_done, held = through(server_a), threading.Event(), threading.Event(), []

    def rule(request, when):
        if request.text != command or first_is_done.is_set():
            return None
        if when == "after":
            first_is_done.set()
        else:
            held.append(request)
            if len(held) == 1:
                first_may_go.wait(60)
            else:
                first_may_go.set()
                first_is_done.wait(60)
        return None

    proxy.rule = rule
    first = db_sync(proxy)
    until("the command", lambda: len(held) == 1)
    first.kill()
    db_sync(proxy)
    applied(neo_a, topics)
    assert len(held) == 2 and held[0].text == held[1].text == command
    assert [(o, c) for o, c, _ in topics.dead_letters()] == [(3, CLIENT + "Schema.EquivalentSchemaRuleAlreadyExists")]
    assert neo_a.one("MATCH (s:S) RETURN count(s)") == 2
    assert {name for _, name, *_ in schema(neo_a)} == {"r_x"}


def test_two_senders_of_a_schema_command_wait_for_one_lock(topics, server_a, neo_a, db_sync, through):
    """Both requests wait in the server at once: it may call that a deadlock, which is no verdict."""
    neo_a.run("CREATE (:S {k: 1})")
    held = Held(server_a, "MATCH (s:S) SET s.held = true")
    command = "CREATE CONSTRAINT r_u FOR (s:S) REQUIRE s.k IS UNIQUE"
    topics.commands([command, "CREATE (:S {k: 2})", command])
    proxy = through(server_a)
    first = db_sync(proxy, args=("run", "--adopt", "0"))
    until("the command to wait for the lock", lambda: len(blocked(neo_a)) == 1)
    first.kill()
    db_sync(proxy)
    until("its repeat to wait too", lambda: len(blocked(neo_a)) == 2)
    held.end()
    applied(neo_a, topics)
    # the third command has no such excuse
    assert [(o, c) for o, c, _ in topics.dead_letters()] == [(2, CLIENT + "Schema.EquivalentSchemaRuleAlreadyExists")]
    assert neo_a.one("MATCH (s:S) RETURN count(s)") == 2
    assert [name for _, name, *_ in schema(neo_a)] == ["r_u", "r_u"]
