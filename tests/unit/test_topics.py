# SPDX-License-Identifier: Apache-2.0
"""The schemas of topics/: valid themselves, true to every example, and able to fail."""

import json
import pathlib
import re
import subprocess

import pytest
import schemas
from jsonschema import Draft202012Validator

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADINGS = {"Command": "command", "Request": "request", "Reply": "reply", "Notice": "notice", "Dead letter": "dead-letter",
            "Status": "status"}


def objects(text):
    """The JSON values that stand one after another in a text."""
    decoder, at, found = json.JSONDecoder(), 0, []
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        found.append(value)
        at += len(text[at:]) - len(text[at:].lstrip())
    return found


def readme_examples(path, section):
    """[(kind, message)] of the blocks below each heading that names a kind. Blocks of a language are programs."""
    text = (ROOT / path).read_text()
    text = re.split(r"^## Topics$", text.split(section, 1)[1], flags=re.M)[0]
    text = re.sub(r"^```\w+\n.*?^```\n", "", text, flags=re.M | re.S)
    found, kind, block = [], None, None
    for line in text.splitlines():
        if line.startswith("```"):
            found += [(kind, m) for m in objects("\n".join(block).strip())] if block is not None else []
            block = [] if block is None else None
        elif block is not None:
            block.append(line)
        elif match := re.match(r"(?:## |\*\*)([A-Z][a-z ]+)\b", line):
            kind = HEADINGS.get(match.group(1), kind)
    return found


def schema_examples():
    """[(where, value)]: the examples of each schema and of its parts."""
    for name, schema in schemas.documents().items():
        parts = {"": schema, **{f"#/$defs/{part}": d for part, d in schema.get("$defs", {}).items()}}
        for part, definition in parts.items():
            yield from ((name + part, value) for value in definition.get("examples", ()))


@pytest.mark.parametrize("name", sorted(schemas.documents()))
def test_schema(name):
    """Valid against the meta-schema, described, with examples; every reference leads somewhere."""
    schema = schemas.documents()[name]
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"].endswith("/2020-12/schema") and schema["$id"].endswith("/" + name)
    assert schema["title"] and schema["description"] and schema["examples"]
    for target in re.findall(r'"\$ref": "([^"]+)"', json.dumps(schema)):
        file, _, part = target.partition("#")
        found = schemas.documents()[file or name]
        for step in filter(None, part.split("/")):
            found = found[step]


def test_examples_of_schemas():
    found = list(schema_examples())
    assert len(found) > 50
    for where, value in found:
        assert schemas.complaint(where, value) is None, value


@pytest.mark.parametrize("path, section, least", [("README.md", "## Messages", 7), ("topics/README.md", "# topics", 17)])
def test_examples_of_readme(path, section, least):
    found = readme_examples(path, section)
    assert len(found) >= least and {kind for kind, _ in found} >= set(HEADINGS.values()) - {"notice"}
    for kind, message in found:
        schemas.check_body(kind, message)


def test_clients_of_readme():
    """The programs that are shown are those that tests/integration/test_clients.py runs."""
    text = (ROOT / "topics/README.md").read_text().split("## Examples")[1].split("## Tests")[0]
    shown = re.findall(r"^```\w+\n(.*?)^```$", text, re.M | re.S)
    files = {p.name: p.read_text() for p in (ROOT / "topics/examples").iterdir()}
    assert len(shown) == len(files) == 4
    for name, program in files.items():
        assert program in shown, f"topics/README.md shows another {name} than topics/examples has: copy it"


def test_values_of_readme():
    """Each notation of the table, and no type without a row."""
    table = (ROOT / "topics/README.md").read_text().split("## Values")[1].split("## Tests")[0]
    values = [json.loads(text) for row in re.findall(r"^\|.*\|(.*)\|$", table, re.M) for text in re.findall(r"`([^`]+)`", row)]
    for value in values:
        assert schemas.complaint("value.json", value) is None, value
    types = {v["$type"] for v in values if isinstance(v, dict) and "$type" in v}
    assert types == set(schemas.documents()["value.json"]["$defs"]["typed"]["properties"]["$type"]["enum"])


BASE = {kind: schemas.documents()[kind + ".json"]["examples"] for kind in schemas.KINDS}
PAGE, ERROR, ROW = BASE["reply"][0], BASE["reply"][1], BASE["reply"][4]
LETTER, RAW, CUT = BASE["dead-letter"]
GOOD, FAILED, SKIPPED = BASE["notice"]
STATUS = BASE["status"][0]
WRONG = [
    ("command", []), ("command", "CREATE (:A)"), ("command", {}), ("command", {"command": 1}), ("command", {"command": ""}),
    ("command", {"command": None}), ("command", {"command": "RETURN 1", "commands": [{"command": "RETURN 1"}]}),
    ("command", {"commands": []}), ("command", {"commands": ["RETURN 1"]}), ("command", {"commands": [{"params": {}}]}),
    ("command", {"command": "RETURN $a", "params": [1]}), ("command", {"command": "RETURN 1", "id": 1}),
    ("command", {"command": "RETURN 1", "with_key": 1}),
    ("command", {"command": "RETURN $a", "params": {"a": {"$type": "Base64", "_value": "Cv8="}}}),
    ("command", {"command": "RETURN $a", "params": {"a": [{"b": {"$type": "Date", "_value": "today"}}]}}),
    ("command", {"command": "RETURN $a", "params": {"a": {"$type": "Date"}}}),
    ("command", {"commands": [{"command": "RETURN $a", "params": {"a": {"$type": "Node", "_value": {}}}}]}),
    ("request", {}), ("request", []), ("request", {"id": "q"}), ("request", {"command": 1}), ("request", {"command": None, "execute": None}),
    ("request", {"command": "RETURN 1", "to": "a b"}), ("request", {"command": "RETURN 1", "to": ".."}), ("request", {"command": "RETURN 1", "to": 7}),
    ("request", {"command": "RETURN 1", "min_offset": -1}), ("request", {"command": "RETURN 1", "timeout_ms": 0}),
    ("request", {"command": "RETURN 1", "page_rows": 1.5}), ("request", {"command": "RETURN 1", "max_age_ms": "5"}),
    ("request", {"command": "RETURN 1", "id": "x" * 1025}), ("request", {"command": "RETURN 1", "params": {"a": {"$type": "Integer", "_value": 1}}}),
    ("reply", {}), ("reply", {**PAGE, "age": 0}), ("reply", {**PAGE, "offset": "121"}), ("reply", {**PAGE, "seq": -1}),
    ("reply", {k: v for k, v in PAGE.items() if k != "total"}), ("reply", {**PAGE, "last": False}), ("reply", {**PAGE, "last": "true"}),
    ("reply", {k: v for k, v in PAGE.items() if k != "columns"}), ("reply", {**PAGE, "rows": [1]}), ("reply", {**PAGE, "replica": ""}),
    ("reply", {**PAGE, "rows": [["Ada"], [{"$type": "Dat", "_value": "2020-01-01"}]]}), ("reply", {**PAGE, "rows": [[[{"$type": "Date", "_value": 1}]]]}),
    ("reply", {**PAGE, "rows": [[1], [2**53 + 1]]}), ("reply", {**PAGE, "rows": [[{"$type": "Integer", "_value": "1000000000000000"}]]}),
    ("reply", {**ERROR, "error": {"code": "a b", "message": ""}}), ("reply", {**ERROR, "error": {"code": "x"}}), ("reply", {**ERROR, "last": False}),
    ("reply", {**ERROR, "rows": []}), ("reply", {**ERROR, "error": {"code": "x", "message": "", "text": ""}}),
    ("reply", {**ROW, "result": {}}), ("reply", {**ROW, "result": []}), ("reply", {**ROW, "result": {"properties": {}, "labels": []}}),
    ("reply", {"result": None}), ("reply", {**ROW, "error": {"code": "x", "message": ""}}),
    ("notice", {}), ("notice", {**GOOD, "status": "done"}), ("notice", {**GOOD, "error": FAILED["error"]}), ("notice", {**GOOD, "time": ""}),
    ("notice", {k: v for k, v in FAILED.items() if k != "error"}), ("notice", {**GOOD, "offset": -1}), ("notice", {**SKIPPED, "id": None}),
    ("dead-letter", {"command": "x"}), ("dead-letter", {**LETTER, "error": "x"}), ("dead-letter", {**RAW, "raw_base64": "?"}), ("dead-letter", {**RAW, "size": 1}),
    ("dead-letter", {**CUT, "sha256": "0"}), ("dead-letter", {k: v for k, v in CUT.items() if k != "size"}), ("dead-letter", [LETTER]),
    ("status", {**STATUS, "state": "fine"}), ("status", {**STATUS, "program": "x"}), ("status", {**STATUS, "outcome": "1d32"}), ("status", {**STATUS, "hash": ""}),
    ("status", {**STATUS, "lag": -1}), ("status", {**STATUS, "time": "now"}), ("status", {**STATUS, "checkpoints": [[1000]]}), ("status", {**STATUS, "since": 0}),
    ("status", {k: v for k, v in STATUS.items() if k != "fingerprint"}),
]


@pytest.mark.parametrize("kind, message", WRONG)
def test_wrong_message_is_refused(kind, message):
    with pytest.raises(schemas.Refused):
        schemas.check_body(kind, message)


@pytest.mark.parametrize("kind", schemas.KINDS)
def test_unknown_fields(kind):
    """Allowed where others write, refused where we do."""
    message = {**BASE[kind][0], "unknown": 1}
    assert (schemas.complaint(kind + ".json", message) is None) == (kind in ("command", "request", "dead-letter"))


@pytest.mark.parametrize("value", [
    {"$type": "Integer", "_value": 1}, {"$type": "Integer", "_value": "1"}, {"$type": "Float", "_value": "1.0"}, {"$type": "Base64", "_value": "C"},
    {"$type": "Map", "_value": {"a": 1}}, {"$type": "Map", "_value": {"$type": {"$type": "?", "_value": 1}}}, {"$type": "Date", "_value": "2020-1-1"},
    {"$type": "Date", "_value": "2020-01-01", "more": 1}, {"$type": "LocalTime", "_value": "12:00Z"}, {"$type": "Time", "_value": "12:00"},
    {"$type": "LocalDateTime", "_value": "2020-01-01T12:00Z"}, {"$type": "OffsetDateTime", "_value": "2020-01-01T12:00"},
    {"$type": "ZonedDateTime", "_value": "2020-01-01T12:00Z"}, {"$type": "Duration", "_value": "P"}, {"$type": "Duration", "_value": "P1YT"},
    {"$type": "Point", "_value": "SRID=7203;POINT(1.0 2.0)"}, {"$type": "Point", "_value": "SRID=7203;POINT (1.0 2.0 3.0)"},
    {"$type": "Node", "_value": {"_element_id": "1", "_labels": []}}, {"$type": "Node", "_value": {"_element_id": 1, "_labels": [], "_properties": {}}},
    {"$type": "Node", "_value": {"_element_id": "1", "_labels": [], "_properties": {"d": {"$type": "Date", "_value": 1}}}},
    {"$type": "Relationship", "_value": {"_element_id": "1"}}, {"$type": "Path", "_value": []}, {"$type": "Path", "_value": [1]},
    {"$type": "Vector", "_value": []}, {"$type": "Date"}, [[{"a": {"$type": "Date"}}]],
])
def test_wrong_value_is_refused(value):
    assert schemas.complaint("value.json", value) is not None


def test_record_agrees_with_its_body():
    headers = schemas.documents()["dead-letter.json"]["$defs"]["headers"]["examples"][0]
    raw, letter = [(k, v.encode()) for k, v in headers.items()], json.dumps({**LETTER, "error": {"code": headers["code"], "message": ""}})
    schemas.check("fail", letter, b"k", raw)
    schemas.check("status", json.dumps(STATUS), b"a/db_sync")
    schemas.check("response", json.dumps(PAGE), b"ada")
    schemas.check("other-fail", letter, b"k", raw)
    for topic, body, key, with_headers in [
            ("fail", letter, b"k", None), ("fail", letter, b"k", raw[1:]), ("fail", letter, b"k", raw + [("more", b"")]), ("fail", letter, b"k", raw + raw[:1]),
            ("fail", letter, b"k", [(k, b"-1" if k == "offset" else v) for k, v in raw]), ("fail", json.dumps(LETTER), b"k", raw),
            ("status", json.dumps(STATUS), b"b/db_sync", None), ("response", json.dumps(PAGE), b"k", None), ("response", b"", b"k", None),
            ("response", b"NaN", b"k", None), ("command", b"\xff", None, None)]:
        with pytest.raises(schemas.Refused):
            schemas.check(topic, body, key, with_headers)


def test_deep_values():
    deep = json.loads("[" * 500 + "]" * 500)
    assert schemas.complaint("value.json", deep) is None
    with pytest.raises(schemas.Refused, match="deep|recursion"):
        schemas.check("command", '{"command":"RETURN 1","params":{"a":' + "[" * 9000 + "]" * 9000 + "}}")


def asyncapi(path):
    return subprocess.run(["node", ROOT / "tests/asyncapi/check.mjs", ROOT / "build/asyncapi", path], text=True, capture_output=True, timeout=120)


def test_asyncapi_by_its_official_parser(tmp_path):
    """Every message is on its channel, with the schema of its name. A broken document is refused."""
    done = asyncapi(ROOT / "topics/asyncapi.yaml")
    assert done.returncode == 0, done.stderr
    found = {(address, pathlib.PurePath(schema).stem) for address, _, schema in (line.split() for line in done.stdout.splitlines())}
    prefixed = {("COMMAND", "command"), ("REQUEST", "request"), ("RESPONSE", "reply"), ("RESPONSE", "notice"), ("FAIL", "dead-letter"), ("STATUS", "status")}
    assert found == {("{B_TOPIC_PREFIX}{%s_TOPIC}" % topic, kind) for topic, kind in prefixed} | {("null", "reply")}
    for path in (ROOT / "topics").glob("*.json"):
        (tmp_path / path.name).write_text(path.read_text())
    text = (ROOT / "topics/asyncapi.yaml").read_text()
    for before, after in (("action: receive", "action: take"), ("./reply.json", "./replies.json"), ("partitions: 1\n", "partitions: one\n"),
                          ("/channels/fail/messages/deadLetter", "/channels/fail/messages/letter")):
        (tmp_path / "asyncapi.yaml").write_text(text.replace(before, after))
        broken = asyncapi(tmp_path / "asyncapi.yaml")
        assert broken.returncode == 1 and before not in broken.stdout and "asyncapi.yaml" in broken.stderr, (before, broken.stdout, broken.stderr)
