# SPDX-License-Identifier: Apache-2.0
"""Values as our replies write them, made from what Neo4j says by two other ways: typed JSON of the
Query API (5.26 and later) and strict Jolt (all lines). Shares no code with cypherlog."""

import base64
import json

EXACT = 2**53


def integer(n):
    return n if abs(n) <= EXACT else {"$type": "Integer", "_value": str(n)}


def real(text):
    return {"$type": "Float", "_value": text} if text in ("NaN", "Infinity", "-Infinity") else float(text)


def mapping(members):
    return {"$type": "Map", "_value": members} if "$type" in members else members


def from_query_api(value):
    """{"$type", "_value"} at every depth."""
    kind, inner = value["$type"], value["_value"]
    if kind in ("Null", "Boolean", "String"):
        return inner
    if kind == "Integer":
        return integer(int(inner))
    if kind == "Float":
        return real(inner)
    if kind == "List":
        return [from_query_api(v) for v in inner]
    if kind == "Map":
        return mapping({k: from_query_api(v) for k, v in inner.items()})
    if kind == "Path":
        return {"$type": kind, "_value": [from_query_api(v) for v in inner]}
    if kind in ("Node", "Relationship"):
        inner = {**inner, "_properties": {k: from_query_api(v) for k, v in inner["_properties"].items()}}
        if "_labels" in inner:
            inner["_labels"] = sorted(inner["_labels"])
        return {"$type": kind, "_value": inner}
    return {"$type": kind, "_value": inner}


def _temporal(text):
    if text[0] == "P":
        return "Duration"
    date, t, clock = text.partition("T")  # the first: a zone's name may have one too
    if not t:
        clock = text if ":" in text else ""
    zoned = any(c in clock for c in "Z+-")
    if not t:
        return "Date" if not clock else "Time" if zoned else "LocalTime"
    return "ZonedDateTime" if "[" in clock else "OffsetDateTime" if zoned else "LocalDateTime"


def _id(value):
    return value if isinstance(value, str) else str(value if isinstance(value, int) else next(iter(value.values())))


def from_strict_jolt(value, bare=False):
    """bare: within a stored list of numbers or booleans, whose members carry no type."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, list):  # a stored list: texts and the like still carry theirs
        return [from_strict_jolt(v, bare=True) for v in value]
    if isinstance(value, (int, float)):
        return integer(value) if isinstance(value, int) else value
    if isinstance(value, str):
        assert bare, value
        return real(value)
    (kind, inner), = value.items()
    if kind == "Z" or (kind == "R" and inner.lstrip("-").isdigit()):
        return integer(int(inner))
    if kind == "R":
        return real(inner)
    if kind == "?":
        return inner in (True, "true")
    if kind == "U":
        return inner
    if kind == "[]":
        return [from_strict_jolt(v) for v in inner]
    if kind == "{}":
        return mapping({k: from_strict_jolt(v) for k, v in inner.items()})
    if kind == "#":
        return {"$type": "Base64", "_value": base64.b64encode(bytes.fromhex(inner)).decode()}
    if kind == "T":
        return {"$type": _temporal(inner), "_value": inner}
    if kind == "@":
        return {"$type": "Point", "_value": inner.replace("(", " (").replace("  (", " (")}
    if kind == "()":
        labels = sorted(v if isinstance(v, str) else v["U"] for v in inner[1])
        return {"$type": "Node", "_value": {"_element_id": _id(inner[0]), "_labels": labels,
                                            "_properties": {k: from_strict_jolt(v) for k, v in inner[2].items()}}}
    if kind in ("->", "<-"):
        start, end = (1, 3) if kind == "->" else (3, 1)
        name = inner[2] if isinstance(inner[2], str) else inner[2]["U"]
        return {"$type": "Relationship", "_value": {
            "_element_id": _id(inner[0]), "_start_node_element_id": _id(inner[start]), "_end_node_element_id": _id(inner[end]),
            "_type": name, "_properties": {k: from_strict_jolt(v) for k, v in inner[4].items()}}}
    assert kind == "..", kind
    return {"$type": "Path", "_value": [from_strict_jolt(v) for v in inner]}


def exactly(value):
    """A text that tells 1 from 1.0 and 0.0 from -0.0, for comparing."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True)


def difference(ours, theirs):
    """Both texts from shortly before the place where they begin to differ."""
    a, b = exactly(ours), exactly(theirs)
    at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    return f"ours:   …{a[max(0, at - 80):at + 120]}\n  theirs: …{b[max(0, at - 80):at + 120]}"


def query_api(neo, text, params=None):
    """Rows of the Query API, as our replies would write them. params: typed as it takes them."""
    uri = neo.url.replace("/tx/commit", "/query/v2")
    answer = neo.session.post(uri, data=json.dumps({"statement": text, "parameters": params or {}}).encode(), timeout=60, headers={
        "Content-Type": "application/vnd.neo4j.query", "Accept": "application/vnd.neo4j.query"})
    body = answer.json()
    assert answer.status_code == 202 and not body.get("errors"), body
    return [[from_query_api(v) for v in row] for row in body["data"]["values"]]


def strict_jolt(neo, text, **params):
    return [[from_strict_jolt(v) for v in row] for row in neo.run(text, **params)]
