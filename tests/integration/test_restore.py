# SPDX-License-Identifier: Apache-2.0
"""Restore: the same graph, the same schema, the same place in the log; or a database that says it is
half done. The oracles: graph(), which reads a database in strict Jolt, driver.graph(), which reads it
with Neo4j's own driver, and the second replica's log."""

import base64
import json
import os
import signal
import subprocess

import backup
import driver
import pytest
import stack
from conftest import scaled
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from neo import Neo, graph, plain, schema
from programs import BIN, run
from replica import applied, check_equal
from test_snapshot import INDEXES, NAMES, neo_env, rewritten, snapshot, verify
from test_values import STORED
from values import query_api
from wait import until


def restore(server, src, *args, program="db_sync", code=0, **env):
    done = run(program, ["restore", str(src), *args], neo_env(server, **env), deadline_s=240)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


def nothing_left(neo):
    """No helper label, constraint or node of ours in a database that has no position."""
    assert neo.position() is None
    names = [plain(r[0]) for r in neo.run("SHOW CONSTRAINTS YIELD name RETURN name")]
    assert not [n for n in names if n.startswith("__db_sync")]


@pytest.mark.parametrize("layout", ["typed", "literal"])
def test_every_value_name_and_index(neo_a, server_a, neo_b, server_b, layout, tmp_path):
    neo_a.transaction([(STORED, None), (NAMES, None)])
    for text in INDEXES:
        neo_a.run(text)
    snapshot(server_a, tmp_path / "s", "--layout", layout)
    said = restore(server_b, tmp_path / "s").stdout
    assert "restored" in said
    assert graph(neo_b) == graph(neo_a)
    assert driver.graph(server_b) == driver.graph(server_a)
    assert schema(neo_b) == schema(neo_a)
    nothing_left(neo_b)
    # the analyzer of the full-text index too
    assert plain(neo_b.run("CALL db.index.fulltext.queryNodes('search', 'running') YIELD node RETURN count(node)")[0][0]) == 0
    config = "SHOW INDEXES YIELD name, options WHERE name = 'search' RETURN options"
    assert plain(neo_b.run(config)[0][0])["indexConfig"]["fulltext.analyzer"] == "english"


def make_bytes(neo):
    """BYTES, alone and beside values of other kinds, in nodes and relationships of several shapes."""
    raw = {"$type": "Base64", "_value": base64.b64encode(bytes(range(256))).decode()}
    query_api(neo, """UNWIND range(1, 30) AS i CREATE (n:A {b: $b, c: i, f: 1.5, nan: 0.0/0.0, t: 'ä`"\\\\', l: [1, 2], fs: [1.5, 0.0/0.0],
        d: datetime('1890-01-01T00:00:00.5[Europe/Amsterdam]'), p: point({x: 1, y: 2.5}), u: duration('P1M-2DT0.5S'), on: true})
        CREATE (n)-[:R {b: $b, i: i}]->(:B {other: $b})-[:S {e: $e}]->(n)""", {"b": raw, "e": {"$type": "Base64", "_value": ""}})
    neo.run("MATCH (a:A) CREATE (a)-[:R {i: 0}]->(:Plain {n: a.c})")


@pytest.fixture
def without_query_api(servers_dir):
    """A server that takes no BYTES."""
    server = stack.Neo4j(servers_dir / "plain", "plain", extra_conf={"server.http_enabled_modules": "TRANSACTIONAL_ENDPOINTS"}).start()
    yield server
    server.kill()


def test_bytes(neo_a, server_a, neo_b, server_b, without_query_api, tmp_path):
    """By the Query API where there is one; else they are named, and left out only when told."""
    if neo_a.version() < (5, 26):
        pytest.skip("the server takes no BYTES over HTTP: none can be made here")
    make_bytes(neo_a)
    snapshot(server_a, tmp_path / "s")
    restore(server_b, tmp_path / "s")
    assert graph(neo_b) == graph(neo_a)
    nothing_left(neo_b)
    bare = Neo(without_query_api.http_uri, without_query_api.user, without_query_api.password)
    said = restore(without_query_api, tmp_path / "s", code=5).stderr
    assert "120 properties are BYTES (the first: `b` of node" in said and "--allow-loss" in said
    nothing_left(bare)
    # not proved first: found on the way
    assert "--allow-loss" in restore(without_query_api, tmp_path / "s", "--no-verify", code=5).stderr
    assert bare.position()["state"] == "restoring"
    said = restore(without_query_api, tmp_path / "s", "--allow-loss").stdout
    assert "without 120 properties" in said
    nothing_left(bare)
    neo_a.run("MATCH (n) SET n.b = null, n.other = null")
    neo_a.run("MATCH ()-[r]->() SET r.b = null, r.e = null")
    assert graph(bare) == graph(neo_a)


def test_a_new_replica_follows_the_log(topics, server_a, neo_a, server_b, neo_b, db_sync, tmp_path):
    """Snapshot of a live replica, restored beside it: no gap, no overlap."""
    topics.commands(["CREATE CONSTRAINT one FOR (c:Counter) REQUIRE c.n IS UNIQUE", "CREATE (:Counter {n: 0, sum: 0})", "CREATE (:P {bad: 1/0})"])
    topics.commands([f"MATCH (c:Counter) SET c.sum = c.sum * 3 % 1000003 + {i} CREATE (:P {{i: {i}}})" for i in range(200)])
    writer = db_sync(server_a)
    applied(neo_a, topics)
    snapshot(server_a, tmp_path / "s", B_TOPIC_PREFIX=topics.prefix)
    position = backup.manifest(tmp_path / "s")["position"]
    topics.commands([f"MATCH (c:Counter) SET c.sum = c.sum * 3 % 1000003 + {i} CREATE (:P {{i: {i}}})" for i in range(200, 300)])
    restore(server_b, tmp_path / "s", B_TOPIC_PREFIX=topics.prefix, REPLICA_ID="b")
    assert neo_b.offset() == position["next_offset"] == 203
    second = db_sync(server_b, "b")
    applied(neo_a, topics)
    applied(neo_b, topics)
    check_equal(neo_a, neo_b)
    assert schema(neo_a) == schema(neo_b)
    a, b = neo_a.position(), neo_b.position()
    assert a["outcome"] == b["outcome"] and a["since"] == b["since"]
    assert b["replica"] == "b"
    assert writer.stop() == 0 and second.stop() == 0


def test_guards(topics, server_a, neo_a, server_b, neo_b, tmp_path):
    neo_a.run("CREATE (:A {n: 1})")
    snapshot(server_a, tmp_path / "s")
    neo_b.run("CREATE (:Mine)")
    said = restore(server_b, tmp_path / "s", code=5).stderr
    assert "not empty" in said and "--force" in said
    assert "confirmed" in restore(server_b, tmp_path / "s", "--force", code=5).stderr
    assert neo_b.one("MATCH (m:Mine) RETURN count(m)") == 1
    assert "would be" in restore(server_b, tmp_path / "s", "--dry-run", "--force").stdout
    assert neo_b.one("MATCH (m:Mine) RETURN count(m)") == 1
    restore(server_b, tmp_path / "s", "--force", "--yes")
    assert graph(neo_b) == graph(neo_a)
    assert run("db_sync", ["restore"], neo_env(server_b)).returncode == 2
    assert restore(server_b, tmp_path / "none", code=3)
    assert restore(server_b, tmp_path, code=6)


def test_snapshot_of_another_topic(topics, server_a, neo_a, server_b, neo_b, db_sync, tmp_path):
    topics.commands(["CREATE (:A)"])
    db_sync(server_a)
    applied(neo_a, topics)
    snapshot(server_a, tmp_path / "s", B_TOPIC_PREFIX=topics.prefix)
    said = restore(server_b, tmp_path / "s", code=5).stderr
    assert topics.name("command") in said and "COMMAND_TOPIC" in said
    assert neo_b.position() is None and neo_b.one("MATCH (n) RETURN count(n)") == 0


def test_a_part_is_no_replica(topics, server_a, neo_a, server_b, neo_b, db_sync, tmp_path):
    topics.commands(["CREATE (:A)-[:R]->(:B)"])
    db_sync(server_a)
    applied(neo_a, topics)
    snapshot(server_a, tmp_path / "s", "--labels", "A", B_TOPIC_PREFIX=topics.prefix)
    assert "cannot follow the log" in restore(server_b, tmp_path / "s").stdout
    nothing_left(neo_b)
    assert [plain(r[0]) for r in neo_b.run("MATCH (n) RETURN labels(n)")] == [["A"]]


def test_damage_is_found_before_anything_is_written(neo_a, server_a, neo_b, server_b, tmp_path):
    neo_a.run("UNWIND range(1, 50) AS i CREATE (:A {i: i})-[:R]->(:B)")
    snapshot(server_a, tmp_path / "s", "--no-compress")
    rewritten(tmp_path / "s", tmp_path / "copy", lambda kind, rows: rows.pop() if kind == "nodes" else None)
    restore(server_b, tmp_path / "copy", code=6)
    assert neo_b.position() is None and neo_b.one("MATCH (n) RETURN count(n)") == 0
    # not proved first: the end finds it, and the database says that it is half done
    restore(server_b, tmp_path / "copy", "--no-verify", code=6)
    assert neo_b.position()["state"] == "restoring"


def test_what_differs_at_the_end_is_refused(neo_a, server_a, neo_b, server_b, tmp_path):
    """A value that changed in the file: with a manifest that was made to fit, the digest alone tells."""
    neo_a.run("CREATE (:A {i: 1})")
    snapshot(server_a, tmp_path / "s", "--no-compress")
    rewritten(tmp_path / "s", tmp_path / "copy", lambda kind, rows: rows[0]["node_props"].update(i=2) if kind == "nodes" else None)
    said = restore(server_b, tmp_path / "copy", "--no-verify", code=7).stderr
    assert "values differ" in said
    assert neo_b.position()["state"] == "restoring"


BIG = ("UNWIND range(1, 12000) AS i CREATE (:A {i: i % 100, s: 'text ' + i % 100})-[:R {i: i}]->(:B {d: date('2020-01-01')})",
       "MATCH (a:A {i: 7}), (b:B) WITH a, b LIMIT 3000 CREATE (a)-[:DENSE]->(b)")


def killed_when(condition, server, neo, src, *args):
    """A restore that is killed once the condition is true in the database."""
    going = subprocess.Popen([BIN / "db_sync", "restore", "--no-verify", *args, src], env={**os.environ, **neo_env(server)})
    until(condition, lambda: neo.one(condition) or going.poll() is not None, 120)
    assert going.poll() is None, "it was too quick to be killed"
    going.send_signal(signal.SIGKILL)
    going.wait()
    assert neo.run("MATCH (p:`__db_sync` {partition: 0}) RETURN p.state")[0][0] == {"U": "restoring"}


@pytest.mark.parametrize("ids", ["kept", "lost"])
def test_interrupted_restore_goes_on(neo_a, server_a, neo_b, server_b, db_sync, topics, ids, tmp_path, monkeypatch):
    """kill -9 in all phases, many equal nodes: nothing is doubled, nothing is served half."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for text in BIG:
        neo_a.run(text)
    neo_a.run("CREATE INDEX ai FOR (a:A) ON (a.i)")
    snapshot(server_a, tmp_path / "s")
    for condition in ("MATCH (n:A) RETURN count(n) > 0", "MATCH (n:B) RETURN count(n) > 5000", "MATCH ()-[r]->() RETURN count(r) > 0",
                      "MATCH ()-[r]->() RETURN count(r) >= 10000"):
        killed_when(condition, server_b, neo_b, tmp_path / "s")
        if ids == "lost":
            for file in tmp_path.glob(".cypherlog-restore-*"):
                file.unlink()
    agent = db_sync(server_b, "b", COMMAND_TOPIC="command", B_TOPIC_PREFIX="")
    assert agent.wait_exit() in (3, 5), agent.log[-2000:]
    before = neo_b.one("MATCH (n) WHERE NOT n:`__db_sync` RETURN count(n)")
    assert "were there from an interrupted restore" in restore(server_b, tmp_path / "s").stdout and before > 0
    assert graph(neo_b) == graph(neo_a)
    assert schema(neo_b) == schema(neo_a)
    nothing_left(neo_b)
    assert not list(tmp_path.glob(".cypherlog-*"))


def test_another_restore_begins_anew(neo_a, server_a, neo_b, server_b, tmp_path):
    """Of another snapshot, or with other options: what an interrupted one left goes."""
    for text in BIG:
        neo_a.run(text)
    snapshot(server_a, tmp_path / "s")
    neo_a.run("CREATE (:C {i: 1})")
    snapshot(server_a, tmp_path / "t")
    killed_when("MATCH (n:A) RETURN count(n) > 0", server_b, neo_b, tmp_path / "s")
    killed_when("MATCH ()-[r]->() RETURN count(r) > 0", server_b, neo_b, tmp_path / "t", "--labels", "A,B")
    assert "were there" not in restore(server_b, tmp_path / "t").stdout
    assert graph(neo_b) == graph(neo_a)
    nothing_left(neo_b)


def test_two_restores_at_once(neo_a, server_a, neo_b, server_b, tmp_path):
    """The second finds the first at work, or takes over: one of them ends well, and nothing is doubled."""
    for text in BIG:
        neo_a.run(text)
    snapshot(server_a, tmp_path / "s")
    env = {**os.environ, **neo_env(server_b)}
    going = [subprocess.Popen([BIN / "db_sync", "restore", "--no-verify", tmp_path / "s"], env=env, stderr=subprocess.PIPE, text=True)
             for _ in range(2)]
    said = [p.communicate(timeout=120)[1] for p in going]
    codes = [p.returncode for p in going]
    assert set(codes) <= {0, 4, 5, 7}, (codes, said)  # 4: they met in a lock
    if 0 not in codes:
        restore(server_b, tmp_path / "s")
    assert graph(neo_b) == graph(neo_a)


def test_neo4j_that_goes_away_is_waited_for(neo_a, server_a, neo_b, server_b, tmp_path):
    """Killed in the middle of nodes and of relationships: the same process goes on when it is back."""
    for text in BIG:
        neo_a.run(text)
    snapshot(server_a, tmp_path / "s")
    going = subprocess.Popen([BIN / "db_sync", "restore", "--no-verify", tmp_path / "s"], env={**os.environ, **neo_env(server_b)},
                             stderr=subprocess.PIPE, text=True)
    for condition in ("MATCH (n:A) RETURN count(n) > 0", "MATCH ()-[r]->() RETURN count(r) > 0"):
        until(condition, lambda c=condition: neo_b.one(c) or going.poll() is not None, 120)
        assert going.poll() is None, going.stderr.read()
        server_b.kill()
        server_b.start()
    assert going.wait(240) == 0, going.stderr.read()
    assert graph(neo_b) == graph(neo_a)
    nothing_left(neo_b)


@pytest.mark.parametrize("options, labels, types", [(["--labels", "Plain,Ärger"], {"Plain", "Ärger"}, None), (["--types", "T"], None, {"T"}),
                                                    (["--labels", "Plain", "--types", "T"], {"Plain"}, {"T"})])
def test_a_part_is_restored(neo_a, server_a, neo_b, server_b, options, labels, types, tmp_path):
    neo_a.transaction([(NAMES, None)])
    for text in INDEXES:
        neo_a.run(text)
    snapshot(server_a, tmp_path / "s")
    assert "those with the labels and types named would be" in restore(server_b, tmp_path / "s", *options, "--dry-run").stdout
    done = restore(server_b, tmp_path / "s", *options)
    assert "cannot follow the log" in done.stdout and "note" not in done.stderr
    if types:
        neo_a.run("MATCH ()-[r]->() WHERE NOT type(r) IN $types DELETE r", types=sorted(types))
    if labels:
        neo_a.run("MATCH (n) WHERE none(l IN labels(n) WHERE l IN $labels) DETACH DELETE n", labels=sorted(labels))
    assert graph(neo_b) == graph(neo_a)
    kept = [row for row in schema(neo_a) if not (labels and row[3] == "NODE" and not labels & set(row[4]))
            and not (types and row[3] == "RELATIONSHIP" and not types & set(row[4]))]
    assert schema(neo_b) == kept
    nothing_left(neo_b)


# ---- random graphs ----

finite = st.floats(allow_nan=False, allow_infinity=False)
floats = st.one_of(finite, st.sampled_from([float("nan"), float("inf"), float("-inf"), -0.0, 5e-324, 1.7976931348623157e308]))
texts = st.one_of(st.text(alphabet=st.characters(codec="utf-8"), max_size=20),
                  st.sampled_from(["$date('2020-01-01')", "$point(", "C:\\", "a\\\"b", "NaN", "", "`", "\x00", "\n", "😀", "null"]))
integers = st.one_of(st.integers(-2**63, 2**63 - 1), st.sampled_from([0, 2**31, -2**31, 2**53 + 1]))


def number(x):
    return f"toFloat('{'NaN' if x != x else 'Infinity' if x > 0 else '-Infinity'}')" if x != x or x in (float("inf"), float("-inf")) else repr(x) if "e" in repr(x) or "." in repr(x) else repr(x) + ".0"


durations = st.tuples(*[st.integers(-10**9, 10**9)] * 3, st.integers(-10**10, 10**10)).map(
    lambda p: "duration({months: %d, days: %d, seconds: %d, nanoseconds: %d})" % p)
dates = st.dates().map(lambda d: f"date('{d.isoformat()}')")
zones = st.sampled_from(["", "Z", "+01:00", "-11:30", "+18:00"])
times = st.builds(lambda t, z: f"{'time' if z else 'localtime'}('{t.isoformat()}{z}')", st.times(), zones)
moments = st.builds(lambda d, z: f"{'datetime' if z else 'localdatetime'}('{d.isoformat()}{z}')", st.datetimes(), zones)
named = st.builds(lambda d, z: f"datetime('{d.isoformat()}[{z}]')", st.datetimes(),
                  st.sampled_from(["Europe/Paris", "America/Sao_Paulo", "Asia/Kathmandu", "UTC", "Etc/GMT+5"]))
planes = st.tuples(finite, finite).map(lambda p: f"point({{x: {number(p[0])}, y: {number(p[1])}}})")
spaces = st.tuples(finite, finite, finite).map(lambda p: f"point({{x: {number(p[0])}, y: {number(p[1])}, z: {number(p[2])}}})")
globes = st.tuples(st.floats(-180, 180), st.floats(-90, 90)).map(lambda p: f"point({{longitude: {number(p[0])}, latitude: {number(p[1])}}})")
heights = st.tuples(st.floats(-180, 180), st.floats(-90, 90), finite).map(
    lambda p: f"point({{longitude: {number(p[0])}, latitude: {number(p[1])}, height: {number(p[2])}}})")
KINDS = [st.booleans().map(lambda b: str(b).lower()), integers.map(str), floats.map(number), dates, times, moments, named, durations,
         planes, spaces, globes, heights]
scalars = st.one_of(*KINDS)
lists = st.one_of(*[st.lists(kind, max_size=4) for kind in (KINDS[0], KINDS[1], KINDS[2], dates, durations, planes, spaces, globes)]).map(
    lambda items: "[" + ", ".join(items) + "]")
names = st.one_of(st.sampled_from(["A", "B", "a b", "x:y", "Ä", "😀", "`", "SET", "_unlabelled", "\\", "a\\u0041"]),
                  st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=("Cs", "Cc", "Cn", "Co", "Cf")), min_size=1, max_size=8))


def quoted(name):
    return "`" + name.replace("\\", "\\u005c").replace("`", "``") + "`"


properties = st.dictionaries(names, st.one_of(scalars, lists, texts.map(lambda t: ("text", t)), st.lists(texts, max_size=3).map(lambda t: ("text", t))), max_size=4)
nodes = st.lists(st.tuples(st.sets(names, max_size=3), properties), max_size=6)
links = st.lists(st.tuples(st.integers(0, 5), names, properties, st.integers(0, 5)), max_size=6)


def creation(nodes, links):
    """A statement that makes the graph, and its parameters: texts travel as such."""
    params, parts = {}, []

    def mapping(props):
        out = []
        for key, value in props.items():
            if isinstance(value, tuple):
                params[f"p{len(params)}"] = value[1]
                value = f"$p{len(params) - 1}"
            out.append(f"{quoted(key)}: {value}")
        return "{" + ", ".join(out) + "}"

    for i, (labels, props) in enumerate(nodes):
        parts.append(f"(n{i}" + "".join(":" + quoted(x) for x in sorted(labels)) + " " + mapping(props) + ")")
    for start, kind, props, end in links:
        if nodes:
            parts.append(f"(n{start % len(nodes)})-[:{quoted(kind)} {mapping(props)}]->(n{end % len(nodes)})")
    return "CREATE " + ", ".join(parts), params


@settings(max_examples=scaled(9, 150), deadline=None, suppress_health_check=list(HealthCheck))
@given(nodes=nodes, links=links, layout=st.sampled_from(["typed", "literal"]))
def test_any_graph_comes_back(server_a, neo_a, server_b, neo_b, tmp_path, nodes, links, layout):
    for neo in (neo_a, neo_b):
        neo.wipe()
    if nodes:
        text, params = creation(nodes, links)
        neo_a.run(text, **params)
    subprocess.run(["rm", "-rf", tmp_path / "s"], check=True)
    snapshot(server_a, tmp_path / "s", "--layout", layout)
    verify(tmp_path / "s")
    restore(server_b, tmp_path / "s")
    made = json.dumps([text, params]) if nodes else ""
    assert graph(neo_b) == graph(neo_a), made
    assert driver.graph(server_b) == driver.graph(server_a), made
