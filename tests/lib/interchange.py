# SPDX-License-Identifier: Apache-2.0
"""What the two versions of the older tool lose, as functions on a graph that Neo4j told in strict
Jolt: which is all that they may lose. Shares no code with cypherlog."""

import json
import re

import backup
from values import strict_jolt

STAND_IN = "_unlabelled"
PLAIN = re.compile(r"[A-Za-zÄäÖöé_][A-Za-z0-9ÄäÖöé_]*")
LOOKS_LITERAL = ("$point(", "$date(", "$time(", "$datetime(", "$duration(")
LOCAL = {"LocalTime": "Time", "LocalDateTime": "OffsetDateTime"}
SPLICED = ("Date", "Time", "LocalTime", "OffsetDateTime", "LocalDateTime", "ZonedDateTime", "Duration", "Point")
LOST = object()


def canonical(value):
    """A value as something to compare: tuples that begin with their kind."""
    if isinstance(value, list):
        return [canonical(v) for v in value]
    if isinstance(value, float):
        return ("Float", repr(value))
    if isinstance(value, dict) and value["$type"] == "Float":
        return ("Float", repr(float(value["_value"])))
    return backup.exact(value)


def read(neo):
    """({id: (labels, properties)}, [(start, type, end, properties)]) of a database."""
    nodes, found = {}, []

    def properties(entity):
        return {k: canonical(v) for k, v in entity["_properties"].items()}

    for (row,) in strict_jolt(neo, "MATCH (n) WHERE NOT n:`__db_sync` RETURN n"):
        node = row["_value"]
        nodes[node["_element_id"]] = (node["_labels"], properties(node))
    for (row,) in strict_jolt(neo, "MATCH ()-[r]->() RETURN r"):
        r = row["_value"]
        found.append((r["_start_node_element_id"], r["_type"], r["_end_node_element_id"], properties(r)))
    return nodes, found


def counted(graph):
    """Ids left out: equal graphs give equal lists."""
    nodes, relationships = graph
    keys = {i: json.dumps([sorted(labels), props], sort_keys=True) for i, (labels, props) in nodes.items()}
    return sorted(keys.values()), sorted(json.dumps([keys[start], kind, keys[end], props], sort_keys=True)
                                         for start, kind, end, props in relationships)


def assert_equal(found, wanted):
    for a, b in zip(counted(found), counted(wanted), strict=True):
        left, right = list(a), list(b)
        for key in b:
            if key in left:
                left.remove(key)
                right.remove(key)
        assert not left and not right, "found:\n" + "\n".join(left) + "\nwanted:\n" + "\n".join(right)


def is_kind(value, *kinds):
    return isinstance(value, tuple) and value[0] in kinds


def changed(graph, label_set, prop):
    """label_set(labels) and prop(key, value, relationship) give what is left, or LOST."""
    nodes, relationships = graph

    def kept(props, relationship):
        left = {k: prop(k, v, relationship) for k, v in props.items()}
        return {k: v for k, v in left.items() if v is not LOST}

    return ({i: (label_set(labels), kept(props, False)) for i, (labels, props) in nodes.items()},
            [(start, kind, end, kept(props, True)) for start, kind, end, props in relationships])


def plain_labels(labels):
    return [label for label in labels if PLAIN.fullmatch(label)] or [STAND_IN]


def not_carried(value):
    """BYTES, and what is not finite."""
    if isinstance(value, list):
        return any(not_carried(v) for v in value)
    return (is_kind(value, "Base64") or (is_kind(value, "Float") and value[1] in ("nan", "inf", "-inf"))
            or (is_kind(value, "Point") and any(x in ("nan", "inf", "-inf") for x in value[2:])))


def long_offset(value):
    """Neo4j cannot parse an offset with seconds."""
    if isinstance(value, list):
        return any(long_offset(v) for v in value)
    return is_kind(value, "Time", "OffsetDateTime", "ZonedDateTime") and bool(re.search(r"[-+]\d\d:\d\d:\d\d(\[|$)", value[1]))


def with_zone(value):
    """LOCAL TIME and LOCAL DATETIME get the server's zone, which is UTC here."""
    return (LOCAL[value[0]], value[1] + "Z") if is_kind(value, *LOCAL) else value


def typed_import(graph):
    """What 0.2.4 makes of our typed layout."""
    escapes = {"\\": "\\", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}

    def breaks(text):
        return "\0" in text or re.sub(r"\\[\\bfnrt]", "", text).count("\\") > 0

    def scalar(value, in_list):
        if isinstance(value, str):
            text = value.replace(",", ", ") if in_list else value
            return re.sub(r"\\(.)", lambda m: escapes[m[1]], text)
        return with_zone(value)

    def prop(key, value, _):
        items = value if isinstance(value, list) else [value]
        if not PLAIN.fullmatch(key) or not_carried(value) or long_offset(value) or any(isinstance(v, str) and breaks(v) for v in items):
            return LOST
        return [scalar(v, True) for v in value] if isinstance(value, list) else scalar(value, False)

    return changed(graph, plain_labels, prop)


def literal_import(graph):
    """What 1.0.0 makes of our literal layout. Lists of temporal values, points and durations are
    left as their texts: told() makes values of these."""

    def prop(key, value, relationship):
        spliced = is_kind(value, *SPLICED)
        hashed = isinstance(value, str) and value.startswith(LOOKS_LITERAL)
        if not_carried(value) or (spliced and long_offset(value)) or ((spliced or hashed) and not PLAIN.fullmatch(key)):
            return LOST
        if hashed and (relationship or '"' in value or "\\" in value):
            return LOST
        return told(key, value) if isinstance(value, list) else with_zone(value)

    nodes, relationships = changed(graph, plain_labels, prop)
    # what was a literal goes to all relationships between the two nodes
    for start, _, end, props in [(s, k, e, dict(p)) for s, k, e, p in relationships]:
        for key, value in props.items():
            if is_kind(value, *SPLICED):
                for s, _, e, others in relationships:
                    if {s, e} == {start, end}:
                        others[key] = value
    return nodes, relationships


def told(_key, value, _relationship=None):
    """The texts of a list as the values they tell."""
    return [backup.literal(v) if isinstance(v, str) else v for v in value] if isinstance(value, list) else value


def without_zone_names(value):
    """Both extractors: the offset stays, in whole minutes; the moment is the same."""
    if isinstance(value, list):
        return [without_zone_names(v) for v in value]
    return ("OffsetDateTime", value[1].split("[")[0]) if is_kind(value, "ZonedDateTime") else value


def typed_extract(graph):
    """What 0.2.4 wrote, restored by us: what has no offset is a LOCAL value again."""
    return changed(graph, list, lambda _key, value, _relationship: without_zone_names(value))


def literal_extract(graph):
    """What 1.0.0 wrote, restored by us: a text in a list that has the form of a value is one, and a
    label with a colon is two."""

    def prop(_key, value, _relationship):
        value = without_zone_names(value)
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            return value
        read = [backup.literal(v) for v in value]
        return read if len({type(v) for v in read}) == 1 and len({v[0] for v in read if isinstance(v, tuple)}) <= 1 else value

    return changed(graph, lambda labels: sorted({part for label in labels for part in label.split(":")}), prop)
