# SPDX-License-Identifier: Apache-2.0
"""verify --against-replica: a snapshot held against a live database, at one moment."""

import json

from programs import run
from replica import applied
from test_restore import restore
from test_snapshot import neo_env, snapshot


def against(server, src, *args, code=0, program="db_sync", **env):
    done = run(program, ["verify", str(src), "--against-replica", *args], neo_env(server, **env), deadline_s=120)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


def test_equal_and_not(neo_a, server_a, neo_b, server_b, tmp_path):
    neo_a.run("UNWIND range(1, 300) AS i CREATE (:A {i: i})-[:R {i: i}]->(:B:C), (:A)")
    neo_a.run("CREATE ({d: date('2020-01-01')})")
    snapshot(server_a, tmp_path / "s")
    said = against(server_a, tmp_path / "s").stdout
    assert "whole" in said and "equal: 901 nodes, 300 relationships" in said and "no position" in said
    restore(server_b, tmp_path / "s")
    against(server_b, tmp_path / "s", program="global_server")
    # a value, which no count shows
    neo_b.run("MATCH (a:A {i: 7}) SET a.i = 8")
    assert "values differ" in against(server_b, tmp_path / "s", code=7).stderr
    neo_b.run("MATCH (a:A {i: 9}) REMOVE a:A SET a:D CREATE (a)-[:S]->(a)")
    told = against(server_b, tmp_path / "s", code=7)
    assert "3 label sets or types" in told.stderr
    rows = [line.split() for line in told.stdout.splitlines() if line.startswith((":", "["))]
    assert sorted(rows) == [[":A", "600", "599"], [":D", "0", "1"], ["[:S]", "0", "1"]], told.stdout
    neo_b.run("MATCH ()-[r:R]->() DELETE r")
    as_json = json.loads(against(server_b, tmp_path / "s", "--json", code=7).stdout)
    assert as_json["proved"] is True and as_json["nodes"] == 901
    found = as_json["database"]
    assert found["equal"] is False and found["nodes"] == 901 and found["relationships"] == 1
    assert found["digest"] != as_json["digest"] and found["offset"] is None and found["snapshot_offset"] is None
    assert {"type": "R", "snapshot": 300, "database": 0} in found["differences"] and len(found["differences"]) == 4


def test_at_another_offset(topics, server_a, neo_a, db_sync, tmp_path):
    """The replica went on: said, compared all the same; and it goes on afterwards."""
    topics.commands(["CREATE (:A)"] * 5)
    agent = db_sync(server_a)
    applied(neo_a, topics)
    env = {"B_TOPIC_PREFIX": topics.prefix}
    snapshot(server_a, tmp_path / "s", **env)
    said = against(server_a, tmp_path / "s", **env).stdout
    assert "snapshot: offset 5; database: offset 5" in said and "not the same place" not in said
    topics.commands(["CREATE (:A)"])
    applied(neo_a, topics)
    told = against(server_a, tmp_path / "s", code=7, **env)
    assert "snapshot: offset 5; database: offset 6: not the same place" in told.stdout, told.stdout
    topics.commands(["MATCH (a:A) WITH a LIMIT 1 DELETE a"])
    applied(neo_a, topics)
    assert "database: offset 7: not the same place" in against(server_a, tmp_path / "s", **env).stdout
    assert agent.stop() == 0
    assert "B_TOPIC_PREFIX" in against(server_a, tmp_path / "s", code=5).stderr


def test_what_cannot_be_compared(neo_a, server_a, tmp_path):
    neo_a.run("CREATE (:A)-[:R]->(:B)")
    snapshot(server_a, tmp_path / "part", "--labels", "A")
    assert "a part of a graph" in against(server_a, tmp_path / "part", code=5).stderr
    snapshot(server_a, tmp_path / "s")
    nobody = run("db_sync", ["verify", str(tmp_path / "s"), "--against-replica"], {})
    assert nobody.returncode == 3 and "NEO4J_PASS" in nobody.stderr
    assert against(server_a, tmp_path / "s", code=3, NEO4J_PASS="wrong-password").stdout.count("whole") == 1
    (tmp_path / "s/manifest.json").unlink()
    assert "no manifest" in against(server_a, tmp_path / "s", code=5).stderr
    data = next(p for p in (tmp_path / "part/data").iterdir())
    data.write_bytes(data.read_bytes()[:-1])
    assert run("db_sync", ["verify", str(tmp_path / "part")], {}).returncode == 6
