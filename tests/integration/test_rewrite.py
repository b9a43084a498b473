# SPDX-License-Identifier: Apache-2.0
"""Commands that are sent as templates with parameters, many in one statement, do what they do one by one. Each case
holds a trap that was seen on a real server: it gives another graph, or another outcome, when it is done wrong."""

import pytest
import stack
from neo import Neo, graph
from oracle import apply_one_by_one
from programs import run
from replica import applied, check_equal
from wait import until

PLAIN = [f"MERGE (n:P {{id: {i % 7}}}) SET n.v = {i}, n.s = 'x{i}'" for i in range(40)]


def mixed(*texts, n=30):
    """Each text n times in turn, {i} counted up, behind templates that are in use already."""
    return PLAIN + [t.replace("{i}", str(i)) for i in range(n) for t in texts]


TRAPS = {
    # three CALLs in a row: template by template, another graph
    "order between templates": mixed("MERGE (c:C {id: 1}) SET c.v = {i}", "MATCH (c:C {id: 1}) SET c.w = c.v + 0", "MATCH (c:C {id: 1}) CREATE (:Seen {v: c.w, i: {i}})"),
    # an aggregation over no rows yields a row: it would run for every command
    "aggregation leaks": mixed("MATCH (n:None {id: {i}}) WITH count(n) AS c CREATE (:Count {c: c, i: {i}})", "CREATE (:Other {i: {i}})"),
    "aggregate beside a value": mixed("MATCH (n:None) WITH count(n) + {i} AS c CREATE (:Sum {c: c})", "CREATE (:Other {i: {i}})"),
    "aggregate beside a parameter": PLAIN + [("MATCH (n:None) WITH count(n) + $a AS c CREATE (:Sum {c: c})", {"a": i}) for i in range(40)],
    "a missing parameter": PLAIN + [("CREATE (:X {v: $v})", {"v": i} if i % 9 else {}) for i in range(40)],
    "a parameter that stands twice": PLAIN + [(f"CREATE (:X {{v: $a, w: ${'ab'[i > 15]}}})", {"a": i, "b": -i}) for i in range(40)],
    # one template alone has no guards: each row must see what those before it did
    "one template that reads what it wrote": [f"MATCH (n) WITH count(n) AS c CREATE (:Count {{c: c, i: {i}}})" for i in range(60)],
    "one template that doubles": [f"MATCH (a:A) CREATE (:A {{v: {i}}})" if i else "CREATE (:A {v: 0})" for i in range(12)] +
                                 [f"MATCH (a:A {{v: 0}}) WHERE NOT EXISTS {{ (a)-->() }} SET a.n = coalesce(a.n, 0) + {i}" for i in range(60)],
    "one counter": [f"MERGE (c:C {{id: {i % 2}}}) ON CREATE SET c.n = 1 ON MATCH SET c.n = c.n + 1, c.last = {i}" for i in range(60)],
    # all variables, beside others: our own would group
    "all variables": mixed("MATCH (:None {a: {i}}) WITH *, count(*) AS c CREATE (:X {c: c, i: {i}})", "MATCH (n:P {id: 1}) WHERE EXISTS { MATCH (:None {a: {i}}) WITH *, count(*) AS c WHERE c = 0 RETURN c } SET n.e = {i}",
                           "CREATE (:S {e: COUNT { MATCH (:None {a: 5}) WITH *, count(*) AS c RETURN c }, i: {i}})", "MATCH (:P {id: 1})-[:NOPE]->() WITH *, count(*) AS c MERGE (x:All) SET x.n = coalesce(x.n, 0) + 1"),
    # 5.26 loses its place in a scan of all relationships, where the transaction has made some of them
    "all relationships": [c for i in range(12) for c in (*(f"CREATE (:A {{i: {i}}})-[:R {{i: {j}}}]->(:B)" for j in range(8)), (
        "MATCH ()-[r]->() DELETE r", f"MATCH (a:A)-[r]->(b) MERGE (a)-[:S {{i: {i}}}]->(b)", f"MATCH (x)-->(:B) WHERE x.i <= {i} DETACH DELETE x",
        "MATCH ()-[r:!S]->() DELETE r")[i % 4])],
    # a map of a parameter has another order
    "keys of maps": mixed("UNWIND [{zeta: {i}, alpha: 2, mid: 3}] AS m CREATE (:K {k: keys(m), i: {i}})", "CREATE (:Other {i: {i}})"),
    "UNION without RETURN": mixed("CREATE (:A {x: {i}}) UNION ALL CREATE (:B {x: 1})", "CREATE (:Other {i: {i}})"),
    "names of ours": mixed("CREATE (:X {v: __clt, i: {i}})", "CREATE (:X {v: __clr[0], i: {i}})", "CREATE (:X {v: r, i: {i}})"),
    # refused with literals, run with parameters
    "type errors": mixed("MATCH (n:None) WHERE 'x' IN {i} SET n.v = 1", "MATCH (n:None) WHERE n.v = {i} AND 'abc' SET n.v = 1",
                         "MATCH (n:None) SET n.v = {i} + true", "FOREACH (q IN {i} | CREATE (:Q))", "CREATE (:Good {i: {i}})"),
    "values that the compiler checks": mixed("MATCH (n:None) SET n.v = toBoolean({i}.5)", "MATCH (n:None) WITH percentileDisc(n.x, {i}.5) AS p CREATE (:Q {p: p})",
                                             "MATCH (n:None) SET n.v = {i} / 0", "MATCH (n:None) SET n.v = 9223372036854775807 + {i}"),
    "1 and 1.0": mixed("CREATE (:N {v: {i}})", "CREATE (:N {v: {i}.0})", "CREATE (:N {v: -{i}})", "CREATE (:N {l: [{i}, {i}.5]})", "MATCH (n:N {v: {i}}) SET n.hit = {i}.0"),
    "the least integer": mixed("CREATE (:N {v: -9223372036854775808, i: {i}})", "CREATE (:N {v: 9223372036854775807, i: {i}})", "CREATE (:N {v: 9223372036854775808, i: {i}})"),
    "numbers that are none": mixed("CREATE (:N {v: 017, i: {i}})", "CREATE (:N {v: 0x1F, i: {i}})", "CREATE (:N {v: 1e999, i: {i}})", "CREATE (:N {v: 1_0, i: {i}})"),
    "strings": mixed("CREATE (:S {v: 'it\\'s {i}'})", "CREATE (:S {v: \"\\\\u0041 \\q {i}\"})", "CREATE (:S {v: 'a\\u0041{i}'})", "CREATE (:S {v: '// {i}'})", "CREATE (:S {v: 'it''s {i}'})"),
    "RETURN": mixed("MERGE (n:Q {id: {i}}) RETURN n", "MERGE (n:Q {id: {i}}) RETURN n.id", "MATCH (n:Q) RETURN n.id AS x ORDER BY x LIMIT 1", "MATCH (n:None {id: {i}}) RETURN n"),
    "UNION": mixed("CREATE (n:U {id: {i}}) RETURN n.id AS x UNION CREATE (n:V {id: {i}}) RETURN n.id AS x", "CREATE (:W {id: {i}})"),
    "unique keys deleted and made anew": ["CREATE CONSTRAINT q_id FOR (q:Q) REQUIRE q.id IS UNIQUE"] + mixed(
        "MERGE (q:Q {id: 1}) SET q.n = {i}", "MATCH (q:Q {id: 1}) DETACH DELETE q", "CREATE (:Q {id: 1, n: {i}})", "CREATE (:Q {id: 1, twice: {i}})", "MATCH (q:Q {id: 1}) SET q.id = 2",
        "MATCH (q:Q {id: 2}) DETACH DELETE q"),
    # behind FINISH nothing may stand
    "FINISH": mixed("MERGE (n:F {id: {i}}) SET n.v = {i} FINISH", "CREATE (:Other {i: {i}})"),
    "null as a key": mixed("MERGE (n:M {id: null, i: {i}})", "MERGE (n:M {id: {i}})"),
    "failures at run time": mixed("MATCH (n:P {id: 1}) SET n.v = 1 / (n.v - n.v), n.i = {i}", "MATCH (n:P {id: 2}) SET n.d = date('2020-{i}-01')", "MATCH (n:P {id: 3}) SET n.l = [1, 'a', {i}]",
                                  "MATCH (n:P {id: 4}) SET n = null, n.i = {i}", "CREATE (:Good {i: {i}})"),
    "delete at commit": mixed("MERGE (a:D {id: 1}) MERGE (b:D {id: 2}) MERGE (a)-[:R {i: {i}}]->(b)", "MATCH (a:D {id: 1}) DELETE a", "MATCH (b:D {id: 2}) DETACH DELETE b"),
    "schema commands between": [c for i in range(4) for c in PLAIN + [f"CREATE INDEX i{i} FOR (n:P) ON (n.p{i})"]],
    "no literal": mixed("MATCH (n:P) SET n.c = coalesce(n.c, 0) + 1", "MATCH (n:P) WITH count(n) AS c MERGE (s:Sum) SET s.c = coalesce(s.c, 0) + c"),
    "whole graph": mixed("MATCH (n) SET n.touched = {i}", "MATCH (n) WITH count(n) AS c CREATE (:Count {c: c, i: {i}})", n=12),
    "subqueries": mixed("MATCH (n:P {id: 1}) CALL { WITH n MATCH (m:P {id: {i}}) SET m.x = n.v } SET n.y = {i}", "UNWIND [1, {i}] AS x CALL { WITH x CREATE (:Sub {x: x}) RETURN 1 AS one } SET x.y = 1",
                        "MATCH (n:P) WHERE EXISTS { MATCH (n) WHERE n.v > {i} } SET n.above = {i}"),
    # refused where the server sees what it is, no error where it is a row's value and there are no rows
    "a map behind SET": PLAIN + [("MATCH (n:None) SET n = $a", {"a": {"v": i} if i < 40 or i % 2 else i}) for i in range(60)],
    # an alias that is a clause's word ends no projection: a value beside an aggregate would group
    "names like clauses": mixed("MATCH (n:None) WITH count(n) AS on, count(n) + {i} AS c CREATE (:Sum {c: c})", "MATCH (n:None) WITH count(n) AS set, count(n) = {i} AS c CREATE (:Sum {c: c})",
                                "MATCH (n:None) WITH count(n) AS where, count(n) > {i} AS c CREATE (:Sum {c: c})", "CREATE (:Other {i: {i}})", n=15),
    "parameters like ours": PLAIN + [("CREATE (:X {v: $a, w: $a, x: 5})", {"a": i, **({"__cl0": "x", "__clr": [[1]]} if i % 3 == 0 else {})}) for i in range(40)],
    "dynamic": mixed("MATCH (n:P {id: 1}) SET n['k{i}'] = {i}", "MATCH (n:P)-[:R*1..{i}]->(m) SET m.far = {i}", "MATCH (n:P) WITH n ORDER BY n.id LIMIT 2 SET n.first = {i}"),
}


@pytest.mark.parametrize("trap", TRAPS, ids=lambda t: t.replace(" ", "-"))
def test_same_as_one_by_one(trap, topics, server_a, neo_a, neo_b, db_sync, neo4j_version):
    commands = TRAPS[trap]
    failed = apply_one_by_one(neo_b, commands)
    topics.commands(commands)
    agent = db_sync(server_a, LOG_LEVEL="debug")
    applied(neo_a, topics)
    check_equal(neo_a, neo_b)
    assert [(offset, code) for offset, code, _ in topics.dead_letters()] == failed
    hidden = neo4j_version == "4.4" and trap == "one template that reads what it wrote"  # its own WITH hides the row's values there
    assert bool(agent.events("templates")) != hidden
    assert agent.stop() == 0


def compiled_before(server, *commands):
    """Neo4j has them, and what is made of them, in its cache: db_sync spends only so much time on new templates, and a
    slow machine would not have judged all of them when the forms of this test are to be seen."""
    for text in commands:
        said = run("db_sync", ["explain", text], {"NEO4J_URI": server.http_uri, "NEO4J_PASS": server.password})
        assert said.returncode == 0, said


@pytest.fixture
def neo_25(servers_dir):
    """A server whose language is Cypher 25 where a command names none."""
    server = stack.Neo4j(servers_dir / "neo4j-25", "neo4j-25", version="2026", extra_conf={"db.query.default_language": "CYPHER_25"}).start()
    yield Neo(server.http_uri, server.user, server.password), server
    server.kill()


def test_next_of_cypher_25(topics, neo_25, db_sync):
    """Behind NEXT stands what follows in the text, in a branch of many too: taken for an ordinary template it gives another graph."""
    neo, server = neo_25
    commands = mixed("CREATE (:X {v: {i}}) NEXT CREATE (:Y {v: {i}})", "MERGE (n:P {id: 1}) SET n.v = {i} RETURN n NEXT SET n.w = {i}",
                     "MERGE (n:P {id: 1}) RETURN n.v AS v NEXT CREATE (:Z {v: v, i: {i}})", "CREATE (:Other {i: {i}})", n=60)[len(PLAIN):]
    assert apply_one_by_one(neo, commands) == []
    expected = graph(neo)
    neo.wipe()
    compiled_before(server, *commands[:4])
    topics.commands(commands)
    agent = db_sync(server, LOG_LEVEL="debug", BATCH_COUNT=50)
    applied(neo, topics)
    assert graph(neo) == expected
    forms = [e["form"] for e in agent.events("applied")]
    assert forms.count("coalesced") >= 2, forms  # the last few may be too few to go together
    assert agent.stop() == 0


def test_text_index_is_not_lost(topics, server_a, neo_a, db_sync):
    """A row's value seeks no TEXT index where a literal does: such a template goes by itself."""
    neo_a.run("CREATE TEXT INDEX t FOR (n:T) ON (n.s)")
    neo_a.run("UNWIND range(1, 2000) AS i CREATE (:T {s: 'text ' + i})")
    neo_a.run("CALL db.awaitIndexes()")
    topics.commands([f"MATCH (n:T) WHERE n.s = 'text {i}' SET n.hit = {i}" for i in range(1, 60)])
    agent = db_sync(server_a, LOG_LEVEL="debug", args=("run", "--adopt", "0"))
    applied(neo_a, topics)
    states = [e["state"] for e in agent.events("template")]
    assert states == ["trusted"], states
    assert neo_a.one("MATCH (n:T) WHERE n.hit IS NOT NULL RETURN count(n)") == 59


def test_templates_used_alike_are_not_compiled_again_and_again(topics, server_a, neo_a, db_sync):
    """More hot templates than go into one statement: others in the place of those that are there would be no better."""
    topics.commands([f"CREATE (:L {{p{i % 40}: {i}}})" for i in range(14_000)])
    agent = db_sync(server_a, LOG_LEVEL="debug")
    applied(neo_a, topics)
    assert neo_a.one("MATCH (l:L) RETURN count(l)") == 14_000
    assert 1 <= len(agent.events("templates")) <= 2


def test_templates_that_came_a_little_later_wait_not_for_long(topics, server_a, neo_a, db_sync):
    """The first statement for many holds what the first batch has; a log begins with what stood there when it was opened."""
    compiled_before(server_a, *(f"CREATE (:{label} {{i: 1}})" for label in "ABC"))
    topics.commands([f"CREATE (:A {{i: {i}}})" for i in range(60)])
    agent = db_sync(server_a, LOG_LEVEL="debug")
    applied(neo_a, topics)
    topics.commands([f"CREATE (:{'ABC'[i % 3]} {{i: {i}}})" for i in range(3_000)])
    applied(neo_a, topics)
    assert [e["branches"] for e in agent.events("templates")] == ["1", "3"]
    assert neo_a.one("MATCH (n:C) RETURN count(n)") == 1_000


def test_a_template_that_does_not_go_beside_others(topics, server_a, neo_a, neo_b, db_sync, neo4j_version):
    """shortestPath() and SHORTEST pass as the only branch, but not in one statement: one of them stays out, and the others go on."""
    shapes = ("MERGE (n:P {id: {i}}) SET n.v = {i}", "MERGE (n:Q {id: {i}})", "MATCH p = shortestPath((a:P {id: {i}})-[*..2]-(b:Q {id: {i}})) SET a.w = 1",
              "MATCH p = SHORTEST 1 (a:P {id: {i}})-[:R]-+(b:Q {id: {i}}) SET a.x = 1", "MATCH (a:P {id: {i}}), (b:Q {id: {i}}) MERGE (a)-[:R]->(b)")
    commands = [t.replace("{i}", str(i % 50)) for begin in range(0, 200, 25) for t in shapes for i in range(begin, begin + 25)]
    failed = apply_one_by_one(neo_b, commands)
    compiled_before(server_a, *commands[:125:25])
    topics.commands(commands)
    agent = db_sync(server_a, BATCH_COUNT=100, ORDER_DEPENDENCE="allow")
    applied(neo_a, topics)
    check_equal(neo_a, neo_b)
    assert [(offset, code) for offset, code, _ in topics.dead_letters()] == failed
    assert {e["state"] for e in agent.events("template")} == ({"branch", "fails"} if neo4j_version == "4.4" else {"branch"})  # 4.4 knows no SHORTEST
    assert [e["form"] for e in agent.events("applied")].count("coalesced") >= 2, agent.events("applied")


MANY = ["MERGE (n:P {id: {i}}) SET n.v = {i}, n.s = 'x{i}'", "MATCH (n:P {id: {i}}) SET n.born = date('1990-01-{d}')", "MATCH (n:P {id: {i}}) DETACH DELETE n",
        "MERGE (a:P {id: {i}}) MERGE (b:P {id: 5}) MERGE (a)-[:R {i: {i}}]->(b)", "MATCH (n:P {id: {i}})--(m) RETURN m.id AS id",
        "MATCH (n:P {id: {i}}) WITH n, n.v AS v WHERE v > 3 SET n.old = v"]


def is_for_many(statement):
    return statement["statement"].startswith("CYPHER runtime=slotted UNWIND")


BEGIN = 600  # a batch begins here


@pytest.mark.parametrize("told", ["as it is", "nothing"])
def test_a_failure_among_many(told, topics, server_a, neo_a, neo_b, db_sync, through):
    """What a statement for many tells of a failure leaves some 32 commands to go one by one. If it told the wrong place,
    nothing would come of it but more requests."""
    commands = [MANY[i % 6].replace("{i}", str(i % 9)).replace("{d}", f"{i % 28 + 1:02}") for i in range(1200)]
    commands[700] = MANY[1].replace("{i}", "5").replace("{d}", "32")
    commands[699] = MANY[0].replace("{i}", "5")
    # The failure is 100 commands behind the beginning of its batch, however the records arrive: among the first 32 it
    # would be found even if nothing were told. So a command that ends a transaction precedes the batch, nothing is
    # committed before all was read, of which the last command's warning tells, and no time makes batches smaller.
    commands[BEGIN - 1] = "MATCH (n:None) DELETE n"
    commands[-1] = "MATCH (n:None) WITH n LIMIT 1 SET n.v = 1"
    failed = apply_one_by_one(neo_b, commands)
    assert [offset for offset, _ in failed] == [700]
    compiled_before(server_a, *commands[:6])
    topics.commands(commands)
    proxy = through(server_a)

    def rule(request, when):
        if when == "before":
            if request.kind == "commit" and len(request.statements) > 2:
                until("the last command to be read", lambda: agent.events("nondeterministic"))
            return None
        if told == "as it is" or not any(is_for_many(s) for s in request.statements):
            return None
        status, content, kind = request.answer
        return status, b"".join(line for line in content.splitlines(True) if not line.lstrip(b"\x1e").startswith(b'{"data"')), kind

    proxy.rule = rule
    agent = db_sync(proxy, args=("run", "--adopt", "0"), BATCH_TIME="5m")
    applied(neo_a, topics)
    check_equal(neo_a, neo_b)
    assert [(offset, code) for offset, code, _ in topics.dead_letters()] == failed
    commits = [r for r in proxy.requests if r.kind == "commit" and r.offset >= BEGIN]
    joint = commits[0].statements[1]
    assert is_for_many(joint) and len(joint["parameters"]["__clr"]["rows"]) >= 500
    singly = [sum(not is_for_many(s) for s in r.statements) - 2 for r in commits]
    assert (max(singly) <= 32) == (told == "as it is"), singly
    assert len(commits) < 15, singly
