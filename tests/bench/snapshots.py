# SPDX-License-Identifier: Apache-2.0
"""Snapshots and restores: speed, memory, and what they cost a replica that follows the log.

The graph: a node has 9 properties, a relationship 3; three times as many relationships as nodes."""

import functools
import json
import os
import pathlib
import pty
import re
import shutil
import statistics
import subprocess
import threading
import time

import backup
from programs import BIN, ROOT
from rival import ROUNDS, SCALE, Rival, spread, stamp
from wait import until

WHOLE = int(800_000 * SCALE)  # entities of the graph
BATCH_ROWS = 5000  # of restore
LABELS = ("`Person`", "`Admin`:`Person`", "`Company`")
TYPES = ("KNOWS", "WORKS_AT", "OWNS")
JOLT = "application/vnd.neo4j.jolt"  # v1: an entity's id is a number
SCANS = ("CYPHER 5 MATCH (e) RETURN e", "CYPHER 5 MATCH ()-[e]->() RETURN e")
MAP = ("{`active`: r[1], `age`: r[2], `born`: date(r[3]), `id`: r[4], `name`: r[5], `place`: point({x: r[6][0], y: r[6][1], srid: 4326}), "
       "`score`: r[7], `seen`: datetime(r[8]), `tags`: r[9]}")
ENDS = "MATCH (a) WHERE id(a) = r[0] MATCH (b) WHERE id(b) = r[1]"
TOOL = """import sys
from neo4j import GraphDatabase
from neo4j_backup import Extractor
with GraphDatabase.driver(sys.argv[1], auth=("neo4j", sys.stdin.read())) as driver:
    Extractor(sys.argv[2], driver, input_yes=True).extract_data()
"""


# ---- the graph, and the rival that loads it ----

def node(i):
    """(text, row without its number)"""
    born = f"{1940 + i % 60}-{1 + i % 12:02}-{1 + i % 28:02}"
    return (f"CYPHER 5 UNWIND $rows AS r CREATE (n:{LABELS[i % 3]} {MAP}) RETURN r[0], id(n)",
            [i % 7 == 0, i % 90, born, i, f"Person {i} of the bench", [i % 360 - 180 + 0.25, i % 180 - 90 + 0.5], i / 7,
             f"2024-05-{1 + i % 31:02}T{i % 24:02}:{i % 60:02}:{i % 59:02}.{i % 1000:03}Z", [f"tag {i % 10}", f"tag {i % 13}"]])


def relationship(i, ids):
    """(text, row), between the nodes that got these ids."""
    text = f"CYPHER 5 UNWIND $rows AS r {ENDS} CREATE (a)-[:`{TYPES[i % 3]}` {{`note`: r[2], `since`: date(r[3]), `weight`: r[4]}}]->(b) RETURN count(*)"
    return text, [ids[i // 3], ids[(i * 7919 + 13) % len(ids)], f"note {i % 1000}", f"{1990 + i % 30}-{1 + i % 12:02}-{1 + i % 28:02}", i / 11]


def body_of(rows):
    """A transaction of (text, row), a statement a text; nodes get their number in the statement."""
    groups = {}
    for text, row in rows:
        group = groups.setdefault(text, [])
        group.append(row if "MATCH" in text else [len(group), *row])
    return json.dumps({"statements": [{"statement": t, "parameters": {"rows": r}} for t, r in groups.items()]}, separators=(",", ":")).encode()


def new_ids(answer, first, count):
    """The id() of each node of a transaction, in order: those of one text came together."""
    found = [iter(result["data"]) for result in json.loads(answer)["results"]]
    order = list(dict.fromkeys(i % 3 for i in range(first, first + count)))
    return [next(found[order.index(i % 3)])["row"][1] for i in range(first, first + count)]


def load(bench, entities):
    """Seconds in which Neo4j was busy: bodies are made, and ids found in answers, while the clock
    stands still."""
    rival, ids, seconds = Rival(bench.server), [], 0
    nodes, relationships = entities // 4, entities - entities // 4
    for first in range(0, nodes, BATCH_ROWS):
        count = min(BATCH_ROWS, nodes - first)
        body = body_of(node(i) for i in range(first, first + count))
        start = time.perf_counter()
        answer = rival.commit(body)
        seconds += time.perf_counter() - start
        ids += new_ids(answer, first, count)
    for first in range(0, relationships, BATCH_ROWS):
        body = body_of(relationship(i, ids) for i in range(first, min(first + BATCH_ROWS, relationships)))
        start = time.perf_counter()
        rival.commit(body)
        seconds += time.perf_counter() - start
    return seconds


def count(bench):
    return bench.neo.one("MATCH (n) RETURN count(n)") + bench.neo.one("MATCH ()-[r]->() RETURN count(r)")


def clear(bench):
    """Removes everything, relationships first: a node's are found one by one."""
    while bench.neo.one("MATCH ()-[r]->() WITH r LIMIT 50000 DELETE r RETURN count(*)") > 0:
        pass
    bench.neo.wipe()


def graph(bench, entities):
    """The database holds a graph of so many, and nothing else."""
    if count(bench) != entities:
        clear(bench)
        load(bench, entities)


def folder_mb(folder):
    return sum(f.stat().st_size for f in (folder / "data").iterdir()) / 1e6


def text_mb(folder):
    return sum(f["raw_bytes"] for f in backup.manifest(folder)["files"]) / 1e6


# ---- rivals of a snapshot ----

def download(bench):
    """Seconds in which curl gets the two streams of a snapshot, over one connection, and drops them."""
    args = ["curl", "--silent", "--show-error", "--fail", "--config", "-"]
    config = []
    for text in SCANS:
        body = json.dumps(json.dumps({"statements": [{"statement": text}]}))
        config.append("\n".join([f'url = "{bench.server.http_uri}/db/neo4j/tx/commit"', f'user = "{bench.server.user}:{bench.server.password}"',
                                 f'header = "Accept: {JOLT}"', 'header = "Content-Type: application/json"', 'header = "Access-Mode: READ"',
                                 f"data = {body}", 'output = "/dev/null"', "silent", "fail"]))
    start = time.perf_counter()
    subprocess.run(args, input="\nnext\n".join(config), text=True, check=True)
    return time.perf_counter() - start


# ---- ours, as a process that is watched ----

class Watched:
    """A subcommand to its end: its seconds, the peak of its anonymous memory, and how long each phase
    took that it showed on its terminal (those of more than a second)."""

    def __init__(self, bench, *args, env=None, command=None, stdin=""):
        master, slave = pty.openpty()
        full = {**os.environ, **bench.neo_env(), **(env or {})}
        self.peak_mb, self.shown, self.start = 0, [], time.perf_counter()
        self.process = subprocess.Popen(command or [BIN / "db_sync", *map(str, args)], env=full, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                        stderr=slave, text=True, start_new_session=True)
        os.close(slave)
        self.process.stdin.write(stdin)
        self.process.stdin.close()
        self.threads = [threading.Thread(target=self.sample), threading.Thread(target=self.read, args=(master,))]
        self.ended = threading.Event()
        for thread in self.threads:
            thread.start()

    def sample(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status")
        while not self.ended.wait(0.02):
            try:
                found = re.search(r"RssAnon:\s+(\d+)", status.read_text())
            except OSError:  # it has ended
                break
            self.peak_mb = max(self.peak_mb, int(found[1]) / 1024 if found else 0)

    def read(self, master):
        with open(master, "rb", buffering=0) as terminal:
            try:
                while piece := terminal.read(65536):
                    self.shown.append((time.perf_counter(), piece.decode()))
            except OSError:  # the other end is closed
                pass

    def wait(self):
        code = self.process.wait()
        self.seconds = time.perf_counter() - self.start
        self.ended.set()
        for thread in self.threads:
            thread.join()
        assert code == 0, (code, "".join(text for _, text in self.shown)[-1000:])
        return self

    def before(self, phase):
        """Seconds from the start to the end of the phase before this one, whose bar was wiped away;
        None when one of them was too short to be shown."""
        first = next((i for i, (_, text) in enumerate(self.shown) if phase in text), 0)
        return next((at - self.start for at, text in reversed(self.shown[:first]) if "\r\033[K" in text), None)


def snapshot(bench, *args, name="snapshot", **more):
    folder = bench.folder / name
    if folder.exists():
        shutil.rmtree(folder)
    return Watched(bench, "snapshot", folder, *args, **more).wait()


# ---- the benches ----

def speed(bench):
    """The whole of a snapshot beside curl: start, schema, digest, files on disk."""
    graph(bench, WHOLE)
    rates = {"curl": [], "ours": []}
    download(bench), snapshot(bench)
    for _ in range(ROUNDS):
        rates["curl"].append(WHOLE / download(bench))
        rates["ours"].append(WHOLE / snapshot(bench).seconds)
    ratios = [o / r for o, r in zip(rates["ours"], rates["curl"])]
    text = text_mb(bench.folder / "snapshot")
    rate = statistics.median(rates["ours"])
    bench.add(f"snapshot of {WHOLE:,} entities, compressed", statistics.median(rates["curl"]), rate, "entities/s", statistics.median(ratios),
              "at least 0.8", f"rival: curl downloads the same two streams (Jolt v1, the fastest) to /dev/null; {spread(ratios)}; "
              f"{text / WHOLE * rate:.0f} MB/s of rows, {folder_mb(bench.folder / 'snapshot'):.0f} MB stored")


def tool(bench):
    """One round: the older tool takes minutes."""
    entities = WHOLE
    graph(bench, entities)
    python = ROOT / "build/neo4j-backup-1.0.0/bin/python"
    theirs = Watched(bench, command=[python, "-c", TOOL, f"bolt://127.0.0.1:{bench.server.bolt_port}", bench.folder / "older"],
                     stdin=bench.server.password).wait()
    snapshot(bench)
    ours = [snapshot(bench, "--layout", "literal") for _ in range(ROUNDS)]
    seconds = statistics.median(o.seconds for o in ours)
    bench.add(f"snapshot of {entities:,} entities, literal layout", entities / theirs.seconds, entities / seconds, "entities/s",
              theirs.seconds / seconds, "at least 25", f"rival: neo4j-backup 1.0.0, one round, {theirs.seconds:.0f} s and {theirs.peak_mb:.0f} MB RssAnon, "
              f"{folder_mb(bench.folder / 'older'):.1f} MB stored; ours {seconds:.2f} s, {max(o.peak_mb for o in ours):.0f} MB, "
              f"{folder_mb(bench.folder / 'snapshot'):.1f} MB")


def gzip_levels(bench):
    """Beside a server that streams, on the same processors."""
    graph(bench, WHOLE)
    levels = {"none": ["--no-compress"], "1": ["--gzip-level", "1"], "3": ["--gzip-level", "3"], "6": ["--gzip-level", "6"]}
    rates, sizes = {k: [] for k in levels}, {}
    snapshot(bench)
    for _ in range(ROUNDS):
        for level, args in levels.items():
            rates[level].append(WHOLE / snapshot(bench, *args).seconds)
            sizes[level] = folder_mb(bench.folder / "snapshot")
    for level in ("none", "3", "6"):
        ratios = [o / r for o, r in zip(rates[level], rates["1"])]
        bench.add(f"snapshot, gzip level {level} beside level 1" if level != "none" else "snapshot, --no-compress beside level 1",
                  statistics.median(rates["1"]), statistics.median(rates[level]), "entities/s", statistics.median(ratios), "none",
                  f"rival: our default; {spread(ratios)}; {sizes[level]:.0f} MB instead of {sizes['1']:.0f} MB")


def rival_restores(bench, entities):
    """Seconds of the rival's load, and those in which curl gets everything back."""
    clear(bench)
    return load(bench, entities), download(bench)


def ours_restores(bench, *args):
    clear(bench)
    return Watched(bench, "restore", bench.folder / "snapshot", *args).wait()


def restore(bench):
    """Ours reads everything back when all is loaded, and compares digests; the rival downloads it."""
    graph(bench, WHOLE // 10)
    snapshot(bench)
    rival_restores(bench, WHOLE // 10), ours_restores(bench)  # to warm up
    graph(bench, WHOLE)
    snapshot(bench)
    rounds = []  # seconds: loaded and read back by the rival, loaded and all by ours
    for _ in range(ROUNDS):
        theirs = rival_restores(bench, WHOLE)
        ours = ours_restores(bench, "--no-verify")
        rounds.append((*theirs, ours.before("nodes read"), ours.seconds))
    proved = ours_restores(bench).seconds
    verify = Watched(bench, "verify", bench.folder / "snapshot").wait().seconds
    name = f"restore of {WHOLE:,} entities"
    if all(r[2] for r in rounds):
        ratios = [r[0] / r[2] for r in rounds]
        bench.add(f"{name}, loading", WHOLE / statistics.median(r[0] for r in rounds), WHOLE / statistics.median(r[2] for r in rounds),
                  "entities/s", statistics.median(ratios), "at least 0.9",
                  f"rival: the same texts and batches on one connection, and only its requests are timed; ours, on two: "
                  f"--no-verify, from its start to the beginning of reading back; {spread(ratios)}")
    ratios = [(r[0] + r[1]) / r[3] for r in rounds]
    bench.add(f"{name}, loading and reading back", WHOLE / statistics.median(r[0] + r[1] for r in rounds),
              WHOLE / statistics.median(r[3] for r in rounds), "entities/s", statistics.median(ratios), "at least 0.9",
              f"rival: the same, then curl downloads everything to /dev/null, unlooked at; ours: --no-verify, digest compared; {spread(ratios)}; "
              f"with the proof before, as users meet it, {proved:.1f} s, of which verify takes {verify:.1f} s")


def at_size(bench, entities):
    """Rates of curl and ours, and what each of ours had in memory."""
    graph(bench, entities)
    download(bench), snapshot(bench)
    curl, taken = [], []
    for _ in range(ROUNDS):
        curl.append(entities / download(bench))
        taken.append(snapshot(bench))
    proved = Watched(bench, "verify", bench.folder / "snapshot").wait()
    restored = ours_restores(bench, "--no-verify")
    rate = statistics.median(entities / t.seconds for t in taken)
    text = (f"{entities:,}: {rate:,.0f} entities/s, {rate * text_mb(bench.folder / 'snapshot') / entities:.1f} MB/s of rows, "
            f"{statistics.median(rate / c for c in curl):.2f} of curl, restore {entities / restored.seconds:,.0f} entities/s, "
            f"verify {entities / proved.seconds:,.0f} entities/s")
    print(text, flush=True)
    return {"rate": rate, "text": text, "snapshot": max(t.peak_mb for t in taken), "verify": proved.peak_mb, "restore": restored.peak_mb}


def scale(bench):
    """The cost of an entity, and memory, may not grow with the graph."""
    small, whole, large = (at_size(bench, int(n * WHOLE)) for n in (1 / 8, 1, 15 / 4))
    for what, one, other in (("8 times", small, whole), ("30 times", small, large)):
        bench.add(f"snapshot of {what} as many entities as {WHOLE // 8:,}", one["rate"], other["rate"], "entities/s", other["rate"] / one["rate"],
                  "at least 1", f"rival: ours with the fewer; {one['text']}; {other['text']}")
    for what in ("snapshot", "verify", "restore"):
        bench.add(f"RssAnon of {what}, {WHOLE:,} entities", 64, whole[what], "MB", whole[what] / 64, "under 64 MB")
        bench.add(f"RssAnon of {what}, {int(WHOLE * 15 / 4):,} entities", whole[what], large[what], "MB", large[what] / whole[what], "0.9 to 1.1",
                  f"rival: ours with {WHOLE:,}; with {WHOLE // 8:,} {small[what]:.1f} MB")


# ---- the pause of db_sync ----

class Replica:
    """db_sync at work on the graph, and a log of small commands, which change one node."""

    TEXT = "MATCH (t:Tick) SET t.n = $n"

    def __init__(self, bench):
        self.bench, self.topics, self.sent = bench, bench.topics(), []
        self.agent = bench.db_sync(self.topics, LOG_LEVEL="debug")
        self.agent.wait_event("position")
        self.topics.commands(["CREATE (:Tick {n: 0})"], check=False)
        self.sent.append(None)
        self.caught_up()

    def send(self, commands):
        """Keeps when Kafka had each."""
        for _ in range(commands):
            n = len(self.sent)
            self.sent.append(None)
            self.topics.producer.produce(self.topics.name("command"), json.dumps({"command": self.TEXT, "params": {"n": n}}).encode(),
                                         on_delivery=lambda _, message: self.sent.__setitem__(message.offset(), message.timestamp()[1] / 1000))
        self.topics.producer.flush()

    def caught_up(self):
        until("the log's end", lambda: self.agent.must_live() and self.bench.neo.offset() == len(self.sent), 300, 0.05)

    def applied(self, first=0):
        """(time, next offset) of the batches that ended beyond first."""
        found = [(stamp(e["time"]), int(e["next_offset"])) for e in self.agent.events("applied")]
        return [(at, offset) for at, offset in found if offset > first]

    def waits(self, first, last):
        """Seconds from Kafka's to Neo4j's having it, of the commands in between."""
        batches, found = iter(self.applied(first)), []
        at, offset = next(batches)
        for n in range(first, last):
            while offset <= n:
                at, offset = next(batches)
            found.append(at - self.sent[n])
        return found

    def rate(self, first):
        """Commands a second, from the end of the first whole batch to the last."""
        batches = self.applied(first)
        whole = next(i for i in range(1, len(batches)) if batches[i][1] - batches[i - 1][1] >= 100)
        return (batches[-1][1] - batches[whole][1]) / (batches[-1][0] - batches[whole][0])


def trickle_beside(replica, taken):
    """A command every 20 ms while the snapshot is taken."""
    first = len(replica.sent)
    while taken.process.poll() is None:
        replica.send(1)
        taken.ended.wait(0.02)
    taken.wait()
    last = len(replica.sent)
    replica.caught_up()
    return replica.waits(first, last)


def backlog(replica, commands, taken=None):
    """The rate at which a backlog is applied that came while db_sync was held up."""
    first = len(replica.sent)
    if taken is None:
        replica.agent.pause()
    else:
        writing = replica.bench.folder / "snapshot.partial/data/.writing"
        until("the scan", writing.exists, 30, 0.01)
    replica.send(commands)
    if taken is None:
        replica.agent.resume()
    else:
        taken.wait()
    replica.caught_up()
    return replica.rate(first)


def pause(bench):
    """db_sync waits while the graph is read, and no longer; then it goes on as fast as ever."""
    graph(bench, WHOLE)
    replica = Replica(bench)
    commands = max(2000, int(50_000 * SCALE))

    def begin():
        shutil.rmtree(bench.folder / "snapshot", ignore_errors=True)
        return Watched(bench, "snapshot", bench.folder / "snapshot", env={"BROKERS": bench.kafka.bootstrap, "B_TOPIC_PREFIX": replica.topics.prefix})

    usual = trickle_beside(replica, Watched(bench, command=["sleep", "2"]))
    backlog(replica, commands)
    waits, rates = [], []
    for _ in range(ROUNDS):
        taken = begin()
        waits.append((taken, max(trickle_beside(replica, taken))))
        rates.append((backlog(replica, commands), backlog(replica, commands, begin())))
    replica.agent.stop()
    clear(bench)  # its node and its position are no part of the graph of others
    ratios = [wait / taken.seconds for taken, wait in waits]
    bench.add("longest wait of a command during a snapshot", statistics.median(t.seconds for t, _ in waits), statistics.median(w for _, w in waits),
              "s", statistics.median(ratios), "at most 1", f"rival: the whole snapshot of {WHOLE:,} entities; a command every 20 ms, which "
              f"otherwise waits {1000 * statistics.median(usual):.0f} ms; {spread(ratios)}")
    ratios = [beside / alone for alone, beside in rates]
    bench.add("commands that waited for a snapshot, applied after it", statistics.median(a for a, _ in rates), statistics.median(b for _, b in rates),
              "commands/s", statistics.median(ratios), "at least 0.9", f"rival: ours, held up by a signal instead; {commands:,} commands; {spread(ratios)}")


BENCHES = {"snapshot": speed, "tool": tool, "gzip": gzip_levels, "pause": pause, "restore": restore, "scale": scale}
