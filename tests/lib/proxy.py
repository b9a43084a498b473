# SPDX-License-Identifier: Apache-2.0
"""A way through to Neo4j on which the test decides, request by request: let it pass, cut it off
before or after the server did it, or answer in the server's place."""

import http.client
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

CUT = object()  # a rule's answer: close the connection


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exception(), ConnectionError):  # whoever asked was killed
            super().handle_error(request, client_address)


class Request:
    """One request of db_sync: its statements, and what db_sync wants with it."""

    def __init__(self, body):
        self.statements = json.loads(body)["statements"] if body else []
        texts = [s["statement"] for s in self.statements]
        last = self.statements[-1] if self.statements else {"statement": ""}
        self.text, self.kind, self.offset = last["statement"], "other", None
        if last["statement"].startswith("CREATE (:`__db_sync`"):
            intent = last["parameters"]["intent"]
            self.kind = "intent" if intent >= 0 else "commit"
            self.offset = intent if intent >= 0 else last["parameters"]["last"]
        elif any("__db_sync" in t for t in texts):
            self.kind = "look" if len(texts) == 2 and texts[0].startswith("SHOW INDEXES") else "position"
        elif "db.awaitIndexes" in last["statement"]:
            self.kind = "await"
        elif len(texts) == 1:
            self.kind = "command"  # a schema command: it is alone


class Proxy:
    """Stands for its server wherever only an address and a password are asked for. rule(request, when), with when "before"
    or "after", which has request.answer, says: None, CUT, or (status, body[, type]) to answer."""

    def __init__(self, server):
        self.to, self.password = urlsplit(server.http_uri), server.password
        self.rule = None
        self.requests = []  # every Request that came
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                proxy._serve(self)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.http = Server(("127.0.0.1", 0), Handler)
        self.http_uri = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    def count(self, *kinds):
        return sum(r.kind in kinds for r in list(self.requests))

    def _serve(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        request = Request(body)
        self.requests.append(request)
        said = self.rule(request, "before") if self.rule else None
        try:
            if said is None:
                request.answer = self._forward(handler, body)
                said = self.rule(request, "after") if self.rule else None
                said = request.answer if said is None else said
        except OSError:
            said = CUT
        if said is CUT:
            handler.close_connection = True
            return
        status, content, kind = (*said, "application/json")[:3]
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def _forward(self, handler, body):
        upstream = http.client.HTTPConnection(self.to.hostname, self.to.port, timeout=300)
        try:
            headers = {k: v for k, v in handler.headers.items() if k.lower() not in ("host", "connection")}
            upstream.request(handler.command, handler.path, body or None, headers)
            answer = upstream.getresponse()
            return answer.status, answer.read(), answer.headers.get("Content-Type", "application/json")
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            upstream.close()


def error(code, message="said by the test", status=200):
    """A whole answer, in either notation, that holds one error."""
    errors = [{"code": code, "message": message}]
    return status, json.dumps({"results": [], "errors": errors, "error": {"errors": errors}, "info": {}}).encode()
