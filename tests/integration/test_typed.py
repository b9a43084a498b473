# SPDX-License-Identifier: Apache-2.0
"""Typed parameters that plain JSON cannot carry, at every depth, by command and by request: the official driver
reads out of the graph what was meant, replies say it too; values that do not exist are refused with their place."""

import json

import driver
import neo4j
import pytest
from replica import applied
from replies import wait_replies
from values import exactly


def point(srid, *axes):
    return ["point", srid, [driver.kept(float(x)) for x in axes]]


PARIS = "Europe/Paris"
# what is sent: (what replies say, what the driver reads)
VALUES = {
    ("Date", "2020-02-29"): (None, ["date", [2020, 2, 29]]),
    ("Date", "+12345-06-07"): (None, None),  # beyond the driver
    ("Date", "-999999999-01-01"): (None, None),
    ("LocalTime", "12:00"): ("12:00:00", ["time", [12, 0, 0, 0], "None"]),
    ("LocalTime", "23:59:59.999999999"): (None, ["time", [23, 59, 59, 999999999], "None"]),
    ("Time", "12:00:00.500+01:00"): ("12:00:00.5+01:00", ["time", [12, 0, 0, 500000000], "1:00:00"]),
    ("Time", "00:00:00+00:00"): ("00:00:00Z", ["time", [0, 0, 0, 0], "0:00:00"]),
    ("Time", "12:00:00-00:17:30"): (None, None),  # the driver knows minutes
    ("LocalDateTime", "2020-03-29T02:30"): ("2020-03-29T02:30:00", ["datetime", [2020, 3, 29], [2, 30, 0, 0], "None", None]),
    ("OffsetDateTime", "2020-01-01T00:00:00.000000001-18:00"): (None, ["datetime", [2020, 1, 1], [0, 0, 0, 1], "-1 day, 6:00:00", None]),
    ("OffsetDateTime", "1890-01-01T00:00:00+00:17:30"): (None, None),
    ("OffsetDateTime", "+999999999-12-31T23:59:59.999999999-18:00"): (None, None),
    # both times of the hour that is there twice
    ("ZonedDateTime", f"2020-10-25T02:30:00+02:00[{PARIS}]"): (None, ["datetime", [2020, 10, 25], [2, 30, 0, 0], "2:00:00", PARIS]),
    ("ZonedDateTime", f"2020-10-25T02:30:00+01:00[{PARIS}]"): (None, ["datetime", [2020, 10, 25], [2, 30, 0, 0], "1:00:00", PARIS]),
    ("ZonedDateTime", f"1890-01-01T00:00:00+00:09:21[{PARIS}]"): (None, None),
    ("Duration", "P1Y2M-3DT-1.5S"): (None, ["duration", ["14", "-3", "-1", "-500000000"]]),
    ("Duration", "-P1MT0.000000001S"): ("P-1MT-0.000000001S", ["duration", ["-1", "0", "0", "-1"]]),
    ("Duration", "PT-9223372036854775808S"): ("PT-2562047788015215H-30M-8S", ["duration", ["0", "0", "-9223372036854775808", "0"]]),
    ("Duration", "P2W"): ("P14D", ["duration", ["0", "14", "0", "0"]]),
    ("Point", "SRID=7203;POINT (1 -0.0)"): ("SRID=7203;POINT (1.0 -0.0)", point(7203, 1, -0.0)),
    ("Point", "SRID=9157;POINT Z (1e300 2.5 5e-324)"): ("SRID=9157;POINT Z (1.0E300 2.5 4.9E-324)", point(9157, 1e300, 2.5, 5e-324)),
    ("Point", "SRID=4326;POINT (-180.0 90.0)"): (None, point(4326, -180, 90)),
    ("Point", "SRID=4979;POINT Z (180.0 -90.0 -1.5)"): (None, point(4979, 180, -90, -1.5)),
    ("Float", "NaN"): (None, ["float", "nan"]),
    ("Float", "Infinity"): (None, driver.kept(float("inf"))),
    ("Float", "-Infinity"): (None, driver.kept(float("-inf"))),
}


def typed(kind, value):
    return {"$type": kind, "_value": value}


SENT = [typed(*value) for value in VALUES]
SAID = [typed(kind, said or text) for (kind, text), (said, _) in VALUES.items()]
SHAPES = [lambda v: v, lambda v: [v], lambda v: [[v, v], []], lambda v: {"a": v, "b": 1}, lambda v: [{"a": {"ä `b`": [v, v]}}, {"a": {"ä `b`": [v, v]}}],
          lambda v: [v, 1, None, "x", 1.5, {"a": v}, {"a": None}, {"b": v}, []]]


def wrapped(v):
    """The same, each list and map typed as well; keys such as $type are keys then."""
    return typed("List", [typed("Map", {"$type": v, "list": typed("List", [v, typed("Null", None), typed("Integer", "1")])})])


def said_wrapped(v):
    return [typed("Map", {"$type": v, "list": [v, None, 1]})]


@pytest.fixture
def typed_replica(topics, server_a, neo_a, db_sync):
    topics.commands(["CREATE (:Start)"])
    db_sync(server_a)
    applied(neo_a, topics)
    return server_a


def test_commands_store_what_was_sent(topics, typed_replica, neo_a):
    """Alone and together with others of its template; in a map, a list of rows, one of several statements."""
    rows = [{"i": i, "deep": {"list": [i, {"v": v}]}} for i, v in enumerate(SENT)]
    messages = [("CREATE (:S {i: $i, v: $v})", {"i": i, "v": v}) for i, v in enumerate(SENT)]
    messages += [("MATCH (n:S) WHERE n.i = $i AND (n.v = $ /* here */ v OR n.v <> n.v) CREATE (m:M $p) SET m += $`odd name`",
                  {"i": i, "v": v, "p": {"i": i, "v": v}, "odd name": {"w": [v, v]}}) for i, v in enumerate(SENT)]
    messages += [("UNWIND $rows AS r CREATE (:U {i: r.i, v: r.deep.list[1].v})", {"rows": rows}),
                 ("FOREACH (r IN $rows | CREATE (:F {i: r.i, v: r.deep.list[1].v}))", {"rows": rows}),
                 {"commands": [{"command": "CREATE (:L {i: $i, v: $v})", "params": {"i": i, "v": v}} for i, v in enumerate(SENT)]}]
    topics.commands(messages)
    applied(neo_a, topics)
    assert topics.dead_letters() == []
    for label in "SMUFL":
        for i, want in enumerate(SAID):
            (got,) = neo_a.run(f"MATCH (n:{label} {{i: $i}}) RETURN n.v", i=i)[0]
            check_jolt(label, got, want)
    wrong = []
    with neo4j.GraphDatabase.driver(typed_replica.bolt_uri, auth=(typed_replica.user, typed_replica.password)) as d, d.session() as session:
        for i, (sent, (_, kept)) in enumerate(VALUES.items()):
            if kept is None:
                continue
            for label in "SMUFL":
                got = driver.kept(session.run(f"MATCH (n:{label} {{i: $i}}) RETURN n.v AS v", i=i).single()["v"])
                if json.dumps(got) != json.dumps(kept):
                    wrong.append((label, sent, got, kept))
            both = driver.kept(session.run("MATCH (n:M {i: $i}) RETURN n.w AS v", i=i).single()["v"])
            if json.dumps(both) != json.dumps(["list", [kept, kept]]):
                wrong.append(("w", sent, both))
    assert not wrong, "\n".join(map(str, wrong))


def check_jolt(label, got, want):
    (text,) = got.values()
    assert str(text).replace(" (", "(") == want["_value"].replace(" (", "("), (label, got, want)


def test_requests_return_what_was_sent(topics, typed_replica, global_server):
    global_server(typed_replica)
    shapes = [*SHAPES, wrapped]
    text = "RETURN " + ", ".join(f"$v{i}" for i in range(len(shapes))) + ", $v0 AS w, size([x IN [1] | $v0])"
    columns = [f"$v{i}" for i in range(len(shapes))] + ["w", "size([x IN [1] | $v0])"]
    topics.produce("request", [{"id": f"t{i}", "command": text, "params": {f"v{k}": shape(v) for k, shape in enumerate(shapes)}} for i, v in enumerate(SENT)])
    found = wait_replies(topics, [f"t{i}" for i in range(len(SENT))])
    wrong = []
    for i, said in enumerate(SAID):
        page, want = found[f"t{i}"][0], [*(shape(said) for shape in SHAPES), said_wrapped(said), said, 1]
        if exactly(page.get("rows")) != exactly([want]) or page["columns"] != columns:
            wrong.append(f"{SENT[i]}\n  {page}")
    assert not wrong, "\n".join(wrong)


WRONG = {("Date", "2021-02-29"), ("Date", "12345-01-01"), ("Date", "-0000-01-01"), ("Date", "2020-1-1"), ("LocalTime", "24:00:00"), ("LocalTime", "12:00:00Z"),
         ("Time", "12:00:00+18:01"), ("Time", "12:00:00"), ("LocalDateTime", "2020-01-01T00:60"), ("LocalDateTime", "2020-01-01 00:00"), ("OffsetDateTime", "2020-01-01T00:00"),
         ("OffsetDateTime", f"2020-01-01T00:00+01:00[{PARIS}]"), ("ZonedDateTime", "2020-01-01T00:00Z"), ("ZonedDateTime", "2020-01-01T00:00+02:00[+02:00]"),
         ("Duration", "P1.5D"), ("Duration", "P3507324295524M"), ("Duration", "PT"), ("Duration", 5), ("Point", "SRID=4326;POINT (0.0 90.5)"),
         ("Point", "SRID=4326;POINT (180.5 0.0)"), ("Point", "SRID=7203;POINT (NaN 1.0)"), ("Point", "SRID=1;POINT (1.0 1.0)"), ("Point", "POINT (1.0 1.0)"), ("Float", "nan")}


def test_wrong_values_are_refused_with_their_place(topics, typed_replica, neo_a, global_server):
    global_server(typed_replica)
    bad = [typed(*v) for v in sorted(WRONG, key=str)]
    places = [("params.v: ", lambda v: v), ("params.v[3].when: ", lambda v: [1, 2, 3, {"when": v}]),
              ("params.v.a[0].$type: ", lambda v: typed("Map", {"a": typed("List", [typed("Map", {"$type": v})])}))]
    cases = [(place, shape(v)) for place, shape in places for v in bad]
    start = topics.end("command")
    topics.produce("command", [{"command": "CREATE (:Bad {v: $v})", "params": {"v": v}} for _, v in cases], bad="perhaps")
    topics.produce("command", [{"commands": [{"command": "CREATE (:Bad)"}, {"command": "CREATE (:Bad {v: $v})", "params": {"v": bad[0]}}]}], bad="perhaps")
    topics.produce("request", [{"id": f"b{i}", "command": "RETURN $v AS v", "params": {"v": v}} for i, (_, v) in enumerate(cases)], bad="perhaps")
    found = wait_replies(topics, [f"b{i}" for i in range(len(cases))])
    applied(neo_a, topics)
    letters = [(offset, code, body["error"]["message"]) for offset, code, body in topics.dead_letters()]
    assert [(offset, code) for offset, code, _ in letters] == [(start + i, "param.value") for i in range(len(cases) + 1)]
    for i, (place, _) in enumerate(cases):
        error = found[f"b{i}"][0]["error"]
        assert error["code"] == "param.value" and error["message"].startswith(place), (cases[i], error)
        assert letters[i][2] == error["message"]
    assert letters[-1][2].startswith("commands[1]: params.v: ")
    assert neo_a.one("MATCH (b:Bad) RETURN count(b)") == 0


def test_where_none_can_stand(topics, typed_replica, neo_a):
    date = typed("Date", "2020-01-01")
    nested = date
    for _ in range(90):
        nested = [nested]
    cases = [("MATCH (n:Start) WITH n LIMIT $v SET n.x = 1", date, "param.place"), ("DROP CONSTRAINT $v IF EXISTS", date, "param.place"),
             ("CREATE (:Bad {a: '\\u0041', v: $v})", date, "param.place"), ("CREATE (:Bad {v: $v})", nested, "cypher.too-deep"),
             ("CREATE (:Bad {v: $v})", typed("Base64", "AAE="), "param.bytes"), ("CREATE (:Bad {v: $v})", [{f"k{i}": date} for i in range(65)], "param.mixed")]
    start = topics.end("command")
    topics.produce("command", [{"command": text, "params": {"v": v}} for text, v, _ in cases], bad="perhaps")
    applied(neo_a, topics)
    assert [(o, c) for o, c, _ in topics.dead_letters()] == [(start + i, code) for i, (_, _, code) in enumerate(cases)]
