# SPDX-License-Identifier: Apache-2.0
"""One Kafka broker that is its own controller (KRaft)."""

import base64
import socket
import struct
import subprocess
import uuid
from typing import Any, List, Mapping, Optional, Sequence

from .error import StackError
from .jars import HERE, Java, fetch, find_java
from .process import HOST, Server, write_whole


class Kafka(Server):
    """A broker in the folder. extra_conf is added to server.properties and wins over what is there.

    listeners names more listeners after their security protocol, such as "SASL_SSL": each gets a
    port (ports["SASL_SSL"]); its keys and users are extra_conf's business. format_args go to the
    one-time formatting of the data folder: "--add-scram", "SCRAM-SHA-256=[name=…,password=…]". A
    process list shows them meanwhile, and server.json keeps them: for passwords of tests only."""

    kind = "kafka"
    user = None

    def __init__(self, folder, port: Optional[int] = None, name: str = "kafka", profile: str = "small",
                 heap_mb: int = 320, extra_conf: Optional[Mapping[str, Any]] = None,
                 jvm_args: Sequence[str] = (), listeners: Sequence[str] = (),
                 format_args: Sequence[str] = ()):
        self.listeners, self.format_args = list(listeners), list(format_args)
        super().__init__(folder, name, "kafka", profile, heap_mb, extra_conf, jvm_args,
                         {"PLAINTEXT": port, "CONTROLLER": None, **dict.fromkeys(listeners)},
                         listeners=self.listeners, format_args=self.format_args)

    @property
    def port(self) -> int:
        return self.ports["PLAINTEXT"]

    @property
    def bootstrap(self) -> str:
        """host:port of the listener without encryption."""
        return f"{HOST}:{self.port}"

    @property
    def address(self) -> str:
        return self.bootstrap

    def _properties(self) -> str:
        listeners = {key: f"{key}://{HOST}:{port}" for key, port in self.ports.items()}
        values = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{HOST}:{self.ports['CONTROLLER']}",
            "controller.listener.names": "CONTROLLER",
            "listeners": ",".join(listeners.values()),
            "advertised.listeners": ",".join(listeners[k] for k in ("PLAINTEXT", *self.listeners)),
            "listener.security.protocol.map": ",".join(
                f"{key}:{'PLAINTEXT' if key == 'CONTROLLER' else key}" for key in self.ports),
            "log.dirs": self.data,
            "auto.create.topics.enable": "false",
            # one broker: no copies
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            # little work and space for what tests do not look at
            "offsets.topic.num.partitions": 1,
            "transaction.state.log.num.partitions": 1,
            "num.network.threads": 2,
            "num.io.threads": 4,
            "log.index.size.max.bytes": 1 << 20,  # preallocated, twice a partition
            "log.cleaner.dedupe.buffer.size": 10 << 20,  # else 128 MB of the heap
            # no waiting: for more members of a group, for the end of an abandoned transaction, and
            # after a kill -9 for the end of the dead broker's session (9 s by default)
            "group.initial.rebalance.delay.ms": 0,
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
            "broker.heartbeat.interval.ms": 500,
            "broker.session.timeout.ms": 3000,
            **self.extra_conf,
        }
        return "".join(f"{key}={value}\n" for key, value in values.items())

    def _configure(self) -> None:
        properties = self.folder / "server.properties"
        write_whole(properties, self._properties())
        if (self.data / "meta.properties").exists():
            return
        # the letter: an id that begins with - would be taken for an option
        cluster = "c" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
        command = self.java_command(find_java("kafka"), fetch("kafka"), *self._log4j(),
                                    "kafka.tools.StorageTool", "format", "-t", cluster,
                                    "-c", str(properties), *self.format_args)
        with open(self.log_path, "ab") as log:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=120)
        if done.returncode != 0:
            raise StackError(f"{self.name}: formatting {self.data} failed; {self._log_end()}")

    @staticmethod
    def _log4j() -> List[str]:
        return [f"-Dlog4j2.configurationFile={HERE / 'kafka' / 'log4j2.xml'}"]

    def _arguments(self, java: Java) -> List[str]:
        return [*self._log4j(), "kafka.Kafka", str(self.folder / "server.properties")]

    def why_not_ready(self) -> Optional[str]:
        """Asks for metadata: a broker that may work for clients lists itself there."""
        try:
            brokers = self._broker_count()
        except (OSError, struct.error) as error:
            return f"{self.bootstrap} does not answer ({error})"
        return None if brokers else "the controller has not admitted the broker yet"

    def _broker_count(self) -> int:
        """A Metadata request of version 1 for no topics (Kafka protocol guide): length; api key 3,
        version 1, correlation id, no client id; an empty array. The answer: length, correlation id,
        array of brokers, which begins with its count."""
        request = struct.pack(">hhihi", 3, 1, 1, -1, 0)
        with socket.create_connection((HOST, self.port), timeout=2) as s, s.makefile("rb") as answer:
            s.sendall(struct.pack(">i", len(request)) + request)
            return struct.unpack(">iii", answer.read(12))[2]
