# SPDX-License-Identifier: Apache-2.0
"""Interchange with the real neo4j-backup, both ways, on the servers that its versions run on: the
whole graph but for what tests/lib/interchange.py says that the layouts lose, and nothing else."""

import datetime
import json
import subprocess

import interchange
import pytest
import stack
from conftest import scaled
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from neo import Neo, graph, schema
from older import VERSIONS, Older
from test_restore import creation, dates, durations, floats, globes, heights, integers, moments, named, nothing_left, planes, restore, spaces, texts, times
from test_snapshot import snapshot, verify
from programs import run


@pytest.fixture(scope="module", params=sorted(VERSIONS))
def older(request, servers_dir):
    """A version of the tool, and the Neo4j that it is for, whatever NEO4J_VERSION says."""
    line = VERSIONS[request.param][1]
    server = stack.Neo4j(servers_dir / f"interchange-{line}", f"interchange-{line}", version=line).start()
    yield Older(request.param, server)
    server.kill()


@pytest.fixture
def neo(older):
    client = Neo(older.server.http_uri, older.server.user, older.server.password)
    client.wipe()
    return client


# every kind of value, in a list too; not in the form of one that reads as another
VALUES = r"""
WITH {i: 1, big: 9223372036854775807, small: -9223372036854775808, f: 1.5, whole: 2.0, huge: 1e300, tiny: 4.9e-324, minus: -0.0, yes: true, no: false,
    d: date('2020-02-29'), old: date('0001-01-01'), late: date('9999-12-31'), t: time('12:50:35.556+01:00'), utc: time('12:00:00Z'),
    dt: datetime('2020-07-01T12:00:00.500000001+02:00'), z: datetime('2020-07-01T12:00:00Z'), west: datetime('2020-01-01T00:00:00-02:30'),
    du: duration('P1Y2M3DT4.000000005S'), mixed: duration({months: -1, days: 1, seconds: -1, nanoseconds: 1}), none: duration('PT0S'), less: duration({nanoseconds: -1}),
    p: point({x: 1, y: -2.5}), p3: point({x: 1e300, y: 2, z: -0.0}), w: point({longitude: 12.5, latitude: -55.25}), w3: point({longitude: 180, latitude: 90, height: -10.5}),
    s: 'plain', empty: '', quotes: 'x\'y"z', emoji: '😀 ä€', lines: 'a\nb\tc', json: '{"a": [1]}', cypher: '}) DETACH DELETE n //', semi: ';`$x',
    l: [1, 2, -9223372036854775808], lf: [1.0, 1e-300, 2.5], lb: [true, false], ls: ['a', 'b "c"', '😀', ''], le: []} AS plain,
 {lt: localtime('12:50:35.5'), ldt: localdatetime('2020-01-01T12:00'), llt: [localtime('12:00')], lldt: [localdatetime('2020-01-01T12:00')],
    zoned: datetime('2020-07-01T12:00:00.5+02:00[Europe/Paris]'), autumn: datetime('2020-10-25T02:30:00+01:00[Europe/Paris]'),
    ld: [date('2020-02-29'), date('2020-01-01')], ltz: [time('12:00+01:00')], ldtz: [datetime('2020-07-01T12:00Z'), datetime('2020-07-01T12:00:00+02:00[Europe/Paris]')],
    lp: [point({x: 1, y: 2}), point({x: 3, y: 4})], ldu: [duration('P1D'), duration({months: -1, seconds: -1, nanoseconds: 1}), duration('PT0S')], nan: 0.0/0.0, inf: [1.0/0.0, -1.0/0.0], back: 'C:\\', newline: 'a\\nb', double: 'a\\\\b', unicode: '\\u0041',
    comma: ['a,b', 'c, d'], looks: '$date(\'2020-01-01\')', like: '$time(a', quoted: '$point("', listed: ['$date(1)', 'x'], mixed: ['$date(\'2020-01-01\')', 'x'],
    `odd key`: 1, `odd date`: date('2020-01-01'), `odd looks`: '$date(1)'} AS other
CREATE (n:Values) SET n = plain CREATE (o:Others:Many) SET o = other
CREATE (n)-[r:PLAIN]->(o) SET r = plain CREATE (o)-[q:OTHER]->(:Alone) SET q = other"""

SHAPES = r"""
CREATE (a:A:b:C2 {n: 1}), (b:A {n: 2}), (c:B {n: 3}), ({only: 'no label'}), (bare), (:`odd one`:Plain {n: 4}), (:`x y`:`{ "}` {n: 5}), (:Ärger:`😀` {n: 6, `😀`: '😀'}), (:SET:node:relationship {n: 7, node_id: 1}),
    (a)-[:R {i: 1}]->(b), (a)-[:R {i: 1}]->(b), (a)-[:R {i: 2}]->(b), (b)-[:R {i: 1}]->(a), (a)-[:S]->(b), (c)-[:SELF {i: 1}]->(c), (c)-[:SELF]->(c),
    (a)-[:`odd type` {i: 1}]->(bare), (bare)-[:`tick``tick`]->(bare), (bare)-[:R {on: date('2020-01-01')}]->(c), (a)-[:R {when: date('2020-01-01')}]->(c), (c)-[:S {i: 1}]->(a)"""

# an offset with seconds, which the extractors round
LONG_AGO = "WITH datetime('1890-01-01T00:00:00[Europe/Amsterdam]') AS d CREATE (:Old {d: d, l: [time(d)], t: time(d), ld: [d]})"

CONSTRAINTS = ["CREATE CONSTRAINT one FOR (n:A) REQUIRE n.n IS UNIQUE", "CREATE CONSTRAINT two FOR (n:B) REQUIRE (n.x, n.y) IS UNIQUE"]
ODD_CONSTRAINTS = ["CREATE CONSTRAINT `odd name` FOR (n:`odd one`) REQUIRE n.n IS UNIQUE", "CREATE CONSTRAINT FOR (n:`x y`) REQUIRE (n.`a, b`, n.`c``d`) IS UNIQUE",
                   "CREATE CONSTRAINT FOR (n:Ärger) REQUIRE (n.`😀`) IS UNIQUE"]


def imported(older, source):
    return (interchange.typed_import if older.layout == "typed" else interchange.literal_import)(source)


def extracted(older, source):
    return (interchange.typed_extract if older.layout == "typed" else interchange.literal_extract)(source)


def check_import(older, neo, folder, *options):
    """We write, the tool loads."""
    source = interchange.read(neo)
    snapshot(older.server, folder, "--layout", older.layout, *options)
    neo.wipe()
    older.load(folder)
    found = interchange.read(neo)
    if older.layout == "literal":
        assert not [v for v in in_lists(found) if interchange.is_kind(v, *interchange.SPLICED)]
        found = interchange.changed(found, list, interchange.told)
    interchange.assert_equal(found, imported(older, source))


def check_extract(older, neo, folder, compress):
    """The tool writes, we restore."""
    source = interchange.read(neo)
    older.extract(folder, compress)
    said = verify(folder).stdout
    assert "no manifest" in said and f"{len(source[0])} nodes, {len(source[1])} relationships" in said
    said = run("db_sync", ["show", str(folder)], {}).stdout
    assert "neo4j-backup" in said and older.layout in said
    neo.wipe()
    said = restore(older.server, folder).stdout
    assert "no manifest" in said and "not understood" not in said
    nothing_left(neo)
    interchange.assert_equal(interchange.read(neo), extracted(older, source))


def in_lists(found):
    nodes, relationships = found
    every = [props for _, props in nodes.values()] + [r[3] for r in relationships]
    return [v for props in every for value in props.values() if isinstance(value, list) for v in value]


def constraints(neo):
    return [(name, labels, props) for what, name, _, _, labels, props in schema(neo) if what == "CONSTRAINTS"]


@pytest.mark.parametrize("options", [(), ("--no-compress",)])
def test_the_tool_loads_what_we_write(older, neo, tmp_path, options):
    neo.run(SHAPES)
    neo.run(VALUES)
    neo.run(LONG_AGO)
    for text in CONSTRAINTS + ODD_CONSTRAINTS + ["CREATE INDEX plain FOR (n:A) ON (n.x)"]:
        neo.run(text)
    check_import(older, neo, tmp_path / "s", *options)
    # 0.2.4 reads texts and no names; we give 1.0.0 no composite one, at which it would fail
    if older.layout == "typed":
        assert [c[1:] for c in sorted(constraints(neo), key=str)] in ([(["A"], ["n"]), (["B"], ["x", "y"])], [(["B"], ["x", "y"]), (["A"], ["n"])])
    else:
        assert constraints(neo) == [("one", ["A"], ["n"])]
    assert not [s for s in schema(neo) if s[0] == "INDEXES" and s[1] == "plain"]


@pytest.mark.parametrize("compress", [True, False])
def test_we_restore_what_the_tool_writes(older, neo, tmp_path, compress):
    neo.run(SHAPES)
    neo.run(VALUES)
    for text in CONSTRAINTS + ODD_CONSTRAINTS:
        neo.run(text)
    told = constraints(neo)
    check_extract(older, neo, tmp_path / "s", compress)
    assert constraints(neo) == told


def test_nothing_lost_is_nothing_lost(older, neo, tmp_path):
    """A graph without what the layouts lose comes through exactly, by the oracle of all other tests."""
    neo.run("""CREATE (a:A:b {i: 1, f: 1.5, s: 'x "y" z', t: true, d: date('2020-01-01'), dt: datetime('2020-01-01T12:00:00.5+01:00'), ti: time('12:00:00.000000001Z'),
        p: point({x: 1, y: 2}), w: point({longitude: 1, latitude: 2, height: 3}), du: duration('P1Y2M3DT4.000000005S'), l: [1, 2], ls: ['a', '😀']})
        -[:R {w: 1.5, when: date('2020-02-02')}]->(b:B {k: 2}), (a)-[:`odd type` {n: 1}]->(a), (b)-[:S]->(:C)""")
    before = graph(neo)
    snapshot(older.server, tmp_path / "ours", "--layout", older.layout)
    neo.wipe()
    older.load(tmp_path / "ours")
    assert graph(neo) == before
    older.extract(tmp_path / "theirs")
    neo.wipe()
    restore(older.server, tmp_path / "theirs")
    assert graph(neo) == before


def test_what_is_no_uniqueness_is_named(older, neo, tmp_path):
    """A text of another form is not run, and not dropped in silence."""
    neo.run("CREATE (:A {n: 1, m: 2})")
    neo.run(CONSTRAINTS[0])
    older.extract(tmp_path / "s")
    name = "constraints.json" if older.layout == "typed" else "uniqueness_constraints.json"
    evil = ("CONSTRAINT ON ( a:A ) ASSERT (a.n) IS NODE KEY" if older.layout == "typed"
            else {"node_label": "A", "node_prop": ["n"], "constraint_name": "three"})
    path = tmp_path / "s" / name
    path.write_text(json.dumps([*json.loads(path.read_text()), evil]))
    neo.wipe()
    done = restore(older.server, tmp_path / "s")
    assert "without 1 constraints that are not understood" in done.stdout
    assert "constraint_left_out" in done.stderr and ("IS NODE KEY" in done.stderr or "three" in done.stderr)
    assert constraints(neo) == [("one", ["A"], ["n"])]
    path.write_text("{")
    assert name in verify(tmp_path / "s", code=6).stderr
    neo.wipe()
    assert name in restore(older.server, tmp_path / "s", "--no-verify", code=6).stderr
    assert neo.one("MATCH (n) RETURN count(n)") == 0


def test_a_position_node_in_a_tools_folder(older, neo, tmp_path):
    """The tool reads a replica's own node and its constraint like any other: they are not restored."""
    neo.run("CREATE (:A {n: 1})")
    neo.run("CREATE CONSTRAINT `__db_sync_position` FOR (p:`__db_sync`) REQUIRE (p.topic, p.partition) IS UNIQUE")
    neo.run("CREATE (:`__db_sync` {topic: 'command', partition: 0, offset: 3})")
    before = graph(neo)
    older.extract(tmp_path / "s")
    neo.wipe()
    assert "1 nodes" in restore(older.server, tmp_path / "s").stdout
    nothing_left(neo)
    assert graph(neo) == before


# ---- random graphs ----

labels = st.sets(st.sampled_from(["A", "B", "Ä", "SET", "a b", "x:y", "😀", "`", "_unlabelled"]), max_size=3)
keys = st.sampled_from(["a", "b", "Ö", "_c1", "node_id", "SET", "a b", "😀", "`", "x:y"])
simple = [st.booleans().map(lambda b: str(b).lower()), integers.map(str), dates, times, moments, planes, spaces, globes, heights]
in_text = st.one_of(*simple, durations, st.floats(allow_nan=False, allow_infinity=False).map(repr).map(lambda r: f"toFloat('{r}')"))
# the time zones that the tool's extractor knows have no summer after 2037, and seconds before 1972
known = st.builds(lambda d, z: f"datetime('{d.isoformat()}[{z}]')", st.datetimes(datetime.datetime(1973, 1, 1), datetime.datetime(2037, 1, 1)),
                  st.sampled_from(["Europe/Paris", "America/Sao_Paulo", "Asia/Kathmandu", "UTC"]))
in_lists_of = st.one_of(*[st.lists(kind, max_size=4).map(lambda items: "[" + ", ".join(items) + "]") for kind in (simple[0], simple[1], dates, planes, globes, durations)])
as_parameter = st.one_of(texts, st.lists(texts, max_size=3)).map(lambda t: ("text", t))
# what both importers set on a relationship alone, so that it does not matter which is parallel to which
quiet = st.dictionaries(keys, st.one_of(integers.map(str), texts.filter(lambda t: not t.startswith("$")).map(lambda t: ("text", t))), max_size=3)
links = st.lists(st.tuples(st.integers(0, 500), st.sampled_from(["R", "S", "odd type", "`"]), quiet, st.integers(0, 500)), max_size=scaled(40, 150))


def graphs(zoned):
    properties = st.dictionaries(keys, st.one_of(in_text, in_lists_of, as_parameter, zoned), max_size=4)
    return st.tuples(st.lists(st.tuples(labels, properties), min_size=10, max_size=scaled(40, 150)), links)


# not shrunk: the message names the entity, and each try takes seconds
several = settings(max_examples=scaled(3, 30), deadline=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))


@several
@given(made=graphs(named), options=st.sampled_from([(), ("--no-compress",)]))
def test_any_graph_that_we_write(older, neo, tmp_path, made, options):
    neo.wipe()
    text, params = creation(*made)
    neo.run(text, **params)
    subprocess.run(["rm", "-rf", tmp_path / "s"], check=True)
    check_import(older, neo, tmp_path / "s", *options)


@several
@given(made=graphs(known), compress=st.booleans())
def test_any_graph_that_the_tool_writes(older, neo, tmp_path, made, compress):
    neo.wipe()
    text, params = creation(*made)
    neo.run(text, **params)
    subprocess.run(["rm", "-rf", tmp_path / "s"], check=True)
    check_extract(older, neo, tmp_path / "s", compress)
