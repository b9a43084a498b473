# SPDX-License-Identifier: Apache-2.0
"""What a snapshot does to a replica, held for as long as a test wants: the statements of
common/snapshot/hold.c in an explicit transaction of another client."""

import requests


class Hold:
    def __init__(self, server, topic, limit_ms=600_000):
        self.session = requests.Session()
        self.session.auth = (server.user, server.password)
        self.session.trust_env = False
        self.session.headers["max-execution-time"] = str(limit_ms)
        self.topic = topic
        opened = self._post(f"{server.http_uri}/db/neo4j/tx", [])
        self.path = opened["commit"].removesuffix("/commit")
        self.run("CALL tx.setMetaData({cypherlog: 'snapshot'})")
        self.run("MERGE (p:`__db_sync` {topic: $t, partition: 0}) RETURN p.offset", t=topic)

    def _post(self, path, statements):
        answer = self.session.post(path, json={"statements": statements}, timeout=60).json()
        assert not answer["errors"], answer["errors"]
        return answer

    def run(self, text, **params):
        rows = self._post(self.path, [{"statement": text, "parameters": params}])["results"][0]["data"]
        return [r["row"] for r in rows]

    def offset(self):
        """The position as it is under the lock; also keeps the transaction alive."""
        return self.run("MATCH (p:`__db_sync` {topic: $t, partition: 0}) RETURN p.offset", t=self.topic)[0][0]

    def end(self):
        assert not self.session.delete(self.path, timeout=60).json()["errors"]

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.end()
        else:
            self.session.delete(self.path, timeout=60)
