# SPDX-License-Identifier: Apache-2.0
"""The golden snapshots of tests/data/snapshots: how each was made, and the graph that is in all."""

import pathlib

DATA = pathlib.Path(__file__).resolve().parents[1] / "data" / "snapshots"
FOLDERS = {"typed-1.0": ["--layout", "typed"], "typed-1.0-plain": ["--layout", "typed", "--no-compress"],
           "literal-1.0": ["--layout", "literal"], "literal-1.0-plain": ["--layout", "literal", "--no-compress"]}


def statements():
    """graph.cypher without its comments; a semicolon ends a line and a statement."""
    lines = [line for line in (DATA / "graph.cypher").read_text().splitlines() if not line.startswith("//")]
    return [text for text in "\n".join(lines).split(";\n") if text.strip()]
