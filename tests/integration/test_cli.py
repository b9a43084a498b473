# SPDX-License-Identifier: Apache-2.0
"""What people type, rightly and wrongly: output, error text and exit codes of db_sync."""

import json
import os
import subprocess
import time

import pytest
from programs import BIN, read_terminal, run, terminal
from replica import applied
from wait import until


@pytest.fixture
def env(topics, kafka):
    return {"BROKERS": kafka.bootstrap, "B_TOPIC_PREFIX": topics.prefix}


def test_topics_create_and_check(kafka, env, topics):
    env["B_TOPIC_PREFIX"] = topics.prefix + "cli-"
    done = run("db_sync", ["topics", "check"], env)
    assert done.returncode == 7 and done.stdout.count("missing") == 5
    done = run("db_sync", ["topics", "create"], env)
    assert done.returncode == 0 and done.stdout.count("created") == 5, done.stderr
    assert run("db_sync", ["topics", "create"], env).stdout.count("exists") == 5
    done = run("db_sync", ["topics", "check"], env)
    assert done.returncode == 0 and done.stdout.count("good") == 5, done.stdout
    topics.create("other-command", 3, retention_ms=1000)
    done = run("db_sync", ["topics", "check", "--json"], dict(env, COMMAND_TOPIC="x", B_TOPIC_PREFIX=topics.prefix))
    assert done.returncode == 7
    done = run("db_sync", ["topics", "check", "--json"], dict(env, COMMAND_TOPIC="other-command", B_TOPIC_PREFIX=topics.prefix))
    row = json.loads(done.stdout.splitlines()[0])
    assert row["outcome"] == "differs" and "retention.ms is 1000, should be -1" in row["detail"] and "exactly 1" in row["detail"]


def test_send_from_words_file_and_stdin(topics, env, server_a, neo_a, db_sync, tmp_path):
    done = run("db_sync", ["send", "CREATE (:W {n: 1})", "CREATE (:W {n: $n})", "--params", '{"n": 2}', "--key", "k"], env)
    assert done.returncode == 0 and "2 commands" in done.stdout, done.stderr
    path = tmp_path / "commands"
    path.write_text('CREATE (:W {n: 3})\n\n  {"command": "CREATE (:W {n: $n})", "params": {"n": 4}}\n')
    done = run("db_sync", ["send", "--file", str(path), "--json"], env)
    assert json.loads(done.stdout)["delivered"] == 2 and json.loads(done.stdout)["last_offset"] == 3
    done = run("db_sync", ["send"], env, stdin="CREATE (:W {n: 5})\n")
    assert "1 command is in" in done.stdout and "offset 4" in done.stdout
    db_sync(server_a)
    applied(neo_a, topics)
    assert neo_a.one("MATCH (w:W) WITH w ORDER BY w.n RETURN collect(w.n)") == [1, 2, 3, 4, 5]
    assert [m.key() for m in topics.read("command")][:2] == [b"k", b"k"]


@pytest.mark.parametrize("args, stdin, code, words", [
    (["send", "SHOW USERS"], None, 1, "SHOW"),
    (["send", '{"command": 1}'], None, 1, "string"),
    (["send", "{broken"], None, 1, "JSON"),
    (["send", "[1,2]"], None, 2, "no object"),
    (["send", "null"], None, 2, "no object"),
    (["send", "42"], None, 2, "no object"),
    (["send", "-"], None, 2, "--file -"),
    (["send", "CREATE (:A)", ""], None, 2, "command 2 is empty"),
    (["send", "CREATE (:A)", "MATCH (a:A)"], None, 2, "command 2: no whole Cypher text"),
    (["send", "--file", "", "RETURN 1"], None, 2, "FILE is empty"),
    (["send"], "CREATE (:A)\nMATCH (a:A)\nSET a.x = 1\n", 2, "line 2: no whole Cypher text"),
    (["send", "--params", "[1]", "RETURN 1"], None, 2, "no JSON object"),
    (["send", "--file", "/nowhere", ], None, 2, "/nowhere"),
    (["send", "--file", "/nowhere", "RETURN 1"], None, 2, "--file"),
    (["send"], "CREATE (:A)\nCREATE (:B) IN\nSHOW USERS\n", 1, "line 3"),
    (["send", "--command-topic", "nowhere", "RETURN 1"], None, 3, "topics create"),
    (["send", "--wait=perhaps", "RETURN 1"], None, 2, "neither true nor false"),
    (["send", "--dead-letters", "--dry-run", "--wait"], None, 2, "--dry-run sends nothing"),
    (["sned"], None, 2, "sned"),
    (["--nonsense"], None, 2, "--nonsense"),
    (["run", "now"], None, 2, "now"),
    (["topics"], None, 2, "create"),
    (["topics", "destroy"], None, 2, "create"),
    (["run"], None, 3, "GROUP_ID"),
    (["run", "--batch-count", "0"], None, 2, "1 to 10000"),
    (["run", "--batch-time", "5"], None, 2, "without a unit it is ms (units: ms, s, m, h)"),
    (["run", "--batch-time", "5d"], None, 2, "units: ms, s, m, h"),
    (["run", "--batch-bytes", "4"], None, 2, "without a unit it is bytes"),
    (["run", "--kafka", "nosuch.property=1", "--group-id", "a"], None, 3, "NEO4J_PASS"),
])
def test_wrong_ways(args, stdin, code, words, env):
    done = run("db_sync", args, env, stdin=stdin)
    assert done.returncode == code and words in done.stderr, (done.returncode, done.stderr)
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


@pytest.mark.parametrize("text, words", [
    ("CREATE (:A)\nCREATE (:B {\n  n: 1\n})\n", "line 2"),
    ("CREATE (:A)\nMERGE (b:B)\n  ON CREATE SET b.n = 1\n", "line 3"),
    ("CREATE (:A {n: 1})\nCREATE (:B {n: 'one\ntwo'})\n", "line 2"),
    ("CREATE (:A)\nSHOW USERS\n", "line 2"),
    ("CREATE (:A)\n[1]\n", "line 2"),
])
def test_nothing_of_a_file_with_a_mistake_is_sent(text, words, env, topics, tmp_path):
    path = tmp_path / "commands"
    path.write_text(text)
    done = run("db_sync", ["send", "--file", str(path)], env)
    assert done.returncode in (1, 2) and f"nothing was sent: {words}" in done.stderr, (done.returncode, done.stderr)
    with open(path) as f:
        done = subprocess.run([BIN / "db_sync", "send"], env=dict(os.environ, **env), stdin=f, capture_output=True, text=True)
    assert f"nothing was sent: {words}" in done.stderr
    assert topics.end("command") == 0


def test_files_as_editors_write_them(topics, env, tmp_path):
    """Byte order mark, line ends of Windows, comments, no line end at the end."""
    path = tmp_path / "commands"
    path.write_bytes(b"\xef\xbb\xbf// made by hand\r\nCREATE (:A);\r\n\r\n/* more */\r\n{\"command\": \"CREATE\\n(:B)\"}\r\nCREATE (:C) // c")
    done = run("db_sync", ["send", "--file", str(path)], env)
    assert done.returncode == 0 and "3 commands" in done.stdout, done.stderr
    assert [json.loads(m.value())["command"] for m in topics.read("command")] == ["CREATE (:A);", "CREATE\n(:B)", "CREATE (:C) // c"]


def test_closed_streams(env):
    """A socket must not take the place of a stream that is closed."""
    for args, streams, code, words in ((["send"], "<&-", 2, "standard input cannot be read"), (["send", "RETURN 1"], ">&-", 1, "standard output"),
                                       (["send", "RETURN 1"], "2>&-", 0, "")):
        done = subprocess.run(["sh", "-c", f'exec "$0" "$@" {streams}', BIN / "db_sync", *args], env=dict(os.environ, **env), capture_output=True, text=True)
        assert done.returncode == code and words in done.stderr, (streams, done)


@pytest.mark.parametrize("args, stdin, words", [
    (["ask", "-"], None, "--file -"),
    (["ask", "null"], None, "no object"),
    (["ask", "RETURN 1", "// nothing"], None, "query 2 is empty"),
    (["ask", "--file", ""], None, "FILE is empty"),
    (["ask"], "RETURN 1\nMATCH (a)\nRETURN a\n", "line 2: no whole Cypher text"),
    (["ask"], "// nothing\n", "no query"),
])
def test_wrong_ways_to_ask(args, stdin, words, env):
    done = run("global_server", args, env, stdin=stdin)
    assert done.returncode == 2 and words in done.stderr, (done.returncode, done.stderr)


def test_ask_says_what_it_waits_for(env, topics):
    begin = time.monotonic()
    done = run("global_server", ["ask", "--timeout", "2s", "RETURN 1"], env)
    lines = done.stderr.splitlines()
    assert done.returncode == 4 and len(lines) == 2, done.stderr
    assert f"waiting for a reply on topic {topics.name('response')}" in lines[0] and f"REQUEST_TOPIC={topics.name('request')}" in lines[1]
    assert time.monotonic() - begin < 15, "the grace beyond the time-out is short"


@pytest.mark.parametrize("program, args", [("db_sync", ["status"]), ("db_sync", ["send", "RETURN 1"]), ("global_server", ["ask", "RETURN 1"])])
def test_without_kafka_they_end_in_time_and_say_why(program, args):
    begin = time.monotonic()
    done = run(program, [*args, "--timeout", "2s", "--brokers", "127.0.0.1:1"], {})
    assert done.returncode == 4 and "127.0.0.1:1 (BROKERS)" in done.stderr and "Connection refused" in done.stderr, done.stderr
    assert time.monotonic() - begin < 10, "longer than --timeout"


def test_owned_and_unknown_kafka_properties(env, server_a):
    env = dict(env, GROUP_ID="a", NEO4J_PASS="x", NEO4J_URI=server_a.http_uri)
    for pair, words in (("isolation.level=read_uncommitted", "sets this property itself"), ("nosuch.property=1", "no such property"),
                        ("fetch.min.bytes=many", "fetch.min.bytes")):
        done = run("db_sync", ["run", "--kafka", pair], env)
        assert done.returncode == 3 and words in done.stderr, done.stderr


@pytest.mark.parametrize("name, value, words", [
    ("NEO4J_DATABASE", "system", "NEO4J_DATABASE=system"),
    ("NEO4J_DATABASE", "my graph", "NEO4J_DATABASE=my graph"),
    ("B_TOPIC_PREFIX", "a/b", "B_TOPIC_PREFIX=a/b"),
    ("COMMAND_TOPIC", "all commands", "COMMAND_TOPIC=all commands"),
    ("FAIL_TOPIC", "x" * 250, "at most 249"),
    ("KAFKA_ACKS", "0", "acks=0"),
    ("KAFKA_ENABLE_IDEMPOTENCE", "false", "enable.idempotence=false"),
    ("KAFKA_TRANSACTIONAL_ID", "x", "transactional.id=x"),
    ("KAFKA_ISOLATION_LEVEL", "read_uncommitted", "isolation.level=read_uncommitted"),
    ("KAFKA_ENABLE_AUTO_COMMIT", "true", "enable.auto.commit=true"),
    ("KAFKA_AUTO_OFFSET_RESET", "latest", "auto.offset.reset=latest"),
    ("KAFKA_RETRIES", "0", "`retries`"),
], ids=lambda text: text[:30])
@pytest.mark.parametrize("program", ["db_sync", "global_server"])
def test_impossible_settings_end_at_once(program, name, value, words):
    """No outage: nothing is asked, so it needs neither Kafka nor Neo4j to say so."""
    env = {"BROKERS": "127.0.0.1:1", "GROUP_ID": "a", "NEO4J_PASS": "x", "NEO4J_URI": "http://127.0.0.1:1", name: value}
    done = run(program, ["run"], env, deadline_s=20)
    assert done.returncode == 3 and words in done.stderr.splitlines()[-1], done.stderr


def test_help_and_config_show_no_secret(env, tmp_path):
    (tmp_path / "secret").write_text("s3cret\n")
    env = dict(env, NEO4J_PASS="hidden1", B_PASSWORD_FILE=str(tmp_path / "secret"), KAFKA_SSL_KEY_PASSWORD="hidden2", KAFKA_HOME="/opt/kafka")
    for args in (["--help"], ["run", "--print-config"], ["--version"], ["send", "--help"]):
        done = run("db_sync", args, env)
        assert done.returncode == 0 and done.stdout, done.stderr
        for secret in ("hidden1", "hidden2", "s3cret"):
            assert secret not in done.stdout + done.stderr
    shown = run("db_sync", ["run", "--print-config", "--batch-count", "7"], env).stdout
    assert "BATCH_COUNT=7\n" in shown and "NEO4J_PASS=********\n" in shown
    shown = run("db_sync", ["run", "--print-config", "--group-id", "north"], env).stdout
    assert "GROUP_ID=north\nREPLICA_ID=north\n" in shown
    shown = run("db_sync", ["run", "--print-config", "--group-id", "north", "--replica-id", "n1"], env).stdout
    assert "GROUP_ID=north\nREPLICA_ID=n1\n" in shown


def test_status_table(topics, env, server_a, neo_a, db_sync):
    assert "no replica" in run("db_sync", ["status"], env).stdout
    db_sync(server_a, "a")
    until("state in-sync", lambda: (topics.status("a") or {}).get("state") == "in-sync")
    lines = run("db_sync", ["status"], env).stdout.splitlines()
    assert lines[0].split()[:4] == ["REPLICA", "PROGRAM", "STATE", "OFFSET"] and lines[1].split()[:4] == ["a", "db_sync", "in-sync", "0"]
    assert json.loads(run("db_sync", ["status", "--json"], env).stdout)["replica"] == "a"


def test_progress_bar_on_a_terminal(env, tmp_path):
    """A long input shows a bar, on a terminal only, and takes it away."""
    path = tmp_path / "many"
    with open(path, "w") as f:
        for i in range(400_000):
            f.write(f"CREATE (:Many {{n: {i}, text: 'some text that makes the line a little longer'}})\n")
    process, master = terminal("db_sync", ["send", "--file", str(path)], env)
    shown = read_terminal(master)
    assert process.wait() == 0 and b"400000 commands" in process.stdout.read()
    assert b"%" in shown and b"bytes" in shown and shown.endswith(b"\r\x1b[K"), shown[-300:]
