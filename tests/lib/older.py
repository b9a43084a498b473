# SPDX-License-Identifier: Apache-2.0
"""The real neo4j-backup, each version in an environment of its own (make tested): its importer and
its extractor."""

import os
import subprocess

from conftest import ROOT

VERSIONS = {"0.2.4": ("typed", "4.4"), "1.0.0": ("literal", "5.26")}  # layout, and the Neo4j that it runs on

IMPORT = """
import sys
from neo4j import GraphDatabase
from neo4j_backup import Importer
with GraphDatabase.driver(sys.argv[1], auth=("neo4j", sys.stdin.read())) as driver:
    Importer(sys.argv[2], driver, input_yes=True).import_data()
"""
EXTRACT = """
import sys
from neo4j import GraphDatabase
from neo4j_backup import Extractor
with GraphDatabase.driver(sys.argv[1], auth=("neo4j", sys.stdin.read())) as driver:
    Extractor(sys.argv[2], driver, input_yes=True, compress=sys.argv[3] == "1").extract_data()
"""


class Older:
    def __init__(self, version, server):
        self.version, self.server = version, server
        self.layout, self.line = VERSIONS[version]

    def _run(self, code, *words):
        python = ROOT / "build" / f"neo4j-backup-{self.version}" / "bin" / "python"
        return subprocess.run([python, "-W", "ignore", "-c", code, self.server.bolt_uri, *words], input=self.server.password,
                              capture_output=True, text=True, timeout=240, env={**os.environ, "LC_ALL": "C.UTF-8"})

    def load(self, folder):
        done = self._run(IMPORT, str(folder))
        assert done.returncode == 0, done.stderr[-2000:]

    def extract(self, folder, compress=True):
        done = self._run(EXTRACT, str(folder), "1" if compress else "0")
        assert done.returncode == 0, done.stderr[-2000:]
