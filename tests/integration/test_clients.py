# SPDX-License-Identifier: Apache-2.0
"""The programs of topics/examples, each run as its reader would."""

import json
import os
import pathlib
import re
import shutil
import struct
import subprocess

import pytest
import stack
from confluent_kafka import Producer
from replies import check_one_reply_each, replies
from wait import until

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "topics" / "examples"
NAMES = ("client.py", "Client.java", "client.mjs", "client.sh")
PAGES = [[[1], [2]], [[3], [4]], [[5]]]
PRODUCER_ID_AT = 43  # in a batch of records of format 2


def java():
    """That of a JDK: a runtime alone does not start a source file."""
    found = shutil.which("javac") or next(iter(sorted(map(str, pathlib.Path("/usr/lib/jvm").glob("*/bin/javac")))), None)
    assert found, "no JDK: make deps installs one"
    return pathlib.Path(found).resolve().with_name("java")


@pytest.fixture
def clients(kafka, topics, tmp_path):
    """clients(name, …): starts these, {name: process}. They are ended with the test."""
    (tmp_path / "node_modules").symlink_to(ROOT / "build/clients/node_modules")
    shutil.copy(EXAMPLES / "client.mjs", tmp_path)
    commands = {"client.py": [ROOT / "build/venv/bin/python", EXAMPLES / "client.py"],
                "Client.java": [java(), "-cp", f"{stack.fetch('kafka')}/*", EXAMPLES / "Client.java"],
                "client.mjs": ["node", tmp_path / "client.mjs"],
                "client.sh": [EXAMPLES / "client.sh"]}
    env = {**os.environ, "BROKERS": kafka.bootstrap, "B_TOPIC_PREFIX": topics.prefix}
    started = []

    def start(*names):
        found = {name: subprocess.Popen(commands[name], env=env, text=True, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE) for name in names}
        started.extend(found.values())
        return found

    yield start
    for process in started:
        process.kill()
        process.communicate()


def ended(processes, code):
    """{name: its stdout, or its stderr when it should have failed}."""
    found = {}
    for name, process in processes.items():
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, f"{name} ended with {process.returncode}\n{out}\n{err}"
        found[name] = err if code else out
    return found


def check_answer(name, out, token):
    """What a client prints: its token, and then all rows, in order, from a state that has its command."""
    first, second, *rows = out.splitlines()
    assert first == f"token {token}", (name, out)
    told = re.fullmatch(r"5 rows in 3 pages, replica a, offset (\d+)", second)
    assert told and int(told[1]) >= token, (name, out)
    assert [json.loads(row) for row in rows] == [row for page in PAGES for row in page], (name, out)


def requests(topics):
    """{client: (request, its record)}."""
    bodies = [(json.loads(m.value()), m) for m in topics.read("request")]
    return {body["with_key"]: (body, m) for body, m in bodies}


def tokens(topics, asked):
    """{client: offset + 1 of its command}: command and request name the same run."""
    ends = {json.loads(m.value())["params"]["run"]: m.offset() + 1 for m in topics.read("command")}
    return {name: ends[body["params"]["run"]] for name, (body, _) in asked.items()}


def producer_ids(kafka, topic, partition):
    """{offset: id of the idempotent producer, -1 for another}, from the broker's own file."""
    raw, at, found = (kafka.data / f"{topic}-{partition}" / f"{0:020}.log").read_bytes(), 0, {}
    while at + PRODUCER_ID_AT + 8 <= len(raw):
        first, size = struct.unpack_from(">qi", raw, at)
        (more,) = struct.unpack_from(">i", raw, at + 23)
        found.update(dict.fromkeys(range(first, first + more + 1), struct.unpack_from(">q", raw, at + PRODUCER_ID_AT)[0]))
        at += 12 + size
    return found


def test_a_client_reads_what_it_wrote(kafka, topics, server_a, neo_a, db_sync, global_server, clients):
    """Notices and the others' replies stand on the same topic."""
    db_sync(server_a, RESPONSE_TOPIC="response")
    global_server(server_a).wait_event("start")
    out = ended(clients(*NAMES), 0)
    asked = requests(topics)
    token = tokens(topics, asked)
    pages = {i: found for i, found in replies(topics).items() if "status" not in found[0]}
    check_one_reply_each(pages, {body["id"] for body, _ in asked.values()})
    in_log = producer_ids(kafka, topics.name("command"), 0)
    for name in NAMES:
        body, record = asked[name]
        check_answer(name, out[name], token[name])
        assert body["min_offset"] == token[name] and record.key() == name.encode()
        assert [page["rows"] for page in pages[body["id"]]] == PAGES
        assert in_log[token[name] - 1] >= 0, f"{name}: the command did not come from an idempotent producer"
        assert producer_ids(kafka, record.topic(), record.partition())[record.offset()] >= 0, name


def abort_page(topics, broken, request, replica):
    """A reply by a server that does not come to its end."""
    page = {"id": request["id"], "with_key": request["with_key"], "replica": replica, "offset": 99, "age_ms": 0, "seq": 0,
            "columns": ["n"], "rows": [[0]], "last": True, "total": 1}
    broken.begin_transaction()
    broken.produce(topics.name("response"), json.dumps(page), page["with_key"])
    broken.flush()
    broken.abort_transaction()


def test_a_client_does_not_see_what_was_aborted(kafka, topics, server_a, neo_a, db_sync, global_server, clients):
    """Nor what is another's, though it has the same key."""
    broken = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": topics.name("broken")})
    broken.init_transactions(60)
    db_sync(server_a)
    server = global_server(server_a)
    server.wait_event("start")
    for name in NAMES:
        server.pause()
        processes = clients(name)
        request, _ = until(f"a request of {name}", lambda: requests(topics).get(name))
        for replica in ("one", "two"):  # twice by one producer: there are clients that see the last abort alone
            abort_page(topics, broken, request, replica)
        topics.produce("response", [{"id": "other", "with_key": name, "replica": "b", "offset": 99, "age_ms": 0, "seq": 0,
                                     "columns": ["n"], "rows": [], "last": True, "total": 0}], key=name)
        server.resume()
        out = ended(processes, 0)
        check_answer(name, out[name], tokens(topics, requests(topics))[name])


def test_a_client_tells_an_error_reply(topics, server_a, neo_a, db_sync, global_server, clients):
    db_sync(server_a)
    global_server(server_a, MAX_ROWS=3).wait_event("start")
    for name, err in ended(clients(*NAMES), 1).items():
        assert "answer.too-many-rows: the answer has more than 3 rows" in err, (name, err)


def test_a_client_tells_that_nobody_answers(topics, clients):
    processes = clients(*NAMES)
    for name, err in ended(processes, 1).items():
        request_id = requests(topics)[name][0]["id"]
        assert f"no reply to {request_id} in 15 s" in err, (name, err)
