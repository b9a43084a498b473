# SPDX-License-Identifier: Apache-2.0
"""Messages against the JSON Schemas of topics/: `check` is called wherever a test reads or writes
one (kafka.py, programs.py), so tests need not think of it."""

import functools
import json
import pathlib
import sys

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "topics"
KINDS = ("command", "request", "reply", "notice", "dead-letter", "status")
DEEP = 10_000  # calls that checking a deeply nested value may take: some ten a level
EXACT = 2**53  # a whole number beyond it is typed, since readers of JSON may round it


class Refused(AssertionError):
    """A message that is not as topics/ says."""


@functools.cache
def documents():
    """{file name: schema} of all schemas."""
    return {p.name: json.loads(p.read_text()) for p in sorted(FOLDER.glob("*.json"))}


@functools.cache
def _registry():
    return Registry().with_resources((s["$id"], Resource.from_contents(s)) for s in documents().values())


@functools.cache
def validator(where):
    """For `reply.json`, or a part of it: `dead-letter.json#/$defs/headers`."""
    name, _, part = where.partition("#")
    uri = documents()[name]["$id"] + ("#" + part if part else "")
    return Draft202012Validator({"$ref": uri}, registry=_registry())


def complaint(where, value):
    """None, or what is wrong and where in the message."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(DEEP)
    try:
        error = best_match(validator(where).iter_errors(value))
    except RecursionError:
        return f"{where}: nested too deep"
    finally:
        sys.setrecursionlimit(limit)
    return error and f"{where}: {error.json_path}: {error.message[:500]}"


def kind_of(topic, body):
    """The kind of message on a topic by the last word of its name; replies may stand on any other."""
    kinds = {"command": "command", "request": "request", "fail": "dead-letter", "status": "status"}
    word = topic.rsplit("-", 1)[-1]
    if word in kinds:
        return kinds[word]
    is_notice = isinstance(body, dict) and "status" in body and not {"seq", "result"} & set(body)
    return "notice" if is_notice else "reply"


def parse(raw):
    """A message's JSON; Refused when it is none."""
    if raw is None:
        raise Refused("no value")
    try:
        return json.loads(raw, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Refused(f"no JSON: {error}: {raw[:300]}") from None


def _no_number(text):
    raise ValueError(f"{text} is no JSON")


_good = set()  # what was checked already: tests read a topic again and again


def check(topic, raw, key=None, headers=None):
    """A record on a topic, its name without prefix. Raises Refused."""
    seen = (topic, raw, key, tuple(map(tuple, headers or ())))
    if hash(seen) in _good:
        return
    body = parse(raw)
    kind = kind_of(topic, body)
    check_body(kind, body)
    _check_record(kind, body, key, headers)
    _good.add(hash(seen))


def check_body(kind, body):
    """Raises Refused when body is no message of this kind."""
    wrong = complaint(kind + ".json", _thinned(body) if kind == "reply" else body)
    if wrong is None and kind == "reply" and isinstance(body, dict):
        wrong = _inexact(body.get("rows", body.get("result")))
    if wrong is not None:
        raise Refused(f"{wrong}\n{json.dumps(body, ensure_ascii=False)[:1500]}")


def _check_record(kind, body, key, headers):
    """What the schemas cannot say: key and headers of the record agree with its body."""
    key = key.decode(errors="replace") if isinstance(key, bytes) else key
    if kind == "status" and key != f"{body['replica']}/{body['program']}":
        raise Refused(f"status: key {key!r} beside {body['replica']}/{body['program']}")
    if kind in ("reply", "notice") and body.get("with_key") is not None and key != body["with_key"]:
        raise Refused(f"{kind}: key {key!r} beside with_key {body['with_key']!r}")
    if kind == "dead-letter":
        texts = {name: value.decode() for name, value in headers or ()}
        wrong = complaint("dead-letter.json#/$defs/headers", texts)
        if wrong is None and len(texts) != len(headers):
            wrong = f"dead letter: a header comes twice: {headers}"
        if wrong is None and texts["code"] != body["error"]["code"]:
            wrong = f"dead letter: header code {texts['code']} beside {body['error']['code']}"
        if wrong is not None:
            raise Refused(wrong)


def _thinned(body):
    """A page without rows that differ from one of its others only in plain values of equal types:
    the schema takes every null, boolean, text and number alike. 200,000 rows are few then."""
    if not isinstance(body, dict) or not isinstance(body.get("rows"), list):
        return body
    kept, kinds = [], set()
    for row in body["rows"]:
        plain = isinstance(row, list) and not any(isinstance(v, (dict, list)) for v in row)
        shape = tuple(map(type, row)) if plain else None
        if shape is None or shape not in kinds:
            kept.append(row)
            kinds.add(shape)
    return {**body, "rows": kept}


def _inexact(value):
    """A whole number beyond 2^53 that is no typed value, or one within that is."""
    stack = [value]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            kind, inner = value.get("$type"), value.get("_value")
            if kind == "Integer" and not EXACT < abs(int(inner)) <= 2**63:
                return f"reply: {value} is no integer beyond 2^53 and within 64 bits"
            if kind in ("Node", "Relationship"):
                inner = inner["_properties"]
            inner = value if kind is None else inner
            stack.extend(inner.values() if isinstance(inner, dict) else inner if kind == "Path" else ())
        elif isinstance(value, list):
            stack.extend(value)
        elif isinstance(value, int) and abs(value) > EXACT:
            return f"reply: {value} is a plain number beyond 2^53"
    return None
