# SPDX-License-Identifier: Apache-2.0
"""Kafka as tests need it, by confluent-kafka: shares no code with cypherlog. Every message that is
read or produced here is checked against topics/."""

import json
import time

import schemas
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from wait import until


class Topics:
    """The topics of one test, told apart from other tests' by a prefix."""

    def __init__(self, bootstrap, prefix):
        self.bootstrap, self.prefix = bootstrap, prefix
        self.bad = set()  # what was produced though no schema allows it
        self.admin = AdminClient({"bootstrap.servers": bootstrap})
        self.producer = self._new_producer()

    def _new_producer(self):
        return Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 5,
                         "message.max.bytes": 40_000_000, "acks": "all"})

    def name(self, topic):
        return self.prefix + topic

    def create(self, topic, partitions=1, **config):
        new = NewTopic(self.name(topic), partitions, 1,
                       config={k.replace("_", "."): str(v) for k, v in config.items()})
        for future in self.admin.create_topics([new]).values():
            future.result(30)

        def led():
            parts = self.admin.list_topics(self.name(topic), timeout=10).topics[self.name(topic)].partitions
            return len(parts) == partitions and all(p.leader >= 0 for p in parts.values())

        until(f"leaders of {topic}", led)

    def delete(self, topic):
        for future in self.admin.delete_topics([self.name(topic)]).values():
            future.result(30)
        until(f"{topic} to be gone", lambda: self.name(topic) not in self.admin.list_topics(timeout=30).topics)
        self.producer = self._new_producer()  # the old one remembers the topic without partitions

    def truncate(self, topic, before):
        """Deletes the records before an offset, as retention would."""
        part = TopicPartition(self.name(topic), 0, before)
        for future in self.admin.delete_records([part]).values():
            future.result(30)

    def produce(self, topic, values, key=None, bad=False, check=True, **where):
        """Raw values (bytes, or JSON of anything else; None is no value at all); waits for their
        acknowledgement. bad: some of them are not as topics/ says, which is an error otherwise;
        "perhaps": some may be. check: False for a bench. where: partition=…"""
        failures, refused = [], 0

        def report(err, _):
            if err is not None:
                failures.append(err)

        for value in values:
            raw = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
            try:
                if check:
                    schemas.check(topic, raw, key)
            except schemas.Refused:
                if not bad:
                    raise
                self.bad.add(raw)
                refused += 1
            while True:
                try:
                    self.producer.produce(self.name(topic), raw, key=key, on_delivery=report, **where)
                    break
                except BufferError:
                    self.producer.poll(0.1)
            self.producer.poll(0)
        assert self.producer.flush(60) == 0 and not failures, failures
        assert refused or bad in (False, "perhaps"), f"topics/ has nothing against any of these messages to {topic}"

    def commands(self, texts, check=True, bad=False):
        """Commands: texts, or (text, params), or whole messages; the rest as in produce."""
        messages = []
        for text in texts:
            if isinstance(text, str):
                messages.append({"command": text})
            elif isinstance(text, tuple):
                messages.append({"command": text[0], "params": text[1]})
            else:
                messages.append(text)
        self.produce("command", messages, check=check, bad=bad)

    def check_written(self):
        """Reads what the programs wrote, so that it is checked though the test did not look."""
        names = (n.removeprefix(self.prefix) for n in self.admin.list_topics(timeout=30).topics
                 if n.startswith(self.prefix) and not n.startswith("__"))
        for topic in names:
            if schemas.kind_of(topic, None) not in ("command", "request"):
                self.read(topic)

    def partitions(self, topic):
        meta = self.admin.list_topics(self.name(topic), timeout=30)
        return sorted(meta.topics[self.name(topic)].partitions)

    def read(self, topic, isolation="read_committed", deadline_s=30):
        """Every message from the beginning to the end that is there now."""
        parts = [TopicPartition(self.name(topic), p, 0) for p in self.partitions(topic)]
        # the end as it is now: under steady writes the end of a partition is never told
        consumer, ends = self._ends(parts, {"isolation.level": isolation, "enable.partition.eof": True,
                                            "fetch.wait.max.ms": 10,  # close() waits for it
                                            "enable.auto.commit": False, "auto.offset.reset": "earliest"})
        open_parts = {p for p, high in ends.items() if high > 0}
        consumer.assign(parts)
        messages, end = [], time.monotonic() + deadline_s
        while open_parts:
            assert time.monotonic() < end, f"topic {topic} could not be read to its end"
            message = consumer.poll(0.2)
            if message is None:
                continue
            if message.error() is not None:
                assert message.error().name() == "_PARTITION_EOF", message.error()
                open_parts.discard(message.partition())
                continue
            messages.append(message)
            if message.offset() + 1 >= ends[message.partition()]:
                open_parts.discard(message.partition())
        consumer.close()
        for message in messages:
            if message.value() not in self.bad:
                schemas.check(topic, message.value(), message.key(), message.headers())
        return sorted(messages, key=lambda m: (m.partition(), m.offset()))

    def _ends(self, parts, settings):
        """A consumer, and the next offset of each partition. A broker that has just started, or hung, may not lead its
        partitions yet; and a consumer that was told so has been seen to say "unknown partition" for 90 s."""
        refused = []

        def ask():
            consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "tests", **settings})
            try:
                return consumer, {p.partition: consumer.get_watermark_offsets(p, timeout=5)[1] for p in parts}
            except KafkaException as why:
                refused.append(str(why))
                consumer.close()
                return None
        try:
            return until(f"the ends of {parts}", ask, 90, 0.2)
        except AssertionError as late:
            raise AssertionError(f"{late}; Kafka said {sorted(set(refused))}") from None

    def end(self, topic):
        """The next offset of partition 0."""
        consumer, ends = self._ends([TopicPartition(self.name(topic), 0)], {})
        consumer.close()
        return ends[0]

    def dead_letters(self):
        """[(offset, code, body)] in order of offset, repeats of one letter folded into one."""
        letters = {}
        for message in self.read("fail"):
            headers = {k: v.decode() for k, v in message.headers()}
            body = json.loads(message.value())
            letters[(headers["replica"], int(headers["offset"]))] = (headers["code"], body)
        return [(offset, code, body) for (_, offset), (code, body) in sorted(letters.items())]

    def status(self, replica, program="db_sync"):
        """The newest status of one replica; None before the first."""
        newest = None
        for message in self.read("status"):
            if message.key() == f"{replica}/{program}".encode():
                newest = json.loads(message.value())
        return newest

    def states(self, replica, program="db_sync"):
        """Every state that was told, in order."""
        return [json.loads(m.value())["state"] for m in self.read("status")
                if m.key() == f"{replica}/{program}".encode()]
