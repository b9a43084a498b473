# SPDX-License-Identifier: Apache-2.0
"""STATUS_LISTEN: what db_sync and global_server tell those who watch over them."""

import re
import resource
import socket

import pytest
import requests
from endpoint import Metrics, address, get
from replica import applied
from replies import wait_replies
from stack import free_port
from wait import until

PROGRAMS = ["db_sync", "global_server"]


def conventions(metrics, prefix):
    """Names and units as Prometheus wants them (https://prometheus.io/docs/practices/naming/)."""
    for name, family in metrics.families.items():
        assert name.startswith((prefix, "process_")) and family.documentation.endswith("."), name
        assert family.type in ("counter", "gauge", "histogram"), name
        assert not re.search("_(ms|us|millis|kb|mb)(_|$)", name), name


@pytest.fixture
def watched(topics, server_a, neo_a, db_sync, global_server):
    """Both programs beside a replica of 25 commands, two of which fail."""
    topics.commands([f"CREATE (:P {{n: {i}}})" for i in range(20)] + ["CREATE (:P {n: 1/0})"] * 2 + ["MERGE (:Q)"] * 3)
    agent = db_sync(server_a, STATUS_LISTEN="0")
    applied(neo_a, topics)
    server = global_server(server_a, STATUS_LISTEN="127.0.0.1:0")
    server.wait_event("start")
    return agent, server


def test_metrics_of_db_sync(topics, neo_a, watched):
    base = address(watched[0])
    assert base.startswith("http://127.0.0.1:")
    until("in-sync", lambda: requests.get(base + "/readyz", timeout=10).status_code == 200)
    m = Metrics(base)
    conventions(m, "db_sync_")
    assert m.value("db_sync_offset") == m.value("db_sync_log_end_offset") == 25
    assert m.value("db_sync_lag_records") == m.value("db_sync_lag_seconds") == m.value("db_sync_queue_bytes") == 0
    assert (m.value("db_sync_commands_applied_total"), m.value("db_sync_dead_letters_total")) == (23, 2)
    assert m.value("db_sync_errors_total", **{"class": "poison"}) >= 2 and m.value("db_sync_errors_total", **{"class": "retry"}) == 0
    assert m.value("db_sync_transaction_commands_sum") == 25
    transactions = sum(s.value for s in m.families["db_sync_transactions"].samples)
    assert m.value("db_sync_transaction_duration_seconds_count") == m.value("db_sync_transaction_commands_count") == transactions > 0
    assert m.value("db_sync_state", state="in-sync") == 1 and sum(s.value for s in m.families["db_sync_state"].samples) == 1
    assert m.value("db_sync_neo4j_up") == m.value("db_sync_kafka_up") == 1
    assert m.families["db_sync_info"].samples[0].labels["replica"] == "a"
    assert 1e6 < m.value("process_resident_memory_bytes") < 1e9 and m.value("process_start_time_seconds") > 1.7e9
    topics.commands(["CREATE (:P)"] * 10)
    applied(neo_a, topics)
    later = until("ten more", lambda: (x := Metrics(base)).value("db_sync_commands_applied_total") == 33 and x)
    assert later.value("db_sync_offset") == 35


def test_the_start_never_moves(watched):
    """A start time that changes is a restart to whoever counts them."""
    for program in watched:
        assert len({Metrics(address(program)).value("process_start_time_seconds") for _ in range(40)}) == 1


def test_metrics_of_global_server(topics, watched):
    base = address(watched[1])
    topics.produce("request", [{"id": "two", "command": "UNWIND [1, 2] AS x RETURN x"}, {"id": "wrong", "command": "RETURN"}])
    wait_replies(topics, ["two", "wrong"])
    m = until("two replies counted", lambda: (x := Metrics(base)).value("global_server_request_duration_seconds_count") == 2 and x)
    conventions(m, "global_server_")
    assert m.value("global_server_replies_total", outcome="answer") == m.value("global_server_replies_total", outcome="error") == 1
    assert m.value("global_server_rows_total") == 2 and m.value("global_server_offset") == 25
    assert m.value("global_server_transaction_replies_sum") == 2 and m.value("global_server_commit_duration_seconds_count") >= 1
    assert m.value("global_server_in_flight_requests") == m.value("global_server_in_flight_bytes") == m.value("global_server_aborts_total") == 0
    assert m.value("global_server_claim") == m.value("global_server_neo4j_up") == m.value("global_server_kafka_up") == m.value("global_server_state", state="serving") == 1
    assert m.families["global_server_info"].samples[0].labels["server"] == "one"


def test_requests_that_wait_in_their_lane(topics, server_a, neo_a, db_sync, global_server):
    """With two workers one works on what is slow; five more of that wait, and nothing that is quick."""
    topics.commands(["UNWIND range(1, 2000) AS n CREATE (:P {n: n})"])
    db_sync(server_a)
    applied(neo_a, topics)
    base = address(global_server(server_a, STATUS_LISTEN="0", WORKERS="2"))
    slow = "MATCH (a:P), (b:P), (c:P) RETURN count(CASE WHEN a.n + b.n = c.n THEN 1 END)"
    topics.produce("request", [{"id": f"slow{i}", "command": slow, "timeout_ms": 8000} for i in range(6)])
    until("five that wait", lambda: Metrics(base).value("global_server_waiting_requests", lane="solo") == 5)
    assert Metrics(base).value("global_server_waiting_requests", lane="quick") == 0
    wait_replies(topics, [f"slow{i}" for i in range(6)])
    assert Metrics(base).value("global_server_waiting_requests", lane="solo") == 0


@pytest.mark.parametrize("number", [0, 1], ids=PROGRAMS)
def test_ready_and_status(number, topics, neo_a, watched):
    program = watched[number]
    base = address(program)
    until("ready", lambda: requests.get(base + "/readyz", timeout=10).status_code == 200)
    assert get(base, "/healthz").text == "alive\n"
    until("offset 25 seen", lambda: requests.get(base + "/readyz?min_offset=25", timeout=10).status_code == 200)
    late = get(base, "/readyz?min_offset=26", 503)
    assert "at offset 25" in late.text and late.headers["Cache-Control"] == "no-store"
    topics.commands(["CREATE (:P)"])
    applied(neo_a, topics)
    until("offset 26 seen", lambda: requests.get(base + "/readyz?min_offset=26", timeout=10).status_code == 200)
    for wrong in ("", "=", "=-1", "=1x", "=99999999999999999999", "=%31%00"):
        assert "min_offset must be" in get(base, f"/readyz?min_offset{wrong}", 400).text
    status = get(base, "/status")
    assert status.headers["Content-Type"] == "application/json"
    told = status.json()
    assert (told["program"], told["replica"], told["offset"]) == (PROGRAMS[number], "a", 26)
    assert program.stop() == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(base + "/healthz", timeout=10)


def test_alive_and_not_ready_while_neo4j_is_away(topics, server_a, neo_a, db_sync, global_server):
    """From the start on: who restarts a program that waits does it no good."""
    server_a.stop()
    try:
        bases = [address(db_sync(server_a, STATUS_LISTEN="0")), address(global_server(server_a, STATUS_LISTEN="0"))]
        for base, program in zip(bases, PROGRAMS):
            assert get(base, "/healthz").text == "alive\n"
            until("the reason", lambda b=base: "waiting-neo4j" in get(b, "/readyz", 503).text)
            m = until("Kafka seen", lambda b=base, p=program: (x := Metrics(b)).value(f"{p}_kafka_up") == 1 and x)
            assert m.value(f"{program}_neo4j_up") == 0 and m.value(f"{program}_state", state="waiting-neo4j") == 1
            assert get(base, "/status").json()["state"] == "waiting-neo4j"
    finally:
        server_a.start()
    for base in bases:
        until("it is ready", lambda b=base: requests.get(b + "/readyz", timeout=10).status_code == 200, 60)


@pytest.mark.parametrize("program", PROGRAMS)
def test_kafka_is_not_up_before_it_was_met(program, topics, server_a, neo_a, db_sync, global_server):
    started = (db_sync if program == "db_sync" else global_server)(server_a, STATUS_LISTEN="0", BROKERS=f"127.0.0.1:{free_port()}")
    base = address(started)
    assert Metrics(base).value(f"{program}_kafka_up") == 0
    started.wait_event("kafka_down")
    assert Metrics(base).value(f"{program}_kafka_up") == 0


def test_what_it_does_not_do(watched, topics, neo_a):
    base = address(watched[0])
    for path in ("/nothing", "/page.html", "/metrics/", "/METRICS"):
        assert "/metrics" in get(base, path, 404).text
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = requests.request(method, base + "/status", data=b"x" * 100_000, timeout=10)
        assert answer.status_code == 405 and answer.headers["Allow"] == "GET, HEAD", method
    head = requests.head(base + "/metrics", timeout=10)
    assert head.status_code == 200 and head.text == "" and int(head.headers["Content-Length"]) > 1000
    port = int(base.rpartition(":")[2])
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]  # more than it serves at once
    try:
        idle[0].sendall(b"GET /" + b"x" * 100_000)
        topics.commands(["CREATE (:Still)"])
        applied(neo_a, topics)
        assert watched[0].must_live()
    finally:
        for s in idle:
            s.close()
    until("an answer", lambda: requests.get(base + "/healthz", timeout=10).status_code == 200)


@pytest.mark.parametrize("text, word", [
    ("localhost", "PORT"), ("1.2.3.4", "PORT"), ("127.0.0.1:", "PORT"), ("70000", "PORT"), ("example.org:80", "PORT"), ("::1:80", "PORT"),
    ("192.0.2.1:0", "cannot listen"), ("in use", "cannot listen")])
@pytest.mark.parametrize("program", PROGRAMS)
def test_listen_wrongly(program, text, word, topics, server_a, neo_a, db_sync, global_server):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        taken.listen()
        listen = str(taken.getsockname()[1]) if text == "in use" else text
        refused = (db_sync if program == "db_sync" else global_server)(server_a, STATUS_LISTEN=listen)
        assert refused.wait_exit() == 3
        assert "STATUS_LISTEN" in refused.log and word in refused.log, refused.log


@pytest.mark.parametrize("program", PROGRAMS)
def test_as_many_files_as_it_may_have(program, topics, server_a, neo_a, db_sync, global_server):
    """Who starts it has mostly 1024: fewer than large answers, each in a file of its own, may need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    try:
        started = (db_sync if program == "db_sync" else global_server)(server_a, STATUS_LISTEN="0")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert Metrics(address(started)).value("process_max_fds") == (65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)) > 200


def test_ipv6(topics, server_a, neo_a, db_sync):
    assert get(address(db_sync(server_a, STATUS_LISTEN="[::1]:0")), "/healthz").text == "alive\n"
