# SPDX-License-Identifier: Apache-2.0
"""Clocks are bound to the record's timestamp in UTC, whatever a server's time zone is; what cannot be the same on
every replica is refused or told. Expected values are computed here from the timestamps that Kafka gives out."""

import datetime as dt
import subprocess
import zoneinfo

import pytest
import stack
from conftest import scaled
from neo import Neo, plain
from programs import BIN
from replica import applied, check_equal

HOUR = {"minute": 0, "second": 0, "microsecond": 0}
MIDNIGHT = {"hour": 0, **HOUR}


@pytest.fixture(scope="module")
def server_east(servers_dir, neo4j_version):
    """A server whose clocks are in another time zone."""
    server = stack.Neo4j(servers_dir / "neo4j-east", "neo4j-east", version=neo4j_version,
                         extra_conf={"db.temporal.timezone": "Asia/Kathmandu"}).start()
    yield server
    server.kill()


def _time(t):
    return t.strftime("%H:%M:%S") + (f".{t.microsecond:06}".rstrip("0") if t.microsecond else "")


def _offset(t):
    east = t.utcoffset()
    minutes = int(east.total_seconds()) // 60
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}" if minutes else "Z"


def date(t):
    return t.strftime("%Y-%m-%d")


def localtime(t):
    return _time(t)


def time(t):
    return _time(t) + _offset(t)


def localdatetime(t):
    return f"{date(t)}T{_time(t)}"


def datetime(t):
    zone = t.tzinfo.key if isinstance(t.tzinfo, zoneinfo.ZoneInfo) else None
    return f"{date(t)}T{time(t)}" + (f"[{zone}]" if zone else "")


def zoned(t, name):
    return t.astimezone(zoneinfo.ZoneInfo(name))


KINDS = (date, time, localtime, localdatetime, datetime)


def forms():
    """(expression, its text at a moment in UTC)"""
    yield "timestamp()", lambda t: str(round(t.timestamp() * 1000))
    yield "timestamp() - 1", lambda t: str(round(t.timestamp() * 1000) - 1)
    yield "datetime().epochMillis", lambda t: str(round(t.timestamp() * 1000))
    for kind in KINDS:
        name = kind.__name__
        for clock in (name, f"{name} . /* c */ transaction", *scaled((), (f"{name}.statement", f"`{name}`.realtime", name.upper()))):
            yield f"{clock}()", kind
        for zone in ("Pacific/Auckland", *scaled((), ("America/St_Johns",))):
            for call in (f"{name}({{timezone: '{zone}'}})", f"{name}.statement('{zone}')", f"{name}({{timezone: '{zone[:4]}' + '{zone[4:]}'}})",
                         f"{name}.transaction(toString('{zone}'))"):
                yield call, lambda t, kind=kind, zone=zone: kind(zoned(t, zone))
    for kind, unit, cut in ((date, "day", {}), (date, "month", {"day": 1}), (time, "hour", HOUR), (localtime, "hour", HOUR), (localdatetime, "day", MIDNIGHT),
                            (datetime, "day", MIDNIGHT), (datetime, "month", {"day": 1, **MIDNIGHT})):
        yield f"{kind.__name__}.truncate('{unit}')", lambda t, kind=kind, cut=cut: kind(t.replace(**cut))
        yield f"{kind.__name__}.truncate('{unit}', datetime())", lambda t, kind=kind, cut=cut: kind(t.replace(**cut))
    for zone in ("'Europe/Paris'", "'Europe/' + 'Paris'", "'+05:30'", "'Z'"):
        offset = {"'+05:30'": lambda t: "+05:30", "'Z'": lambda t: "Z"}.get(zone, lambda t: _offset(zoned(t, "Europe/Paris")))
        yield f"time({{hour: 12, timezone: {zone}}})", lambda t, offset=offset: "12:00:00" + offset(t)
    yield "d\\u0061te()", date
    yield "duration.between(date(), datetime()).days", lambda t: "0"


def newer_forms():
    """Names of 2026."""
    for name, kind in (("local_time", localtime), ("zoned_time", time), ("local_datetime", localdatetime), ("zoned_datetime", datetime)):
        yield f"{name}()", kind
        yield f"{name}({{timezone: 'Pacific/Auckland'}})", lambda t, kind=kind: kind(zoned(t, "Pacific/Auckland"))


def moments(topics):
    return [dt.datetime.fromtimestamp(m.timestamp()[1] / 1000, dt.timezone.utc) for m in topics.read("command")]


def test_clocks_are_the_records(topics, server_a, server_east, neo_a, db_sync, neo4j_version):
    """Each form, in a server of UTC and in one that is not; then many of one template, whose moments differ."""
    table = [*forms(), *(newer_forms() if neo4j_version == "2026" else ())]
    groups = [table[i:i + 10] for i in range(0, len(table), 10)]
    topics.commands([f"CREATE (:F {{i: {i}, " + ", ".join(f"v{j}: {form}" for j, (form, _) in enumerate(group)) + "})" for i, group in enumerate(groups)])
    count = scaled(10, 200)
    for part in range(4):  # acknowledged before the next: another moment
        topics.commands([f"MERGE (n:T {{i: {part * count + i}}}) SET n.at = datetime(), n.ms = timestamp()" for i in range(count)])
    topics.commands([{"commands": [{"command": "CREATE (:L {at: date()})"}, {"command": "CREATE (:L {at: localtime()})"}]}])
    neo_east = Neo(server_east.http_uri, server_east.user, server_east.password)
    agents = db_sync(server_a), db_sync(server_east, "east")
    applied(neo_a, topics)
    applied(neo_east, topics)
    check_equal(neo_a, neo_east)
    assert topics.dead_letters() == []
    at = moments(topics)
    assert len({*at[len(groups):]}) > 1, "all of one moment"
    for neo in (neo_a, neo_east):
        values = {(i, int(name[1:])): value for i, name, value in _rows(neo, "MATCH (n:F) UNWIND keys(n) AS k WITH n, k WHERE k <> 'i' RETURN n.i, k, toString(n[k])")}
        wrong = [(form, values[i, j], expected(at[i])) for i, group in enumerate(groups) for j, (form, expected) in enumerate(group) if values[i, j] != expected(at[i])]
        assert wrong == [] and len(values) == len(table)
        many = _rows(neo, "MATCH (n:T) RETURN n.i, n.ms, toString(n.at) ORDER BY n.i")
        assert many == [[i, round(t.timestamp() * 1000), datetime(t)] for i, t in enumerate(at[len(groups):-1])]
        assert sorted(row[0] for row in _rows(neo, "MATCH (n:L) RETURN toString(n.at)")) == sorted((date(at[-1]), localtime(at[-1])))
    assert [agent.stop() for agent in agents] == [0, 0]


def _rows(neo, text):
    return [[plain(value) for value in row] for row in neo.run(text)]


REFUSED = {
    "CREATE (:R {v: rand()})": "cypher.random", "CREATE (:R {v: `randomUUID` ( )})": "cypher.random", "CREATE (:R {v: uuid()})": "cypher.random",
    "CREATE (:R {v: apoc.create.uuid()})": "cypher.random", "LOAD CSV FROM 'file:///absent.csv' AS l CREATE (:R)": "cypher.outside",
    "CALL apoc.load.json('http://127.0.0.1:1') YIELD value CREATE (:R)": "cypher.outside", "MATCH (g:Good) SET g.i = id(g)": "cypher.stored-id",
    "MATCH (g:Good) MERGE (:R {i: elementId(g)})": "cypher.stored-id", "WITH {timezone: 'Z'} AS m CREATE (:R {v: date(m)})": "cypher.clock",
    # trouble of the server, were it sent as it is
    "CREATE (:R {v: datetime({timezone: 5 + 1})})": "Neo.ClientError.Statement.",
    "CREATE (:R {v: time({hour: 12, timezone: null})})": "Neo.ClientError.Statement.",
}
ORDER = {
    "MATCH (g:Good) WITH g LIMIT 1 SET g.x = 1": "limit", "MATCH (g:Good) WITH collect(g.n) AS l CREATE (:O {l: l})": "collect",
    "MATCH (g:Good) SET g.k = keys(g)": "list-order", "MATCH p = shortestPath((:Good {n: 1})-[*]-(:Good {n: 2})) CREATE (:O)": "path",
}


def test_what_is_each_servers_own_is_refused(topics, server_a, neo_a, db_sync):
    good = [f"CREATE (:Good {{n: {i}}})" for i in range(3)]
    topics.commands([*good, *REFUSED, *ORDER, "MATCH (g:Good) WHERE id(g) >= 0 SET g.seen = 1"])
    agent = db_sync(server_a)
    applied(neo_a, topics)
    letters = topics.dead_letters()
    assert [offset for offset, _, _ in letters] == [3 + i for i in range(len(REFUSED))]
    for (_, code, body), expected in zip(letters, REFUSED.values()):
        assert code.startswith(expected), (body, expected)
    assert [e["kind"] for e in agent.events("nondeterministic")] == [*ORDER.values(), "id"]
    assert neo_a.one("MATCH (g:Good {seen: 1}) RETURN count(g)") == 3
    assert agent.stop() == 0


@pytest.mark.parametrize("settings, refused, told", [
    ({"NONDETERMINISM": "warn"}, [], ["random", "limit"]),
    ({"NONDETERMINISM": "allow", "ORDER_DEPENDENCE": "allow"}, [], []),
    ({"ORDER_DEPENDENCE": "refuse"}, [(0, "cypher.random"), (1, "cypher.order"), (2, "cypher.random"), (3, "cypher.order")], []),
], ids=lambda v: "-".join(v.values()) if isinstance(v, dict) else "")
def test_settings(topics, server_a, neo_a, db_sync, settings, refused, told):
    topics.commands(["CREATE (:R {v: rand()})", "MATCH (r:R) WITH r LIMIT 1 SET r.x = 1"] * 2)
    agent = db_sync(server_a, **settings)
    applied(neo_a, topics)
    assert [(offset, code) for offset, code, _ in topics.dead_letters()] == refused
    events = agent.events("nondeterministic")
    assert [e["kind"] for e in events] == told, "a line a minute for each kind"
    assert agent.stop() == 0


def test_send(topics, agent_env, server_a):
    """What every db_sync would refuse is not sent, unless asked for; what it would tell of is told."""
    env = agent_env(server_a, "a")

    def send(*words, **settings):
        return subprocess.run([BIN / "db_sync", "send", *words], env={**env, **settings}, capture_output=True, text=True, timeout=60)

    done = send("CREATE (:P {v: rand()})")
    assert done.returncode == 1 and "make the value where the command is made" in done.stderr and topics.end("command") == 0
    done = send("MATCH (n) WITH n LIMIT 1 SET n.x = 1", "MATCH (n) WITH n LIMIT 2 SET n.x = 1", "CREATE (:P {at: datetime()})")
    assert done.returncode == 0 and topics.end("command") == 3, done.stderr
    assert done.stderr.count("event=nondeterministic") == 1 and "kind=limit" in done.stderr
    assert send("MATCH (n) WITH n LIMIT 1 SET n.x = 1", ORDER_DEPENDENCE="refuse").returncode == 1
    assert send("CREATE (:P {v: rand()})", NONDETERMINISM="allow").returncode == 0
    assert send("CREATE (:P {v: rand()})", "--unchecked").returncode == 0
