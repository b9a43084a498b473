# SPDX-License-Identifier: Apache-2.0
"""One Neo4j Community server."""

import base64
import http.client
import json
import secrets
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .error import UNREACHABLE, USAGE, StackError
from .jars import Java
from .process import HOST, Server, write_whole

NEO4J_VERSIONS = ("5.26", "4.4", "2026")
INITIAL_PASSWORD = "neo4j"  # of every fresh server; good for nothing but being changed


class Neo4j(Server):
    """A server in the folder. extra_conf is added to neo4j.conf and wins over what is there; its
    names are those of the version. Without a password one is made and kept in password_file."""

    kind = "neo4j"
    user = "neo4j"

    def __init__(self, folder, name: str, version: str = "5.26", http_port: Optional[int] = None,
                 bolt_port: Optional[int] = None, password: Optional[str] = None,
                 profile: str = "small", heap_mb: int = 512,
                 extra_conf: Optional[Mapping[str, Any]] = None, jvm_args: Sequence[str] = ()):
        if version not in NEO4J_VERSIONS:
            raise StackError(f"no Neo4j {version} here, only {', '.join(NEO4J_VERSIONS)}", USAGE)
        if password is not None and len(password) < 8:
            raise StackError("Neo4j takes no password of less than 8 characters", USAGE)
        self.line = version
        super().__init__(folder, name, f"neo4j-{version}", profile, heap_mb, extra_conf, jvm_args,
                         {"http": http_port, "bolt": bolt_port}, version=version)
        self.password_file = self.folder / "password"
        if password is not None or not self.password_file.exists():
            write_whole(self.password_file, (password or secrets.token_urlsafe(12)) + "\n")

    @property
    def password(self) -> str:
        return self.password_file.read_text().strip()

    @property
    def http_port(self) -> int:
        return self.ports["http"]

    @property
    def bolt_port(self) -> int:
        return self.ports["bolt"]

    @property
    def http_uri(self) -> str:
        return f"http://{HOST}:{self.http_port}"

    @property
    def bolt_uri(self) -> str:
        return f"bolt://{HOST}:{self.bolt_port}"

    @property
    def address(self) -> str:
        return self.http_uri

    def _conf(self) -> str:
        http, bolt = f"{HOST}:{self.http_port}", f"{HOST}:{self.bolt_port}"
        old = self.line == "4.4"
        top, connector = ("dbms", "dbms.connector") if old else ("server", "server")
        values = {f"{top}.directories.{d}": self.folder / d
                  for d in ("data", "logs", "run", "plugins", "import")}
        values.update({
            f"{connector}.http.listen_address": http,
            f"{connector}.http.advertised_address": http,
            f"{connector}.bolt.listen_address": bolt,
            f"{connector}.bolt.advertised_address": bolt,
            f"{connector}.https.enabled": "false",
            f"{top}.memory.pagecache.size": "64m",
            # else each of its two databases takes 256 MB of disk at once
            f"{'dbms' if old else 'db'}.tx_log.preallocate": "false",
            # else Bolt spends ten seconds of each stop waiting for nobody
            f"{'unsupported' if old else 'internal'}.dbms.bolt.netty_server_shutdown_quiet_period": 0,
        })
        if not old:
            values["dbms.usage_report.enabled"] = "false"
        values.update(self.extra_conf)
        return "".join(f"{key}={value}\n" for key, value in values.items())

    def _configure(self) -> None:
        for d in ("data", "logs", "run", "plugins", "import", "conf"):
            (self.folder / d).mkdir(exist_ok=True)
        write_whole(self.folder / "conf" / "neo4j.conf", self._conf())

    def _arguments(self, java: Java) -> List[str]:
        opens = ["java.nio", "java.io", "sun.nio.ch", "java.util.concurrent"]
        flags, main = ["--enable-native-access=ALL-UNNAMED"], "org.neo4j.server.CommunityEntryPoint"
        if self.line == "4.4":
            opens, flags = [*opens, "java.lang"], []
        if self.line == "2026":
            flags, main = [*flags, "--add-modules=jdk.incubator.vector"], "org.neo4j.server.Neo4jCommunity"
        if java.major >= 23:  # unknown before, a warning at each start without it since 24
            flags.append("--sun-misc-unsafe-memory-access=allow")
        return [*(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in opens), *flags,
                "-Dio.netty.tryReflectionSetAccessible=true", "-Dfile.encoding=UTF-8", main,
                f"--home-dir={self.folder}", f"--config-dir={self.folder / 'conf'}"]

    def _request(self, method: str, path: str, password: str = "", body: Any = None,
                 timeout_s: float = 10) -> Tuple[int, Dict[str, Any]]:
        """HTTP status and decoded answer, {} for one that is not JSON. OSError when nobody answers."""
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if password:
            login = base64.b64encode(f"{self.user}:{password}".encode()).decode()
            headers["Authorization"] = f"Basic {login}"
        connection = http.client.HTTPConnection(HOST, self.http_port, timeout=timeout_s)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            try:
                return answer.status, json.loads(answer.read())
            except ValueError:
                return answer.status, {}
        except http.client.HTTPException as error:
            raise OSError(f"broken answer: {error!r}") from error
        finally:
            connection.close()

    def _run(self, text: str, parameters: Mapping[str, Any], database: str, password: str,
             timeout_s: float) -> Tuple[int, Dict[str, Any]]:
        """One statement in a transaction of its own: HTTP status, and the answer with results and
        errors, at least one error unless it was done."""
        body = {"statements": [{"statement": text, "parameters": parameters}]}
        status, answer = self._request("POST", f"/db/{database}/tx/commit", password, body, timeout_s)
        errors = answer.get("errors", [])
        if status != 200 and not errors:
            errors = [{"code": f"HTTP {status}", "message": "no error in the answer"}]
        return status, {"results": answer.get("results", []), "errors": errors}

    def cypher(self, text: str, database: str = "neo4j", parameters: Optional[Mapping[str, Any]] = None,
               password: Optional[str] = None, timeout: float = 10) -> Dict[str, Any]:
        """Neo4j's answer to one statement, as it is: results and errors. OSError when nobody
        answers within timeout seconds."""
        return self._run(text, parameters or {}, database, password or self.password, timeout)[1]

    def rows(self, text: str, parameters: Optional[Mapping[str, Any]] = None,
             timeout: float = 10) -> List[List[Any]]:
        """The rows of one statement. StackError: refused (with Neo4j's code), or (code 4) nobody
        answers within timeout seconds."""
        try:
            answer = self.cypher(text, parameters=parameters, timeout=timeout)
        except OSError as error:
            raise StackError(f"{self.name}: {self.http_uri} does not answer ({error})",
                             UNREACHABLE) from error
        for error in answer["errors"]:
            raise StackError(f"{self.name}: {error['code']}: {error['message']}")
        return [entry["row"] for entry in answer["results"][0]["data"]]

    def why_not_ready(self) -> Optional[str]:
        """Ready is: GET / names the right version, and a statement runs with our password. A fresh
        server gets that password here: over HTTP, since a process list shows command lines."""
        try:
            found = self._request("GET", "/")[1].get("neo4j_version", "")
            if not found.startswith(self.line):
                return f"{self.http_uri} does not name its version yet (or is not Neo4j {self.line})"
            status, answer = self._run("RETURN 1", {}, "neo4j", self.password, 10)
            if status == 401:
                return self._change_initial_password()
        except OSError as error:
            return f"{self.http_uri} does not answer ({error})"
        return answer["errors"][0]["code"] if answer["errors"] else None

    def _change_initial_password(self) -> str:
        status, _ = self._run("ALTER CURRENT USER SET PASSWORD FROM $old TO $new",
                              {"old": INITIAL_PASSWORD, "new": self.password}, "system",
                              INITIAL_PASSWORD, 30)
        # Refused twice: but an earlier attempt, whose answer we did not get, may have done it.
        if status == 401 and self._run("RETURN 1", {}, "neo4j", self.password, 10)[0] == 401:
            raise StackError(f"{self.name} knows neither the password in {self.password_file} nor "
                             "the initial one: put the one its data was made with into that file, "
                             "or wipe its data")
        return "its password is just being set"
