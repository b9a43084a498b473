# SPDX-License-Identifier: Apache-2.0
"""Reads a snapshot's folder: our own small reader of both layouts and of the rows' own field, which
shares no code with cypherlog. Values come out in one form, so that those of another way can be held
against them."""

import gzip
import hashlib
import json
import pathlib
import re

SRID = {"2d-cartesian-point": 7203, "3d-cartesian-point": 9157, "2d-WGS-84-point": 4326, "3d-WGS-84-point": 4979}
CRS = {"cartesian": 7203, "cartesian-3d": 9157, "wgs-84": 4326, "wgs-84-3d": 4979}
PART = re.compile(r"([-+]?\d+)(?:\.(\d+))?([YMWDHS])")


def duration(text):
    """(months, days, seconds, nanoseconds)"""
    months = days = seconds = nanos = 0
    date, _, time = text.removeprefix("P").partition("T")
    for part, clock in ((date, False), (time, True)):
        for whole, fraction, unit in PART.findall(part):
            n = int(whole)
            if not clock:
                months += n * {"Y": 12, "M": 1}.get(unit, 0)
                days += n * {"W": 7, "D": 1}.get(unit, 0)
            else:
                seconds += n * {"H": 3600, "M": 60, "S": 1}[unit]
                nanos += int(fraction.ljust(9, "0")) * (-1 if whole.startswith("-") else 1) if fraction else 0
    return ("Duration", months, days, seconds + nanos // 10**9, nanos % 10**9)


def clock(text):
    """Without zeros at the end of the fraction; UTC is Z."""
    text = re.sub(r"\.(\d*?)0+(?!\d)", lambda m: "." + m[1] if m[1] else "", text)
    return re.sub(r"(?<=\d)[+-]00:00(?=$|\[)", "Z", text)


def temporal(kinds, text):
    """kinds: by what follows the time of day: nothing, an offset, a zone name."""
    tail = text.partition("T")[2] or text
    kind = kinds[2] if "[" in tail else kinds[1] if re.search(r"[Z+-]", tail) else kinds[0]
    return (kind, clock(text))


TIME = ("LocalTime", "Time", None)
DATETIME = ("LocalDateTime", "OffsetDateTime", "ZonedDateTime")


def point(text):
    srid, numbers = re.fullmatch(r"SRID=(\d+);POINT (?:Z )?\((.*)\)", text).groups()
    return ("Point", int(srid), *(repr(float(n)) for n in numbers.split()))


def exact(value):
    """The notation of our replies, and of the rows' own field."""
    if isinstance(value, list):
        return [exact(v) for v in value]
    if not isinstance(value, dict):
        return repr(value) if isinstance(value, float) else value
    kind, text = value["$type"], value["_value"]
    if kind == "Integer":
        return int(text)
    if kind == "Float":
        return repr(float(text))
    if kind == "Duration":
        return duration(text)
    if kind == "Point":
        return point(text)
    return (kind, text if kind in ("Base64", "Date") else clock(text))


def typed(kind, value):
    if isinstance(kind, list):
        return [typed(k, v) for k, v in zip(kind, value, strict=True)]
    if kind in SRID:
        return ("Point", SRID[kind], *(repr(float(n)) for n in value))
    if kind == "float":
        return repr(float(value))
    if kind == "date":
        return ("Date", value)
    if kind == "time":
        return temporal(TIME, value)
    if kind == "datetime":
        return temporal(DATETIME, value)
    if kind == "duration":
        total = value["seconds"] * 10**9 + value["nanoseconds"]
        return ("Duration", value["months"], value["days"], total // 10**9, total % 10**9)
    assert isinstance(value, {"int": int, "str": str, "bool": bool}[kind]), (kind, value)
    return value


def literal(value):
    if isinstance(value, list):
        return [literal(v) for v in value]
    if not isinstance(value, str):
        return repr(value) if isinstance(value, float) else value
    found = re.fullmatch(r"\$(date|time|datetime|duration)\('(.*)'\)", value)
    if found:
        kind, text = found.groups()
        return (("Date", text) if kind == "date" else duration(text) if kind == "duration"
                else temporal(TIME if kind == "time" else DATETIME, text))
    found = re.fullmatch(r"\$point\(\{x: (\S+), y: (\S+?)(?:, z: (\S+))?, crs: '(.*)'\}\)", value)
    if found:
        return ("Point", CRS[found[4]], *(repr(float(n)) for n in found.groups()[:3] if n))
    return value


def _props(row, kind):
    own = row.get("cypherlog", {}).get("props", {})
    plain = row[f"{kind}_props"]
    types = row.get(f"{kind}_props_types")
    if types is not None:
        found = {k: typed(types[k], v) for k, v in plain.items() if k not in own}
    else:
        found = {k: row["hash_props"][k] if k in row["hash_props"] else literal(v)
                 for k, v in plain.items() if k not in own}
    return {**found, **{k: exact(v) for k, v in own.items()}}


def rows(folder, kind):
    """All rows of the kind (node, relationship), as JSON."""
    for path in sorted((pathlib.Path(folder) / "data").iterdir()):
        if kind in path.stem:
            opened = gzip.open(path, "rt", encoding="ascii") if path.suffix == ".gz" else open(path, encoding="ascii")
            with opened as file:
                yield from json.load(file, parse_constant=lambda word: 1 / 0)


def nodes(folder):
    """{id: (sorted labels, properties)}"""
    found = {}
    for row in rows(folder, "node"):
        labels = row["node_labels"]
        labels = labels.split(":") if isinstance(labels, str) else labels
        found[row["node_id"]] = (sorted(row.get("cypherlog", {}).get("labels", labels)), _props(row, "node"))
    return found


def relationships(folder):
    """[(start, type, end, properties)], sorted"""
    found = []
    for row in rows(folder, "relationship"):
        kind = row.get("cypherlog", {}).get("type", row["rel_type"])
        found.append((row["start_node_id"], kind, row["end_node_id"], _props(row, "rel")))
    return sorted(found, key=repr)


def manifest(folder):
    return json.loads((pathlib.Path(folder) / "manifest.json").read_text())


def checked(manifest):
    """With the check that fits the rest."""
    rest = {k: v for k, v in manifest.items() if k != "check"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return {**rest, "check": hashlib.sha256(text.encode()).hexdigest()}
