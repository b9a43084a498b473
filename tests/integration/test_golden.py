# SPDX-License-Identifier: Apache-2.0
"""Snapshots that earlier versions wrote are read as they were meant: tests/data/snapshots."""

import json

import backup
import driver
import pytest
from golden import DATA, FOLDERS, statements
from neo import graph, schema
from programs import run
from test_restore import nothing_left, restore
from test_snapshot import verify


def read_counts(folder):
    """What our own reader finds in the files."""
    sets, types = {}, {}
    for labels, _ in backup.nodes(folder).values():
        sets[tuple(labels)] = sets.get(tuple(labels), 0) + 1
    for _, kind, _, _ in backup.relationships(folder):
        types[kind] = types.get(kind, 0) + 1
    return sets, types


def test_all_are_there_and_small():
    assert sorted(p.name for p in DATA.iterdir() if p.is_dir()) == sorted(FOLDERS)
    assert sum(p.stat().st_size for p in DATA.rglob("*") if p.is_file()) < 100_000


@pytest.mark.parametrize("name", FOLDERS)
def test_proved_and_shown(name):
    folder = DATA / name
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["format"] == "1.0" and manifest["layout"] == name.split("-")[0]
    assert manifest["compressed"] is not name.endswith("plain")
    assert f"digest {manifest['digest']}" in verify(folder).stdout
    shown = json.loads(run("db_sync", ["show", "--json", str(folder)], {}).stdout)
    sets, types = read_counts(folder)
    assert shown["digest"] == manifest["digest"] and shown["files"] == manifest["files"]
    assert shown["counts"] == manifest["counts"]
    assert (shown["counts"]["nodes"], shown["counts"]["relationships"]) == (sum(sets.values()), sum(types.values()))
    assert {tuple(sorted(s["labels"])): s["count"] for s in shown["counts"]["label_sets"]} == sets
    assert {t["type"]: t["count"] for t in shown["counts"]["types"]} == types


def test_all_hold_one_graph():
    assert len({backup.manifest(DATA / name)["digest"] for name in FOLDERS}) == 1


@pytest.mark.parametrize("name", FOLDERS)
def test_restored_is_what_the_cypher_makes(name, server_a, neo_a, server_b, neo_b):
    for text in statements():
        neo_a.run(text)
    restore(server_b, DATA / name)
    nothing_left(neo_b)
    assert graph(neo_b) == graph(neo_a)
    assert driver.graph(server_b) == driver.graph(server_a)
    assert schema(neo_b) == schema(neo_a)
