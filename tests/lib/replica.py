# SPDX-License-Identifier: Apache-2.0
"""A replica against its log and against the oracle."""

from neo import dump, graph, schema
from wait import until


def applied(neo, topics, deadline_s=120):
    """Waits until the replica holds the whole log."""
    end = topics.end("command")
    until(f"offset {end} in the replica, it was at {neo.offset()}", lambda: neo.offset() == end, deadline_s)


def check_equal(mine, oracle):
    assert graph(mine) == graph(oracle), f"mine:\n{dump(mine)}\noracle:\n{dump(oracle)}"
    assert schema(mine) == schema(oracle)
