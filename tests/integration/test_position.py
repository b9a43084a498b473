# SPDX-License-Identifier: Apache-2.0
"""The first and last statement of a batch, taken from the source word for word, and the claim that
the number of finished statements names the one that failed: on every server line that is asked for."""

import collections
import re
import threading

import pytest
import stack
from conftest import ROOT, SCALE
from neo import CypherError, Neo
from wait import until

VERSIONS = [v for v in stack.NEO4J_VERSIONS if SCALE == "full" or v == "5.26"]


def text_of(name):
    """A statement of position.c: C's string literals joined."""
    source = (ROOT / "common/neo4j/position.c").read_text()
    literals = re.search(rf"{name}\[\] =\s*((?:\"(?:[^\"\\]|\\.)*\"\s*)+);", source).group(1)
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals)).replace("\\n", "\n")


LOCK, CREATE, COUNT = text_of("LOCK_TEXT"), text_of("CREATE_TEXT"), text_of("COUNT_TEXT")


@pytest.fixture(scope="module", params=VERSIONS)
def neo(request, tmp_path_factory):
    version = request.param
    if not stack.has_java(f"neo4j-{version}"):
        assert version == "2026", "only 2026 may lack its Java"
        pytest.skip("Neo4j 2026 needs Java 21 or newer, and this machine has none")
    folder = tmp_path_factory.mktemp("neo4j")
    server = stack.Neo4j(folder / "p", "p", version=version).start()
    client = Neo(server.http_uri, server.user, server.password)
    client.server = server
    client.run("CREATE CONSTRAINT `__db_sync_position` IF NOT EXISTS FOR (p:`__db_sync`) REQUIRE (p.topic, p.partition) IS UNIQUE")
    yield client
    server.kill()


def node(offset, epoch="e"):
    return dict(t="T", n=offset, e=epoch, format=1, last=-1, fingerprint="", outcome="", replica="r", state="",
                intent=-1, intent_schema="", noticed=-1, failures="[]", since=0)


def batch(neo, offset, epoch="e", to=None, commands=()):
    neo.transaction([(LOCK, dict(t="T", o=offset, e=epoch)), *commands, (CREATE, node(to if to is not None else offset + 10, epoch))])


@pytest.fixture
def at_ten(neo):
    neo.run("MATCH (n) DETACH DELETE n")
    neo.run(CREATE, **node(10))
    return neo


def offset(neo):
    return [row[0] for row in neo.run("MATCH (p:`__db_sync` {topic: 'T', partition: 0}) RETURN p.offset")]


def test_right_state_commits_and_hides_the_node(at_ten):
    batch(at_ten, 10, commands=[("MATCH (n) WITH count(n) AS c CREATE (:Seen {c: c})", {})])
    assert offset(at_ten) == [{"Z": "20"}] and at_ten.one("MATCH (s:Seen) RETURN s.c") == 0


@pytest.mark.parametrize("wrong", [dict(offset=11), dict(offset=10, epoch="other")])
def test_wrong_state_aborts(at_ten, wrong):
    with pytest.raises(CypherError, match="ArithmeticError"):
        batch(at_ten, **wrong, commands=[("CREATE (:Bad)", {})])
    assert offset(at_ten) == [{"Z": "10"}] and at_ten.one("MATCH (b:Bad) RETURN count(b)") == 0


def test_missing_node_aborts(at_ten):
    at_ten.run("MATCH (p:`__db_sync`) DELETE p")
    with pytest.raises(CypherError, match="ArithmeticError"):
        batch(at_ten, 10, commands=[("CREATE (:Bad)", {})])
    assert offset(at_ten) == []


def open_transaction(neo, *statements):
    """An explicit transaction that holds what the statements locked; commit() or rollback() ends it."""
    session, base = neo.session, neo.url.removesuffix("/commit")
    body = {"statements": [{"statement": t, "parameters": p} for t, p in statements]}
    answer = session.post(base, json=body, headers={"Accept": "application/json"}).json()
    assert not answer["errors"], answer
    url = answer["commit"].removesuffix("/commit")
    return (lambda: session.post(url + "/commit", json={"statements": []}), lambda: session.delete(url))


@pytest.mark.parametrize("other_commits", [True, False])
def test_waits_for_another_writer(at_ten, other_commits):
    """Behind a commit it aborts, since the offset moved; behind a rollback it goes on."""
    other = Neo(at_ten.server.http_uri, at_ten.server.user, at_ten.server.password)
    commit, rollback = open_transaction(other, (LOCK, dict(t="T", o=10, e="e")), ("CREATE (:By {who: 'other'})", {}), (CREATE, node(20)))
    outcome = []

    def work():
        try:
            batch(at_ten, 10, to=15, commands=[("CREATE (:By {who: 'waiter'})", {})])
            outcome.append("committed")
        except CypherError as error:
            outcome.append(error.code)

    thread = threading.Thread(target=work)
    thread.start()
    until("the second writer to wait", lambda: any("OPTIONAL MATCH" in str(row) for row in other.run(
        "SHOW TRANSACTIONS YIELD currentQuery RETURN currentQuery") if "SHOW" not in str(row)))
    assert not outcome
    (commit if other_commits else rollback)()
    thread.join(30)
    # reported codes differ between versions; what counts is that it did not commit
    assert (outcome[0] != "committed") == other_commits
    assert at_ten.one("MATCH (b:By) RETURN collect(b.who)") == (["other"] if other_commits else ["waiter"])
    assert offset(at_ten) == [{"Z": "20"} if other_commits else {"Z": "15"}]


def test_count_is_one_beside_commits(at_ten):
    """Which tells a database without a position from one whose position is being replaced."""
    seen, done = collections.Counter(), threading.Event()

    def look():
        client = Neo(at_ten.server.http_uri, at_ten.server.user, at_ten.server.password)
        while not done.is_set():
            seen[client.one(COUNT)] += 1

    readers = [threading.Thread(target=look) for _ in range(2)]
    for thread in readers:
        thread.start()
    for n in range(10, 3010, 10):
        batch(at_ten, n)
    done.set()
    for thread in readers:
        thread.join(30)
    assert set(seen) == {1} and seen[1] > 300, seen


@pytest.mark.parametrize("bad, params, code", [
    ("RETURN", {}, "SyntaxError"),
    ("RETURN 1/0", {}, "ArithmeticError"),
    ("UNWIND [1, 0] AS x RETURN 1/x", {}, "ArithmeticError"),
    ("RETURN $missing", {}, "ParameterMissing"),
    ("CALL no.such()", {}, "ProcedureNotFound"),
    ("CREATE (:U {id: 1})", {}, "ConstraintValidationFailed"),
])
def test_number_of_summaries_names_the_failed_statement(neo, bad, params, code):
    """Without asking for statistics: common/neo4j/tx.c relies on it."""
    neo.run("MATCH (u:U) DETACH DELETE u")
    neo.run("CREATE CONSTRAINT u IF NOT EXISTS FOR (u:U) REQUIRE u.id IS UNIQUE")
    neo.run("CREATE (:U {id: 1})")
    statements = [("CREATE (:X)", {}), ("RETURN 1 AS one", {}), (bad, params), ("CREATE (:X)", {})]
    body = {"statements": [{"statement": t, "parameters": p} for t, p in statements]}
    answer = neo.session.post(neo.url, json=body, headers={"Accept": "application/vnd.neo4j.jolt-v2, application/vnd.neo4j.jolt;q=0.5"})
    lines = answer.content.splitlines()
    assert sum(line.startswith(b'{"summary"') for line in lines) == 2
    assert code.encode() in answer.content and lines[-1].startswith(b'{"info"')


def test_commit_failure_has_all_summaries(neo):
    neo.run("CREATE (:D)-[:R]->(:D)")
    body = {"statements": [{"statement": "CREATE (:X)"}, {"statement": "MATCH (d:D)-->() DELETE d"}, {"statement": "CREATE (:X)"}]}
    answer = neo.session.post(neo.url, json=body, headers={"Accept": "application/vnd.neo4j.jolt-v2, application/vnd.neo4j.jolt;q=0.5"})
    assert answer.content.count(b'{"summary"') == 3 and b"ConstraintValidationFailed" in answer.content
