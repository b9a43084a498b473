# SPDX-License-Identifier: Apache-2.0
"""A graph as Neo4j's official driver reads it over Bolt: an oracle that shares neither code nor
protocol with cypherlog or with neo.py."""

import json
import struct

import neo4j
from neo4j import time
from neo4j.spatial import Point


def kept(value):
    """A value with its type, all its bits and nanoseconds; NaN equals NaN."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return ["int", str(value)]
    if isinstance(value, float):
        return ["float", "nan" if value != value else struct.pack(">d", value).hex()]
    if isinstance(value, (bytes, bytearray)):
        return ["bytes", value.hex()]
    if isinstance(value, list):
        return ["list", [kept(v) for v in value]]
    if isinstance(value, Point):
        return ["point", value.srid, [kept(float(x)) for x in value]]
    if isinstance(value, time.Duration):
        return ["duration", [str(part) for part in value]]
    if isinstance(value, time.Date):
        return ["date", value.year_month_day]
    if isinstance(value, time.Time):
        return ["time", value.hour_minute_second_nanosecond, str(value.utcoffset())]
    if not isinstance(value, time.DateTime):  # a year outside 1 to 9999 is beyond the driver: as it came
        return ["raw", raw(value.raw_data)]
    zone = getattr(value.tzinfo, "zone", None)  # a name, or none for a bare offset
    return ["datetime", value.year_month_day, value.hour_minute_second_nanosecond, str(value.utcoffset()), zone]


def raw(data):
    if isinstance(data, list):
        return [raw(v) for v in data]
    return [str(data.tag), raw(list(data.fields))] if hasattr(data, "tag") else kept(data)


def graph(server):
    """How often each node and relationship is there, by all that it has: equal graphs are equal."""
    with neo4j.GraphDatabase.driver(server.bolt_uri, auth=(server.user, server.password)) as driver, driver.session() as session:
        nodes = [row[0] for row in session.run("MATCH (n) WHERE NOT n:`__db_sync` RETURN n")]
        keys = {n.element_id: json.dumps(["node", sorted(n.labels), {k: kept(v) for k, v in n.items()}], sort_keys=True) for n in nodes}
        counts = {}
        for key in keys.values():
            counts[key] = counts.get(key, 0) + 1
        for (r,) in session.run("MATCH (a)-[r]->(b) RETURN r"):
            ends = [keys[node.element_id] for node in r.nodes]
            key = json.dumps(["relationship", r.type, ends, {k: kept(v) for k, v in r.items()}], sort_keys=True)
            counts[key] = counts.get(key, 0) + 1
        return counts
