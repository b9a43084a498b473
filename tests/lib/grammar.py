# SPDX-License-Identifier: Apache-2.0
"""Streams of commands for the proof that templates change nothing: a few shapes, each filled with many literals.

A shape is a text with slots, put together from readings, writes and an ending. Every outcome is certain: a node :K
is known by its id, so what is read by an id is one row; what is done to many rows is the same in any order, and fails
with one code. What a server line does not have stays in: it fails there."""

import json
import re

from typed import BUILT, PLAIN, WRONG as WRONG_VALUES, typed_value

KEYS = ["0", "1", "2", "3", "4", "'a'", "'1'", "2.0", "-1", "true"]
INTS = ["0", "1", "2", "3", "5", "-3", "- 4", "-0", "100", "2147483648", "9007199254740993", "-9007199254740993"]
EXTREMES = ["9223372036854775807", "-9223372036854775807", "-9223372036854775808", "-  9223372036854775808"]
FLOATS = ["1.0", "2.5", "-1.5", "0.0", "-0.0", ".5", "-.5", "1e3", "1E-3", "-2.5e+2", "1e-400", "1.7976931348623157e308", "4.9E-324",
          "9007199254740993.0", "- 1.0"]
STRINGS = ["'a'", "'b'", "''", '""', '"a"', "'it\\'s'", '"say \\"x\\""', "'\\\\'", "'a\\tb\\n'", "'\\q\\d\\/'", "'$p'", "'$`a b`'", "'// no'", "'/* no */'",
           "'*/ 5 /*'", "'}) DETACH DELETE n //'", "'ä😀'", "'\\\\u0041'", "'`'", "'2020-01-01'", "'a\nb'", "'__cl'", "'{a: 1}'", "'[1]'", "'1'", "' '", '"\'"',
           "'\u00a0\u2028'", "'\\b\\f\\r'", "'NaN'", "'CREATE (n)'", "'\x00'", "'\x7f'", "'a\r\nb'"]
WORDS = ["true", "false", "TRUE", "False"]
INT_LISTS = ["[1]", "[1, 2]", "[0, -1, 5]", "[3, 3]", "[ 1,2,\n3 ]", "[- 1]"]
LISTS = INT_LISTS + ["['a']", "['a', 'b\\'']", "[1.5]", "[1, 2.5]", "[true]", "[]"]
ODD = ["null", "NULL", "[null]", "[[1]]", "[{a: 1}]", "{a: 1}", "[1, 'a']", "[1, null]"]
# an expression, or what one server line or all of them refuse
REFUSED = ["9223372036854775808", "0x1F", "0o17", "017", "08", "0X1F", "1_000", "1__0", "1e400", "1.5f", "5.", "--2", "'it''s'", "'a\\u0041'", "'\\u0027'",
           "NaN", "Infinity", "-Infinity", "1/0", "1.0/0", "1 + 'a'", "true + 1", "NOT 1", "1 = 1.0", "'a' IN 'a'", "'a' IN ['a']", "-'a'", "[1] + 1", "'x' + 'y'",
           "date('2020-13-31')", "point({x: 1, y: 'a'})", "toBoolean(1.5)", "size(5)", "1 AND true", "nothing", "nothing.v", "n.v.w", "$missing", "range(0, 2.0)",
           "[x IN 1 | x]", "all(x IN 1 WHERE true)", "CASE WHEN 1 THEN 2 END", "duration('x')", "substring(1, 2)", "head('a')", "n['v']", "{a: 1}.a", "[1, 2][0]",
           "9223372036854775807 + 1", "2 ^ 3", "-(-1)", "+1", "1 <> 2", "'a' STARTS WITH 'a'", "[1, 2][0..1]", "null + 1", "1.", "0b1", "''''"]
DATES = ["'2020-01-31'", "'2020-02-29'", "'20200131'", "'2020-W05'", "'0000-01-01'", "null"]
DEGREES = ["0", "1.5", "-90", "90.0", "-0.0", "45", "91", "181"]  # a longitude of 2^53 keeps a server busy for ever
BAD_DATES = ["'2020-13-31'", "'2021-02-29'", "'x'", "''", "5", "1.5", "true", "[1]"]
POOLS = {"i": INTS, "f": FLOATS, "s": STRINGS, "b": WORDS, "il": INT_LISTS, "l": LISTS}
ANY = INTS + FLOATS + STRINGS + WORDS + LISTS + ODD + EXTREMES

PROPS = ["v", "w", "x", "`a b`", "`$p`", "`//`", "`a``b`", "set", "match", "é", "_cl0", "`__c1`", "end", "`{v: 1}`", "in", "on", "where"]
PARAMS = ["p", "set", "`odd name`", "0", "`$`", "p1", "__c1", "_cl0", "`a.b`", "where", "`//`"]
VALUES = [0, 1, 2, -3, 1.5, 0.0, "a", "b'", "$p", "// no", True, False, None, [1, 2], [], ["a"], [1, 2.5], [None], {"a": 1}, 2**53 + 1, "é\"\\", "__cl"]

SINGLE = ["MATCH (n:K {id: «k»})", "MATCH (n:K) WHERE n.id = «k»", "MATCH (n:K) WHERE «k» = n.id", "MATCH (n:K) WHERE n.id IN [«k»]", "MATCH (n:K {id: «k»}) WHERE «?»",
          "MERGE (n:K {id: «k»})", "MERGE (n:K {id: «k»}) ON CREATE SET «=» ON MATCH SET n.c = coalesce(n.c, 0) + «i»", "OPTIONAL MATCH (n:K {id: «k»})",
          "UNWIND [«k»] AS x MERGE (n:K {id: x})", "CALL { MATCH (n:K {id: «k»}) RETURN n }", "WITH «k» AS key MATCH (n:K {id: key})", "MATCH (n:K WHERE n.id = «k»)",
          "MERGE (n:K {id: «k»}) SET «=»", "MERGE (n:K {id: «k»}) SET «=», «=»", "MATCH (n:K {id: «k»}) WHERE «?» AND «?»", "MATCH (n:K {id: «k»}) WITH n WHERE «?»",
          "MATCH (n:K {id: «k»}) WITH *, «a» AS y", "MATCH (n:K {id: «k»}) SET «=»"]
MANY = ["MATCH (n:K)", "MATCH (n:K) WHERE «?»", "MATCH (n:K) WHERE «?» OR «?»", "MATCH (n:K) WHERE n.id <> «k»", "MATCH (n:K|M)", "MATCH (:K {id: «k»})-[:R]->(n)",
        "MATCH (n:K)-[:R {v: «i»}]->()", "MATCH (n:K)-[:R*1..2]->(:K {id: «k»})", "UNWIND [«k», «k»] AS x MERGE (n:K {id: x})", "MATCH (n:K) WHERE (n)-[:R {v: «i»}]->()",
        "MATCH (n:K) WHERE EXISTS { (n)-[:R]->(:C {v: «a»}) }", "MATCH (n:K) WHERE COUNT { (n)-->() } > «i»", "MATCH (n:K) WHERE n.id IN [«k», «k»]",
        "MATCH (n:K) WHERE any(x IN «il» WHERE x = n.c)", "MATCH (n:K) WHERE EXISTS { MATCH (n)-[r:R]->() WHERE r.v > «i» }", "MATCH (n:K) WITH DISTINCT n",
        "UNWIND [{k: «k», v: «a»}, {k: 1, v: «a»}] AS row MERGE (n:K {id: row.k})", "CALL db.labels() YIELD label WHERE label = 'K' MATCH (n:K)",
        "MATCH (n:K) WHERE n.id = «k» OR n.id = «k»", "MATCH (n:K) USING INDEX n:K(id) WHERE n.id = «k»", "MATCH (n:K) WITH n, n.c AS c WHERE c > «i»"]
NONE = ["MATCH (n:None)", "MATCH (n:None {id: «k»})", "MATCH (n:None) WHERE «?»", "MATCH (n:K {id: 'none'})", "MATCH (n:None) WITH n WHERE «?»", "MATCH (n:None) WHERE «!»",
        "UNWIND [] AS n"]
PREDICATES = ["n.v = «a»", "n.v <> «a»", "n.c > «i»", "n.c >= «n» XOR n.c < «n»", "n.v IN «l»", "n.s STARTS WITH «s»", "n.s CONTAINS «s»", "n.s ENDS WITH «s»", "NOT n.v = «a»",
              "n.v IS NULL OR n.v = «a»", "coalesce(n.v, «a») = «a»", "n.c % 3 = «i»", "(n.c + «i») * 2 > «i»", "CASE n.c WHEN «i» THEN true ELSE false END", "n.c -«i» < «i»",
              "CASE WHEN n.c > «i» THEN «b» ELSE «b» END", "n.v > «a»", "«i» < n.c < «i»", "n.c = «i»+«i»", "n.`a b` = «a»", "n.v = «a» IS NULL", "«b»", "n.d < date(«d»)",
              "n.v = [«a»]", "n.v IN [«a», «a»]", "size(n.s) > «i»", "n.s =~ 'a.*'", "n:L", "n.v = «a» OR true", "none(x IN «il» WHERE x = «i»)", "n.c IN [1, n.c, «i»]"]
ITEMS = ["n.v = «a»", "n.c = coalesce(n.c, 0) + «i»", "n += {v: «a», w: «a»}", "n.«p» = «a»", "n.v = CASE WHEN n.c > «i» THEN «a» ELSE «a»END", "n.s = «s» + «s»", "n.s = «s»",
         "n.l = [«a», n.c]", "n.d = date(«d»)", "n.p = point({x: «n», y: «n»})", "n['v'] = «a»", "n.v = size(«s»)", "n.v = toUpper(«s»)", "n.v = [x IN «il» | x + «i»]",
         "n.v = head([«a»])", "n.v = duration({days: «i»})", "n.v = substring(«s», 0, 1)", "n.v = abs(«n»)", "n.v = «n» + n.c", "n.v = n.c - «n»", "n.v = n.c-«n»",
         "n = {id: n.id, c: n.c, v: «a»}", "n:L", "n.v = reduce(t = «i», x IN [1, 2] | t + x)", "n.v = EXISTS { MATCH (n)-->() }", "n.v = n{.c, x: «a»}.x", "n.v = toString(«n»)",
         "n.v = n.c * «i»", "n.v = n.c / 2", "n.v = n.c ^ «i»", "n.v = «a», n.w = n.v", "n.v = null", "n.v = coalesce(n.v, «a»)", "n.v = n.v = «a»", "n.v = (n.c = «i»)",
         "n.«p» = n.«p», n.«p» = «a»", "n.v = COUNT { (n)-[:R {v: «i»}]->() }", "n.v = time({hour: «i», timezone: 'Z'})", "n.v = -n.c + «i»", "n.s = coalesce(n.v + «s», «s»)",
         "n.v = datetime({epochMillis: «i»})", "n.v = localdatetime(«d»)", "n.v = [«i», «i»][0]", "n.v = [(n)-[r:R]->() WHERE r.v = «i» | 1]", "n.v = n.c IN «il»",
         "n.v = date({year: 2020, month: «i»})", "n.v = toInteger(«s»)", "n.v = split(«s», 'a')", "n.v = round(«f»)", "n.v = keys({a: «a»})"]
WRITES = ["SET «=»", "SET «=», «=»", "SET «=» SET «=»", "CREATE (:C {v: «a», c: n.c})", "CREATE (:C:`D «x»` {«p»: «a»})", "CREATE (n)-[:R {v: «i»}]->(:C {v: «a»})",
          "MERGE (n)-[r:R {v: «i»}]->(m:M {id: «k»})", "MERGE (m:M {id: «k»}) MERGE (n)-[r:R]->(m) ON CREATE SET r.v = «a» ON MATCH SET r.c = coalesce(r.c, 0) + «i»",
          "FOREACH (x IN «il» | CREATE (:F {v: x, w: «a»}))", "FOREACH (x IN CASE WHEN n.c > «i» THEN [1] ELSE [] END | SET n.f = «a»)", "FOREACH (x IN [«a»] | SET n.«p» = x)",
          "WITH n CALL { WITH n CREATE (:S {v: «a», c: n.c}) }", "WITH n CALL { WITH n MATCH (n)-[r:R]->() RETURN count(r) AS deg } SET n.deg = deg + «i»", "WITH n CALL (n) { CREATE (:S {v: «a»}) }",
          "REMOVE n.v", "REMOVE n:L, n.«p»", "WITH n MATCH (o:K {id: «k»}) MERGE (n)-[:R {v: «i»}]->(o)", "WITH n, «a» AS y SET n.y = y", "WITH count(n) AS c CREATE (:Count {c: c, v: «a»})",
          "WITH count(n) + «i» AS c CREATE (:Count {c: c})", "WITH count(n) AS on, count(n) + «i» AS c CREATE (:Count {c: c})", "WITH sum(n.c) AS c, «a» AS v WHERE c >= «i» CREATE (:Count {c: c, v: v})",
          "WITH n WHERE n.id IS NOT NULL WITH n ORDER BY n.id LIMIT 2 SET «=»", "WITH n WHERE n.id IS NOT NULL WITH n ORDER BY n.id SKIP 1 SET «=»", "WITH n WHERE n.id IS NOT NULL WITH n ORDER BY n.id WITH collect(n.c) AS cs CREATE (:Col {cs: cs, v: «a»})", "WITH n, n.c AS set WHERE set > «i» SET «=»",
          "SET n = $map", "SET n += $map", "SET n.v = $p", "SET n.v = n.c + $i", "WITH n UNWIND $rows AS row MERGE (u:U {id: row.id}) SET u.c = coalesce(u.c, 0) + row.n", "CREATE (:C $map)",
          "SET n.c = coalesce(n.c, 0) + $i, n.v = «a»", "WITH n, $i AS i SET n.i = i + «i»", "WITH count(n) + $i AS c CREATE (:Count {c: c})", "WITH n MATCH (o:K {id: $k}) SET o.v = «a»",
          "WITH n WHERE n.c > $i AND n.v <> $p SET n.v = $p", "FOREACH (x IN $list | CREATE (:F {v: x}))", "SET n.v = n.v - «i»", "WITH n MATCH (x:C) WHERE x.c = «i» DETACH DELETE x",
          "WITH n UNWIND «il» AS x SET n.sum = coalesce(n.sum, 0) + x", "WITH n UNWIND range(0, 2) AS x CREATE (:F {v: x + «i»})"]
DELETES = ["DETACH DELETE n", "DELETE n", "WITH n MATCH (n)-[r:R]->() DELETE r", "WITH n OPTIONAL MATCH (n)-[r:R {v: «i»}]->() DELETE r", "WITH n MATCH (n)-->(x:C) DETACH DELETE x",
           "WITH n MATCH (n)-[r]->(x:C) DELETE r, x", "SET «=» DETACH DELETE n"]
ENDINGS = ["", "", "", "", "", "", "RETURN n", "RETURN n.v AS v", "RETURN n.v", "RETURN DISTINCT n.c AS c, «a» AS x ORDER BY c SKIP 0 LIMIT 2", "RETURN count(*) AS c", "RETURN count(*) + «i» AS c",
           "RETURN *", "RETURN «a»", "RETURN n.c AS c ORDER BY n.c + «i»", "RETURN 1 AS one UNION RETURN 2 AS one", "RETURN n.c AS c UNION ALL MATCH (x:M) RETURN x.c AS c",
           "RETURN «i» UNION CREATE (:C {v: «a»}) RETURN «i»", "FINISH", "WITH * MATCH (z:None) SET z.v = «a»", "UNION MATCH (n:M) SET n.v = «a»", ";", "RETURN n.c + «i» AS c ORDER BY c LIMIT 1"]
WHOLE = ["CREATE (:C {v: «a», w: «a»})", "CREATE (:C {v: «i»})", "UNWIND [«a», «a»] AS x CREATE (:U {id: x})", "FOREACH (x IN «il» | MERGE (:F {v: x}))", "MERGE (z:Z {id: «z»}) SET z.c = coalesce(z.c, 0) + 1",
         "MATCH (a:K {id: «k»}), (b:K {id: «k»}) MERGE (a)-[r:R {v: «i»}]->(b) SET r.w = «a»", "MATCH (:K {id: «k»})-[r:R]->(:K {id: «k»}) SET r.w = «a», r.c = coalesce(r.c, 0) + «i»",
         "MATCH (:K)-[r:R {v: «i»}]->() DELETE r", "MERGE (s:Sum {id: «s»}) SET s.c = coalesce(s.c, 0) + «i»", "MATCH (n:K) WITH count(n) AS c MERGE (s:Sum {id: «k»}) SET s.n = c",
         "MATCH (n) SET n.touched = «i»", "MATCH (n:K {id: «k»}) SET n.id = «k»", "CREATE (:K {id: «k», v: «a»})", "MERGE (w:`D 1` {«p»: «i»}) ON CREATE SET w.«p» = «a»",
         "MATCH (n:K {id: «k»}), (m:K {id: «k»}) SET n.v = m.c, m.v = «a»", "CREATE (a:C {v: «a»})-[:R {v: «i»}]->(b:C {v: «a»})<-[:`R 2` {w: «a»}]-(a)", "CALL db.createLabel('K' + toString(«i»))",
         "CREATE (:U {id: «i»}) UNION ALL CREATE (:U {id: «i»})", "CREATE (:U {id: «i»}) UNION CREATE (:F {id: «i»})", "MATCH (n:K {id: «k»}) CREATE (:C {v: n.v, w: «a»})",
         "CREATE (:C {v: point({longitude: «g», latitude: «g»})})", "CREATE (:C {v: $map.v, w: «a»})", "MATCH (n:K {id: $k}) SET n = $map SET n.id = $k", "MERGE (set:K {id: «k»}) SET set.v = «a»",
         "MATCH (n:K {id: «k»})-[r:R*1..2]->(m) SET m.far = «i»", "MATCH p = (n:K {id: «k»})-[:R*0..1]->() FOREACH (x IN nodes(p) | SET x.on = «a»)", "MATCH (n:K {id: «k»})-[r:R {v: «i»}]-() SET r.hit = «a»",
         "MATCH ()-[r]->() WHERE r.v <> «i» DELETE r", "MATCH (x:K)-[r]->(y:C) MERGE (y)-[:R {v: «i»}]->(x)"]
# what is left shows the order of all
ORDERED = ["MERGE (n:K {id: «k»}) SET n.u = «o» SET n.t = (coalesce(n.t, 0) * 31 + n.u) % 1000003",
           "MATCH (n:K {id: «k»}), (m:K {id: «k»}) SET n.u = «o» SET n.t = (coalesce(n.t, 0) * 31 + coalesce(m.t, 0) + n.u) % 1000003"]
# over no rows or not: nothing fails but at the compiler
WRONG = ["MATCH (n:None) SET n = «a»", "MATCH (n:K {id: «k»}) SET n.v = nofunc(«a»)", "MATCH (n:None) WHERE «s» IN «i» SET n.v = 1", "MATCH (n:None) WHERE n.v = «a» AND «s» SET n.v = 1",
         "MATCH (n:None) SET n.v = «i» + «b»", "FOREACH (q IN «a» | CREATE (:F))", "MERGE (n:K {id: null, v: «a»})", "CREATE (:C {v: {a: «a»}})", "CREATE (:C {v: [[«a»]]})", "CREATE (:C {v: [«i», «s»]})",
         "MATCH (n:None) SET n.d = date(«a»)", "CALL no.such(«a»)", "MATCH (n:K RETURN n, «a»", "CREATE (:C {v: x, w: «a»})", "CREATE (n:C {v: «a»}) CREATE (n:C)", "CREATE (:C {v: $missing, w: «a»})",
         "MATCH (n:None) RETURN n.v LIMIT «a»", "UNWIND «a» AS x CREATE (:U {id: x})", "MATCH (n:K {id: «k»}) SET n = «a»", "MATCH (n:None) SET n.v = n.«p» + «a»", "CREATE (:C {v: 1 / («i» - «i»)})",
         "CREATE (:__clt {v: «a»})", "CREATE (:C {v: __clr[0], w: «i»})", "MATCH (__clt:K {id: «k»}) SET __clt.v = «a»", "MATCH (n:None) SET n.v = point({x: «a», y: «n»})", "CREATE (:C {v: «a»}",
         "MATCH (n:None) WHERE n.v STARTS WITH «a» SET n.v = 1", "MATCH (n:None) SET n.v = n.c % «a»", "MATCH (n:None) SET n.v = - «a»", "MATCH (n:None) SET n.v = duration(«a»)", "CREATE (:C {v: t, w: «i»})",
         "MATCH (n:None) DELETE n SET n.v = «a»", "MATCH (n:None)-[r:R*«o»]->() SET n.v = 1", "MERGE (n:M {id: «a»})", "MATCH (n:None) MERGE (m:M {id: «a»})", "MATCH (n:None) CREATE (:C {v: «a»})",
         "MATCH (n:None) SET n.v = datetime({year: «a»})", "MATCH (n:None) SET n += «a»", "MATCH (n:None) SET n.v = coalesce(«a», «a») + «a»", "MATCH (n:None) WHERE n.v IN «a» SET n.v = 1", "MATCH (n:None {v: «a»}) SET n.v = 1",
         "MATCH (n:None) WHERE n.c = 1 XOR «a» SET n.v = 1", "MATCH (n:None) WHERE CASE WHEN n.v = 1 THEN «a» ELSE «a» END SET n.v = 1", "MATCH (n:None) WITH sum(n.c) + «a» AS s CREATE (:Count {s: s})"]
SCHEMA = ["CREATE INDEX k_v IF NOT EXISTS FOR (n:K) ON (n.v)", "DROP INDEX k_v IF EXISTS", "CREATE TEXT INDEX k_s FOR (n:K) ON (n.s)", "DROP INDEX k_s", "CREATE CONSTRAINT m_id FOR (m:M) REQUIRE m.id IS UNIQUE",
          "DROP CONSTRAINT m_id IF EXISTS", "CREATE CONSTRAINT bad FOR (n:K) REQUIRE n.id IS NODE KEY"]
PURGE = "MATCH (x) WHERE NOT x:K DETACH DELETE x"
# what is left shows all that db_sync bound
TRACE = ("MATCH (n:K {id: «k»}) SET n.trace = (coalesce(n.trace, 0) * 31 + $__offset * 7 + $__timestamp) % 1000003, "
         "n.keys = right(coalesce(n.keys, '') + coalesce($__key, '-'), 500)")
# parameters with types, and those that db_sync binds: in texts of their own, or in place of literals in a usual one
SPECIAL = {
    "typed": ["CREATE (:T {v: $when, w: «a»})", "MERGE (t:T {id: $when}) SET t.c = coalesce(t.c, 0) + «i»", "MATCH (n:K {id: «k»}) SET n.when = $when, n.v = «a»", "CREATE (:T $more)",
              "MATCH (n:K) WHERE n.when <= $when SET n.v = «a»", "MATCH (n:K {id: «k»}) SET n += $more", "MATCH (n:K {id: $k}) SET n.whens = $whens, n.c = coalesce(n.c, 0) + size($whens)",
              "UNWIND $days AS row MERGE (t:T {id: row.id}) SET t.when = row.when, t.c = coalesce(t.c, 0) + 1", "FOREACH (x IN $whens | CREATE (:T {v: x}))", "MATCH (n:None) SET n.v = $when + «i»",
              "MATCH (n:K) WHERE n.when IN $whens SET n.c = coalesce(n.c, 0) + «i»", "WITH $when AS w MATCH (n:K {id: «k»}) SET n.when = w, n.v = $p", "CREATE (:T {v: $more.when, w: $days[0].when})",
              "MATCH (n:K) WITH n, $when AS w RETURN n.c, w, $whens, $when ORDER BY n.c", "MATCH (n:K {id: «k»}) SET n.v = CASE WHEN $when = n.when THEN «a» ELSE $when END", "CREATE (:T {v: [$when, $when]})"],
    "own": [TRACE, "CREATE (:O {at: $__offset, ms: $__timestamp, key: $__key, v: «a»})", "CREATE (:O {at: $`__offset`, v: '$__key'})",
            "MERGE (o:O {key: $__key}) SET o.sum = coalesce(o.sum, 0) + $__offset", "MATCH (n:K) WHERE n.at < $__offset - «i» SET n.v = «a», n.key = $__key", "MATCH (n:K {id: $k}) SET n.at = $__offset + «i»"]}
INSTEAD = {"typed": ["$when", "$when", "$whens"], "own": ["$__offset", "$__timestamp", "$__key"]}
TYPES = [[typed_value(kind, value) for value in {**BUILT.get(kind, {}), **PLAIN.get(kind, {})}] for kind in [*BUILT, *BUILT, *PLAIN]]
FAILING = ["MATCH (n:K) SET n.v = 1 / 0", "CREATE (:C {v: {a: 1}})", "CREATE (:K {id: 0})", "CREATE (:C {v: $missing})", "MATCH (n:K RETURN n"]
NAMES = [{"with_key": "a"}, {"with_key": "it's"}, {"id": "b"}, {"with_key": "ä", "id": "c"}, {"id": "2020-01-01"}]
BLANKS = [" ", " ", " ", "\n", "\t ", " /* $x 'it */ ", " // 5 \" ' \n", "/**/ ", " /* } */", "  "]
ENDS = re.compile("WITH (count|sum|.* collect)|DELETE")  # n is gone behind it
KEYWORDS = re.compile(r"\b(MATCH|MERGE|SET|WHERE|CREATE|WITH|RETURN|UNWIND|FOREACH|CALL|ORDER BY|DELETE|REMOVE|AND|OR|THEN|ELSE|IN|AS)\b")
SLOT = re.compile("«([^»]+)»|\\$(p|i|k|map|rows|list|when|whens|more|days)\\b")
SOME_PARAMS = {"i": [0, 1, 2, 5, -3], "k": [0, 1, 2, 3, "a"], "map": [{"v": 1}, {"v": 2, "w": "a"}, {}, {"set": 1}, {"v": None}], "list": [[1], [1, 2], [], [3, 3]],
               "rows": [[{"id": 1, "n": 1}], [{"id": 1, "n": 1}, {"id": 2, "n": 5}], [], [{"id": "a", "n": 2}]], "p": VALUES}
TYPED_SLOTS = ("when", "whens", "more", "days")


class Shape:
    """A text with slots; each slot has a pool that most of its values come from."""

    def __init__(self, random, parts):
        self.parts = [_expand(random, part) for part in parts]
        if random.random() < 0.2:
            self.parts = [KEYWORDS.sub(lambda m: m.group(0).lower() if m.group(0) not in ("IN",) else "in", part) for part in self.parts]
        self.homes, self.names = {}, {}
        for part in self.parts:
            for slot in SLOT.finditer(part):
                self._settle(random, slot)

    def _settle(self, random, slot):
        home = random.choice(["i", "i", "f", "s", "s", "b", "l"])
        self.homes[len(self.homes)] = random.choice(TYPES) if slot.group(2) in TYPED_SLOTS else POOLS[home]
        self.names[len(self.names)] = random.choice(PARAMS) if slot.group(2) or random.random() < 0.08 else None

    def text(self, random, progress, awkward, refused):
        """A command, (text, params): what stands in its slots gets stranger as the stream goes on."""
        params, at = {}, -1

        def fill(slot):
            nonlocal at
            at += 1
            name = self.names[at] or "p"
            if slot.group(2) in TYPED_SLOTS:
                params[name.strip("`")] = _typed(random, slot.group(2), self.homes[at], awkward)
                return "$" + name
            if slot.group(2):
                params[name.strip("`")] = _param(random, SOME_PARAMS[slot.group(2)] if random.random() > awkward / 4 else VALUES, progress)
                return "$" + name
            literal = _literal(random, slot.group(1), self.homes[at], progress, awkward, refused)
            if self.names[at] is None or slot.group(1) in "zpxo" or name.strip("`") in params:
                return literal
            params[name.strip("`")] = random.choice(VALUES)
            return "$" + name

        text = "".join((random.choice(BLANKS) if i and random.random() < 0.3 else " " if i else "") + SLOT.sub(fill, part) for i, part in enumerate(self.parts))
        if params and random.random() < refused:
            params.popitem()
        if random.random() < 0.01:
            params = {**params, "surplus": 1, "__cl0": "taken"}
        return text, json.loads(json.dumps(params))


def _parts(random):
    kind = random.random()
    if kind < 0.3:
        return [random.choice(WHOLE)]
    parts = [random.choice(SINGLE if kind < 0.65 else MANY if kind < 0.87 else NONE)]
    if random.random() < 0.3:
        parts.append(random.choice([w for w in WRITES if not ENDS.search(w)]))
    parts.append(random.choice(WRITES if random.random() < 0.9 else DELETES))
    ending = random.choice(ENDINGS) if not ENDS.search(parts[-1]) else random.choice(["", "RETURN count(*) AS c"])
    return parts + [ending] * (ending != "")


def _expand(random, part):
    while True:
        more = part.replace("«?»", random.choice(PREDICATES), 1).replace("«=»", random.choice(ITEMS), 1).replace("«!»", random.choice(REFUSED), 1)
        more = more.replace("«p»", random.choice(PROPS), 1).replace("«x»", random.choice(["1", "2"]), 1)
        if more == part:
            return part
        part = more


def _early(random, pool, progress):
    """At first from the pool's beginning."""
    return random.choice(pool[: max(2, int(len(pool) * min(1, 4 * progress)))])


def _literal(random, kind, home, progress, awkward, refused):
    if kind in ("k", "z"):
        return random.choice(KEYS[:5] if random.random() > awkward else KEYS + (["-0.0", "- 0", "-0e5", "null"] if kind == "z" else []))
    if random.random() < refused and kind != "o":
        return random.choice(BAD_DATES if kind == "d" else REFUSED)
    strange = random.random() < awkward
    if kind == "a":
        return random.choice(ANY) if strange else _early(random, home, progress)
    if kind in "dgo":
        return random.choice({"d": DATES, "g": DEGREES, "o": INTS[:5]}[kind])
    if kind == "n":
        return random.choice(INTS + FLOATS) if strange else _early(random, INTS if home is not FLOATS else FLOATS, progress)
    if strange and random.random() < 0.1:
        return random.choice(ANY)
    return _early(random, POOLS[kind], progress)


def _param(random, values, progress):
    return _early(random, values, progress)


def _typed(random, slot, home, awkward):
    """A value with types, now and then one that there is not. What a list holds is of one type: of a mixed one Neo4j's
    compiler knows more where it is written in the text."""
    home = home if random.random() > awkward else random.choice(TYPES)

    def one():
        return typed_value(*random.choice(list(WRONG_VALUES))) if random.random() < 0.02 else random.choice(home)

    several = [one() for _ in range(random.randint(0, 3))]
    value = {"when": one, "whens": lambda: several, "more": lambda: {"when": one(), "n": random.randint(0, 2)},
             "days": lambda: [{"id": i, "when": v} for i, v in enumerate(several)]}[slot]()
    if slot == "when" or random.random() > 0.2:
        return value
    return typed_value("Map" if slot == "more" else "List", value)


def _special(random, kind):
    if random.random() < 0.6:
        return Shape(random, [random.choice(SPECIAL[kind])])
    return Shape(random, [re.sub("«a»", lambda m: random.choice([*INSTEAD[kind], m.group(0)]), _expand(random, part)) for part in _parts(random)])


def _shapes(random, compiles, kind):
    shapes = [Shape(random, [TRACE])] if kind == "own" else []
    while len(shapes) < 3:
        shape = _special(random, kind)
        shapes += [shape] * compiles(shape.text(random, 0, 0, 0))
    return shapes


def stream(random, compiles, count, shapes, awkward, refused, wrong, schema, typed=0, own=0, lists=0):
    """count commands, (text, params) or messages, of so many shapes beside ORDERED. awkward: how often a literal is not of its slot's usual kind;
    refused: how often it is one that may fail; wrong: of the commands, made by shapes that do not compile, or are mistakes;
    schema, typed, own: of the commands; lists: of the messages, such as are one transaction of several. compiles(command) tells.
    Calm stretches have none of it, and a few shapes of all: such commands become one statement."""
    good, bad = [Shape(random, [text]) for text in ORDERED], [Shape(random, [random.choice(WRONG)]) for _ in range(3)]
    while len(good) < shapes + len(ORDERED):
        shape = Shape(random, _parts(random))
        (good if compiles(shape.text(random, 0, 0, 0)) else bad).append(shape)
    rates = {kind: rate for kind, rate in (("typed", typed), ("own", own)) if rate}
    special = {kind: _shapes(random, compiles, kind) for kind in rates}
    commands = [("CREATE CONSTRAINT k_id FOR (k:K) REQUIRE k.id IS UNIQUE", {})] + [(f"MERGE (n:K {{id: {key}}}) SET n.c = {i}, n.s = 'b{i}'", {}) for i, key in enumerate(KEYS[:5])]
    hot = random.sample(good, min(4, len(good)))
    near, calm = hot, True

    def part():
        kind = None if calm else next((kind for kind, rate in rates.items() if random.random() < rate), None)
        shape = random.choice(special[kind] if kind else bad if random.random() < wrong and not calm else near)
        text, params = shape.text(random, len(commands) / count, *((0, 0) if calm else (awkward, refused)))
        return {"command": text, "params": {**params, "__key": "given"} if kind == "own" and random.random() < 0.02 else params}

    def parts():
        some = [part() for _ in range(random.randint(1, 4))]
        if random.random() < 0.25:  # all of it is undone
            some.insert(random.randint(0, len(some)), {"command": random.choice(FAILING)})
        return {"commands": some}

    while len(commands) < count:
        if random.random() < 0.01:  # few shapes for a while, so that many commands in a row are alike; calm: the same ones, and nothing unusual
            calm = random.random() < 0.5
            near = random.sample(hot if calm else good, random.randint(1, 3))
        chance = random.random()
        if chance < schema:
            commands.append((random.choice(SCHEMA), {}))
        elif chance < schema + 0.01:
            commands.append((PURGE, {}))
        else:
            message = parts() if random.random() < lists and not calm else part()
            commands.append({**message, **random.choice(NAMES)} if own and random.random() < 0.9 else message)
    return commands


# ---------------------------------------------------------------- queries

CHANGES = re.compile(r"\b(MERGE|SET|CREATE|DELETE|FOREACH|REMOVE)\b|«=»")
READINGS = [text for text in SINGLE + MANY + NONE if not CHANGES.search(text) and "LIMIT" not in text]
RETURNS = ["RETURN n", "RETURN n.id, n.v", "RETURN n.id AS id, n.«p» AS v", "RETURN n.c  + n.c, n . s", "RETURN n.id AS id ORDER BY toString(n.id), n.c", "RETURN DISTINCT n.v", "RETURN count(*)", "RETURN count(n) AS c, max(n.c) AS m",
           "RETURN n.v AS v, count(*) AS c", "RETURN *", "RETURN n.c + «i» AS c", "RETURN «a»", "RETURN n.v = «a» AS x", "RETURN n {.id, .v} AS m", "RETURN n.id ORDER BY toString(n.id) LIMIT 2", "RETURN n.id ORDER BY toString(n.id) SKIP 1",
           "RETURN CASE WHEN n.c > «i» THEN n.s ELSE «s» END", "RETURN [x IN «il» | x + n.c]", "RETURN n.c / «i»", "RETURN n.c % 2, sum(n.c)", "WITH n WHERE «?» RETURN n.id", "WITH n, count(*) AS c WHERE c >= «i» RETURN n.id, c",
           "WITH count(n) AS c RETURN c + «i» AS s", "WITH DISTINCT n.v AS v WHERE v <> «a» RETURN v", "OPTIONAL MATCH (n)-[r:R]->(m) RETURN n.id, m.v", "OPTIONAL MATCH (n)-[:R {v: «i»}]->(m) RETURN n.id AS i, m", "RETURN n.id UNION MATCH (n:M {id: «i»}) RETURN n.id",
           "CALL { WITH n MATCH (n)-->(m) WHERE m.v = «a» RETURN count(m) AS c } RETURN n.id, c", "RETURN EXISTS { (n)-[:R]->({v: «i»}) } AS e", "RETURN n.id, «p» ", "RETURN n.id LIMIT «i»", "RETURN labels(n), n.«p»;", "UNWIND «l» AS x RETURN x, n.id",
           "WITH n.c AS c, «a» AS y RETURN c, y", "RETURN /* one */ n.id, // two\n n.v /* three */", "WITH n ORDER BY toString(n.id) LIMIT 1 RETURN n.id, n.c"]


def question_shapes(random, count):
    """Shapes of queries: something is read, and returned."""
    return [Shape(random, [random.choice(READINGS), random.choice(RETURNS)]) for _ in range(count)]
