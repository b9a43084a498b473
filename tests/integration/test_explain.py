# SPDX-License-Identifier: Apache-2.0
"""db_sync explain says what run does: README's examples word for word, and the rest of what it may say."""

import json
import os
import re
import subprocess

import pytest
from conftest import ROOT
from programs import BIN


def explain(line, **env):
    """A command line of a shell; its output."""
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", **env})
    assert done.returncode == 0, done.stderr
    return done.stdout


def of(server):
    return {"NEO4J_URI": server.http_uri, "NEO4J_PASS": server.password}


def examples():
    section = (ROOT / "README.md").read_text().split("## How commands reach Neo4j")[1].split("\n## ")[0]
    return re.findall(r"^\$ (db_sync explain .*)\n((?:[^\s`].*\n)+)", section, re.M)


def test_readme_shows_what_it_says(server_a, neo_a, neo4j_version):
    neo_a.run("CREATE TEXT INDEX text_body FOR (t:Text) ON (t.body)")
    neo_a.run("CALL db.awaitIndexes()")
    shown = examples()
    assert len(shown) == 5
    for line, output in shown:
        told = explain(line, **of(server_a))
        if neo4j_version == "5.26":  # others have another syntax, and other words
            assert told == output
        assert told.splitlines()[0] == output.splitlines()[0]


@pytest.mark.parametrize("text,form", {
    "MERGE (n:P {id: 1}) SET n.v = 2": "coalesced", "MATCH (n:P {id: 1}) DELETE n": "parameters", "CREATE (:P {v: -0.0})": "text",
    "CREATE (:P {v: 'a\\u0041'})": "text", "CREATE (:P {v: $missing})": "text", "CREATE (:P {v: rand()})": "none", "MATCH (n) SET m.v = 1": "none",
}.items())
def test_forms(text, form, server_a, neo_a):
    told = json.loads(explain(f'db_sync explain --json "$TEXT"', TEXT=text, **of(server_a)))
    assert told["form"].startswith(form), told
    assert form == "coalesced" or told.get("why") or "since" in told["form"], told
    assert neo_a.one("MATCH (n) RETURN count(n)") == 0  # nothing is executed


@pytest.mark.parametrize("text,begins", {"MATCH (:P {id: 1})-[r]-() DELETE r": True, "MATCH (:P {id: 1})-[r:R]-() DELETE r": False, "MATCH (:P {id: 1})--(n) SET n.v = 2": False}.items())
def test_what_begins_a_transaction_says_so(text, begins):
    assert ("begins" in json.loads(explain('db_sync explain --json "$TEXT"', TEXT=text, NEO4J_PASS=""))) == begins


def test_without_neo4j():
    told = json.loads(explain("db_sync explain --json 'CREATE (:P {v: 1})'", NEO4J_PASS=""))
    assert "was not asked" in told["form"].replace("\n", " ") and told["parameters"] == {"__cl0": 1}
