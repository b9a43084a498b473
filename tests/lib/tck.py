# SPDX-License-Identifier: Apache-2.0
"""The queries of the openCypher TCK, which nobody wrote with cypherlog in mind, as streams of commands."""

import pathlib
import re
import zipfile
from typing import List, NamedTuple

import stack
from gherkin.parser import Parser
from gherkin.pickles.compiler import Compiler

WRITES = re.compile(r"(?i)\b(create|merge|set|delete|remove|foreach)\b")
# what two databases may answer differently: clocks, chance, ids, and what depends on the order of a scan
VARIES = re.compile(r"(?i)\b(?:(?:date|datetime|localdatetime|time|localtime)(?:\.(?:statement|transaction|realtime))?\s*\(\s*\)"
                    r"|(?:timestamp|rand|randomUUID|id|elementId|collect|head|last|keys)\s*\(|limit\b|skip\b)")
RESET = "MATCH (n) WHERE NOT n:Digest DETACH DELETE n"
# of several rows that set one property the last wins: the order of a scan, which no text shows
LAST_WINS = ("Merge2 [5] ", "Merge3 [4] ", "Merge4 [2] ")
BEGIN = ["MATCH (n) DETACH DELETE n", "CREATE (:Digest {of: []})"]
DIGEST = ("MATCH (n) WHERE NOT n:Digest OPTIONAL MATCH (n)-[r]->() WITH count(DISTINCT n) AS nodes, count(r) AS relationships, "
          "count(DISTINCT type(r)) AS types, count(DISTINCT labels(n)) AS labels "
          "MATCH (d:Digest) SET d.of = d.of + [nodes, relationships, types, labels]")


class Scenario(NamedTuple):
    name: str
    before: List[str]  # what makes its graph
    queries: List[str]


def scenarios():
    """Those that change a graph, or can be made to: of an outline its first example."""
    return [s for s in _all() if not s.name.startswith(LAST_WINS) and any(WRITES.search(q) or _stored(q) for q in s.queries)]


def _all():
    jar, = pathlib.Path(stack.fetch("opencypher-tck")).glob("tck-*.jar")
    with zipfile.ZipFile(jar) as z:
        return [s for name in sorted(z.namelist()) if name.endswith(".feature") for s in _of_feature(name, z.read(name).decode())]


def _of_feature(path, text):
    found = {}
    feature = pathlib.Path(path).stem
    for pickle in Compiler().compile({**Parser().parse(text), "uri": path}):
        before, queries = [], []
        for step in pickle["steps"]:
            query = step.get("argument", {}).get("docString", {}).get("content")
            if query is not None:
                (before if step["text"].startswith("having executed") else queries).append(query)
        name = f"{feature} {pickle['name']}"
        if not VARIES.search(" ".join(queries)):
            found.setdefault(name, Scenario(name, before, queries))
    return found.values()


def _stored(query):
    """What the query returns becomes a node; None where that cannot be told from its text."""
    returns = list(re.finditer(r"(?i)\breturn\b", query))
    tail = query[returns[-1].end():] if returns else "*"
    names = re.findall(r"(?i)\bas\s+(`[^`]+`|\w+)\s*(?:,|$)", tail)
    if not names or "*" in tail or re.search(r"(?i)\border\b|\}\s*$", tail) or re.search(r"(?i)\bunion\b", query):
        return None
    stored = ", ".join(f"v{i}: {name}" for i, name in enumerate(names))
    return f"{query[:returns[-1].start()]}WITH {tail.strip()} CREATE (:Out {{{stored}}})"


def _other_values(query, n):
    """Its integers greater by n, and its plain strings longer."""
    if n == 0:
        return query
    query = re.sub(r"(?<![\w.$'\"\\*{,-])(\d{1,3})(?![\w.'\"{}*,])", lambda m: str(int(m[1]) + n), query)
    return re.sub(r"'([A-Za-z]{2,12})'", lambda m: f"'{m[1]}{n}'", query) if n > 2 else query


def stream(some, rounds):
    """The scenarios in turn, round by round with other values, so that their texts become templates; a digest of each graph stays."""
    commands = [*BEGIN]
    for n in range(rounds):
        for scenario in some:
            commands += [RESET, *scenario.before]
            commands += [_stored(query) or query for query in (_other_values(q, n) for q in scenario.queries)]
            commands.append(DIGEST)
    return commands


def reading():
    """Those whose queries write nothing."""
    return [s for s in _all() if not any(WRITES.search(q) for q in s.queries)]


def variants(query, n):
    """The query with other values."""
    return list(dict.fromkeys(_other_values(query, i) for i in range(n)))
