#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends a command, then reads what it did from whichever replica answers. pip install confluent-kafka"""
import json
import os
import sys
import time
import uuid

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

KAFKA = {"bootstrap.servers": os.environ.get("BROKERS", "localhost:9092")}
PREFIX = os.environ.get("B_TOPIC_PREFIX", "")
KEY = "client.py"  # of requests, and so of their replies
# enable.idempotence is not the default; acks=all and isolation.level=read_committed are
PRODUCER = Producer({**KAFKA, "enable.idempotence": True, "acks": "all", "delivery.timeout.ms": 30000})


def produce(topic, key, message):
    """Returns the record's offset, once Kafka has it for good."""
    reports = []
    PRODUCER.produce(PREFIX + topic, json.dumps(message), key, on_delivery=lambda *report: reports.append(report))
    PRODUCER.flush()
    error, record = reports[0]
    if error:
        raise KafkaException(error)
    return record.offset()


def send(command, params):
    """Returns the token: the min_offset of requests that are to see the command."""
    return produce("command", None, {"command": command, "params": params}) + 1


def ask(query, params, token, timeout_s=10):
    """Returns the pages of the reply."""
    consumer = Consumer({**KAFKA, "group.id": "none", "enable.auto.commit": False, "isolation.level": "read_committed"})
    try:
        topic, request_id, pages = PREFIX + "response", str(uuid.uuid4()), []
        parts = [TopicPartition(topic, p) for p in consumer.list_topics(topic, 10).topics[topic].partitions]
        for part in parts:  # where reading begins is known before the request is sent: no reply is missed
            part.offset = consumer.get_watermark_offsets(part, 10)[1]
        consumer.assign(parts)
        produce("request", KEY, {"id": request_id, "with_key": KEY, "command": query, "params": params,
                                 "min_offset": token, "timeout_ms": timeout_s * 1000, "page_rows": 2})
        end = time.monotonic() + timeout_s + 5  # the server says first that it could not
        while (left := end - time.monotonic()) > 0:
            record = consumer.poll(left)
            if record is None:
                continue
            if record.error():
                raise KafkaException(record.error())
            if record.key() != KEY.encode():
                continue
            page = json.loads(record.value())
            if page.get("id") != request_id or page["seq"] != len(pages):
                continue  # another request's, or a notice
            if "error" in page:
                raise RuntimeError("{code}: {message}".format(**page["error"]))
            pages.append(page)
            if page["last"]:
                return pages
        raise TimeoutError(f"no reply to {request_id} in {timeout_s + 5} s: does a global_server run?")
    finally:
        consumer.close()


def main():
    params = {"run": str(uuid.uuid4())}
    token = send("UNWIND range(1, 5) AS n CREATE (:Reading {run: $run, n: n})", params)
    print("token", token)
    pages = ask("MATCH (r:Reading {run: $run}) RETURN r.n AS n ORDER BY n", params, token)
    last = pages[-1]  # its offset is a token too: with it nobody reads an older state
    print(f"{last['total']} rows in {len(pages)} pages, replica {last['replica']}, offset {last['offset']}")
    for page in pages:
        for row in page["rows"]:
            print(json.dumps(row))


if __name__ == "__main__":
    try:
        main()
    except (KafkaException, RuntimeError, TimeoutError) as error:
        sys.exit(f"client.py: {error}")
