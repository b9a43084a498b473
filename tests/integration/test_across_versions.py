# SPDX-License-Identifier: Apache-2.0
"""A graph on its way through the server lines, 4.4 to 5.26 to 2026, by snapshot and restore, in both
layouts: the same digest, the same graph to Neo4j's own driver, the same schema."""

import backup
import driver
import pytest
import stack
from neo import Neo, schema
from test_restore import nothing_left, restore
from test_snapshot import INDEXES, NAMES, snapshot, verify
from test_values import STORED

LINES = ["4.4", "5.26", "2026"]
HEAP_MB = 384
# what a line has that the one before has not: it goes on to the next
NEWER = {"4.4": ["CREATE INDEX bt FOR (n:Plain) ON (n.bt)"],
         "5.26": ["CREATE CONSTRAINT each FOR ()-[r:T]-() REQUIRE r.k IS UNIQUE", "CREATE CONSTRAINT pair FOR ()-[r:T]-() REQUIRE (r.x, r.y) IS UNIQUE",
                  "CREATE VECTOR INDEX near FOR (n:Plain) ON (n.v) OPTIONS {indexConfig: {`vector.dimensions`: 3, `vector.similarity_function`: 'cosine'}}"],
         "2026": []}


class Place:
    """One server line, started when it is asked for; what is known of it once it is stopped."""

    def __init__(self, servers_dir, line):
        self.server = stack.Neo4j(servers_dir / f"across-{line}", f"across-{line}", version=line, heap_mb=HEAP_MB).start()
        self.neo = Neo(self.server.http_uri, self.server.user, self.server.password)


@pytest.fixture(scope="module")
def path(servers_dir, tmp_path_factory):
    """{layout: [(line, snapshot's folder, driver's graph, schema)]} of each line in turn: its own
    database holds what came from the line before. One server runs at a time."""
    folder = tmp_path_factory.mktemp("across")
    found = {"typed": [], "literal": []}
    for line in LINES:
        place = Place(servers_dir, line)
        try:
            for layout, steps in found.items():
                found[layout] = [*steps, visit(place, line, folder / f"{layout}-{line}", layout, steps)]
        finally:
            place.server.kill()
    return found


def visit(place, line, folder, layout, steps):
    place.neo.wipe()
    if steps:
        restore(place.server, steps[-1][1])
        nothing_left(place.neo)
    else:
        place.neo.transaction([(STORED, None), (NAMES, None)])
        for text in INDEXES:
            place.neo.run(text)
    came = schema(place.neo)
    for text in NEWER[line]:
        place.neo.run(text)
    snapshot(place.server, folder, "--layout", layout)
    verify(folder)
    return line, folder, driver.graph(place.server), came, schema(place.neo)


def told(found):
    """A schema in the words of the newest line."""
    words = {"BTREE": "RANGE", "UNIQUENESS": "NODE_PROPERTY_UNIQUENESS", "RELATIONSHIP_UNIQUENESS": "RELATIONSHIP_PROPERTY_UNIQUENESS"}
    return sorted([(what, name, words.get(kind, kind), *rest) for what, name, kind, *rest in found], key=str)


@pytest.mark.parametrize("layout", ["typed", "literal"])
def test_one_graph_on_all_lines(path, layout):
    steps = path[layout]
    assert [s[0] for s in steps] == LINES
    assert [backup.manifest(s[1])["server"]["version"].split(".")[0] for s in steps] == ["4", "5", "2026"]
    assert len({backup.manifest(s[1])["digest"] for s in steps}) == 1
    for before, after in zip(steps, steps[1:]):
        assert after[2] == before[2], (before[0], after[0])
        assert told(after[3]) == told(before[4]), (before[0], after[0])
    assert len(steps[0][2]) > 40 and len(steps[-1][4]) > len(steps[0][4])


def test_layouts_hold_the_same_graph(path):
    assert path["typed"][-1][2] == path["literal"][-1][2]
    assert backup.manifest(path["typed"][-1][1])["digest"] == backup.manifest(path["literal"][-1][1])["digest"]
