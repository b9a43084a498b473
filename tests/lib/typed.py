# SPDX-License-Identifier: Apache-2.0
"""Typed parameters, and by hand what each of them means in Cypher: for an oracle that knows nothing of how cypherlog
carries them."""

import json

from neo import CypherError

PARIS = "timezone: 'Europe/Paris'"
# {$type: {_value: an expression}}
BUILT = {
    "Date": {"2020-02-29": "date({year: 2020, month: 2, day: 29})", "+12345-06-07": "date({year: 12345, month: 6, day: 7})",
             "-999999999-01-01": "date({year: -999999999})", "1969-12-31": "date({year: 1969, ordinalDay: 365})"},
    "LocalTime": {"12:00": "localtime({hour: 12})", "23:59:59.999999999": "localtime({hour: 23, minute: 59, second: 59, nanosecond: 999999999})"},
    "Time": {"12:00:00.500+01:00": "time({hour: 12, minute: 0, second: 0, millisecond: 500, timezone: '+01:00'})", "00:00:00+00:00": "time({hour: 0, timezone: 'Z'})",
             "12:00:00-00:17:30": "time({hour: 12, timezone: '-00:17:30'})"},
    "LocalDateTime": {"2020-03-29T02:30": "localdatetime({year: 2020, month: 3, day: 29, hour: 2, minute: 30})"},
    "OffsetDateTime": {"2020-01-01T00:00:00.000000001-18:00": "datetime({year: 2020, month: 1, day: 1, hour: 0, minute: 0, second: 0, nanosecond: 1, timezone: '-18:00'})",
                       "1890-01-01T00:00:00+00:17:30": "datetime({year: 1890, timezone: '+00:17:30'})"},
    # both times of the hour that is there twice
    "ZonedDateTime": {"2020-10-25T02:30:00+02:00[Europe/Paris]": f"datetime({{epochSeconds: 1603585800, {PARIS}}})",
                      "2020-10-25T02:30:00+01:00[Europe/Paris]": f"datetime({{epochSeconds: 1603589400, {PARIS}}})"},
    "Duration": {"P1Y2M-3DT-1.5S": "duration({years: 1, months: 2, days: -3, milliseconds: -1500})", "P2W": "duration({weeks: 2})",
                 "PT-9223372036854775808S": "duration({seconds: -9223372036854775808})"},
    "Point": {"SRID=7203;POINT (1 -0.0)": "point({x: 1.0, y: -0.0})", "SRID=7203;POINT (1 0)": "point({x: 1.0, y: 0.0})",
              "SRID=4326;POINT (-180.0 90.0)": "point({longitude: -180.0, latitude: 90.0})",
              "SRID=9157;POINT Z (1e300 2.5 5e-324)": "point({x: 1e300, y: 2.5, z: 4.9E-324})"},
    "Float": {"NaN": "toFloat('NaN')", "Infinity": "toFloat('Infinity')", "-Infinity": "toFloat('-Infinity')"},  # 4.4 folds 1.0 / 0.0, and refuses it then
}
# {$type: {_value: plain JSON}}
PLAIN = {
    "Float": {"1.0E10": 1e10, "-0.0": -0.0, "1.5": 1.5},
    "Integer": {"9007199254740993": 9007199254740993, "-1": -1},
    "String": {"2020-01-31": "2020-01-31", "it's \"$p\"": "it's \"$p\""},
    "Boolean": {True: True},
    "Null": {None: None},
}
# the code of the dead letter
WRONG = {("Date", "2021-02-29"): "param.value", ("LocalTime", "24:00:00"): "param.value", ("Time", "12:00:00+18:01"): "param.value",
         ("OffsetDateTime", "2020-01-01T00:00"): "param.value", ("Duration", "P1.5D"): "param.value", ("Point", "SRID=4326;POINT (0.0 90.5)"): "param.value",
         ("Integer", "1.5"): "param.value", ("Float", "nan"): "param.value", ("Base64", "AAE="): "param.bytes", ("Moment", "2020-01-01"): "param.type"}


def typed_value(kind, value):
    return {"$type": kind, "_value": value}


class Expression(str):
    """A value that plain JSON cannot say."""


def meaning(value):
    """A parameter's value without types: plain JSON, with an Expression for each that has none. Raises CypherError."""
    if isinstance(value, list):
        return [meaning(v) for v in value]
    if not isinstance(value, dict):
        return value
    if "$type" not in value:
        return {k: meaning(v) for k, v in value.items()}
    kind, inner = value["$type"], value["_value"]
    if kind == "List":
        return meaning(inner)
    if kind == "Map":
        return {k: meaning(v) for k, v in inner.items()}
    if (kind, inner) in WRONG:
        raise CypherError(WRONG[kind, inner], "of db_sync")
    return Expression(BUILT[kind][inner]) if inner in BUILT.get(kind, ()) else PLAIN[kind][inner]


def is_built(value):
    """Whether there is an Expression in what meaning returned."""
    if isinstance(value, (list, dict)):
        return any(map(is_built, value.values() if isinstance(value, dict) else value))
    return isinstance(value, Expression)


def cypher(value):
    """What meaning returned, as an expression."""
    if isinstance(value, Expression):
        return value
    if isinstance(value, list):
        return f"[{', '.join(map(cypher, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'`{k}`: {cypher(v)}' for k, v in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)
