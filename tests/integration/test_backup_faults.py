# SPDX-License-Identifier: Apache-2.0
"""Snapshot and restore against faults: killed at random moments, full disks, a Neo4j that dies, files
that lie about their size. Whatever happens, source and replica are unharmed, and nothing passes for
whole that is not."""

import gzip
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import backup
import pytest
from conftest import scaled
from neo import graph, schema
from programs import BIN
from test_restore import killed_when, nothing_left, restore
from test_snapshot import neo_env, snapshot, verify
from wait import until

GRAPH = "UNWIND range(1, 20000) AS i CREATE (:A {i: i % 500, s: 'text ' + i % 500})-[:R {i: i}]->(:B {d: date('2020-01-01')})"


def start(server, *args, wrapper=(), **env):
    return subprocess.Popen([*wrapper, BIN / "db_sync", *args], env={**os.environ, **neo_env(server, **env)}, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


class RandomMoment:
    """Kills programs at a random moment of the seconds that the quickest of them is known to have taken: the
    first is slower than those after it, so what it took alone would put many a moment behind their end.
    resumes: one after a killed one goes on where that was, which tells nothing of how long a whole one takes."""

    def __init__(self, seed, run, share=1.0, resumes=False):
        self.chance, self.share, self.resumes, begin = random.Random(seed), share, resumes, time.monotonic()
        run()
        self.took, self.killed = time.monotonic() - begin, False

    def kill(self, *start_args, **start_env):
        """Starts it and kills it; True: it was killed, False: it had ended by itself."""
        begin, process = time.monotonic(), start(*start_args, **start_env)
        moment = begin + self.chance.uniform(0, self.took * self.share)
        until("the moment", lambda: time.monotonic() >= moment or process.poll() is not None, 300, 0.005)
        took = time.monotonic() - begin
        process.send_signal(signal.SIGKILL)
        process.communicate()
        is_whole = not (self.resumes and self.killed)
        self.killed = process.returncode == -signal.SIGKILL
        if is_whole and not self.killed:
            self.took = min(self.took, took)
        return self.killed


def test_snapshot_killed_at_random_moments(neo_a, server_a, tmp_path):
    """What an older one left stays whole, until the new one is; the next run needs no help."""
    neo_a.run(GRAPH)
    moment = RandomMoment(5, lambda: snapshot(server_a, tmp_path / "s"))
    first = backup.manifest(tmp_path / "s")["id"]
    wanted, killed = scaled(4, 30), 0
    for _ in range(5 * wanted):
        killed += moment.kill(server_a, "snapshot", "--yes", tmp_path / "s")
        names = {p.name for p in tmp_path.iterdir()}
        assert names <= {"s", "s.partial", "s.old"} and names & {"s", "s.old"}, names
        whole = tmp_path / ("s" if "s" in names else "s.old")
        verify(whole)
        assert "s.partial" not in names or not (tmp_path / "s.partial/manifest.json").exists() or backup.manifest(whole)["id"]
        if killed == wanted:
            break
    assert killed == wanted
    snapshot(server_a, tmp_path / "s", "--yes")
    verify(tmp_path / "s")
    assert [p.name for p in tmp_path.iterdir()] == ["s"] and backup.manifest(tmp_path / "s")["id"] != first
    until("no transaction of theirs", lambda: not neo_a.transactions("RETURN e"), 60)


def test_restore_killed_at_random_moments(neo_a, server_a, neo_b, server_b, tmp_path, monkeypatch):
    """Each run goes on where the last one was killed; ids of batches that nobody wrote down are found again."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    neo_a.run(GRAPH)
    neo_a.run("CREATE INDEX one FOR (a:A) ON (a.i)")
    snapshot(server_a, tmp_path / "s")
    moment = RandomMoment(6, lambda: restore(server_b, tmp_path / "s"), share=0.6, resumes=True)
    neo_b.wipe()
    wanted, killed = scaled(4, 30), 0
    for _ in range(5 * wanted):
        killed += moment.kill(server_b, "restore", tmp_path / "s")
        until("its last transaction", lambda: not neo_b.transactions(), 60)
        state = neo_b.position()
        if killed < wanted and state is None:  # it was done already: once more, from nothing
            neo_b.wipe()
        if killed >= wanted:
            break
    assert killed >= wanted
    if neo_b.one("MATCH (n) RETURN count(n)") == 0 or neo_b.position() is not None:
        restore(server_b, tmp_path / "s")
    assert graph(neo_b) == graph(neo_a)
    assert schema(neo_b) == schema(neo_a)
    nothing_left(neo_b)


def on_small_disk(folder, size, command):
    """Runs it where folder is a disk of that size, which others do not see."""
    script = f'mount -t tmpfs -o size={size},mode=777 none "{folder}" && shift && exec "$@"'
    return ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--mount", "sh", "-c", script, "sh", "--", *command]


@pytest.fixture
def small_disk(tmp_path):
    (tmp_path / "disk").mkdir()
    tried = subprocess.run(on_small_disk(tmp_path / "disk", "64k", ["true"]), capture_output=True)
    if tried.returncode != 0:
        pytest.skip("no disk can be mounted here")
    return tmp_path / "disk"


def test_full_disk(neo_a, server_a, neo_b, server_b, small_disk, tmp_path):
    neo_a.run(GRAPH)
    snapshot(server_a, tmp_path / "s")

    def refused(server, *args, **env):
        command = on_small_disk(small_disk, "400k", [BIN / "db_sync", *args])
        done = subprocess.run(command, env={**os.environ, **neo_env(server, **env)}, capture_output=True, text=True, timeout=120)
        assert done.returncode == 1 and "No space left" in done.stderr, (done.returncode, done.stderr)
        return done.stderr

    assert "/disk/s" in refused(server_a, "snapshot", small_disk / "s")
    assert str(small_disk) in refused(server_a, "verify", tmp_path / "s", TMPDIR=str(small_disk))
    assert str(small_disk) in refused(server_b, "restore", "--no-verify", tmp_path / "s", TMPDIR=str(small_disk))
    restore(server_b, tmp_path / "s")
    assert graph(neo_b) == graph(neo_a)


def test_neo4j_dies_in_a_snapshot(neo_a, server_a, tmp_path):
    neo_a.run(GRAPH)
    before = graph(neo_a)
    process = start(server_a, "snapshot", tmp_path / "s")
    until("a scan", lambda: neo_a.transactions("RETURN e") or process.poll() is not None, 30)
    server_a.kill()
    out, said = process.communicate(timeout=120)
    assert process.returncode in (4, 5), (out, said)
    assert "Neo4j" in said and not list(tmp_path.glob("s*")), said
    server_a.start()
    snapshot(server_a, tmp_path / "s")
    verify(tmp_path / "s")
    assert graph(neo_a) == before


def test_somebody_writes_to_the_target(neo_a, server_a, neo_b, server_b, tmp_path):
    """What came from elsewhere is not taken for the snapshot's, and the replica not for whole."""
    neo_a.run(GRAPH)
    snapshot(server_a, tmp_path / "s")
    killed_when("MATCH ()-[r]->() RETURN count(r) > 0", server_b, neo_b, tmp_path / "s")
    neo_b.run("CREATE (:Other)")
    assert "somebody else" in restore(server_b, tmp_path / "s", code=7).stderr
    assert neo_b.position()["state"] == "restoring"
    assert "were there" not in restore(server_b, tmp_path / "s").stdout  # begun anew
    assert graph(neo_b) == graph(neo_a)


def test_what_an_interrupted_restore_left_is_changed(neo_a, server_a, neo_b, server_b, tmp_path, monkeypatch):
    """Found when its nodes are looked for again."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    neo_a.run(GRAPH)
    snapshot(server_a, tmp_path / "s")
    killed_when("MATCH (n) RETURN count(n) > 10000", server_b, neo_b, tmp_path / "s")
    until("its last transaction", lambda: not neo_b.transactions("UNWIND"), 60)
    for file in tmp_path.glob(".cypherlog-restore-*"):
        file.unlink()
    neo_b.run("MATCH (n:A) SET n.i = -1")
    assert "begins anew" in restore(server_b, tmp_path / "s", code=5).stderr
    assert "were there" not in restore(server_b, tmp_path / "s").stdout
    assert graph(neo_b) == graph(neo_a)


def peak_of(command, env):
    """(exit code, stderr, peak of its memory in kB). A child's peak counts what its parent had when it was forked, so a small
    process is between."""
    between = "import resource as r, subprocess as s, sys; c = s.call(sys.argv[1:], stdout=s.DEVNULL); print(r.getrusage(r.RUSAGE_CHILDREN).ru_maxrss); sys.exit(c)"
    done = subprocess.run([sys.executable, "-c", between, *command], env=env, capture_output=True, text=True)
    return done.returncode, done.stderr, int(done.stdout)


def bomb(path, text):
    """A gigabyte of it in a megabyte: the same compressed piece a thousand times."""
    piece = gzip.compress(text * (1 << 20))
    with open(path, "wb") as file:
        file.write(gzip.compress(b'[{"node_id": 1, "x": "'))
        for _ in range(1024):
            file.write(piece)


@pytest.mark.parametrize("foreign", [False, True])
def test_a_bomb(neo_a, server_a, foreign, tmp_path):
    neo_a.run("CREATE (:A {i: 1})")
    snapshot(server_a, tmp_path / "s")
    data, = (tmp_path / "s/data").iterdir()
    bomb(data, b"x")
    if foreign:
        (tmp_path / "s/manifest.json").unlink()
    else:  # a manifest that fits its size on disk
        manifest = backup.manifest(tmp_path / "s")
        for entry in manifest["files"]:
            if entry["kind"] == "nodes":
                entry["stored_bytes"] = data.stat().st_size
        (tmp_path / "s/manifest.json").write_text(json.dumps(backup.checked(manifest)))
    for command in (["verify"], ["restore", "--no-verify", "--force", "--yes"]):
        if foreign and command[0] == "restore":
            neo_a.wipe()
        code, said, peak = peak_of([BIN / "db_sync", *command, tmp_path / "s"], {**os.environ, **neo_env(server_a)})
        assert code == 6 and data.name in said, (code, said)
        assert ("64 MiB" if foreign else "more text") in said
        assert peak < 400_000, peak


def test_names_that_lead_out(neo_a, server_a, tmp_path):
    """A manifest is somebody's file: what it names is inside the snapshot, or it is refused."""
    neo_a.run("CREATE (:A {i: 1})")
    snapshot(server_a, tmp_path / "s")
    shutil.copy(next((tmp_path / "s/data").iterdir()), tmp_path / "nodes_1.json.gz")
    for name in ("../nodes_1.json.gz", "data/../../nodes_1.json.gz", str(tmp_path / "nodes_1.json.gz"), "data/", ".hidden", "data//x", ""):
        manifest = backup.manifest(tmp_path / "s")
        manifest["files"][0]["name"] = name
        (tmp_path / "t").mkdir(exist_ok=True)
        (tmp_path / "t/manifest.json").write_text(json.dumps(backup.checked(manifest)))
        assert "leads out" in verify(tmp_path / "t", code=6).stderr
    manifest = backup.manifest(tmp_path / "s")
    manifest["format"] = "2.0"
    (tmp_path / "t/manifest.json").write_text(json.dumps(backup.checked(manifest)))
    said = verify(tmp_path / "t", code=5).stderr
    assert "format 2.0" in said and "version" in said
