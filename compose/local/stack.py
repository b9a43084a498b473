#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real Kafka and real Neo4j Community servers on 127.0.0.1, as Java processes: the stack of
compose.yaml where there is no Docker. Demo, tests and benches import this module; people use its
command line. README.md beside it tells how. Python's standard library only."""

import argparse
import concurrent.futures
import json
import pathlib
import shlex
import shutil
import sys
from typing import List

from servers.error import FAILED, UNREACHABLE, USAGE, StackError
from servers.jars import JAVA_NEEDED, ROOT, fetch, find_java, has_java
from servers.kafka import Kafka
from servers.neo4j import NEO4J_VERSIONS, Neo4j
from servers.process import JVM_PROFILES, Server, free_port, process_start

__all__ = ["Kafka", "Neo4j", "Server", "StackError", "fetch", "find_java", "free_port", "has_java",
           "known_servers", "process_start", "JAVA_NEEDED", "JVM_PROFILES", "NEO4J_VERSIONS"]

KINDS = {"kafka": Kafka, "neo4j": Neo4j}


def known_servers(folder) -> List[Server]:
    """The servers whose folders lie in this one, as they were made, running or not; Kafka first."""
    servers = []
    for path in sorted(pathlib.Path(folder).glob("*/server.json")):
        known = json.loads(path.read_text())
        servers.append(KINDS[known["kind"]](path.parent, name=known["name"], **known["options"]))
    return servers


# ---------------------------------------------------------------- command line

def named(args, name: str) -> Server:
    servers = {server.name: server for server in known_servers(args.dir)}
    if name not in servers:
        raise StackError(f"no server {name} in {args.dir}, only {', '.join(servers) or 'nothing'}", USAGE)
    return servers[name]


def do_fetch(args) -> int:
    for name in args.distributions or ["kafka", "neo4j-5.26"]:
        java = find_java(name)
        print(f"{name}: {fetch(name)}, Java {java.version}")
    return 0


def do_start(args) -> int:
    """Starts what does not run; what it started is stopped again if one of them fails."""
    if args.neo4j < 0:
        raise StackError(f"--neo4j {args.neo4j}: 0 or more", USAGE)
    wanted: List[Server] = [
        Neo4j(args.dir / f"neo4j-{i}", f"neo4j-{i}", args.version, profile=args.profile)
        for i in range(1, args.neo4j + 1)]
    wanted.append(Kafka(args.dir / "kafka", profile=args.profile))
    started: List[Server] = []
    try:
        for server in wanted:
            if not server.alive:
                server.start(wait=False)
                started.append(server)
        for server in wanted:
            server.wait_ready()
    except BaseException:
        for server in started:
            server.stop()
        raise
    return do_status(args)


def do_stop(args) -> int:
    running = [server for server in known_servers(args.dir) if server.alive]
    for server in running:
        print(f"stopping {server.name}, pid {server.pid}", flush=True)
    with concurrent.futures.ThreadPoolExecutor(len(running) + 1) as pool:
        list(pool.map(lambda server: server.stop(), running))  # list: raises what stop raised
    return 0


def do_status(args) -> int:
    servers = known_servers(args.dir)
    if not servers:
        raise StackError(f"no servers in {args.dir}: stack.py start makes some")
    rows = [{"name": s.name, "version": s.version, "pid": s.pid, "address": s.address,
             "state": s.state()} for s in servers]
    if getattr(args, "json", False):
        print(json.dumps(rows, indent=1))
    else:
        cells = [[key.upper() for key in rows[0]]]
        cells += [["-" if value is None else str(value) for value in row.values()] for row in rows]
        widths = [max(map(len, column)) for column in zip(*cells)]
        for row in cells:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    return 0 if all(row["state"] == "ready" for row in rows) else UNREACHABLE


def do_env(args) -> int:
    """Settings of db_sync and global_server for a shell's eval. The password stays in its file."""
    values = {}
    for server in reversed(known_servers(args.dir)):
        if isinstance(server, Kafka):
            values["BROKERS"] = server.bootstrap
        elif args.name in (None, server.name):
            values.update(NEO4J_URI=server.http_uri, NEO4J_USER=server.user,
                          NEO4J_PASS_FILE=str(server.password_file))
    if args.name and "NEO4J_URI" not in values:
        raise StackError(f"no Neo4j {args.name} in {args.dir}: see stack.py status", USAGE)
    for key in sorted(values):
        print(f"export {key}={shlex.quote(values[key])}")
    return 0


def do_one(args) -> int:
    server = named(args, args.name)
    getattr(server, args.command)()
    print(f"{server.name}: {server.state()}")
    return 0


def do_wipe(args) -> int:
    """Removes the servers' folders and nothing else: the folder around them may be anyone's."""
    servers = known_servers(args.dir)
    running = [server.name for server in servers if server.alive]
    if running:
        raise StackError(f"{', '.join(running)} in {args.dir} run: stack.py stop, then wipe")
    if servers and not args.yes:
        print(f"This removes {', '.join(s.name for s in servers)} with all data from {args.dir}. "
              "Type yes: ", end="", flush=True)
        if sys.stdin.readline().strip() != "yes":
            raise StackError("nothing was removed")
    for server in servers:
        shutil.rmtree(server.folder)
    return 0


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="stack.py", description=__doc__.split("\n\n")[0],
        epilog="Exit codes: 0 done, 1 failed, 2 usage, 4 a server does not answer.")
    parser.set_defaults(dir=ROOT / "build" / "local")
    common = argparse.ArgumentParser(add_help=False)  # --dir before or after the command
    for p in (parser, common):
        p.add_argument("--dir", type=pathlib.Path, default=argparse.SUPPRESS,
                       help="where the servers live (default: build/local of the project)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name, do, text):
        sub = commands.add_parser(name, help=text, description=text, parents=[common])
        sub.set_defaults(do=do)
        return sub

    sub = command("fetch", do_fetch, "download the servers' jars (start does it too)")
    sub.add_argument("distributions", nargs="*", metavar="NAME",
                     help=f"{', '.join(JAVA_NEEDED)} (default: kafka neo4j-5.26)")
    sub = command("start", do_start, "start Kafka and some Neo4j, as far as they do not run yet")
    sub.add_argument("--neo4j", type=int, default=2, metavar="N", help="how many Neo4j (default: 2)")
    sub.add_argument("--version", default=NEO4J_VERSIONS[0], choices=NEO4J_VERSIONS,
                     help=f"of Neo4j (default: {NEO4J_VERSIONS[0]})")
    sub.add_argument("--profile", default="small", choices=JVM_PROFILES,
                     help="small starts quickest (default), fast is for measuring")
    command("stop", do_stop, "stop all servers")
    sub = command("status", do_status, "what runs where; exit code 0 only when all are ready")
    sub.add_argument("--json", action="store_true", help="for scripts")
    sub = command("env", do_env, "settings for db_sync and global_server, for eval")
    sub.add_argument("name", nargs="?", metavar="NAME", help="of a Neo4j (default: the first)")
    for name, text in (("kill", "end one server at once, as a power cut would"),
                       ("restart", "stop one server and start it, same ports and data"),
                       ("pause", "let one server hang: connections stay open, nobody answers"),
                       ("resume", "end a pause")):
        command(name, do_one, text).add_argument("name", metavar="NAME", help="as in status")
    sub = command("wipe", do_wipe, "remove all servers and their data")
    sub.add_argument("--yes", action="store_true", help="do not ask")
    return parser


def main() -> int:
    args = options().parse_args()
    try:
        for name in getattr(args, "distributions", []):
            if name not in JAVA_NEEDED:
                raise StackError(f"{name} is none of {', '.join(JAVA_NEEDED)}", USAGE)
        return args.do(args)
    except StackError as error:
        print(f"stack.py: {error}", file=sys.stderr)
        return error.code
    except OSError as error:  # a full disk, a folder that may not be written
        print(f"stack.py: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("stack.py: interrupted", file=sys.stderr)
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
