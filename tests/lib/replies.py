# SPDX-License-Identifier: Apache-2.0
"""What global_server answered, as a read_committed reader sees it."""

import json

from wait import until

# how the server lines refuse to write for a request
WRITE_REFUSED = ("Neo.ClientError.Statement.AccessMode", "Neo.ClientError.Request.Invalid", "Neo.DatabaseError.Statement.ExecutionFailed")


def replies(topics, topic="response"):
    """{id: [pages in order]} of all that is there."""
    pages = {}
    for message in topics.read(topic):
        body = json.loads(message.value())
        pages.setdefault(body["id"], []).append(body)
    return pages


def complete(pages):
    return bool(pages) and pages[-1]["last"]


def wait_replies(topics, ids, topic="response", deadline_s=60):
    def all_there():
        found = replies(topics, topic)
        return found if all(complete(found.get(i)) for i in ids) else None

    return until(f"replies to {len(ids)} requests", all_there, deadline_s, 0.2)


def knows_age(topics, replica="a"):
    """global_server has read the end of the log: replies say how old a state is, where they said null before."""
    until("an age in the status", lambda: (s := topics.status(replica, "global_server")) and s["age_ms"] is not None)


def check_one_reply_each(pages, ids):
    """One complete reply: pages 0, 1, 2 … and a last one, no more."""
    assert set(pages) == set(ids)
    for i, found in pages.items():
        assert [p["seq"] for p in found] == list(range(len(found))), (i, found)
        assert [p["last"] for p in found] == [False] * (len(found) - 1) + [True], i
