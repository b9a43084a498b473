# SPDX-License-Identifier: Apache-2.0
"""mitmproxy add-on: cuts connections to Neo4j. CUT_WHEN=before: the request never reaches the
server; after: the server has committed and its answer is lost. Every CUT_EVERY-th request that
commits commands is cut; each cut adds a line to CUT_LOG."""

import os

WHEN, EVERY, LOG = os.environ["CUT_WHEN"], int(os.environ["CUT_EVERY"]), os.environ["CUT_LOG"]


class Cutter:
    seen = 0

    def _turn(self, flow):
        if not (flow.request.method == "POST" and b"CREATE (:`__db_sync`" in (flow.request.content or b"")):
            return False
        self.seen += 1
        return self.seen % EVERY == 0

    def _cut(self, flow):
        with open(LOG, "a") as log:
            log.write(WHEN + "\n")
        flow.kill()

    def request(self, flow):
        flow.metadata["cut"] = self._turn(flow)
        if flow.metadata["cut"] and WHEN == "before":
            self._cut(flow)

    def response(self, flow):
        if flow.metadata.get("cut") and WHEN == "after":
            self._cut(flow)


addons = [Cutter()]
