# SPDX-License-Identifier: Apache-2.0
"""Snapshots of live databases: lossless, one moment, whole or not there; and what is damaged is found.
The oracles: what Neo4j itself says in strict Jolt, and a reader of our own (lib/backup.py)."""

import base64
import json
import os
import pathlib
import signal
import subprocess
import threading

import backup
import jsonschema
import pytest
from conftest import ROOT, scaled
from neo import Neo, graph, schema
from programs import BIN, run
from stack import free_port
from replica import applied
from test_values import STORED
from values import query_api, strict_jolt
from wait import until

SCHEMA = json.loads((ROOT / "common/snapshot/manifest.schema.json").read_text())

NAMES = r"""CREATE (n {only: 'no label'})-[:`a b` {`my key`: date('2020-01-01')}]->(m:`x:y`:Plain {`ä b`: '$date(1)'}),
    (m)-[:`tick``tick`]->(m), (n)-[:T {i: 1}]->(m), (n)-[:T {i: 1}]->(m), (n)-[:T {i: 2, when: localtime('12:00')}]->(m),
    (m)-[:T]->(n), (:`{ "}` {a: 1}), (:Ärger:ärger:`😀` {`😀`: '😀', s: '$point(x)', l: ['$date(\'2020-01-01\')', 'a'], t: 'C:\\', u: 'a\\n', q: '"\''}),
    (:_unlabelled), (:node:relationship {node_id: 1}), (:`back\u005cu0041` {`k\u005c`: 1})-[:`r\u005cu0041`]->(:Plain)"""

INDEXES = ["CREATE CONSTRAINT one FOR (n:Plain) REQUIRE n.k IS UNIQUE", "CREATE CONSTRAINT two FOR (n:`x:y`) REQUIRE (n.a, n.b) IS UNIQUE",
           "CREATE INDEX plain FOR (n:Plain) ON (n.x)", "CREATE INDEX `odd name` FOR ()-[r:`a b`]-() ON (r.x, r.y)",
           "CREATE TEXT INDEX words FOR (n:Plain) ON (n.t)", "CREATE POINT INDEX places FOR (n:Plain) ON (n.p)",
           "CREATE FULLTEXT INDEX search FOR (n:Plain|Other) ON EACH [n.t, n.u] OPTIONS {indexConfig: {`fulltext.analyzer`: 'english'}}"]


def neo_env(server, **more):
    return {"NEO4J_URI": server.http_uri, "NEO4J_PASS": server.password, **more}


def snapshot(server, dest, *args, program="db_sync", code=0, **env):
    done = run(program, ["snapshot", str(dest), *args], neo_env(server, **env), deadline_s=120)
    assert done.returncode == code, done.stderr
    if code == 0:
        jsonschema.validate(backup.manifest(dest), SCHEMA)
    return done


def verify(src, code=0, program="db_sync"):
    done = run(program, ["verify", str(src)], {}, deadline_s=120)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


def plain(entity):
    return {k: backup.exact(v) for k, v in entity["_properties"].items()}


def assert_equal(folder, neo):
    """The snapshot holds what the database holds, told by Neo4j in strict Jolt."""
    ids = {}
    for (row,) in strict_jolt(neo, "MATCH (n) WHERE NOT n:`__db_sync` RETURN n"):
        node = row["_value"]
        ids[node["_element_id"]] = (int(node["_element_id"].split(":")[-1]), node["_labels"], plain(node))
    assert backup.nodes(folder) == {i: (labels, props) for i, labels, props in ids.values()}
    found = []
    for (row,) in strict_jolt(neo, "MATCH ()-[r]->() RETURN r"):
        r = row["_value"]
        found.append((ids[r["_start_node_element_id"]][0], r["_type"], ids[r["_end_node_element_id"]][0], plain(r)))
    assert backup.relationships(folder) == sorted(found, key=repr)


@pytest.mark.parametrize("layout", ["typed", "literal"])
def test_every_value_and_name(neo_a, server_a, layout, tmp_path):
    neo_a.transaction([(STORED, None), (NAMES, None)])
    if neo_a.version() >= (5, 26):
        raw = base64.b64encode(bytes(range(256))).decode()
        query_api(neo_a, "CREATE (:Bytes {b: $b, e: $e})", {"b": {"$type": "Base64", "_value": raw}, "e": {"$type": "Base64", "_value": ""}})
    snapshot(server_a, tmp_path / "s", "--layout", layout)
    assert_equal(tmp_path / "s", neo_a)
    said = verify(tmp_path / "s").stdout
    manifest = backup.manifest(tmp_path / "s")
    assert manifest["digest"] in said and manifest["layout"] == layout
    assert manifest["position"] is None and "nobody wrote" in manifest["warning"]
    # not compressed, by the other program: the same graph has the same digest
    snapshot(server_a, tmp_path / "t", "--no-compress", program="global_server")
    assert_equal(tmp_path / "t", neo_a)
    assert backup.manifest(tmp_path / "t")["digest"] == manifest["digest"]
    verify(tmp_path / "t", program="global_server")


def test_schema_of_every_kind(neo_a, server_a, tmp_path):
    old = neo_a.version() < (5, 0)
    for text in INDEXES:
        neo_a.run(text)
    snapshot(server_a, tmp_path / "s")
    kept = json.loads((tmp_path / "s/schema.json").read_text())
    told = schema(neo_a)
    constraints = {name for what, name, *_ in told if what == "CONSTRAINTS"}
    wanted = [(name, kind, entity, labels, props) for what, name, kind, entity, labels, props in told
              if what == "CONSTRAINTS" or name not in constraints]
    found = [(i["name"], i["type"], i["entity"], i["labels"], i["properties"]) for i in kept["indexes"] + kept["constraints"]]
    assert sorted(found, key=str) == sorted(wanted, key=str)
    search = next(i for i in kept["indexes"] if i["name"] == "search")
    assert search["options"]["indexConfig"]["fulltext.analyzer"] == "english"
    # the older tool knows uniqueness alone, and names that need no backticks
    assert json.loads((tmp_path / "s/constraints_names.json").read_text()) == ["one"]
    assert old or "CONSTRAINT ON ( e:Plain ) ASSERT (e.k) IS UNIQUE" in (tmp_path / "s/constraints.json").read_text()


def test_parts(neo_a, server_a, tmp_path):
    neo_a.run("CREATE (a:A {n: 1})-[:T]->(b:B {n: 2})-[:U]->(c:C {n: 3}), (a)-[:U]->(b)")
    snapshot(server_a, tmp_path / "s", "--labels", "A,B", "--types", "U")
    assert sorted(p["n"] for _, p in backup.nodes(tmp_path / "s").values()) == [1, 2]
    assert [kind for _, kind, _, _ in backup.relationships(tmp_path / "s")] == ["U"]
    assert backup.manifest(tmp_path / "s")["part"] is True
    verify(tmp_path / "s")


def test_names_that_nothing_bears_are_told(neo_a, server_a, tmp_path):
    neo_a.run("CREATE (:A {n: 1})-[:T]->(:A {n: 2})")
    said = snapshot(server_a, tmp_path / "s", "--labels", "A,Aa", "--types", "T,Tt").stderr
    assert said.splitlines() == ["note: no node has the label Aa", "note: no relationship has the type Tt"]


def test_empty_database(neo_a, server_a, tmp_path):
    snapshot(server_a, tmp_path / "s")
    assert backup.manifest(tmp_path / "s")["digest"] == "0" * 32
    assert "0 nodes" in verify(tmp_path / "s").stdout


def test_one_moment_while_commands_come(topics, server_a, neo_a, db_sync, agent_env, tmp_path):
    """Each snapshot holds exactly the commands before its offset, though they come all the while."""
    writer = db_sync(server_a)
    done = threading.Event()
    sent = [0]

    def send():
        while not done.is_set():
            until("room", lambda: done.is_set() or (neo_a.offset() or 0) > sent[0] - 300, 60)
            topics.commands([f"CREATE (:N {{i: {sent[0] + k}}})-[:R]->(:M)" for k in range(50)])
            sent[0] += 50

    sender = threading.Thread(target=send)
    sender.start()
    try:
        until("commands", lambda: (neo_a.offset() or 0) > 200, 60)
        for n in range(scaled(4, 20)):
            folder = tmp_path / f"s{n}"
            snapshot(server_a, folder, B_TOPIC_PREFIX=topics.prefix)
            manifest = backup.manifest(folder)
            offset = manifest["position"]["next_offset"]
            assert manifest["position"]["topic"] == topics.name("command")
            numbers = sorted(p["i"] for labels, p in backup.nodes(folder).values() if labels == ["N"])
            assert numbers == list(range(len(numbers))) and len(numbers) == manifest["counts"]["relationships"]
            # one record a command: offsets are its numbers
            assert len(numbers) == offset, (len(numbers), offset)
            verify(folder)
            until("the log goes on", lambda o=offset: (neo_a.offset() or 0) > o, 30)
    finally:
        done.set()
        sender.join()
    applied(neo_a, topics)
    assert writer.stop() == 0


def test_wrong_topic_is_told(topics, server_a, neo_a, db_sync, tmp_path):
    """Else nothing would keep the replica still, and the manifest would have no offset."""
    topics.commands(["CREATE (:A)"])
    db_sync(server_a)
    applied(neo_a, topics)
    said = snapshot(server_a, tmp_path / "s", code=5).stderr
    assert topics.name("command") in said and "B_TOPIC_PREFIX" in said
    assert not list(tmp_path.glob("s*"))


def test_manifest_says_what_kafka_knows(topics, kafka, server_a, neo_a, db_sync, tmp_path):
    topics.commands(["CREATE (:A)", "CREATE (:A)"])
    agent = db_sync(server_a)
    applied(neo_a, topics)
    written = topics.read("command")[-1].timestamp()[1]
    cluster = topics.admin.list_topics(timeout=30).cluster_id

    def told(dest, note="", **env):
        said = snapshot(server_a, tmp_path / dest, B_TOPIC_PREFIX=topics.prefix, **env).stderr
        assert note in said if note else said == "", said
        position = backup.manifest(tmp_path / dest)["position"]
        assert position["next_offset"] == 2
        return position["cluster_id"], position["timestamp_ms"]

    assert told("without") == (None, None)
    assert told("with", BROKERS=kafka.bootstrap) == (cluster, written)
    shown = run("db_sync", ["show", str(tmp_path / "with")], {}).stdout
    assert cluster in shown and "last command" in shown
    assert told("nobody", "note: ", BROKERS=f"127.0.0.1:{free_port()}") == (None, None)
    topics.truncate("command", 2)
    assert told("truncated", BROKERS=kafka.bootstrap) == (cluster, None)
    assert agent.stop() == 0
    topics.delete("command")
    topics.create("command", message_timestamp_type="LogAppendTime")
    topics.commands(["CREATE (:Other)", "CREATE (:Other)"])
    assert told("another", "is not the one", BROKERS=kafka.bootstrap) == (None, None)


def hold_transactions(neo):
    """Of the snapshot: those in which nothing but the position is asked."""
    columns = "transactionId, currentQuery"
    rows = neo.run(f"SHOW TRANSACTIONS YIELD {columns} RETURN {columns}")
    found = [[next(iter(v.values())) if isinstance(v, dict) else v or "" for v in row] for row in rows]
    return [i for i, query in found if "RETURN e" not in query and "SHOW TRANSACTIONS" not in query]


def test_lock_that_is_lost_fails_the_snapshot(topics, server_a, neo_a, db_sync, tmp_path):
    neo_a.run("UNWIND range(1, 100000) AS i CREATE (:Big {i: i, text: 'some text that takes its time ' + i})")
    writer = db_sync(server_a, args=("run", "--adopt", "0"))
    writer.wait_event("position")
    env = {**{k: v for k, v in os.environ.items() if not k.startswith(("KAFKA_", "NEO4J_", "B_"))},
           **neo_env(server_a, B_TOPIC_PREFIX=topics.prefix)}
    taking = subprocess.Popen([BIN / "db_sync", "snapshot", tmp_path / "s"], env=env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        until("a scan", lambda: neo_a.transactions("RETURN e"), 30)
        taking.send_signal(signal.SIGSTOP)
        for one in hold_transactions(neo_a):
            neo_a.run(f"TERMINATE TRANSACTIONS '{one}'")
        topics.commands(["CREATE (:Beside)"])  # what the lock kept out
        applied(neo_a, topics)
    finally:
        taking.send_signal(signal.SIGCONT)
    out, said = taking.communicate(timeout=120)
    assert taking.returncode == 5, (out, said)
    assert "lock" in said and "again" in said, said
    assert not list(tmp_path.glob("s*")), list(tmp_path.iterdir())


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted(neo_a, server_a, tmp_path, how):
    """Nothing that looks complete is left, and the next one succeeds."""
    neo_a.run("UNWIND range(1, 60000) AS i CREATE (:Big {i: i, text: 'some text that takes its time ' + i})")
    env = {**os.environ, **neo_env(server_a)}
    taking = subprocess.Popen([BIN / "db_sync", "snapshot", tmp_path / "s"], env=env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until("a scan", lambda: neo_a.transactions("RETURN e"), 30)
    taking.send_signal(how)
    out, said = taking.communicate(timeout=60)
    assert taking.returncode == (-9 if how == signal.SIGKILL else 1), (out, said)
    left = [p.name for p in tmp_path.iterdir()]
    assert left == (["s.partial"] if how == signal.SIGKILL else [])
    assert how == signal.SIGKILL or "stop" in said, said
    snapshot(server_a, tmp_path / "s")
    verify(tmp_path / "s")
    assert [p.name for p in tmp_path.iterdir()] == ["s"]


def test_places_and_guards(neo_a, server_a, tmp_path):
    neo_a.run("CREATE (:A)")
    snapshot(server_a, tmp_path / "s")
    first = backup.manifest(tmp_path / "s")["id"]
    refused = snapshot(server_a, tmp_path / "s", code=5)
    assert "--yes" in refused.stderr and backup.manifest(tmp_path / "s")["id"] == first
    neo_a.run("CREATE (:A)")
    snapshot(server_a, f"{tmp_path}/s/", "--yes")
    assert backup.manifest(tmp_path / "s")["counts"]["nodes"] == 2
    assert [p.name for p in tmp_path.iterdir()] == ["s"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file").write_text("mine")
    assert "no snapshot" in snapshot(server_a, tmp_path / "mine", "--yes", code=5).stderr
    assert (tmp_path / "mine/file").read_text() == "mine"
    assert "nowhere" in snapshot(server_a, tmp_path / "nowhere/s", code=3).stderr
    assert "one folder" in run("db_sync", ["snapshot"], neo_env(server_a)).stderr
    assert run("db_sync", ["snapshot", "a", "b"], neo_env(server_a)).returncode == 2
    wrong = run("db_sync", ["snapshot", str(tmp_path / "w")], {**neo_env(server_a), "NEO4J_PASS": "wrong-password"})
    assert wrong.returncode == 3 and "NEO4J_PASS" in wrong.stderr, wrong.stderr
    assert not (tmp_path / "w").exists() and not (tmp_path / "w.partial").exists()


def test_two_at_once_on_one_place(neo_a, server_a, tmp_path):
    neo_a.run("UNWIND range(1, 60000) AS i CREATE (:Big {i: i, text: 'some text that takes its time ' + i})")
    taking = subprocess.Popen([BIN / "db_sync", "snapshot", tmp_path / "s"], env={**os.environ, **neo_env(server_a)})
    until("the first", lambda: (tmp_path / "s.partial/data").exists(), 30)
    taking.send_signal(signal.SIGSTOP)  # so that it works still, however late the other one comes
    assert "another process" in snapshot(server_a, tmp_path / "s", code=5).stderr
    taking.send_signal(signal.SIGCONT)
    assert taking.wait(60) == 0
    verify(tmp_path / "s")


def damages(folder):
    """(what, how, a word of the message) of everything that may go wrong with a snapshot's files."""
    folder = pathlib.Path(folder)
    node = next(p for p in (folder / "data").iterdir() if "node" in p.name)
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = str(path.relative_to(folder))

        def flip(path=path):
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data)

        yield f"flipped {name}", flip, name
        yield f"missing {name}", path.unlink, "" if name == "manifest.json" else name
        yield f"cut {name}", lambda p=path: os.truncate(p, path.stat().st_size // 2), name
        yield f"longer {name}", lambda p=path: p.write_bytes(p.read_bytes() + b"x"), name

    def link():
        node.rename(folder / "elsewhere")
        node.symlink_to(folder / "elsewhere")

    yield "a link", link, node.name
    yield "a folder in its place", lambda: (node.unlink(), node.mkdir()), node.name


def test_damage_is_found(neo_a, server_a, tmp_path):
    neo_a.run("UNWIND range(1, 300) AS i CREATE (:A {i: i})-[:R {i: i}]->(:B {s: 'text ' + i})")
    made = tmp_path / "made"
    snapshot(server_a, made)
    verify(made)
    names = [name for name, _, _ in damages(made)]
    moved = backup.manifest(made)
    assert backup.checked(moved) == moved
    moved["database"]["name"] = "other"
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy/manifest.json").write_text(json.dumps(moved))
    assert "it was changed" in verify(tmp_path / "copy", code=6).stderr
    for name in names:
        copy = tmp_path / "copy"
        subprocess.run(["rm", "-rf", copy], check=True)
        subprocess.run(["cp", "-a", made, copy], check=True)
        _, break_it, word = next(d for d in damages(copy) if d[0] == name)
        break_it()
        if name == "missing manifest.json":  # a folder of the older tool: readable, not proved
            assert "no manifest" in verify(copy).stdout
            continue
        said = verify(copy, code=6)
        assert word in said.stderr, (name, said.stderr)


def rewritten(made, copy, change):
    """A copy in which a manifest that fits was made of changed rows: only what the rows say is wrong."""
    subprocess.run(["rm", "-rf", copy], check=True)
    subprocess.run(["cp", "-a", made, copy], check=True)
    import hashlib
    manifest = backup.manifest(copy)
    for entry in manifest["files"]:
        if entry["kind"] == "other":
            continue
        path = copy / entry["name"]
        rows = json.loads(path.read_text())
        change(entry["kind"], rows)
        data = json.dumps(rows).encode()
        path.write_bytes(data)
        entry.update(rows=len(rows), raw_bytes=len(data), stored_bytes=len(data),
                     sha256=hashlib.sha256(data).hexdigest(), raw_sha256=hashlib.sha256(data).hexdigest())
    (copy / "manifest.json").write_text(json.dumps(backup.checked(manifest)))


def test_rows_that_lie_are_found(neo_a, server_a, tmp_path):
    neo_a.run("UNWIND range(1, 5) AS i CREATE (:A {i: i})-[:R {i: i}]->(:B)")
    made = tmp_path / "made"
    snapshot(server_a, made, "--no-compress")

    def set_node(**more):
        return lambda kind, rows: rows[0].update(more) if kind == "nodes" else None

    def set_relationship(**more):
        return lambda kind, rows: rows[0].update(more) if kind == "relationships" else None

    def twice(kind, rows):
        rows.append(rows[0])

    def change_value(kind, rows):
        if kind == "nodes":
            next(r for r in rows if "i" in r["node_props"])["node_props"]["i"] = 99

    for change, word in ((twice, "twice"), (set_node(node_id="x"), "node_id"), (set_relationship(end_node_id=10**9), "no node of this snapshot"),
                         (set_relationship(rel_type="S"), "types"), (set_node(node_labels=["C"]), "label sets"), (change_value, "digest"),
                         (set_node(node_props={"a": 1}), "type"), (lambda kind, rows: rows.pop(), "nodes"),
                         (set_node(cypherlog={"props": {"a": {"$type": "Unknown", "_value": "1"}}}), "node")):
        rewritten(made, tmp_path / "copy", change)
        said = verify(tmp_path / "copy", code=6)
        assert word in said.stderr, (word, said.stderr)


def test_show(neo_a, server_a, tmp_path):
    neo_a.run("CREATE (:A:B)-[:R]->()")
    snapshot(server_a, tmp_path / "s")
    shown = run("db_sync", ["show", str(tmp_path / "s")], {})
    for word in (":A:B", "(no label)", "R", "typed", "5.26" if neo_a.version() == (5, 26) else "Neo4j"):
        assert word in shown.stdout, shown.stdout
    as_json = json.loads(run("db_sync", ["show", "--json", str(tmp_path / "s")], {}).stdout)
    assert as_json == backup.manifest(tmp_path / "s")
    assert run("db_sync", ["show", str(tmp_path)], {}).returncode == 6
    assert run("db_sync", ["show", str(tmp_path / "none")], {}).returncode == 3
    (tmp_path / "s/manifest.json").write_text(json.dumps(backup.checked({**as_json, "format": "2.0"})))
    later = run("db_sync", ["show", str(tmp_path / "s")], {})
    assert later.returncode == 5 and "2.0" in later.stderr
