# SPDX-License-Identifier: Apache-2.0
"""Exports: scripts that the real cypher-shell, and a log of commands, make the same graph of. The oracle:
graph(), which reads a database in strict Jolt."""

import base64
import gzip
import json
import os
import select
import signal
import subprocess
import threading

from conftest import scaled
from cypher_shell import run_script
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from neo import graph, plain, schema
from programs import BIN, read_terminal, run, terminal
from replica import applied
from test_restore import creation, links, nodes
from test_snapshot import INDEXES, NAMES, neo_env
from test_values import STORED
from values import query_api
from wait import until

HELPER = ["__cypherlog_export", "__cypherlog_id"]


def export(server, path, *args, program="db_sync", code=0, **env):
    done = run(program, ["export", str(path), *args], neo_env(server, **env), deadline_s=240)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


def text_of(path):
    data = path.read_bytes()
    return (gzip.decompress(data) if path.name.endswith(".gz") else data).decode()


def unpacked(path):
    plain_path = path.with_suffix(".unpacked")
    plain_path.write_text(text_of(path), newline="")
    return plain_path


def no_helper(neo):
    """Nothing of it on any node, no constraint or index; its name stays in the list of keys, as every name does."""
    label, key = HELPER
    assert neo.one(f"MATCH (n) WHERE n:`{label}` OR n.`{key}` IS NOT NULL RETURN count(n)") == 0
    assert not [s for s in schema(neo) if label in str(s)]


def assert_same(neo, want):
    assert graph(neo) == graph(want)
    assert schema(neo) == schema(want)
    no_helper(neo)


# the separators of the script's own, and texts that look like its escapes
TRICKY = ["\x1a", "\x1d", "\x1e", "\x1f", "\x1a0", "\x1a1\x1d", "\x1f\x1f", "", "\\u001f", "\\", "\\\\u0041", '"', '", "', ";\n:begin\n//", "\x00", "\x7f", "\u2028", "null"]


def tricky(neo):
    neo.run("UNWIND $t AS t CREATE (:Tricky {one: t, list: [t], two: ['', t, ''], empty: '', none: []}) CREATE (:Tricky {all: $t, empties: ['', '']})", t=TRICKY)


def test_every_value_name_and_index(neo_a, server_a, neo_b, server_b, tmp_path):
    neo_a.transaction([(STORED, None), (NAMES, None)])
    tricky(neo_a)
    for text in INDEXES:
        neo_a.run(text)
    said = export(server_a, tmp_path / "s.cypher.gz").stdout
    script = text_of(tmp_path / "s.cypher.gz")
    assert "nobody wrote" in said and "nobody wrote" in script
    # whatever character set cypher-shell takes it for
    assert all(line.isascii() and line.isprintable() for line in script.split("\n"))
    run_script(server_b, unpacked(tmp_path / "s.cypher.gz"))
    assert_same(neo_b, neo_a)
    config = "SHOW INDEXES YIELD name, options WHERE name IN ['search', 'places'] RETURN name, options.indexConfig ORDER BY name"
    until("indexes", lambda: neo_b.run(config) == neo_a.run(config), 30)
    # a second time the database is not empty: it ends at its first statement that matters, not silently
    export(server_a, tmp_path / "t.cypher", program="global_server")
    assert text_of(tmp_path / "t.cypher").replace("global_server", "db_sync") == script


def test_through_the_log(topics, kafka, neo_a, server_a, neo_b, server_b, db_sync, tmp_path):
    """db_sync send takes the file as it is, and a replica that applies it is equal."""
    neo_a.transaction([(STORED, None), (NAMES, None)])
    tricky(neo_a)
    for text in INDEXES:
        neo_a.run(text)
    export(server_a, tmp_path / "s.cypher")
    sent = run("db_sync", ["send", "--file", str(tmp_path / "s.cypher")], {"BROKERS": kafka.bootstrap, "B_TOPIC_PREFIX": topics.prefix})
    assert sent.returncode == 0, sent.stderr
    agent = db_sync(server_b, "b")
    applied(neo_b, topics)
    assert topics.dead_letters() == []
    assert_same(neo_b, neo_a)
    assert agent.stop() == 0


def test_batches_and_bounded_steps(neo_a, server_a, neo_b, server_b, tmp_path):
    count = scaled(20500, 200000)
    for begin in range(1, count, 20500):  # in transactions that a small heap can hold
        neo_a.run("UNWIND range($begin, $end) AS i CREATE (:A {i: i, s: 'text ' + i, big: CASE WHEN i % 5000 = 0 THEN reduce(s = 'x', k IN range(1, 12) | s + s + s) END})", begin=begin, end=min(begin + 20499, count))
    neo_a.run("UNWIND range(1, $n) AS i MATCH (a:A {i: i}) CREATE (a)-[:R {i: i}]->(:B {d: date('2020-01-01') + duration({days: i})})", n=500)
    neo_a.run("MATCH (a:A), (b:A {i: 7}) WHERE a.i < 3000 CREATE (a)-[:S]->(b)")
    said = json.loads(export(server_a, tmp_path / "s.cypher.gz", "--json").stdout)
    lines = [line for line in text_of(tmp_path / "s.cypher.gz").split("\n") if line and not line.startswith("//")]
    assert said["statements"] == len(lines) and said["nodes"] == count + 500 and said["relationships"] == 500 + 2999
    assert len([x for x in lines if "CREATE (:`A`" in x]) >= count // 500
    assert max(map(len, lines)) == said["largest_statement_bytes"] - 1 < 1200000
    removals = [x for x in lines if "REMOVE" in x]
    assert len(removals) == (count + 500) // 10000 + 1, removals
    run_script(server_b, unpacked(tmp_path / "s.cypher.gz"))
    assert_same(neo_b, neo_a)


@settings(max_examples=scaled(2, 15), deadline=None, suppress_health_check=list(HealthCheck))
@given(graphs=st.lists(st.tuples(nodes, links), min_size=10, max_size=20))
def test_any_graph_comes_back(server_a, neo_a, server_b, neo_b, tmp_path, graphs):
    for neo in (neo_a, neo_b):
        neo.wipe()
    for some, between in graphs:
        if some:
            text, params = creation(some, between)
            neo_a.run(text, **params)
    export(server_a, tmp_path / "s.cypher.gz", "--yes")
    run_script(server_b, unpacked(tmp_path / "s.cypher.gz"))
    assert graph(neo_b) == graph(neo_a), (tmp_path / "s.unpacked").read_text()[:5000]
    no_helper(neo_b)


def test_empty_database(neo_a, server_a, neo_b, server_b, tmp_path):
    neo_a.run(INDEXES[0])
    export(server_a, tmp_path / "s.cypher")
    run_script(server_b, tmp_path / "s.cypher")
    assert_same(neo_b, neo_a)


def test_bytes_are_named_and_left_out_only_when_told(neo_a, server_a, neo_b, server_b, tmp_path):
    if neo_a.version() < (5, 26):
        return  # the server takes no BYTES over HTTP: none can be made here
    raw = base64.b64encode(b"abc").decode()
    query_api(neo_a, "CREATE (:A:B {b: $b, c: 1})-[:T {b: $b}]->(:A:B {b: $b, d: $b})", {"b": {"$type": "Base64", "_value": raw}})
    said = export(server_a, tmp_path / "s.cypher.gz", code=5).stderr
    for word in ("4 properties", ":A:B.b (2)", ":A:B.d (1)", "[:T].b (1)", "--allow-loss"):
        assert word in said, said
    assert list(tmp_path.glob("s.cypher*")) == []
    assert "without 4 properties" in export(server_a, tmp_path / "s.cypher.gz", "--allow-loss").stdout
    run_script(server_b, unpacked(tmp_path / "s.cypher.gz"))
    assert sorted(str(plain(r[0])) for r in neo_b.run("MATCH (n) RETURN properties(n)")) == ["{'c': 1}", "{}"]


def test_one_moment_while_commands_come(topics, server_a, neo_a, db_sync, tmp_path):
    """The script holds exactly the commands before the offset that it names."""
    writer = db_sync(server_a)
    done = threading.Event()

    def send():
        sent = 0
        while not done.is_set():
            until("room", lambda: done.is_set() or (neo_a.offset() or 0) > sent - 300, 60)
            topics.commands([f"CREATE (:N {{i: {sent + k}}})-[:R]->(:M)" for k in range(50)])
            sent += 50

    sender = threading.Thread(target=send)
    sender.start()
    try:
        until("commands", lambda: (neo_a.offset() or 0) > 200, 60)
        for n in range(scaled(2, 10)):
            said = json.loads(export(server_a, tmp_path / f"{n}.cypher", "--json", B_TOPIC_PREFIX=topics.prefix).stdout)
            script = text_of(tmp_path / f"{n}.cypher")
            assert f"// at offset {said['offset']} of topic {topics.name('command')}\n" in script
            assert said["nodes"] == 2 * said["offset"] and said["relationships"] == said["offset"], said
            assert "__db_sync" not in script
    finally:
        done.set()
        sender.join()
    applied(neo_a, topics)
    assert writer.stop() == 0
    wrong = export(server_a, tmp_path / "w.cypher", code=5).stderr
    assert "B_TOPIC_PREFIX" in wrong and not list(tmp_path.glob("w.cypher*"))


def test_interrupted(neo_a, server_a, tmp_path):
    neo_a.run("UNWIND range(1, 60000) AS i CREATE (:Big {i: i, text: 'some text that takes its time ' + i})")
    for how in (signal.SIGTERM, signal.SIGKILL):
        going = subprocess.Popen([BIN / "db_sync", "export", tmp_path / "s.cypher.gz"], env={**os.environ, **neo_env(server_a)},
                                 text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        until("a scan", lambda: neo_a.transactions("RETURN e"), 30)
        if how == signal.SIGTERM:
            going.send_signal(signal.SIGSTOP)  # so that it works still, however late the other one comes
            assert "another process" in export(server_a, tmp_path / "s.cypher.gz", code=5).stderr
        going.send_signal(how)
        going.send_signal(signal.SIGCONT)
        out, said = going.communicate(timeout=60)
        assert going.returncode == (-9 if how == signal.SIGKILL else 1), (out, said)
        assert [p.name for p in tmp_path.iterdir()] == (["s.cypher.gz.partial"] if how == signal.SIGKILL else [])
    export(server_a, tmp_path / "s.cypher.gz")
    assert [p.name for p in tmp_path.iterdir()] == ["s.cypher.gz"]


def test_places_and_guards(neo_a, server_a, neo_b, server_b, tmp_path):
    neo_a.run("CREATE (:A)")
    path = tmp_path / "s.cypher.gz"
    export(server_a, path)
    first = path.read_bytes()
    assert "--yes" in export(server_a, path, code=5).stderr and path.read_bytes() == first
    neo_a.run("CREATE (:A)-[:T]->(:B)")
    export(server_a, path, "--yes")
    assert "// end: 3 nodes, 1 relationships" in text_of(path)
    (tmp_path / "mine").write_text("mine and nobody else's, not to be replaced")
    assert "no export" in export(server_a, tmp_path / "mine", "--yes", code=5).stderr
    assert "mine" in (tmp_path / "mine").read_text()
    assert "no export" in export(server_a, tmp_path, "--yes", code=5).stderr
    assert "name of a folder" in export(server_a, f"{tmp_path}/", code=3).stderr
    assert "nowhere" in export(server_a, tmp_path / "nowhere/s", code=3).stderr
    assert "one file" in run("db_sync", ["export"], neo_env(server_a)).stderr
    wrong = run("db_sync", ["export", str(tmp_path / "w")], {**neo_env(server_a), "NEO4J_PASS": "wrong-password"})
    assert wrong.returncode == 3 and "NEO4J_PASS" in wrong.stderr, wrong.stderr
    assert not list(tmp_path.glob("w*"))
    # a script that did not reach its end: neither exported nor run over
    script = unpacked(path).read_text().split("MATCH (n:")[0]
    (tmp_path / "cut.cypher").write_text(script)
    run_script(server_b, tmp_path / "cut.cypher")
    assert "did not reach its end" in export(server_b, tmp_path / "again.cypher", code=5).stderr
    run_script(server_b, unpacked(path), code=1)


def lines_of(done):
    return [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]


def test_progress_for_programs(neo_a, server_a, tmp_path):
    """Lines of JSON on request only: every phase is told, and nothing on a pipe otherwise."""
    neo_a.run("UNWIND range(1, 2000) AS i CREATE (:A {i: i})-[:R]->(:B)")
    for command, phases in ((["snapshot", tmp_path / "s"], ["nodes", "relationships"]), (["verify", tmp_path / "s"], ["nodes", "relationships"]),
                            (["export", tmp_path / "s.cypher"], ["nodes", "relationships"])):
        done = run("db_sync", [*map(str, command), "--progress", "json"], neo_env(server_a))
        told = lines_of(done)
        assert done.returncode == 0 and list(dict.fromkeys(t["phase"] for t in told)) == phases, done.stderr
        for line in told:
            assert set(line) == {"phase", "done", "total", "rate", "eta_s"} and 0 <= line["done"] <= line["total"] in (2000, 4000), line
        assert [t["done"] for t in told if t["done"] == t["total"]] == [4000, 2000], told
    for mode in ("auto", "none"):
        assert run("db_sync", ["verify", str(tmp_path / "s"), "--progress", mode], {}).stderr == ""
    assert run("db_sync", ["verify", str(tmp_path / "s"), "--progress", "loud"], {}).returncode == 2


def test_bar_on_a_terminal(neo_a, server_a, tmp_path):
    """Phase, how far, rate and time left; and it is gone at the end. It begins after a second, so the program is
    let go in small steps until then."""
    neo_a.run("UNWIND range(1, 60000) AS i CREATE (:Big {i: i, text: 'some text that takes its time ' + i})")
    going, master = terminal("db_sync", ["export", tmp_path / "s.cypher.gz"], neo_env(server_a))
    until("a scan", lambda: neo_a.transactions("RETURN e"), 30, 0.005)

    def a_step():
        going.send_signal(signal.SIGCONT)
        drawn = select.select([master], [], [], 0.005)[0]
        going.send_signal(signal.SIGSTOP)
        return drawn

    until("the bar", a_step, 60, 0.2)
    going.send_signal(signal.SIGCONT)
    shown = read_terminal(master)
    assert going.wait(60) == 0
    for word in (b"/60000 nodes", b"/s", b"s left"):
        assert word in shown, shown[-500:]
    assert shown.endswith(b"\r\x1b[K"), shown[-500:]
