# SPDX-License-Identifier: Apache-2.0
"""`db_sync send --wait`, and one's own writes read back from any replica by its token."""

import json
import os
import signal
import subprocess
import time

import pytest
from programs import BIN, run
from wait import until


@pytest.fixture
def env(topics, kafka):
    return {"BROKERS": kafka.bootstrap, "B_TOPIC_PREFIX": topics.prefix}


@pytest.fixture
def begin(env):
    """begin(program, *args): a subcommand that goes on by itself, with pipes."""
    started = []

    def start(program, *args):
        started.append(subprocess.Popen([BIN / program, *args], env={**os.environ, **env}, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def in_sync(topics, replica="a"):
    until(f"{replica} in sync", lambda: (s := topics.status(replica)) and s["state"] == "in-sync")


def test_token_alone_once_it_is_applied(topics, env, server_a, neo_a, db_sync):
    """At once: nothing here waits for STATUS_INTERVAL."""
    db_sync(server_a, STATUS_INTERVAL="10m")
    in_sync(topics)
    done = run("db_sync", ["send", "--wait", "CREATE (:W {n: 1})"], env)
    assert (done.returncode, done.stdout) == (0, "1\n"), done
    assert neo_a.one("MATCH (w:W) RETURN count(w)") == 1
    assert done.stderr == f"1 command is in {topics.name('command')} at offset 0, done by replica a\n"
    done = run("db_sync", ["send", "--wait"], env, stdin="CREATE (:W {n: 2})\nCREATE (:W {n: 3})\n")
    assert (done.returncode, done.stdout) == (0, "3\n") and neo_a.one("MATCH (w:W) RETURN count(w)") == 3, done
    done = run("db_sync", ["send", "--wait", "--json", "CREATE (:W {n: 4})"], env)
    assert done.returncode == 0 and done.stderr == "", done
    assert json.loads(done.stdout) == {"topic": topics.name("command"), "delivered": 1, "failed": 0, "first_offset": 3,
                                       "last_offset": 3, "token": 4, "replica": "a", "dead_letters": 0, "letters": []}
    done = run("db_sync", ["send", "--wait"], env, stdin="// nothing to do\n")
    assert (done.returncode, done.stdout) == (0, "0\n"), "the token that every state satisfies"


def test_token_without_waiting(topics, env):
    done = run("db_sync", ["send", "CREATE (:A)", "CREATE (:B)"], env)
    assert done.stdout == f"2 commands are in {topics.name('command')} at offsets 0 to 1, token 2\n", done
    assert json.loads(run("db_sync", ["send", "--json", "CREATE (:A)"], env).stdout)["token"] == 3


def test_a_backlog_is_told_of_each_second(topics, server_a, neo_a, db_sync, through):
    """Under writes without a pause no end of the log is seen."""
    slow = through(server_a)
    slow.rule = lambda request, when: time.sleep(0.2) if (request.kind, when) == ("commit", "before") else None
    topics.commands([f"CREATE (:B {{n: {i}}})" for i in range(20)])
    db_sync(slow, STATUS_INTERVAL="10m", BATCH_COUNT=1)
    in_sync(topics)
    told = [json.loads(m.value()) for m in topics.read("status")]
    moved = {s["offset"] for s in told if s["state"] == "catching-up"} - {0, 20}
    assert 2 <= len(moved) <= 8, told


def test_statuses_stay_few(topics, server_a, neo_a, db_sync):
    """However often a replica comes to the end of the log."""
    db_sync(server_a, STATUS_INTERVAL="10m")
    in_sync(topics)
    for i in range(1, 101):
        topics.commands([f"CREATE (:F {{n: {i}}})"])
        until(f"offset {i}", lambda n=i: neo_a.offset() == n, every_s=0.001)
    until("the last offset", lambda: topics.status("a")["offset"] == 100)
    times = [m.timestamp()[1] for m in topics.read("status")]
    assert min(after - before for before, after in zip(times, times[1:], strict=False)) >= 95, times


def test_dead_letters_are_told(topics, env, server_a, neo_a, db_sync, begin):
    db_sync(server_a)
    in_sync(topics)
    done = run("db_sync", ["send", "--wait", "CREATE (:P {n: 1/0})"], env)
    assert (done.returncode, done.stdout) == (1, "1\n")
    assert "at offset 0, CREATE (:P {n: 1/0}); replica a: Neo.ClientError.Statement.ArithmeticError: / by zero" in done.stderr, done
    done = run("db_sync", ["send", "--wait", "CREATE (:P)", "RETURN 1/0", "RETURN 2/0"], env)
    assert (done.returncode, done.stdout) == (1, "4\n") and neo_a.one("MATCH (p:P) RETURN count(p)") == 1
    assert "2 of 3 commands became dead letters" in done.stderr and "the first is that at offset 2, RETURN 1/0;" in done.stderr, done
    done = run("db_sync", ["send", "--wait", "--json", "--unchecked", '{"command": "RETURN 1/0"}', '{"command": 1}'], env)
    told = json.loads(done.stdout)
    assert done.returncode == 1 and (told["token"], told["replica"], told["dead_letters"]) == (6, "a", 2)
    assert [(x["offset"], x["replica"], x["code"], x.get("command")) for x in told["letters"]] == [
        (4, "a", "Neo.ClientError.Statement.ArithmeticError", "RETURN 1/0"), (5, "a", "command.type", None)]
    # what others send meanwhile is theirs
    sending = begin("db_sync", "send", "--wait")
    sending.stdin.write("CREATE (:Q {n: 1})\n")
    sending.stdin.flush()
    until("the first", lambda: topics.end("command") == 7)
    topics.commands(["RETURN 3/0"])
    out, told = sending.communicate("CREATE (:Q {n: 2})\n", timeout=60)
    assert (sending.returncode, out) == (0, "9\n"), told
    assert [letter[0] for letter in topics.dead_letters()] == [0, 2, 3, 4, 5, 7]


def test_many_dead_letters_of_two_replicas(topics, env, server_a, neo_a, server_b, neo_b, db_sync):
    """Each command counts once, the first of them are shown."""
    db_sync(server_a, "a"), db_sync(server_b, "b")
    in_sync(topics, "a"), in_sync(topics, "b")
    lines = "".join(f"RETURN {i}/0\n" for i in range(150))
    done = run("db_sync", ["send", "--wait", "--json"], env, stdin=lines)
    told = json.loads(done.stdout)
    assert done.returncode == 1 and told["dead_letters"] == 150 and told["token"] == 150, (told, done.stderr)
    assert [x["offset"] for x in told["letters"]] == list(range(100))


def test_dead_letters_sent_again(topics, env, server_a, neo_a, db_sync):
    db_sync(server_a)
    in_sync(topics)
    assert run("db_sync", ["send", "--wait", "CREATE (:P {n: 1/0})"], env).returncode == 1
    done = run("db_sync", ["send", "--dead-letters", "--offsets", "0", "--wait"], env)
    assert (done.returncode, done.stdout) == (1, "2\n") and "at offset 1, CREATE (:P {n: 1/0})" in done.stderr, done
    assert "ArithmeticError" in done.stderr.splitlines()[1], "the table is not on stdout"


def test_not_applied_in_time(topics, env, server_a, neo_a, db_sync):
    """The token is told all the same, and where the replicas are; statuses from before prove nothing."""
    done = run("db_sync", ["send", "--wait", "--timeout", "3s", "CREATE (:A)"], env)
    assert (done.returncode, done.stdout) == (4, "1\n")
    assert "do not send them again" in done.stderr and f"no db_sync has told its status on topic {topics.name('status')}" in done.stderr, done
    replica = db_sync(server_a)
    in_sync(topics)
    replica.pause()
    status = {**topics.status("a"), "replica": "of an older log", "offset": 1000}
    topics.produce("status", [status], key="of an older log/db_sync")
    topics.produce("status", [b"no status"], key="x", bad=True)
    done = run("db_sync", ["send", "--wait", "--timeout", "3s", "CREATE (:A)"], env)
    assert (done.returncode, done.stdout) == (4, "2\n")
    assert "a is at 1 (in-sync, told " in done.stderr and "of an older log is at 1000" in done.stderr, done
    replica.resume()
    done = run("db_sync", ["send", "--wait", "CREATE (:A)"], env)
    assert (done.returncode, done.stdout) == (0, "3\n"), done


def test_without_a_status_topic_nothing_is_sent(topics, env):
    for name in ("STATUS_TOPIC", "FAIL_TOPIC"):
        done = run("db_sync", ["send", "--wait", "CREATE (:A)"], {**env, name: "nowhere"})
        assert (done.returncode, done.stdout) == (3, "") and f"{topics.name('nowhere')} does not exist" in done.stderr, done
    assert topics.end("command") == 0


def test_interrupted(topics, begin):
    sending = begin("db_sync", "send", "--wait", "CREATE (:A)")
    until("the command", lambda: topics.end("command") == 1)
    sending.send_signal(signal.SIGINT)
    out, told = sending.communicate(timeout=30)
    assert (sending.returncode, out) == (1, "1\n"), told


def test_own_write_from_any_replica(topics, env, server_a, neo_a, server_b, neo_b, db_sync, global_server, begin):
    """The one that is behind answers once it has the write; without the token it answers what it has."""
    slow = db_sync(server_a, "a")
    db_sync(server_b, "b")
    in_sync(topics, "a"), in_sync(topics, "b")
    behind = global_server(server_a, instance="one")
    until("a answers", lambda: run("global_server", ["ask", "--timeout", "1s", "RETURN 1"], env).returncode == 0)
    slow.pause()
    token = run("db_sync", ["send", "--wait", "CREATE (:Own {n: 1})"], env).stdout.strip()
    assert token == "1" and (neo_a.one("MATCH (o:Own) RETURN count(o)"), neo_b.one("MATCH (o:Own) RETURN count(o)")) == (0, 1)
    count = ["--json", "MATCH (o:Own) RETURN count(o)"]
    assert json.loads(run("global_server", ["ask", *count], env).stdout)["rows"] == [[0]]
    late = run("global_server", ["ask", "--min-offset", token, "--timeout", "1s", *count], env)
    assert late.returncode == 1 and json.loads(late.stdout)["error"]["code"] == "request.not-reached", late
    asking = begin("global_server", "ask", "--min-offset", token, *count)
    until("it waits", lambda: topics.status("a", "global_server")["in_flight"] == 1)
    slow.resume()
    reply = json.loads(asking.communicate(timeout=60)[0])
    assert (reply["replica"], reply["rows"]) == ("a", [[1]]) and reply["offset"] >= 1
    global_server(server_b, instance="two").wait_event("claim", 60)
    behind.wait_event("claim", 60, count=2)
    for n in range(2, 12):
        token = run("db_sync", ["send", "--wait", f"CREATE (:Own {{n: {n}}})"], env).stdout.strip()
        done = run("global_server", ["ask", "--min-offset", token, *[*count, *count[1:] * 7]], env)
        assert done.returncode == 0 and [json.loads(line)["rows"] for line in done.stdout.splitlines()] == [[[n]]] * 8, done
