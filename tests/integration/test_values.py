# SPDX-License-Identifier: Apache-2.0
"""Values lose nothing on their way: in replies, against what Neo4j says by other ways, and from
parameters through a command into the graph and back."""

import itertools
import json
import math

import pytest
from conftest import scaled
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programs import run
from replica import applied
from replies import replies, wait_replies
from values import difference, exactly, integer, query_api, real, strict_jolt
from wait import until

TEMPORAL = """date('2020-02-29'), date('-9999-01-01'), date('+12345-06-07'), localtime('12:00'), localtime('23:59:59.999999999'), time('12:00:00+01:00'),
    time('12:00:00Z'), time('00:00:00.5-18:00'), localdatetime('2020-01-01T00:00'), localdatetime('-0044-03-15T12:00:00.000000001'),
    datetime('2020-07-01T12:00:00.5+02:00[Europe/Paris]'), datetime('2020-10-25T02:30:00+01:00[Europe/Paris]'), datetime('2020-01-01T00:00Z'),
    datetime('2020-01-01T00:00:00-02:30'), datetime('1890-01-01T00:00:00[Europe/Amsterdam]'),
    datetime({year: 2020, timezone: 'America/Argentina/Buenos_Aires'}), datetime('+99999-12-31T23:59:59.999999999-00:00'),
    time(datetime('1890-01-01T00:00:00[Europe/Amsterdam]')), datetime({datetime: datetime('1890-01-01T00:00:00[Europe/Amsterdam]'), timezone: '+00:17:30'}),
    duration('P1Y2M3W4DT5H6M7.000000008S'), duration('-P1Y'), duration({months: -1, days: 1, seconds: -1, nanoseconds: 1}), duration('PT0S'), duration({nanoseconds: -1})"""
POINTS = """point({x: 1.0, y: -0.0}), point({x: 1e300, y: 1.5, z: 1e-300}), point({longitude: 12.5, latitude: -55.25}),
    point({longitude: 180.0, latitude: 90.0, height: -10.5}), point({x: 1, y: 2, crs: 'cartesian'})"""
NUMBERS = """0, -1, 2147483647, -2147483648, 2147483648, 9007199254740992, -9007199254740992, 9007199254740993, -9007199254740993,
    9223372036854775807, -9223372036854775808, 0.0, -0.0, 1.0, -2.5, 1e15, 1e16, 9007199254740993.0, 1e300, 4.9e-324, 2.2250738585072014e-308,
    1.7976931348623157e308, 0.1, 1.0/3, 0.0/0.0, 1.0/0.0, -1.0/0.0, 123456789012345680.0, 1e-7, 0.00001"""
TEXTS = """'', 'ä€\U0001f600', 'a\\u0000b', '\\n\\t\\r\\b\\f', '\\\\ " \\'', '/', '\u2028\u2029\ufeff', '\x7f\x01', 'NaN', '{"$type": "Date"}', true, false, null"""

QUERIES = [
    f"RETURN [{NUMBERS}] AS mixed",
    f"UNWIND [{NUMBERS}] AS v RETURN v, [v] AS l, {{a: v}} AS m, [[{{a: [v, [v]]}}]] AS deep",
    f"UNWIND [{TEXTS}] AS v RETURN v, [v] AS l, {{a: v}} AS m, [[{{a: [v, [v]]}}]] AS deep",
    f"UNWIND [{TEMPORAL}] AS v RETURN v, [v] AS l, {{a: v}} AS m, [[{{a: [v, [v]]}}]] AS deep",
    f"UNWIND [{POINTS}] AS v RETURN v, [v] AS l, {{a: v}} AS m, [[{{a: [v, [v]]}}]] AS deep",
    "RETURN [] AS l, {} AS m, [[]] AS ll, [{}] AS lm, {a: {}} AS mm, {a: []} AS ml, [null, [null], {a: null}] AS n",
    "RETURN {`$type`: 'Date', `_value`: '2020-01-01'} AS looks, {a: {`$type`: 1}} AS inner, [{`$type`: null}] AS l, {`_value`: 1} AS v",
    "RETURN {Z: '1'} AS z, {R: '1.0'} AS r, {`{}`: {a: 1}} AS m, {`()`: [1, [], {}]} AS n, {`[]`: []} AS l, {`..`: 1} AS p",
    "RETURN {` `: 1, `a.b`: 2, `ä€`: 3, `\"`: 4, `\\\\`: 5, `a\nb`: 6} AS keys, 1 AS ` `, 2 AS `\"ä\\\\`, 3 AS `a\nb`",
    "MATCH (v:V) RETURN v",
    "MATCH (v:V) RETURN properties(v) AS p, v {.*} AS star, [v] AS l, {v: v} AS m, collect([v]) AS c",
    "MATCH (v:V) UNWIND keys(v) AS k RETURN k, v[k] AS value, [v[k]] AS l ORDER BY k",
    "MATCH ()-[r:R]->() RETURN r, [r] AS l, {r: r} AS m, properties(r) AS p, type(r) AS t ORDER BY r.n",
    "MATCH p = (:A)-[:R*]->(:C) RETURN p",
    "MATCH p = (:C)<-[:R*]-(:A) RETURN p, [p] AS l, {p: p} AS m, nodes(p) AS n, relationships(p) AS r",
    "MATCH p = (:A)-[:R]->(:B)<-[:R]-(:A) RETURN p", "MATCH p = (:A)-[:R]->()-[:R]->()<-[:BACK]-() RETURN p",
    "MATCH p = (a:A) RETURN p AS zero", "MATCH p = (a:A)-[*0..1]->() RETURN p ORDER BY length(p)", "MATCH p = (l:Loop)-[:SELF]->(l) RETURN p",
    "MATCH p = (l:Loop)<-[:SELF]-(l) RETURN p", "MATCH (l:Labels) RETURN l, labels(l)[..0] AS none", "MATCH (n:Nothing) RETURN n, [n] AS l",
    "OPTIONAL MATCH p = (n:Nothing)-[r]->() RETURN n, r, p, [n, r, p] AS l", "MATCH (e:Empty) RETURN e",
]

STORED = f"""CREATE (v:V:`ä b`:V2) SET v.big = 9223372036854775807, v.small = -9223372036854775808, v.nan = 0.0/0.0, v.inf = -1.0/0.0, v.zero = -0.0,
    v.text = 'a\\u0000ä', v.yes = true, v.ints = [1, 9007199254740993, -9223372036854775808], v.floats = [1.0, 0.1, -0.0, 1e300], v.some = [1.0, 0.0/0.0, 1.0/0.0],
    v.nans = [0.0/0.0, 0.0/0.0], v.infs = [1.0/0.0, -1.0/0.0], v.texts = ['NaN', 'Infinity'], v.words = ['a', '', 'a\\u0000'], v.empty = [], v.bools = [true, false],
    v.whole = [1.0, 2.0], v.`$type` = 'Date', v.`_value` = 1, v.`ä b` = 'x'
WITH v UNWIND [{TEMPORAL}] AS t WITH v, collect(t) AS ts
FOREACH (i IN range(0, size(ts) - 1) | CREATE (:T {{i: i, t: ts[i], l: [ts[i], ts[i]]}}))
CREATE (v)-[:OF]->(:Empty)
CREATE (a:A {{n: 1}})-[:R {{n: 1, d: date('2020-01-01'), l: [0.0/0.0]}}]->(b:B {{n: 2}})-[:R {{n: 2}}]->(c:C {{n: 3}}), (a)-[:R {{n: 3}}]->(b), (d:D)-[:BACK]->(c),
    (l:Loop)-[:SELF {{p: point({{x: 1, y: 2}}), ps: [point({{x: 1, y: 2}})]}}]->(l), (:Labels:`z`:`a`:`NaN`:`Infinity`:M)"""


TURNS = itertools.count()


def ask(topics, texts, **more):
    """The replies' rows of each text, asked all at once."""
    turn = next(TURNS)
    ids = [f"v{turn}-{i}" for i in range(len(texts))]
    topics.produce("request", [{"id": i, "command": t, **more} for i, t in zip(ids, texts, strict=True)])
    found = wait_replies(topics, ids)
    return [[row for page in found[i] for row in page.get("rows", [page.get("error")])] for i in ids]


@pytest.fixture
def stored(topics, server_a, neo_a, db_sync):
    """A graph of every kind of value, made by a command."""
    topics.commands([STORED])
    db_sync(server_a)
    applied(neo_a, topics)
    assert topics.dead_letters() == []
    return server_a


def test_replies_equal_what_neo4j_says(topics, stored, neo_a, global_server):
    """Every kind in every nesting, by the Query API where there is one, and by strict Jolt."""
    new = neo_a.version() >= (5, 26)
    queries = QUERIES + ["MATCH (t:T) RETURN t.i AS i, t, t.t AS v, t.l AS l ORDER BY i"]
    utc = "WITH datetime({year: 2020, timezone: 'UTC'}) AS t RETURN t, [t] AS l"  # of which the Query API drops the name
    queries.append(utc)
    if new:  # nothing in Cypher makes bytes; the Query API does
        query_api(neo_a, "MATCH (v:V) SET v.bytes = $b, v.nobytes = $e", {"b": {"$type": "Base64", "_value": "AAH/gA=="}, "e": {"$type": "Base64", "_value": ""}})
        queries.append("MATCH (v:V) RETURN v.bytes AS b, [v.bytes] AS l, {b: v.bytes} AS m, v, v.nobytes AS none")
    global_server(stored)
    wrong, kinds = [], set()
    for text, rows in zip(queries, ask(topics, queries), strict=True):
        ways = {"strict Jolt": strict_jolt(neo_a, text)}
        if new and text != utc:
            ways["Query API"] = query_api(neo_a, text)
        for way, want in ways.items():
            if exactly(rows) != exactly(want):
                wrong.append(f"{way}: {text[:150]}\n  {difference(rows, want)}")
        kinds |= set(part.split('"')[0] for part in exactly(rows).split('"$type": "')[1:])
    assert not wrong, "\n".join(wrong)
    assert kinds >= {"Integer", "Float", "Map", "Date", "LocalTime", "Time", "LocalDateTime", "OffsetDateTime", "ZonedDateTime", "Duration", "Point",
                     "Node", "Relationship", "Path"} | ({"Base64"} if new else set()), kinds


def test_row_format_has_the_same_values(topics, kafka, stored, neo_a, global_server):
    """REPLY_FORMAT=row: properties of the one node or relationship, else the columns by name."""
    global_server(stored, REPLY_FORMAT="row")
    asked = [{"id": f"r{i}", "with_key": "k", "command": text, "note": "kept"} for i, text in enumerate(QUERIES)]
    topics.produce("request", [*asked, {"id": "bad", "command": "RETURN 1/0 AS x"}])
    wanted = []
    for text in QUERIES:
        names = columns(neo_a, text)
        rows = strict_jolt(neo_a, text)
        wanted.append([only_properties(row[0]) if len(row) == 1 and only_properties(row[0]) is not None else dict(zip(names, row)) for row in rows])
    count = sum(max(1, len(w)) for w in wanted) + 1

    def all_there():
        found = replies(topics)
        return found if sum(map(len, found.values())) >= count else None

    got = until(f"{count} replies", all_there, 60)
    wrong = []
    for request, want in zip(asked, wanted, strict=True):
        results = [b["result"] and b["result"]["properties"] for b in got[request["id"]]]
        results = [r["_value"] if isinstance(r, dict) and r.get("$type") == "Map" else r for r in results]
        if exactly(results) != exactly(want or [None]):
            wrong.append(f"{request['command'][:150]}\n  {difference(results, want)}")
        assert all({k: v for k, v in b.items() if k != "result"} == request for b in got[request["id"]])
    assert not wrong, "\n".join(wrong)
    assert got["bad"][0]["result"] is None and got["bad"][0]["error"]["code"] == "Neo.ClientError.Statement.ArithmeticError"
    done = run("global_server", ["ask", "RETURN 1"], {"BROKERS": kafka.bootstrap, "B_TOPIC_PREFIX": topics.prefix})
    assert done.returncode == 3 and "REPLY_FORMAT=row" in done.stderr


def only_properties(value):
    entity = isinstance(value, dict) and value.get("$type") in ("Node", "Relationship")
    return value["_value"]["_properties"] if entity else None


def columns(neo, text):
    answer = neo.session.post(neo.url, json={"statements": [{"statement": text}]}, timeout=60).json()
    return answer["results"][0]["columns"]


# ---------------------------------------------------------------- parameters there and back

INTEGERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.sampled_from([0, -1, 2**31 - 1, 2**31, -(2**31), 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)]))
FLOATS = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([0.0, -0.0, 1.0, 1e15, 1e16, 5e-324, 1.7976931348623157e308]))
WORDS = st.text(st.characters(codec="utf-8"), max_size=12)  # NUL is one of them, surrogates are not


def scalars():
    """(what Neo4j shall hold, a parameter for it)"""
    return st.one_of(
        INTEGERS.map(lambda n: (integer(n), n)), INTEGERS.map(lambda n: (integer(n), {"$type": "Integer", "_value": str(n)})),
        FLOATS.map(lambda x: (x, x)), FLOATS.map(lambda x: (x, {"$type": "Float", "_value": repr(x)})),
        WORDS.map(lambda s: (s, s)), WORDS.map(lambda s: (s, {"$type": "String", "_value": s})),
        st.booleans().map(lambda b: (b, b)), st.booleans().map(lambda b: (b, {"$type": "Boolean", "_value": b})))


def lists_of(values):
    plain = st.lists(values, max_size=4).map(lambda vs: ([v for v, _ in vs], [p for _, p in vs]))
    return st.one_of(plain, plain.map(lambda v: (v[0], {"$type": "List", "_value": v[1]})))


def maps_of(values):
    def both(members):
        want, plain = {k: v for k, (v, _) in members.items()}, {k: p for k, (_, p) in members.items()}
        typed = {"$type": "Map", "_value": plain}
        return ({"$type": "Map", "_value": want}, typed) if "$type" in want else (want, plain)
    keys = st.one_of(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5), st.sampled_from(["$type", "_value", "Z", "{}", "()"]))
    plain = st.dictionaries(keys, values, max_size=4).map(both)
    return st.one_of(plain, plain.map(lambda v: (v[0], v[1] if isinstance(v[1], dict) and "$type" in v[1] else {"$type": "Map", "_value": v[1]})))


NESTED = st.recursive(st.one_of(scalars(), st.just((None, None)), st.just((None, {"$type": "Null", "_value": None}))),
                      lambda inner: st.one_of(lists_of(inner), maps_of(inner)), max_leaves=12)
# what a property may hold: one kind a list
STORABLE = st.one_of(scalars(), *[lists_of(kind) for kind in (INTEGERS.map(lambda n: (integer(n), n)), FLOATS.map(lambda x: (x, x)),
                                                              WORDS.map(lambda s: (s, s)), st.booleans().map(lambda b: (b, b)))])


def no_reserved(pairs):
    return [p for p in pairs if "__db_sync" not in exactly(p[0])]


def test_parameters_return_unchanged(topics, stored, global_server):
    """Any nesting of values: out of a request and into its reply."""
    global_server(stored)

    @settings(max_examples=scaled(10, 200), deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(NESTED, min_size=20, max_size=40))
    def there_and_back(pairs):
        (rows,) = ask(topics, ["RETURN $v AS v"], params={"v": [p for _, p in pairs]})
        assert exactly(rows) == exactly([[[want for want, _ in pairs]]])

    there_and_back()


def test_stored_values_return_unchanged(topics, stored, neo_a, global_server):
    """Out of a command into the graph, and out of that into a reply."""
    global_server(stored)

    @settings(max_examples=scaled(8, 150), deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(STORABLE, min_size=20, max_size=40).map(no_reserved))
    def there_and_back(pairs):
        run = next(TURNS)
        topics.commands([("CREATE (:H {run: $run, i: $i, v: $v})", {"run": run, "i": i, "v": p}) for i, (_, p) in enumerate(pairs)])
        end = topics.end("command")
        (rows,) = ask(topics, ["MATCH (h:H {run: $run}) RETURN h.v AS v ORDER BY h.i"], params={"run": run}, min_offset=end)
        assert exactly([row[0] for row in rows]) == exactly([want for want, _ in pairs])

    there_and_back()
    assert topics.dead_letters() == []


def test_parameters_that_cannot_be_carried(topics, stored, neo_a, global_server):
    """Each kind has its own code, the same in both programs, at any depth; nothing is guessed."""
    global_server(stored)
    kinds = {"Base64": ("AAE=", "param.bytes"), "Node": ({}, "param.type"), "Path": ([], "param.type"), "Integer": ("1e3", "param.value")}
    shapes = [lambda v: v, lambda v: [1, v], lambda v: {"a": {"b": v}}, lambda v: {"$type": "List", "_value": [{"$type": "Map", "_value": {"$type": v}}]}]
    params, codes = [], []
    for kind, (value, code) in kinds.items():
        for shape in shapes:
            params.append({"v": shape({"$type": kind, "_value": value})})
            codes.append(code)
    start = topics.end("command")
    topics.produce("command", [{"command": "CREATE (:Bad {v: $v})", "params": p} for p in params], bad=True)
    topics.produce("request", [{"id": f"p{i}", "command": "RETURN $v AS v", "params": p} for i, p in enumerate(params)], bad=True)
    found = wait_replies(topics, [f"p{i}" for i in range(len(params))])
    assert [found[f"p{i}"][0].get("error", {}).get("code") for i in range(len(params))] == codes
    applied(neo_a, topics)
    assert [(o, c) for o, c, _ in topics.dead_letters()] == [(start + i, c) for i, c in enumerate(codes)]
    assert neo_a.one("MATCH (b:Bad) RETURN count(b)") == 0


def test_the_helpers_tell_values_apart():
    """What the comparisons above rest on."""
    assert exactly(1) != exactly(1.0) and exactly(0.0) != exactly(-0.0) and exactly("NaN") != exactly(real("NaN"))
    assert integer(2**53) == 2**53 and integer(2**53 + 1) == {"$type": "Integer", "_value": "9007199254740993"}
    assert math.copysign(1, real("-0.0")) == -1
