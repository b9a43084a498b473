#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The whole system on real data: Kafka, two Neo4j, two db_sync, two global_server. Airports and
flights go in as plain Cypher, one db_sync is killed in the middle, questions come back answered,
and both replicas end up equal. Exit 0 only if every step held."""

import csv
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import stack

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FOLDER = ROOT / "build" / "demo"
BIN = ROOT / "build" / "bin"
REPLICAS = ("a", "b")
STEPS = 8
DEADLINE_S = 900  # a slow machine may need its time; nothing here hangs for ever

QUESTIONS = (
    ("The busiest routes",
     "MATCH (a:Airport)-[f:FLIES]->(b:Airport) "
     "RETURN a.iata AS from, a.city AS from_city, b.iata AS to, b.city AS to_city, f.count AS flights "
     "ORDER BY flights DESC, from LIMIT 5"),
    ("Where one change of planes takes you from Allentown (ABE) that no direct flight does",
     "MATCH (a:Airport {iata: 'ABE'})-[:FLIES]->(via:Airport)-[:FLIES]->(b:Airport) "
     "WHERE b <> a AND NOT (a)-[:FLIES]->(b) "
     "RETURN b.iata AS to, b.city AS city, count(DISTINCT via) AS ways, min(via.iata) AS one_way "
     "ORDER BY ways DESC, to LIMIT 5"),
    ("The airports with most connections, and how far their flights go on average",
     "MATCH (a:Airport)-[f:FLIES]->(b:Airport) "
     "RETURN a.iata AS airport, a.city AS city, count(b) AS connections, "
     "round(avg(point.distance(a.location, b.location)) / 1000) AS average_km "
     "ORDER BY connections DESC, airport LIMIT 5"),
)


class DemoError(Exception):
    pass


# ---------------------------------------------------------------- what the person sees

class Screen:
    """One line a step; a bar below it on a terminal while the step lasts."""

    def __init__(self):
        self.terminal, self.step, self.start = sys.stdout.isatty(), 0, time.monotonic()

    def begin(self, text):
        self.step += 1
        self.text = text
        if not self.terminal:
            print(f"[{self.step}/{STEPS}] {text}", flush=True)
        self.bar(0, 0)

    def bar(self, done, total, note=""):
        if not self.terminal:
            return
        part = min(1.0, done / total) if total else 0
        whole = (self.step - 1 + part) / STEPS
        filled = int(24 * whole)
        line = (f"[{'#' * filled}{' ' * (24 - filled)}] {int(100 * whole):3d}%  "
                f"{self.step}/{STEPS} {self.text}{'  ' + note if note else ''}")
        width = shutil.get_terminal_size().columns - 1
        print(f"\r{line[:width]}\033[K", end="", flush=True)

    def say(self, text):
        print(f"\r\033[K{text}" if self.terminal else text, flush=True)

    def end(self, text):
        self.say(f"  ok  {text}  ({time.monotonic() - self.start:.0f} s)")


# ---------------------------------------------------------------- data

def quote(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def commands():
    """The data as people write commands: plain Cypher, all values in the text."""
    yield "CREATE CONSTRAINT airport_iata FOR (a:Airport) REQUIRE a.iata IS UNIQUE"
    with open(HERE / "us-airports" / "airports.csv", newline="", encoding="utf-8") as f:
        for a in csv.DictReader(f):
            yield (f"CREATE (:Airport {{iata: {quote(a['iata'])}, name: {quote(a['name'])}, "
                   f"city: {quote(a['city'])}, state: {quote(a['state'])}, "
                   f"location: point({{latitude: {float(a['latitude'])}, "
                   f"longitude: {float(a['longitude'])}}})}})")
    with open(HERE / "us-airports" / "flights-airport.csv", newline="", encoding="utf-8") as f:
        for r in csv.DictReader(f):
            yield (f"MATCH (a:Airport {{iata: {quote(r['origin'])}}}), "
                   f"(b:Airport {{iata: {quote(r['destination'])}}}) "
                   f"CREATE (a)-[:FLIES {{count: {int(r['count'])}}}]->(b)")


# ---------------------------------------------------------------- processes

def pid_path(name):
    return FOLDER / f"{name}.pid"


def running(name):
    """The pid of a program of ours; None when it is gone or its number belongs to another."""
    try:
        pid, started = (int(n) for n in pid_path(name).read_text().split())
    except (OSError, ValueError):
        return None
    return pid if stack.process_start(pid) == started else None


def environment(kafka, server, replica):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("KAFKA_", "NEO4J_", "B_"))}
    env.update(BROKERS=kafka.bootstrap, STATUS_INTERVAL="1s")
    if server is not None:
        env.update(NEO4J_URI=server.http_uri, NEO4J_PASS_FILE=str(server.password_file))
    if replica is not None:
        env.update(REPLICA_ID=replica, INSTANCE_ID=f"demo-{replica}")
    return env


def launch(program, kafka, server, replica):
    name = f"{program}-{replica}"
    env = environment(kafka, server, replica)
    env["GROUP_ID"] = replica if program == "db_sync" else "readers"
    with open(FOLDER / f"{name}.log", "ab") as log:
        child = subprocess.Popen([BIN / program, "run"], env=env, stdout=log, stderr=log,
                                 stdin=subprocess.DEVNULL, start_new_session=True)
    pid_path(name).write_text(f"{child.pid} {stack.process_start(child.pid)}")
    return child


def tool(kafka, *args, deadline_s=120):
    """A subcommand that must succeed; its output."""
    done = subprocess.run([str(BIN / args[0]), *args[1:]], env=environment(kafka, None, None),
                          capture_output=True, text=True, timeout=deadline_s)
    if done.returncode != 0:
        raise DemoError(f"{' '.join(args[:2])} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def stop_all():
    for program in ("global_server", "db_sync"):
        for replica in REPLICAS:
            pid = running(f"{program}-{replica}")
            if pid is not None:
                os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + 15
    for program in ("global_server", "db_sync"):
        for replica in REPLICAS:
            name = f"{program}-{replica}"
            while running(name) is not None:
                if time.monotonic() > end:
                    os.kill(running(name), signal.SIGKILL)
                time.sleep(0.05)
            pid_path(name).unlink(missing_ok=True)
    for server in reversed(stack.known_servers(FOLDER / "servers")):
        server.stop()


# ---------------------------------------------------------------- the demo

def position(server):
    """What the replica contains: (offset, outcome), (0, "") before the first command."""
    try:
        answer = server.cypher("MATCH (p:`__db_sync`) RETURN p.offset, p.outcome")
    except OSError:
        return 0, ""
    rows = answer["results"][0]["data"] if answer.get("results") else []
    offset, outcome = rows[0]["row"] if rows else (0, "")
    return offset or 0, outcome or ""  # beside a commit a reader may see the node with a part of it


def content(server):
    """A hash of all airports and flights, and how many there are."""
    queries = ("MATCH (a:Airport) RETURN a.iata, a.name, a.city, a.state, toString(a.location) ORDER BY a.iata",
               "MATCH (a)-[f:FLIES]->(b) RETURN a.iata, b.iata, f.count ORDER BY a.iata, b.iata, f.count")
    counts, digest = [], hashlib.sha256()
    for query in queries:
        rows = [d["row"] for d in server.cypher(query, timeout=120)["results"][0]["data"]]
        counts.append(len(rows))
        digest.update(json.dumps(rows).encode())
    return counts, digest.hexdigest()


def start_servers(screen):
    screen.begin("fetching and starting Kafka and two Neo4j")
    kafka = stack.Kafka(FOLDER / "servers" / "kafka")
    servers = [stack.Neo4j(FOLDER / "servers" / f"neo4j-{r}", f"neo4j-{r}") for r in REPLICAS]
    for server in (kafka, *servers):
        server.start(wait=False)
    for i, server in enumerate((kafka, *servers)):
        server.wait_ready(300)
        screen.bar(i + 1, 3)
    screen.end(f"Kafka at {kafka.bootstrap}, Neo4j at " + " and ".join(s.http_uri for s in servers))
    return kafka, servers


def start_programs(screen, kafka, servers):
    screen.begin("making topics, starting two db_sync and two global_server")
    tool(kafka, "db_sync", "topics", "create")
    agents = {}
    for replica, server in zip(REPLICAS, servers):
        agents[replica] = launch("db_sync", kafka, server, replica)
        launch("global_server", kafka, server, replica)
    screen.end("their logs are in build/demo")
    return agents


def publish(screen, kafka):
    screen.begin("publishing airports and flights as commands")
    path = FOLDER / "commands.cypher"
    lines = list(commands())
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    screen.end(tool(kafka, "db_sync", "send", "--file", str(path)).strip())
    return len(lines)


def follow(screen, servers, target, agents):
    """Until every replica has target commands."""
    end = time.monotonic() + DEADLINE_S
    while True:
        offsets = [position(s)[0] for s in servers]
        screen.bar(sum(min(o, target) for o in offsets), target * len(servers),
                   "  ".join(f"{r}: {o}" for r, o in zip(REPLICAS, offsets)))
        if all(o >= target for o in offsets):
            return
        for replica, agent in agents.items():
            if agent.poll() is not None:
                raise DemoError(f"db_sync {replica} ended with {agent.returncode}; see "
                                f"{FOLDER}/db_sync-{replica}.log")
        if time.monotonic() > end:
            raise DemoError(f"the replicas are at {offsets} of {target} after {DEADLINE_S} s")
        time.sleep(0.3)


def kill_one(screen, kafka, servers, agents, total):
    screen.begin("applying; one db_sync is killed with kill -9 in the middle")
    follow(screen, servers[:1], total // 3, agents)
    agents["a"].kill()
    agents["a"].wait()
    at, _ = position(servers[0])
    agents["a"] = launch("db_sync", kafka, servers[0], "a")
    screen.end(f"db_sync a was killed when its replica held {at} of {total} commands, and started again")


def finish(screen, servers, agents, total):
    screen.begin("applying the rest on both replicas")
    follow(screen, servers, total, agents)
    screen.end(f"both replicas hold {total} commands")


def ask(screen, kafka):
    screen.begin("asking three questions through Kafka")
    for i, (title, question) in enumerate(QUESTIONS):
        screen.bar(i, len(QUESTIONS), title)
        answer = tool(kafka, "global_server", "ask", question)
        if len(answer.splitlines()) != 6:
            raise DemoError(f"the answer to \"{title}\" is not 5 rows:\n{answer}")
        screen.say(f"\n{title}:\n{answer}")
    screen.end("answered by the two global_servers")


def compare(screen, servers):
    screen.begin("comparing the replicas")
    found = [(content(s), position(s)) for s in servers]
    if found[0] != found[1]:
        raise DemoError(f"the replicas differ: {found}")
    (counts, digest), (offset, outcome) = found[0]
    if counts != [3376, 5366]:
        raise DemoError(f"the graph has {counts} airports and flights, it should be 3376 and 5366")
    screen.end(f"equal: {counts[0]} airports, {counts[1]} flights, digest {digest[:16]}, offset "
               f"{offset}, outcome {outcome[:16]}")


def status(screen, kafka):
    screen.begin("what the replicas say of themselves")
    end = time.monotonic() + 30
    while True:
        rows = [json.loads(line) for line in tool(kafka, "db_sync", "status", "--json").splitlines()]
        states = [r["state"] for r in rows if r["program"] == "db_sync"]
        if states == ["in-sync", "in-sync"]:
            break
        if time.monotonic() > end:
            raise DemoError(f"the replicas are not in sync: {rows}")
        time.sleep(0.2)
    screen.say("\n" + tool(kafka, "db_sync", "status"))
    screen.end("in sync")


def run():
    screen = Screen()
    if FOLDER.exists():
        stop_all()
        shutil.rmtree(FOLDER)
    FOLDER.mkdir(parents=True)
    kafka, servers = start_servers(screen)
    agents = start_programs(screen, kafka, servers)
    total = publish(screen, kafka)
    kill_one(screen, kafka, servers, agents, total)
    finish(screen, servers, agents, total)
    ask(screen, kafka)
    compare(screen, servers)
    status(screen, kafka)
    screen.say(f"""
It all held, in {time.monotonic() - screen.start:.0f} s. Everything still runs; try more:
  export BROKERS={kafka.bootstrap}
  TOKEN=$(build/bin/db_sync send --wait "MATCH (a:Airport {{iata: 'ABE'}}) SET a.visited = true")
  build/bin/global_server ask --min-offset $TOKEN "MATCH (a:Airport) WHERE a.visited RETURN a.iata, a.city"
  build/bin/db_sync status
End it with:
  make stop""")


def main():
    if sys.argv[1:] == ["stop"]:
        stop_all()
        print("the demo is stopped; its data is in build/demo")
        return 0
    if sys.argv[1:] != ["run"]:
        print("usage: demo.py run|stop", file=sys.stderr)
        return 2
    try:
        run()
    except (DemoError, stack.StackError, subprocess.SubprocessError, OSError) as error:
        print(f"\nthe demo failed: {error}", file=sys.stderr)
        stop_all()
        return 1
    except KeyboardInterrupt:
        print("\nstopping", file=sys.stderr)
        stop_all()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
