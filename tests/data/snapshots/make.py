#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the golden snapshots anew, from graph.cypher, with the programs of build/release and a Neo4j
4.4 of its own; README.md beside it tells when that may be done.

    build/venv/bin/python tests/data/snapshots/make.py"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(ROOT / "tests" / "lib"), str(ROOT / "compose" / "local")]

import stack  # noqa: E402
from golden import FOLDERS, statements  # noqa: E402
from neo import Neo  # noqa: E402


def main():
    with tempfile.TemporaryDirectory() as folder:
        server = stack.Neo4j(pathlib.Path(folder) / "neo4j", "golden", version="4.4").start()
        try:
            neo = Neo(server.http_uri, server.user, server.password)
            for text in statements():
                neo.run(text)
            env = {**os.environ, "NEO4J_URI": server.http_uri, "NEO4J_PASS": server.password}
            for name, options in FOLDERS.items():
                shutil.rmtree(HERE / name, ignore_errors=True)
                subprocess.run([ROOT / "build/release/bin/db_sync", "snapshot", HERE / name, *options], env=env, check=True)
        finally:
            server.kill()


if __name__ == "__main__":
    main()
