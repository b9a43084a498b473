# SPDX-License-Identifier: Apache-2.0
"""Servers once a run, topics and an empty database for each test. Every server is real."""

import os
import pathlib
import shutil
import sys
import tempfile
import uuid

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "lib"), str(ROOT / "compose" / "local")]

import stack  # noqa: E402
from kafka import Topics  # noqa: E402
from neo import Neo  # noqa: E402
from programs import Program  # noqa: E402
from proxy import Proxy  # noqa: E402
from replica import applied  # noqa: E402

SCALE = os.environ.get("TEST_SCALE", "ci")


def scaled(ci, full):
    """A count for this run: TEST_SCALE=ci is what CI uses, full precedes a release."""
    return full if SCALE == "full" else ci


def pytest_collection_modifyitems(items):
    """A full count takes its time; pytest.ini's limit is for CI's."""
    for item in items if SCALE == "full" else ():
        item.add_marker(pytest.mark.timeout(3600))


def pytest_terminal_summary(terminalreporter):
    """What tests counted, by record_property("counts", …)."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, value in report.user_properties if report.when == "call" else ():
            if name == "counts":
                terminalreporter.write_line(f"{report.head_line}: {value}")


@pytest.fixture(scope="session")
def servers_dir():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cypherlog-test-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def kafka(servers_dir):
    # else a killed member of a group is waited for during 6 s at least
    broker = stack.Kafka(servers_dir / "kafka", extra_conf={"group.min.session.timeout.ms": 1000}).start()
    yield broker
    broker.kill()


@pytest.fixture(scope="session")
def neo4j_version():
    return os.environ.get("NEO4J_VERSION", "5.26")


def _server(servers_dir, name, version):
    return stack.Neo4j(servers_dir / name, name, version=version).start(wait=False)


@pytest.fixture(scope="session")
def server_a(servers_dir, neo4j_version):
    server = _server(servers_dir, "neo4j-a", neo4j_version).wait_ready()
    yield server
    server.kill()  # nothing of it is wanted: the quickest end


@pytest.fixture(scope="session")
def server_b(servers_dir, neo4j_version):
    server = _server(servers_dir, "neo4j-b", neo4j_version).wait_ready()
    yield server
    server.kill()  # nothing of it is wanted: the quickest end


@pytest.fixture
def topics(kafka):
    """Topics of this test alone: command, request, response, fail, status. Every message on them is
    checked against topics/, those that the test does not read at its end."""
    if not kafka.alive:  # a test that failed may have left it so
        kafka.start()
    t = Topics(kafka.bootstrap, f"t{uuid.uuid4().hex[:8]}-")
    t.create("command", message_timestamp_type="LogAppendTime", max_message_bytes=20_000_000)
    t.create("fail", max_message_bytes=20_000_000)
    t.create("status", cleanup_policy="compact")
    t.create("request", 3)
    t.create("response", 3)
    yield t
    if kafka.alive:
        t.check_written()


def _empty(server):
    if not server.alive:
        server.start()
    neo = Neo(server.http_uri, server.user, server.password)
    neo.wipe()
    return neo


@pytest.fixture
def neo_a(server_a):
    return _empty(server_a)


@pytest.fixture
def neo_b(server_b):
    return _empty(server_b)


@pytest.fixture
def programs(tmp_path):
    """programs(name, args, env): starts a program that is ended with the test."""
    started = []

    def start(program, args, env):
        p = Program(tmp_path, program, args, env)
        started.append(p)
        return p.start()

    yield start
    for p in started:
        p.kill()


@pytest.fixture
def agent_env(topics, kafka):
    """agent_env(server, replica, **more): the environment of a db_sync or global_server."""

    def make(server, replica, **more):
        env = {"BROKERS": kafka.bootstrap, "B_TOPIC_PREFIX": topics.prefix, "GROUP_ID": replica,
               "NEO4J_URI": server.http_uri, "NEO4J_PASS": server.password,
               "STATUS_INTERVAL": "200ms", "LOG_LEVEL": "debug"}
        env.update({k: str(v) for k, v in more.items()})
        return env

    return make


@pytest.fixture
def db_sync(programs, agent_env):
    """db_sync(server, replica, **env) runs one."""
    return lambda server, replica="a", args=("run",), **more: programs(
        "db_sync", args, agent_env(server, replica, **more))


@pytest.fixture
def global_server(programs, agent_env):
    return lambda server, **more: programs("global_server", ["run"], agent_env(
        server, "readers", INSTANCE_ID=more.pop("instance", "one"), **more))


@pytest.fixture
def replica(topics, server_a, neo_a, db_sync):
    """A replica with some data and a db_sync."""
    topics.commands([f"CREATE (:P {{n: {i}}})" for i in range(20)])
    db_sync(server_a)
    applied(neo_a, topics)
    return server_a


@pytest.fixture
def through():
    """through(server): a Proxy before it."""
    opened = []

    def make(server):
        opened.append(Proxy(server))
        return opened[-1]

    yield make
    for proxy in opened:
        proxy.close()
