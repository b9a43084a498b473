# SPDX-License-Identifier: Apache-2.0
"""Neo4j over HTTP as tests need it: our own small client, which shares no code with cypherlog."""

import hashlib
import json

import requests


class CypherError(Exception):
    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


class Neo:
    """One database. Statements run one a transaction unless said otherwise."""

    def __init__(self, uri, user, password, database="neo4j"):
        self.url = f"{uri}/db/{database}/tx/commit"
        self.session = requests.Session()
        self.session.auth = (user.encode(), password.encode())  # requests would take Latin-1
        self.session.trust_env = False

    def transaction(self, statements, timeout=120):
        """[(text, params)] in one transaction; the Jolt rows of each statement."""
        return [rows for _, rows in self._answers(statements, timeout)]

    def ask(self, text, params=None):
        """The names of its columns, its Jolt rows."""
        answer, = self._answers([(text, params)], 120)
        return answer

    def _answers(self, statements, timeout):
        body = {"statements": [{"statement": t, "parameters": p or {}} for t, p in statements]}
        answer = self.session.post(
            self.url,
            data=json.dumps(body).encode(),
            timeout=timeout,
            headers={
                "Content-Type": "application/json",
                # strict: every value carries its type
                "Accept": "application/vnd.neo4j.jolt-v2;strict=true, application/vnd.neo4j.jolt;strict=true;q=0.5, application/json;q=0.1",
            },
        )
        results, rows, complete = [], None, False
        # 4.4 refuses a login with one object over several lines
        lines = [json.dumps(answer.json()).encode()] if answer.status_code in (401, 429) else answer.content.split(b"\n")
        for line in lines:
            if not line.strip():
                continue
            event = json.loads(line.lstrip(b"\x1e"))
            errors = event.get("errors") or event.get("error", {}).get("errors")
            if errors:
                raise CypherError(plain(errors[0].get("code", "none")), plain(errors[0].get("message", "")))
            if "header" in event:
                rows = []
                results.append((event["header"]["fields"], rows))
            elif "data" in event:
                rows.append(event["data"])
            elif "info" in event:
                complete = True
        if answer.status_code != 200 or not complete:
            raise CypherError(f"http.{answer.status_code}", answer.text[:300])
        return results

    def run(self, text, timeout=120, **params):
        return self.transaction([(text, params)], timeout)[0]

    def one(self, text, **params):
        """The single value of the single row, as Python's."""
        return plain(self.run(text, **params)[0][0])

    def version(self):
        root = self.session.get(self.url.split("/db/")[0], timeout=30).json()
        return tuple(int(n) for n in root["neo4j_version"].split(".")[:2])

    def wipe(self):
        """As it was born: no data, no schema."""
        while self.one("MATCH (n) WITH n LIMIT 20000 DETACH DELETE n RETURN count(n)") > 0:
            pass
        for kind, show in (("CONSTRAINT", "SHOW CONSTRAINTS YIELD name RETURN name"),
                           ("INDEX", "SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP' RETURN name")):
            for row in self.run(show):
                self.run(f"DROP {kind} `{plain(row[0])}` IF EXISTS")

    def position(self):
        """The position node's properties; None without one."""
        rows = self.run("MATCH (p:`__db_sync`) RETURN properties(p)")
        found = plain(rows[0][0]) if rows else None
        # beside a commit a reader may see the node with only some of its properties
        return found if found and "offset" in found else None

    def offset(self):
        position = self.position()
        return position["offset"] if position else None

    def transactions(self, word="", status=""):
        """The ids of the server's transactions whose query holds a word and whose status begins so;
        the one that asks is left out."""
        columns = "transactionId, currentQuery, status"
        found = [[plain(v) or "" for v in row] for row in self.run(f"SHOW TRANSACTIONS YIELD {columns} RETURN {columns}")]
        return [i for i, query, now in found if word in query and now.startswith(status) and "SHOW TRANSACTIONS" not in query]


def plain(value):
    """A strict Jolt value as Python's nearest."""
    if not isinstance(value, dict):
        return [plain(v) for v in value] if isinstance(value, list) else value
    (kind, inner), = value.items()
    if kind == "Z" or (kind == "R" and inner.lstrip("-").isdigit()):
        return int(inner)
    if kind == "R":
        return float(inner)
    if kind == "?":
        return inner == "true"
    if kind == "[]":
        return [plain(v) for v in inner]
    if kind == "{}":
        return {k: plain(v) for k, v in inner.items()}
    return inner


def _hash(*parts):
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def graph(neo):
    """A database's whole content, values typed, ids left out: equal graphs give equal values.

    A node is known by labels and properties, a relationship by type, properties and both ends;
    the position node is left out."""
    nodes, counts = {}, {}
    for (row,) in neo.run("MATCH (n) WHERE NOT n:`__db_sync` RETURN n"):
        ident, labels, props = row["()"]
        key = _hash(sorted(labels), props)
        nodes[str(ident)] = key
        counts["node " + key] = counts.get("node " + key, 0) + 1
    for (row,) in neo.run("MATCH ()-[r]->() RETURN r"):
        _, start, kind, end, props = row["->"]
        key = "rel " + _hash(nodes[str(start)], kind, nodes[str(end)], props)
        counts[key] = counts.get(key, 0) + 1
    return counts


def schema(neo):
    """Indexes and constraints, ours and the lookup ones left out."""
    columns = "name, type, entityType, labelsOrTypes, properties"
    found = []
    for what in ("INDEXES", "CONSTRAINTS"):
        for row in neo.run(f"SHOW {what} YIELD {columns} WHERE type <> 'LOOKUP' RETURN {columns}"):
            name, kind, entity, labels, props = (plain(v) for v in row)
            if not name.startswith("__db_sync"):
                found.append((what, name, kind, entity, labels, props))
    return sorted(found, key=str)


def dump(neo, limit=40):
    """For the message of a failed comparison."""
    rows = neo.run(f"MATCH (n) WHERE NOT n:`__db_sync` RETURN labels(n), properties(n) LIMIT {limit}")
    return "\n".join(json.dumps(plain(r)) for r in rows)
