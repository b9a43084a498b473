# SPDX-License-Identifier: Apache-2.0
"""Commands whose literals become parameters do what their texts do one by one: the same graph, with types, and the same
failures with their codes."""

import collections
import concurrent.futures
import json
import random
import subprocess
import uuid

import programs
import pytest
from conftest import ROOT, scaled
from grammar import stream
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from neo import CypherError, dump, graph, schema
from oracle import apply_one_by_one, statements
from replica import applied

STREAMS = st.fixed_dictionaries({
    "seed": st.integers(0, 2**32 - 1),
    "count": st.integers(*scaled((150, 250), (1000, 3000))),
    "shapes": st.integers(*scaled((1, 3), (1, 6))),
    "awkward": st.sampled_from(scaled([0, 0.02, 0.1], [0, 0.02, 0.1, 0.25])),
    "refused": st.sampled_from([0, 0, 0, 0.002, 0.02]),
    "wrong": st.sampled_from([0, 0, 0.01]),
    "schema": st.sampled_from([0, 0, 0.005]),
    "typed": st.sampled_from([0, 0.03, 0.1]),
    "own": st.sampled_from([0, 0.03, 0.1]),
    "lists": st.sampled_from([0, 0.03, 0.1]),
})
BATCHES = [7, 100, 1000, 1000]  # chosen by the seed, as hypothesis likes to stay where it is

FORMS = {"texts", "parameters", "coalesced"}
SPECIAL = {"typed": "$type", "own": "$__", "lists": '"commands"'}
WANTED = FORMS | set(SPECIAL)


class Pair:
    """A replica and an oracle; how many streams they were given, and what became of the commands."""

    def __init__(self, topics, server, mine, oracle, db_sync):
        self.topics, self.server, self.mine, self.oracle, self.db_sync = topics, server, mine, oracle, db_sync
        self.counts = collections.Counter()

    def count(self, what, n=1):
        self.counts[what] += n

    def compiles(self, command):
        try:
            return self.oracle.transaction([("EXPLAIN " + text, params) for text, params in statements(command)]) is not None
        except CypherError:
            return False

    def difference(self, commands, batch):
        """What the two do not have equal after a stream; "": nothing."""
        for neo in (self.mine, self.oracle):
            neo.wipe()
        self.topics.prefix = f"l{uuid.uuid4().hex[:8]}-"  # a log of its own for each stream
        for topic in ("command", "fail", "status"):
            self.topics.create(topic)
        self.topics.commands(commands, bad="perhaps")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            failing = pool.submit(apply_one_by_one, self.oracle, commands, [message.timestamp()[1] for message in self.topics.read("command")])
            agent = self.db_sync(self.server, BATCH_COUNT=batch, LOG_LEVEL="debug")
            applied(self.mine, self.topics, scaled(120, 1800))  # three tries, some seconds apart, for each error that may be the server's own fault
            failed = failing.result()
        refused = dict(failed)
        # a text that is no Cypher gets no further than db_sync
        letters = [(offset, refused.get(offset, code) if code == "cypher.unreadable" else code) for offset, code, _ in self.topics.dead_letters()]
        self.count("streams")
        self.count("commands", len(commands))
        self.count("failing", len(failed))
        for what, mark in SPECIAL.items():
            self.count(what, sum(mark in json.dumps(command) for command in commands))
        for event in agent.events("template"):
            self.count(event["state"])
        for event in agent.events("applied"):  # most of the transaction's commands went so
            self.count(event["form"], int(event["commands"]))
        assert agent.stop() == 0
        return (_compare("failures", letters, failed, commands) or _compare("schema", schema(self.mine), schema(self.oracle))
                or ("" if graph(self.mine) == graph(self.oracle) else f"graph\nmine:\n{dump(self.mine)}\noracle:\n{dump(self.oracle)}"))

    def shortest(self, commands, batch, tries=40):
        """A part of the stream that still differs: halves, quarters … are left out as long as tries last."""
        size = len(commands) // 2
        while size > 0 and tries > 0:
            at = 0
            while at < len(commands) and tries > 0:
                tries -= 1
                rest = commands[:at] + commands[at + size:]
                if rest and self.difference(rest, batch):
                    commands = rest
                else:
                    at += size
            size //= 2
        return commands


def _compare(what, mine, oracle, commands=None):
    if mine == oracle:
        return ""
    wrong = sorted(set(mine) ^ set(oracle), key=str)
    shown = [(w, commands[w[0]]) for w in wrong[:10]] if commands else wrong
    return f"{what}: only mine {[w for w in wrong if w in mine][:10]}, only the oracle's {[w for w in wrong if w in oracle][:10]}: {shown}"


def check(pair, wanted):
    """A stream of these settings, applied both ways."""
    pick = random.Random(wanted["seed"])
    batch = wanted.get("batch") or pick.choice(BATCHES)
    commands = stream(pick, pair.compiles, **{k: v for k, v in wanted.items() if k not in ("seed", "batch")})
    found = pair.difference(commands, batch)
    assert not found, f"{found}\nshortest:\n" + "\n".join(map(repr, pair.shortest(commands, batch)))


@pytest.fixture
def pair(topics, server_a, neo_a, server_b, neo_b, db_sync):
    return Pair(topics, server_a, neo_a, neo_b, db_sync)


@pytest.mark.timeout(scaled(600, 14400))
def test_lifted_equals_one_by_one(pair, neo4j_version, record_property):
    @settings(max_examples=scaled(5, 40), deadline=None, phases=[Phase.generate], print_blob=True, database=None,
              suppress_health_check=list(HealthCheck))
    @given(wanted=STREAMS)
    def run(wanted):
        check(pair, wanted)

    try:
        run()
        for seed in range(6):  # calm ones, large and small transactions in turn, until each form was met
            if not WANTED <= set(+pair.counts):
                check(pair, {"seed": seed, "count": 150, "shapes": 2, "awkward": 0, "refused": 0, "wrong": 0, "schema": 0,
                             "typed": 0.03, "own": 0.03, "lists": 0.03, "batch": (1000, 7)[seed % 2]})
    finally:
        record_property("counts", f"Neo4j {neo4j_version}, {dict(pair.counts)}")
    assert WANTED <= set(+pair.counts), pair.counts


@pytest.mark.parametrize("mistake", scaled(["order"], ["order", "literal"]))
def test_a_mistake_is_found(mistake, pair, monkeypatch):
    """A db_sync that was built with a mistake in its lifting, or in the order of what goes together."""
    binary = ROOT / "build" / f"break-{mistake}" / "bin"
    subprocess.run(["make", "-s", f"BREAK={mistake}", f"{binary.relative_to(ROOT)}/db_sync"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    for seed in range(4):
        commands = stream(random.Random(seed), pair.compiles, count=150, shapes=1, awkward=0, refused=0, wrong=0, schema=0)
        with monkeypatch.context() as broken:
            broken.setattr(programs, "BIN", binary)
            found = pair.difference(commands, 1000)
        if found:
            assert not pair.difference(commands, 1000)  # and not without it
            return
    pytest.fail(f"no difference in {pair.counts}")
