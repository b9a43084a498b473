# SPDX-License-Identifier: Apache-2.0
"""Commands that can never succeed: one dead letter each, with the right offset and code; all others
take effect as if those were not there, and nothing stays behind in the server."""

import base64

import pytest
from conftest import SCALE, scaled
from oracle import apply_one_by_one
from replica import applied, check_equal
from wait import until

N = "Neo.ClientError."
PROCEDURE = N + "Procedure.ProcedureNotFound"
SYNTAX = N + "Statement.SyntaxError"
TYPE = N + "Statement.TypeError"
MB = 1_000_000


def text(cypher, **more):
    return {"command": cypher, **more}


def typed(kind, value):
    return text("CREATE (:B {v: $v})", params={"v": {"$type": kind, "_value": value}})


def deep(levels):
    return b'{"command": "CREATE (:B {v: $v})", "params": {"v": ' + b"[" * levels + b"]" * levels + b"}}"


# name: (message, code; a tuple: what one of the server lines answers)
MESSAGES = {
    "no value": (None, "command.empty"),
    "empty": (b"", "command.empty"),
    "not UTF-8": (b"\xffnot json", "json.not-utf8"),
    "Latin-1": ('{"command": "CREATE (:B {t: \'ä\'})"}'.encode("latin-1"), "json.not-utf8"),
    "UTF-16": ('{"command": "CREATE (:B)"}'.encode("utf-16"), "json.not-utf8"),
    "byte order mark": (b'\xef\xbb\xbf{"command": "CREATE (:B)"}', "json.invalid"),
    "cut off": (b'{"command": "CREATE (:B)"', "json.invalid"),
    "more behind it": (b'{"command": "CREATE (:B)"} x', "json.invalid"),
    "two documents": (b'{"command": "CREATE (:B)"}{"command": "CREATE (:B)"}', "json.invalid"),
    "no JSON": (b"CREATE (:B)", "json.invalid"),
    "list": (b"[]", "command.no-object"),
    "string": (b'"CREATE (:B)"', "command.no-object"),
    "null": (b"null", "command.no-object"),
    "10,000 deep": (deep(10_000), "json.too-deep"),
    "deep in a field that nobody reads": (b'{"command": "CREATE (:B)", "x": ' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"}", "json.too-deep"),
    "command twice": (b'{"command": "CREATE (:B)", "command": "CREATE (:B)"}', "json.duplicate-key"),
    "parameter twice": (b'{"command": "CREATE (:B {v: $v})", "params": {"v": 1, "v": 2}}', "json.duplicate-key"),
    "lone surrogate": (b'{"command": "CREATE (:B {v: $v})", "params": {"v": "\\ud800"}}', "json.invalid"),
    "lone surrogate in the text": (b'{"command": "CREATE (:B {v: \'\\udc00\'})"}', "json.invalid"),
    "integer beyond 64 bits": (b'{"command": "CREATE (:B {v: $v})", "params": {"v": 9223372036854775808}}', "json.number-range"),
    "real beyond a double": (b'{"command": "CREATE (:B {v: $v})", "params": {"v": 1e400}}', "json.number-range"),
    "NaN": (b'{"command": "CREATE (:B {v: $v})", "params": {"v": NaN}}', "json.invalid"),
    "NUL in a parameter's name": (b'{"command": "CREATE (:B)", "params": {"a\\u0000b": 1}}', "json.invalid"),
    "NUL between": (b'{"command": "CREATE (:B)"\x00}', "json.invalid"),
    # fields
    "no command": ({"with_key": "k"}, "command.missing"),
    "command of a request": ({"execute": "CREATE (:B)"}, "command.missing"),
    "command null": ({"command": None}, "command.type"),
    "command a number": ({"command": 1}, "command.type"),
    "command a list": ({"command": ["CREATE (:B)"]}, "command.type"),
    "command an object": ({"command": {}}, "command.type"),
    "params a list": (text("CREATE (:B)", params=[]), "command.params"),
    "params a string": (text("CREATE (:B)", params="x"), "command.params"),
    "with_key a number": (text("CREATE (:B)", with_key=5), "command.type"),
    "id a list": (text("CREATE (:B)", id=[]), "command.type"),
    "command and commands": (text("CREATE (:B)", commands=[text("CREATE (:B)")]), "command.both"),
    "commands an object": ({"commands": {}}, "command.commands"),
    "commands empty": ({"commands": []}, "command.commands"),
    "10,001 statements": ({"commands": [text("CREATE (:B)")] * 10_001}, "command.commands"),
    "commands of strings": ({"commands": ["CREATE (:B)"]}, "command.missing"),
    "second has no command": ({"commands": [text("CREATE (:B)"), {}]}, "command.missing"),
    "second has a wrong type": ({"commands": [text("CREATE (:B)"), {"command": 1}]}, "command.type"),
    "second has params of a wrong type": ({"commands": [text("CREATE (:B)"), text("CREATE (:B)", params=1)]}, "command.params"),
    "second is refused": ({"commands": [text("CREATE (:B)"), text("SHOW INDEXES")]}, "cypher.show"),
    "second fails": ({"commands": [text("CREATE (:B)"), text("CREATE (:B {v: 1/0})")]}, N + "Statement.ArithmeticError"),
    "data and schema": ({"commands": [text("CREATE (:B)"), text("CREATE INDEX b FOR (b:B) ON (b.v)")]}, "command.mixed-schema"),
    "parameter of ours": (text("CREATE (:B {v: $__offset})", params={"__offset": 1}), "command.params"),
    # typed parameters
    "bytes": (typed("Base64", "AAE="), "param.bytes"),
    "bytes in a list in a map": (text("CREATE (:B)", params={"m": {"l": [1, {"$type": "Base64", "_value": ""}]}}), "param.bytes"),
    "bytes in a typed list": (typed("List", [{"$type": "Base64", "_value": "AA=="}]), "param.bytes"),
    "typed date that is none": (typed("Date", "2021-02-29"), "param.value"),
    "typed datetime that never was": (typed("ZonedDateTime", "2020-07-01T00:00:00+01:00[Europe/Paris]"), N + "Statement.ArgumentError"),
    "typed duration in a schema command": (text("DROP INDEX $v", params={"v": {"$type": "Duration", "_value": "P1D"}}), "param.place"),
    "typed point off the earth": (typed("Point", "SRID=4326;POINT (181.0 2.0)"), "param.value"),
    "typed node": (typed("Node", {}), "param.type"),
    "unknown type": (typed("Decimal", "1.5"), "param.type"),
    "type no string": (typed(1, 1), "param.type"),
    "typed integer beyond 64 bits": (typed("Integer", "9223372036854775808"), "param.value"),
    "typed integer of letters": (typed("Integer", "twelve"), "param.value"),
    "typed integer with a fraction": (typed("Integer", "1.0"), "param.value"),
    "typed float of letters": (typed("Float", "nan"), "param.value"),
    "typed boolean of letters": (typed("Boolean", "true"), "param.value"),
    "typed string of digits": (typed("String", 1), "param.value"),
    "typed list of one": (typed("List", 1), "param.value"),
    "typed without value": (text("CREATE (:B {v: $v})", params={"v": {"$type": "Integer"}}), "param.value"),
}

DEEP_TEXT = "CREATE (:B {v: " + "(" * 500 + "1" + ")" * 500 + "})"

TEXTS = {
    "": "cypher.empty", " \n": "cypher.empty", "// nothing": "cypher.empty", "/* nothing */ ;": "cypher.empty", "CYPHER 5": "cypher.empty",
    ";": "cypher.empty", ";;": "cypher.several-statements", "CREATE (:B);;": "cypher.several-statements",
    "CREATE (:B); CREATE (:B)": "cypher.several-statements", "CREATE (:B) ; // c\n CREATE (:B)": "cypher.several-statements",
    "EXPLAIN CREATE (:B)": "cypher.explain", "/* c */ explain CREATE (:B)": "cypher.explain", "EXPL\\u0041IN CREATE (:B)": "cypher.explain",
    "PROFILE CREATE (:B)": "cypher.profile", "CYPHER runtime=slotted PROFILE CREATE (:B)": "cypher.profile",
    "SHOW INDEXES": "cypher.show", "SHOW USERS": "cypher.show", "show/**/databases": "cypher.show", "SHOW TRANSACTIONS": "cypher.show",
    "TERMINATE TRANSACTIONS 'neo4j-transaction-1'": "cypher.terminate", "CYPHER 5 terminate transaction $id": "cypher.terminate",
    "USE neo4j CREATE (:B)": "cypher.use", "USE system CREATE (:B)": "cypher.use", "CALL { USE neo4j CREATE (:B) } RETURN 1 AS x": "cypher.use",
    "CREATE USER eve SET PASSWORD 'abcdefgh'": "cypher.administration", "CREATE OR REPLACE USER eve SET PASSWORD 'abcdefgh'": "cypher.administration",
    "DROP USER neo4j": "cypher.administration", "ALTER CURRENT USER SET PASSWORD FROM 'a' TO 'b'": "cypher.administration",
    "ALTER USER neo4j SET PASSWORD 'abcdefgh'": "cypher.administration", "CREATE DATABASE d": "cypher.administration",
    "DROP DATABASE neo4j": "cypher.administration", "STOP DATABASE neo4j": "cypher.administration", "GRANT ROLE admin TO neo4j": "cypher.administration",
    "CREATE ALIAS a FOR DATABASE neo4j": "cypher.administration", "CR\\u0045ATE USER eve SET PASSWORD 'abcdefgh'": "cypher.administration",
    "UNWIND range(1, 3) AS i CALL { WITH i CREATE (:B) } IN TRANSACTIONS OF 1 ROW": "cypher.in-transactions",
    "CALL { CREATE (:B) } in /* c */ transactions": "cypher.in-transactions",
    "MATCH (b)-[*1..2147483648]->() SET b.v = 1": "cypher.bound",
    "UNWIND range(1, 3) AS i CALL (i) { CREATE (:B) } IN 2 CONCURRENT TRANSACTIONS": "cypher.in-transactions",
    "USING PERIODIC COMMIT LOAD CSV FROM 'file:///x.csv' AS l CREATE (:B)": "cypher.periodic-commit",
    "using /* c */ periodic\ncommit 10 LOAD CSV FROM 'file:///x.csv' AS l CREATE (:B)": "cypher.periodic-commit",
    "CALL dbms.killConnections(['a'])": "cypher.procedure", "CALL `dbms` . /* c */ killConnection('a')": "cypher.procedure",
    "CALL db.clearQueryCaches()": "cypher.procedure", "CALL dbms.listConfig()": "cypher.procedure", "CALL tx.setMetaData({a: 1})": "cypher.procedure",
    "CALL dbms.setConfigValue('db.transaction.timeout', '1')": "cypher.procedure", "CALL { CALL db.checkpoint() YIELD success RETURN success } RETURN 1": "cypher.procedure",
    # names of the replication, in every disguise
    "CREATE (:__db_sync)": "cypher.reserved-name", "MATCH (n:`__db_sync`) DETACH DELETE n": "cypher.reserved-name",
    "MATCH (n : /* c */ `__db_sync`) SET n.offset = 0": "cypher.reserved-name", "CREATE (:__db_sync_mine)": "cypher.reserved-name",
    "MATCH (n:\\u005f_db_sync) DETACH DELETE n": "cypher.reserved-name", "MATCH (n:`\\u005F\\u005Fdb\\u005Fsync`) DETACH DELETE n": "cypher.reserved-name",
    "MATCH (n:B|__db_sync) DETACH DELETE n": "cypher.reserved-name", "MATCH (n) WHERE n:__db_sync DETACH DELETE n": "cypher.reserved-name",
    "MATCH (n) WHERE '__db_sync' IN labels(n) DETACH DELETE n": "cypher.reserved-name", "CREATE (:B {v: $__db_sync})": "cypher.reserved-name",
    "MATCH (n) WHERE labels(n) = [\"\\u005f_db_sync\"] DETACH DELETE n": "cypher.reserved-name", "CREATE (:B {v: $ /* c */ `__db_sync`})": "cypher.reserved-name",
    "CREATE (:B {__db_sync: 1})": "cypher.reserved-name", "CREATE ()-[:__db_sync]->()": "cypher.reserved-name",
    "DROP CONSTRAINT __db_sync_position": "cypher.reserved-name", "DROP CONSTRAINT `__db_sync_position` IF EXISTS": "cypher.reserved-name",
    "CREATE INDEX __db_sync_i FOR (b:B) ON (b.v)": "cypher.reserved-name", "CREATE INDEX i FOR (b:__db_sync) ON (b.v)": "cypher.reserved-name",
    "CALL db.createLabel('__db_sync')": "cypher.reserved-name",
    # not sent: the server would keep the transaction
    DEEP_TEXT: "cypher.too-deep", "RETURN " + "[" * 300 + "]" * 300 + " AS x": "cypher.too-deep", "RETURN 1" + " + 1" * 20_000 + " AS x": "cypher.too-deep",
    "RETURN " + "{a: " * 200 + "1" + "}" * 200 + " AS x": "cypher.too-deep", "MATCH (b) WHERE b.v = 1" + " AND b.v = 1" * 5_000 + " SET b.v = 2": "cypher.too-deep",
    "RETURN reduce(x = [], i IN range(1, 3000) | [x]) AS x": "cypher.too-deep",  # so is its value
    "CREATE (:B {v: 'x})": "cypher.unreadable", "CREATE (:`B)": "cypher.unreadable", "CREATE (:B) /* x": "cypher.unreadable",
    "CREATE (:B {v: \\u12})": "cypher.unreadable", "CREATE (:B) \x01": "cypher.unreadable", "CREATE (:B) # x": "cypher.unreadable",
    # refused by the server
    "THIS IS NOT CYPHER": SYNTAX, "\ufeffCREATE (:B)": SYNTAX, "CREATE (:B {v: 9223372036854775808})": SYNTAX, "CREATE (:B {v: \u201cx\u201d})": SYNTAX,
    "RETURN noSuchFunction(1) AS x": SYNTAX, "MATCH (b:B) SET c.v = 1": SYNTAX, "CREATE (:B {v: 1 + true})": (SYNTAX, TYPE),
    "CALL no.such.procedure()": PROCEDURE, "CREATE (:B {v: $absent})": N + "Statement.ParameterMissing",
    "CREATE (:B {v: 1/0})": N + "Statement.ArithmeticError", "CREATE (:B {v: 9223372036854775807 + 1})": N + "Statement.ArithmeticError",
    "UNWIND [1, 1, 0] AS x CREATE (:B {v: 1 / x})": N + "Statement.ArithmeticError",
    "CREATE (:B {v: {a: 1}})": TYPE, "CREATE (:B {v: [1, 'a']})": TYPE, "CREATE (:B {v: [[1]]})": TYPE, "MERGE (:B {v: null})": N + "Statement.SemanticError",
    "CREATE (:B {v: date('x')})": (SYNTAX, N + "Statement.ArgumentError"), "WITH 'ä' AS x CREATE (:B {v: date(x)})": (SYNTAX, N + "Statement.ArgumentError"),
    "CREATE (:`a\\u0000b`)": (SYNTAX, N + "Schema.TokenNameError"), "LOAD CSV FROM 'file:///absent.csv' AS l CREATE (:B)": "cypher.outside",
    "CREATE (a:B)-[:R]->(b:B) WITH a DELETE a": (N + "Schema.ConstraintValidationFailed", "Neo.DatabaseError.Transaction.TransactionCommitFailed"),
    "CREATE (:B {v: '" + "ä" * 3000 + "', w: })": SYNTAX, **{"CREATE (:B {ü: " + "x" * shift + "€" * 399 + "(})": SYNTAX for shift in range(3)}, "CREATE (:B) x" + "\U0001f600" * 300: (SYNTAX, "cypher.unreadable"),
    "DROP INDEX no_such_index": "Neo.DatabaseError.Schema.IndexDropFailed", "CREATE CONSTRAINT b FOR (b:B) REQUIRE b.v IS NOT NULL": "Neo.DatabaseError.Schema.ConstraintCreationFailed",
}

PARAMETERS = {  # what a text leaves to its parameters
    "label": (text("CREATE (:$($v))", params={"v": "__db_sync"}), "cypher.reserved-name"),
    "one of several labels": (text("CREATE (:$($v))", params={"v": ["B", "__db_sync"]}), "cypher.reserved-name"),
    "name of a constraint": (text("DROP CONSTRAINT $v", params={"v": "__db_sync_position"}), "cypher.reserved-name"),
    "of a procedure": (text("CALL db.createLabel($v)", params={"v": "__db_sync"}), "cypher.reserved-name"),
    "wrong type": (text("UNWIND $v AS x CREATE (:B {v: x.y})", params={"v": [1]}), TYPE),
    "index of a string": (text("CREATE (:B {v: $v[0]})", params={"v": "abc"}), (SYNTAX, TYPE)),
}

BAD = [(f"message: {name}", *row) for name, row in MESSAGES.items()]
BAD += [(f"text: {cypher[:60]}", text(cypher), code) for cypher, code in TEXTS.items()]
BAD += [(f"parameter: {name}", *row) for name, row in PARAMETERS.items()]


def good(i):
    """Commands whose order shows in the graph; some odd ones among them are as good as any."""
    odd = {
        0: text("CREATE (:G {t: $t, i: $i})", params={"t": "a\0b", "i": i}),
        1: text("CREATE (:G {t: 'a\0b\\u0000', i: $i})", params={"i": i}),
        2: text("MERGE (g:G {i: $i}) SET g.t = $t, g.n = $n", params={"i": i, "t": "\U0001f600ä\u2028", "n": -(2**63)}, with_key="k\0", id="\U0001f600"),
        3: text("MATCH (c:C) SET c.v = c.v * 3 % 1000003 // EXPLAIN SHOW 1/0 __db_sync", commands=None, params=None, with_key=None, nobody={"reads": "this"}),
        4: text("CREATE (g:G {i: $i, explain: 'SHOW USERS; //', `a b`: [1.0, -0.0]}) RETURN g;", params={"i": i}),
        5: text("CREATE (:G {i: $i, v: $v})", params={"i": {"$type": "Integer", "_value": str(i)}, "v": {"$type": "List", "_value": [{"$type": "Float", "_value": "1.0"}]}}),
        6: text("  /* c */ CREATE (:G {i: $i}) // c", params={"i": i, "unused": [[[{}]]]}),
    }
    return odd.get(i % 20, text("MATCH (c:C) SET c.v = (c.v * 7 + $i) % 1000003", params={"i": i}))


def plain(command):
    """A command for the oracle, which knows no typed parameters."""
    params = {k: {"i": 0, "v": [1.0]}[k] if isinstance(v, dict) and k == "v" else int(v["_value"]) if isinstance(v, dict) else v
              for k, v in (command.get("params") or {}).items()}
    return command["command"], params


def produce(topics, messages):
    topics.produce("command", messages, bad="perhaps")


def check_letters(topics, expected):
    """expected: {offset: (name, message, code)}: one letter each, with all that was sent."""
    raw = topics.read("fail")
    assert len(raw) == len(expected), "letters are missing, or repeated, though nothing crashed"
    found = {offset: (code, body) for offset, code, body in topics.dead_letters()}
    wrong = []
    for offset, (name, message, codes) in expected.items():
        code, body = found.get(offset, ("no letter", {}))
        if code not in (codes if isinstance(codes, tuple) else (codes,)):
            wrong.append(f"{name}: {code}, not {codes}")
        elif isinstance(message, dict):
            if {**message, "error": body["error"]} != body:
                wrong.append(f"{name}: the letter differs from the message")
        elif "raw_base64" in body and base64.b64decode(body["raw_base64"]) != (message or b""):
            wrong.append(f"{name}: the letter differs from the message")
        if not body.get("error", {}).get("message"):
            wrong.append(f"{name}: no reason")
    assert not wrong, "\n".join(wrong)
    assert set(found) == set(expected)


def nothing_left(neo):
    until("the end of all transactions in the server", lambda: neo.transactions() == [], 20)


@pytest.mark.parametrize("batch", [1, 1000])
def test_first_between_and_last(batch, topics, server_a, neo_a, server_b, neo_b, db_sync):
    """All of them at the beginning, spread over good ones, and at the end of one log; with one
    command a transaction, only spread."""
    goods = [text("CREATE (:C {v: 1})")] + [good(i) for i in range(scaled(1000, 5000) if batch > 1 else 200)]
    stream, expected = [], {}

    def add_bad(row):
        expected[len(stream)] = row
        stream.append(row[1])

    for row in BAD if batch > 1 else ():
        add_bad(row)
    every = max(1, len(goods) // len(BAD))
    for at, command in enumerate(goods):
        stream.append(command)
        if at % every == 0 and at // every < len(BAD):
            add_bad(BAD[at // every])
    for row in BAD if batch > 1 else ():
        add_bad(row)
    assert apply_one_by_one(neo_b, [plain(c) for c in goods]) == []
    produce(topics, stream)
    agent = db_sync(server_a, BATCH_COUNT=batch)
    applied(neo_a, topics, 240)
    check_letters(topics, expected)
    check_equal(neo_a, neo_b)
    assert neo_a.one("MATCH (n:`__db_sync`) RETURN count(n)") == 1
    nothing_left(neo_a)
    assert agent.rss_peak_kb() < 80_000, agent.rss_peak_kb()
    assert agent.stop() == 0


ALONE = [row for row in BAD if SCALE == "full" or row[0] in (
    "message: no value", "text: CREATE (:B {v: 1/0})", "text: DROP INDEX no_such_index")]


@pytest.mark.parametrize("name, message, code", ALONE, ids=[row[0] for row in ALONE])
def test_alone_and_among_a_thousand(name, message, code, topics, server_a, neo_a, db_sync):
    """The only record of a log; then first, in the middle and last of good ones that follow."""
    db_sync(server_a)
    produce(topics, [message])
    applied(neo_a, topics)
    check_letters(topics, {0: (name, message, code)})
    half = scaled(50, 500)
    goods = [text("CREATE (:C {v: 1})")] + [good(20 * i + 10) for i in range(2 * half)]
    produce(topics, [message, *goods[:half], message, *goods[half:], message])
    applied(neo_a, topics)
    n = len(goods)
    check_letters(topics, {o: (name, message, code) for o in (0, 1, half + 2, n + 3)})
    value = 1
    for command in goods[1:]:
        value = (value * 7 + command["params"]["i"]) % 1000003
    assert neo_a.one("MATCH (c:C) RETURN collect(c.v)") == [value]
    nothing_left(neo_a)


def test_large_ones(topics, server_a, neo_a, db_sync):
    """5 MB work, more than MAX_COMMAND_BYTES does not; memory stays bounded."""
    big = "x" * (5 * MB)
    fits = text("CREATE (:G {t: $t})", params={"t": big})
    nul = text("CREATE (:G {t: $t})", params={"t": "\0ä" * (MB // 4)})
    too_large = [b'{"command": "CREATE (:B {t: $t})", "params": {"t": "' + b"y" * size + b'"}}' for size in (8 * MB + 500_000, 19 * MB + 900_000)]
    no_json = [b"\xff" * (19 * MB + 900_000), b"[" * (7 * MB)]
    messages = [fits, too_large[0], text("CREATE (:G)"), too_large[1], nul, no_json[0], fits, no_json[1], text("CREATE (:G)")]
    for message in messages:  # one at a time: this process need not hold them all twice
        produce(topics, [message])
    agent = db_sync(server_a)
    applied(neo_a, topics, 200)
    letters = topics.dead_letters()
    assert [(o, c) for o, c, _ in letters] == [(1, "command.too-large"), (3, "command.too-large"), (5, "command.too-large"), (7, "json.too-deep")]
    assert neo_a.run("MATCH (g:G) WITH coalesce(size(g.t), 0) AS n RETURN n ORDER BY n") == [[{"Z": str(n)}] for n in (0, 0)] + [
        [{"Z": str(n)}] for n in (MB // 2, 5 * MB, 5 * MB)]
    assert letters[1][2]["size"] == len(too_large[1]) or "params" in letters[1][2]
    assert letters[2][2]["size"] == len(no_json[0])  # in base64 it is larger than the topic takes
    nothing_left(neo_a)
    assert agent.rss_peak_kb() < 200_000, agent.rss_peak_kb()


def test_it_says_why(topics, server_a, neo_a, db_sync):
    """The text of a letter tells what to do."""
    asked = [("EXPLAIN CREATE (:B)", "without it"), ("SHOW INDEXES", "ask that server"), ("CREATE (:B); CREATE (:B)", "list of commands"),
             ("CALL { CREATE (:B) } IN TRANSACTIONS", "several commands"), ("CREATE USER e SET PASSWORD 'abcdefgh'", "by hand"),
             (DEEP_TEXT, "as parameter"), ("MATCH (n:__db_sync) DELETE n", "belong to the replication"), ("USE neo4j CREATE (:B)", "NEO4J_DATABASE")]
    messages = [text(cypher) for cypher, _ in asked] + [typed("Base64", "AA=="), typed("Date", "2021-02-29"), typed("Float", "nan")]
    words = [word for _, word in asked] + ["base64", "params.v: its _value is no Date", "such as \"1.5\""]
    produce(topics, messages)
    db_sync(server_a)
    applied(neo_a, topics)
    for (_, _, body), word in zip(topics.dead_letters(), words, strict=True):
        assert word in body["error"]["message"], body["error"]
    until("the failures in the status", lambda: len((topics.status("a") or {"failures": []})["failures"]) == len(messages))
