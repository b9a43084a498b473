# SPDX-License-Identifier: Apache-2.0
"""Queries of one shape that go to Neo4j as one statement have the answers that each has by itself: columns, rows, types, order, and
the codes of those that fail. Each trap is a way in which a statement for many would say something else."""

import collections
import random

import pytest
import tck
from conftest import scaled
from endpoint import Metrics, address
from grammar import question_shapes
from neo import CypherError
from replies import WRITE_REFUSED, wait_replies
from values import difference, exactly, from_strict_jolt

GRAPH = """UNWIND range(0, 39) AS i CREATE (:P {id: i, name: 'n' + i, v: i % 7, w: i / 3.0, s: 'text ' + (i % 5), l: [i, i + 1], on: date('2020-01-01') + duration({days: i}),
    odd: CASE WHEN i % 10 = 3 THEN [0.0 / 0.0] ELSE [1.5] END})
WITH count(*) AS c MATCH (a:P), (b:P) WHERE b.id IN [(a.id * 7) % 40, (a.id * 3 + 1) % 40] CREATE (a)-[:K {w: a.id + b.id}]->(b)"""
KEYED = ["UNWIND [0, 1, 2, 3, 4, 'a', '1', true] AS k CREATE (n:K {id: k, c: 1, v: k, s: toString(k)}) WITH n WHERE n.id IN [0, 2] CREATE (n)-[:R {v: n.id}]->(:C {v: n.id})",
         "CREATE (:M {id: 1, c: 5})"]


def of(*texts, n=12):
    """Each text n times, {i} counted up."""
    return [(t.replace("{i}", str(i)), {}) for i in range(n) for t in texts]


def given(text, *params):
    return [(text, p) for p in params for _ in range(3)]


TRAPS = {
    "no row, one, several": of("MATCH (n:P {id: {i}}) RETURN n.name", "MATCH (n:P {v: {i}}) RETURN n.id AS id ORDER BY id", "MATCH (n:P {id: -{i}}) RETURN n"),
    "aggregation over no rows": of("MATCH (n:P {id: {i}00}) RETURN count(n) AS c", "MATCH (n:P {id: {i}00}) RETURN n.v, count(*)", "MATCH (n:P {v: {i}}) RETURN max(n.id), collect(n.id) AS ids"),
    # a value beside an aggregate would group, and there would be no row where there is one
    "aggregate beside a value": of("MATCH (n:None) RETURN count(n) + {i} AS c", "MATCH (n:None) WITH count(n) + {i} AS c RETURN c") + given("MATCH (n:None) RETURN count(n) + $a AS c", *({"a": i} for i in range(5))) +
                                given("MATCH (n:None) WITH count(*) + $a AS c, $a AS a RETURN c, a", *({"a": i} for i in range(5))),
    "all variables": of("MATCH (n:P {id: {i}}) RETURN *", "MATCH (n:P {v: {i}}) WITH *, count(*) AS c RETURN n.id AS id, c ORDER BY id", "MATCH (n:None {v: {i}}) WITH *, count(*) AS c RETURN c"),
    # the text of an expression is the name of its column
    "names of columns": of("MATCH (n:P {id: {i}}) RETURN n.id  +  n.v, n . name, n.id/* c */-1, -n.v", "MATCH (n:P {id: {i}}) RETURN n.id+1,\n n.`v`, n {.id, .v}, [x IN n.l | x], n:P, `n`",
                           "MATCH (n:P {id: {i}}) RETURN n.id AS `a ``b`, n.v AS `\"`, n.id = 1 AS `ä$x`, true, null, 'it''s' IS NULL", "MATCH (n:P {id: {i}}) RETURN DISTINCT n.v, n.id", "MATCH (n:P {id: {i}}) RETURN n.v AS limit, n.id AS order",
                           "MATCH (n:P {id: {i}}) RETURN CASE WHEN n.v > 2 THEN 'a, b' ELSE n.name END, [1, 2, n.v], {a: n.v, b: [n.id]}, count { (n)-->() }", "MATCH (n:P {id: {i}}) RETURN n.v, n.v AS v, n.v + 0"),
    "order": of("MATCH (n:P) WHERE n.v > {i} RETURN n.id AS id ORDER BY n.w DESC", "MATCH (n:P) WHERE n.v >= {i} RETURN n.v, n.id ORDER BY n.v DESC, n.id", "MATCH (n:P) WHERE n.v <> {i} RETURN n.id ORDER BY n.id % 5, n.id SKIP 2 LIMIT 5",
                "MATCH (n:P {v: {i}}) WITH n ORDER BY n.id DESC LIMIT 2 RETURN collect(n.id) AS ids", "MATCH (n:P) WHERE n.id < {i} RETURN n.id ORDER BY n.id", "MATCH (n:P) WHERE n.id >= {i} RETURN n.id AS i ORDER BY n.id LIMIT 3",
                "MATCH (n:P)-[k:K]->(m) WHERE n.id = {i} RETURN m.id, k.w ORDER BY k.w", "MATCH (n:P) WHERE n.v = {i} RETURN DISTINCT n.s AS s ORDER BY s DESC"),
    "errors of data": of("MATCH (n:P {id: {i}}) RETURN 10 / (n.v - 3) AS x", "MATCH (n:P {id: {i}}) RETURN date(n.name) AS d", "MATCH (n:P) WHERE n.id = {i} AND n.v / (n.id - 5) > 100 RETURN n") +
                      given("MATCH (n:P) WHERE n.id = $i RETURN toInteger(n.l) AS x", *({"i": i} for i in range(4))) + given("UNWIND range(1, 3) AS x MATCH (n:P {id: x / $d}) RETURN n.id", *({"d": i} for i in (1, 0, 2))),
    # refused where the type is seen, silent where it is a row's
    "types": given("MATCH (n:P) WHERE n.id = $a RETURN n.id", *({"a": a} for a in (1, 1.0, "1", None, True, [1], {"a": 1}, 2**53 + 1, -0.0))) + given("MATCH (n:None) WHERE n.v AND $a RETURN n", *({"a": a} for a in (True, 1, "x"))) +
             given("MATCH (n:None) WHERE 'x' IN $a RETURN n", *({"a": a} for a in (["x"], 1, "x"))) + given("MATCH (n:P) WHERE n.id IN $a RETURN n.id ORDER BY n.id", *({"a": a} for a in ([1, 2], [], ["a"], [3, None], 5))) +
             given("UNWIND $a AS x RETURN x", *({"a": a} for a in ([1, 2.5, "x"], [], None, 7, [[1], {"b": None}]))) + given("MATCH (n:P {id: $a.x}) RETURN n.id", *({"a": a} for a in ({"x": 1}, {}, {"x": 2.0}, 3))),
    "a missing parameter": given("MATCH (n:P {id: $a}) RETURN n.id", {"a": 1}, {}, {"b": 2}, {"a": 3, "b": 1}, {"a": 4}, {"a": 5}),
    "names of ours": of("MATCH (n:P {id: {i}}) RETURN __clr", "MATCH (n:P {id: {i}}) RETURN __clr[0] AS __cln", "MATCH (__clr:P {id: {i}}) RETURN __clr.id AS __cln") +
                     given("MATCH (n:P {id: $a}) RETURN n.id", *({"a": i, **({"__clr": {"rows": []}, "__cl0": 1} if i % 2 else {})} for i in range(5))),
    "strings": given("MATCH (n:P) WHERE n.id = 1 AND n.name <> $s RETURN n.id AS i", *({"s": s} for s in ("", "'", '"', "\\", "} RETURN 1 //", "\u0000", "é\U0001f600", "$__clr", "\u2028"))) +
               [(f"MATCH (n:P) WHERE n.id = 2 AND n.name <> {s} RETURN n.id", {}) for s in ("'a'", '"a"', "'it\\'s'", "'// no'", "'} RETURN 1'", "'\\u0041'", "'\\\\'", "'a\nb'") for _ in range(3)],
    "comments": of("MATCH (n:P {id: {i}}) // the first\nRETURN n.id // the last", "MATCH (n:P {id: {i}}) RETURN n.id /* } */ AS x /* , */, n.v;", "/* a */ MATCH (n:P {id: {i}}) RETURN n.id, // 5\n n.v"),
    "unions": of("MATCH (n:P {id: {i}}) RETURN n.id AS x UNION MATCH (n:P {v: {i}}) RETURN n.id AS x", "RETURN 1 AS x UNION ALL MATCH (n:P {id: {i}}) RETURN n.id AS x"),
    "subqueries": of("MATCH (n:P {id: {i}}) CALL { WITH n MATCH (n)-->(m) RETURN m.id AS m ORDER BY m LIMIT 1 } RETURN m", "CALL { MATCH (n:P {id: {i}}) RETURN n.v AS v } RETURN v", "MATCH (n:P) WHERE EXISTS { (n)-[:K]->(:P {id: {i}}) } RETURN n.id ORDER BY n.id",
                     "MATCH (n:P {id: {i}}) RETURN COUNT { MATCH (n)-->(m) WHERE m.v > {i} RETURN m } AS c", "MATCH (n:P {id: {i}}) CALL (n) { MATCH (n)<--(m) RETURN count(m) AS c } RETURN c",
                     "MATCH (n:P {id: {i}}) WHERE NOT EXISTS { MATCH (n)-->(m:P {v: {i}}) } RETURN n.id"),
    # its own WITH hides the row's values on 4.4
    "WITH": of("MATCH (n:P {id: {i}}) WITH n.v AS v MATCH (m:P {v: v}) WHERE m.id > {i} RETURN m.id AS i ORDER BY i", "WITH 1 AS one MATCH (n:P {id: {i}}) RETURN n.id + one", "MATCH (n:P) WITH count(n) AS c MATCH (m:P {id: {i}}) RETURN m.id, c"),
    "optional": of("OPTIONAL MATCH (n:P {id: {i}7}) RETURN n", "MATCH (n:P {id: {i}}) OPTIONAL MATCH (n)-[:NOPE]->(m) RETURN n.id, m"),
    "paths": of("MATCH p = (n:P {id: {i}})-[:K*1..2]->(m:P {id: 22}) RETURN p", "MATCH (a:P {id: {i}}), (b:P {id: 30}) MATCH p = shortestPath((a)-[:K*..6]->(b)) RETURN length(p), [x IN nodes(p) | x.id][0..2]",
                "MATCH (n:P {id: {i}})-[r]-(m) RETURN n, r, m ORDER BY m.id, r.w", "MATCH p = (n:P {id: {i}})-->() RETURN p ORDER BY p LIMIT 1"),
    "procedures": of("CALL db.labels() YIELD label WHERE label <> 'x{i}' RETURN label ORDER BY label", "MATCH (n:P {id: {i}}) CALL db.propertyKeys() YIELD propertyKey RETURN n.id, count(propertyKey) > 0"),
    # sparse Jolt cannot tell it from texts
    "floats": of("MATCH (n:P {id: {i}}) RETURN n.odd", "MATCH (n:P {id: {i}}) RETURN n.w, n.on, n.w / 0, [n.on]"),
    "clocks and chance": of("MATCH (n:P {id: {i}}) RETURN rand() < 2 AS r, size(randomUUID()) AS u, datetime() > datetime('2020-01-01') AS d"),
    "writes": of("MATCH (n:P {id: {i}}) SET n.x = 1 RETURN n.id", "MERGE (n:P {id: 9{i}}) RETURN n.id"),
    "what is no query": of("MATCH (n:P {id: {i}}) RETURN n.id ORDER BY nobody", "MATCH (n:P {id: {i}}) RETURN n.id LIMIT -{i}", "MATCH (n:P {id: {i}}) RETURN n.id }", "MATCH (n:P {id: {i}}) RETURN n.id AS x, n.v AS x", "MATCH (n:P {id: {i}})",
                           "MATCH (n:P {id: {i}}) RETURN n.id } RETURN 1 AS x //"),
    "prefixes": of("CYPHER runtime=slotted MATCH (n:P {id: {i}}) RETURN n.id", "CYPHER planner=cost MATCH (n:P {id: {i}}) RETURN n.v"),
    "indexes": of("MATCH (n:I {t: 'text {i}'}) RETURN n.t", "MATCH (n:I) WHERE n.t STARTS WITH 'text {i}' RETURN n.t ORDER BY n.t", "MATCH (n:I) WHERE n.p < point({x: {i}, y: {i}}) OR n.u = {i} RETURN n.u", "MATCH (n:I {u: {i}}) RETURN n.u, n.t",
                  "MATCH (n:I) WHERE n.u > {i} RETURN n.u ORDER BY n.u DESC LIMIT 2", "MATCH (n:I) USING INDEX n:I(u) WHERE n.u = {i} RETURN n.t"),
    "larger answers": of("MATCH (n:P {id: {i}}) UNWIND range(0, n.id * 40) AS x RETURN x, n.name + x AS t"),
    "one text, many parameters": given("MATCH (n:P {id: $a}) WHERE n.v <> $b RETURN n.id, $c IS NULL AS c", *({"a": i, "b": i % 3, "c": None} for i in range(8))),
}
SCHEMA = ["CREATE INDEX p_id FOR (n:P) ON (n.id)", "CREATE INDEX i_u FOR (n:I) ON (n.u)", "CREATE TEXT INDEX i_t FOR (n:I) ON (n.t)", "CREATE POINT INDEX i_p FOR (n:I) ON (n.p)"]
INDEXED = "UNWIND range(0, 30) AS i CREATE (:I {t: 'text ' + i, u: i, p: point({x: i, y: i - 1})})"


class Reads:
    """A replica with something in it, a global_server that asks with one connection, and the way around both."""

    def __init__(self, topics, neo, server):
        self.topics, self.neo, self.server, self.turn = topics, neo, server, 0
        self.counts = collections.Counter()

    def alone(self, text, params):
        """What Neo4j says to it by itself: columns and rows, or a code."""
        try:
            columns, rows = self.neo.ask(text, params)
            return columns, [[from_strict_jolt(v) for v in row] for row in rows]
        except CypherError as error:
            return error.code

    def together(self, queries):
        """The same of the replies to queries that all wait in Kafka."""
        self.turn += 1
        ids = [f"t{self.turn}-{i}" for i in range(len(queries))]
        self.server.pause()
        for i, (text, params) in zip(ids, queries, strict=True):
            self.topics.produce("request", [{"id": i, "command": text, **({"params": params} if params else {})}], bad="perhaps")
        self.server.resume()
        found = wait_replies(self.topics, ids, deadline_s=120)
        return [found[i][-1]["error"]["code"] if "error" in found[i][-1] else (found[i][0]["columns"], [row for page in found[i] for row in page["rows"]]) for i in ids]

    def bundled(self):
        return int(Metrics(address(self.server)).value("global_server_bundled_requests_total"))

    def check(self, queries, rounds, seed):
        """Until their shapes are known, and some times more in another order each."""
        wanted, wrong, before = {}, [], self.bundled()
        for text, params in queries:
            wanted.setdefault(exactly([text, params]), self.alone(text, params))
        for turn in range(rounds):
            order = list(queries)
            random.Random(seed + turn).shuffle(order)
            for (text, params), got in zip(order, self.together(order), strict=True):
                want = wanted[exactly([text, params])]
                self.counts["queries"] += 1
                self.counts["errors"] += isinstance(want, str)
                if not same(text, got, want):
                    wrong.append(f"{text} {params}\n  {difference(got, want)}")
        self.counts["bundled"] += (bundled := self.bundled() - before)
        assert not wrong, f"{len(wrong)} differ\n" + "\n".join(wrong[:10])
        return bundled


def same(text, got, want):
    if isinstance(got, str) or isinstance(want, str):
        # what is refused before Neo4j is asked is no matter of this
        return got == want or (isinstance(got, str) and (not got.startswith("Neo.")))
    columns, rows = got
    if columns != want[0]:
        return False
    if "order by" in text.lower():
        return exactly(rows) == exactly(want[1])
    return sorted(map(exactly, rows)) == sorted(map(exactly, want[1]))


@pytest.fixture
def reads(topics, replica, neo_a, global_server):
    for text in [*SCHEMA, GRAPH, *KEYED, INDEXED] if neo_a.version() >= (5,) else [*SCHEMA[:3], GRAPH, *KEYED, INDEXED]:
        neo_a.run(text)
    neo_a.run("CALL db.awaitIndexes()")
    server = global_server(replica, STATUS_LISTEN="0", WORKERS=1, LOG_LEVEL="debug", MAX_IN_FLIGHT=1000)
    server.wait_event("claim")
    yield Reads(topics, neo_a, server)


def test_traps(reads, neo4j_version, record_property):
    """One by one; then all at once, so that each question has many of them."""
    everything = [query for name, queries in TRAPS.items() for query in queries if name != "writes"]
    graph = reads.neo.run("MATCH (n) RETURN count(n), sum(n.x)")
    for name, queries in TRAPS.items():
        if name != "writes":
            reads.check(queries * 2, 3, 1)
    assert set(reads.together(TRAPS["writes"] * 3)) <= set(WRITE_REFUSED)
    assert reads.neo.run("MATCH (n) RETURN count(n), sum(n.x)") == graph
    assert reads.counts["bundled"] > reads.counts["queries"] / 4, reads.counts
    reads.check(everything, 1, 2)
    states = collections.Counter(event["state"] for event in reads.server.events("template"))
    record_property("counts", f"Neo4j {neo4j_version}, traps: {dict(reads.counts)}, templates {dict(states)}")
    assert states["bundle"] > 30 and states["alone"] > 5, states


@pytest.mark.timeout(scaled(600, 7200))
def test_shapes_of_a_grammar(reads, neo4j_version, record_property):
    for seed in range(scaled(5, 120)):
        rng = random.Random(seed)
        shapes = question_shapes(rng, 6)
        queries = [shape.text(rng, i / 40, *((0, 0) if i < 30 else (0.2, 0.05))) for i in range(40) for shape in shapes]
        reads.check(queries, 3, seed)
    states = collections.Counter(event["state"] for event in reads.server.events("template"))
    record_property("counts", f"Neo4j {neo4j_version}, grammar: {dict(reads.counts)}, templates {dict(states)}")
    assert reads.counts["bundled"] > reads.counts["queries"] / 10, (reads.counts, states)


@pytest.mark.timeout(scaled(600, 7200))
def test_queries_of_the_tck(reads, neo4j_version, record_property):
    """Queries that nobody wrote with cypherlog in mind."""
    scenarios = tck.reading()
    random.Random(3).shuffle(scenarios)
    for at in range(0, scaled(60, len(scenarios)), 10):
        some = scenarios[at:at + 10]
        for text in (text for scenario in some for text in scenario.before):
            try:
                reads.neo.run(text)
            except CypherError:
                pass  # what this line does not have
        queries = [(text, {}) for scenario in some for query in scenario.queries for text in tck.variants(query, 8)]
        reads.check(queries * 6, 3, at)
        reads.neo.run("MATCH (n) WHERE NOT n:`__db_sync` DETACH DELETE n")
    record_property("counts", f"Neo4j {neo4j_version}, TCK: {dict(reads.counts)}")
    assert reads.counts["bundled"] > 0, reads.counts
