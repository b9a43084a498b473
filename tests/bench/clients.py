# SPDX-License-Identifier: Apache-2.0
"""Clients of the log of commands that an expert would write by hand, who knows the stream. They read
the same topic, keep one connection to Neo4j, and make the next requests ready while one runs. They
keep no position, so what a crash repeats is not theirs to know: that is in their favour."""

import json
import queue
import re
import threading
import time

from confluent_kafka import Consumer, TopicPartition
from neo4j import GraphDatabase
from rival import Rival

ROWS = 2000  # a request
AHEAD = 4    # requests that are ready before they are needed


def batches(bench, topics, count, size, first=0):
    """The first count commands of the log, without those before `first`, as lists of texts."""
    consumer = Consumer({"bootstrap.servers": bench.kafka.bootstrap, "group.id": "client", "enable.auto.commit": False,
                         "fetch.wait.max.ms": 10})
    consumer.assign([TopicPartition(topics.name("command"), 0, first)])
    texts, count = [], count - first
    while count > 0:
        for message in consumer.consume(min(size - len(texts), count), 5):
            assert message.error() is None, message.error()
            texts.append(json.loads(message.value())["command"])
            count -= 1
        if len(texts) == size or count == 0:
            yield texts
            texts = []
    consumer.close()


def made_ahead(bodies):
    """What a generator gives, from a thread of its own; its failure too."""
    ready = queue.Queue(AHEAD)

    def work():
        try:
            for body in bodies:
                ready.put(body)
            ready.put(None)
        except Exception as error:  # pylint: disable=broad-except
            ready.put(error)

    threading.Thread(target=work, daemon=True).start()
    while (body := ready.get()) is not None:
        if isinstance(body, Exception):
            raise body
        yield body


def request(*statements):
    return json.dumps({"statements": [{"statement": s, **({"parameters": p} if p else {})} for s, p in statements]}).encode()


def rows_of_one(shape, texts):
    """Rows as maps, which is how people write UNWIND $rows."""
    find, values, names = shape.pattern.fullmatch, shape.values, shape.names
    return [dict(zip(names, values(*find(text).groups()))) for text in texts]


def rows_of_many(shapes, texts):
    """Rows as lists that begin with the number of their shape, as short as they can be."""
    rows = []
    for text in texts:
        for number, shape in enumerate(shapes):
            found = shape.pattern.fullmatch(text)
            if found is not None:
                rows.append([number, *shape.values(*found.groups())])
                break
        else:
            raise AssertionError(f"no shape for {text}")
    return rows


def branch(number, shape):
    text = shape.text
    for place, name in enumerate(shape.names, 1):
        text = re.sub(rf"\br\.{name}\b", f"r[{place}]", text)
    return f"WITH t, r WHERE t = {number} {text} RETURN count(*) AS x"


def statement(shapes):
    """For several: one branch each, of which a row's number lets one do something, so that the rows keep their order."""
    if len(shapes) == 1:
        return f"UNWIND $rows AS r {shapes[0].text}"
    branches = " UNION ALL ".join(branch(n, shape) for n, shape in enumerate(shapes))
    return f"CYPHER runtime=slotted UNWIND $rows AS r WITH r, r[0] AS t CALL (t, r) {{ {branches} }} RETURN count(*)"


def run(bench, bodies):
    """Seconds from the first look into the log to the last commit."""
    rival, start = Rival(bench.server), time.perf_counter()
    for body in made_ahead(bodies):
        rival.commit(body)
    return time.perf_counter() - start


def lifted_by_hand(bench, topics, count, shapes):
    text = statement(shapes)

    def bodies():
        for texts in batches(bench, topics, count, ROWS):
            rows = rows_of_one(shapes[0], texts) if len(shapes) == 1 else rows_of_many(shapes, texts)
            yield request((text, {"rows": rows}))

    return run(bench, bodies())


def as_they_are(bench, topics, count, size, first=0):
    """Many statements a transaction, each the text of a command."""
    return run(bench, (request(*((text, None) for text in texts)) for texts in batches(bench, topics, count, size, first)))


def loop(bench, topics, count):
    """One Bolt transaction a command."""
    with GraphDatabase.driver(bench.server.bolt_uri, auth=(bench.server.user, bench.server.password)) as driver, driver.session() as session:
        start = time.perf_counter()
        for texts in batches(bench, topics, count, 1000):
            for text in texts:
                session.run(text).consume()
        return time.perf_counter() - start
