# SPDX-License-Identifier: Apache-2.0
"""A steady load of mixed requests on a graph that is known, and what became of each: for tests that
do something to the servers meanwhile."""

import itertools
import json
import random
import threading
import time

import schemas
from confluent_kafka import Consumer, Producer, TopicPartition
from replies import WRITE_REFUSED
from wait import until

PEOPLE = 300
GRAPH = ["CREATE INDEX p_n FOR (p:P) ON (p.n)",
         f"UNWIND range(0, {PEOPLE - 1}) AS n CREATE (:P {{n: n, t: 'person ' + n}})"]

N = "Neo.ClientError."
WRITES = ["CREATE (:Bad)", "MATCH (p:P {n: $n}) SET p.bad = 1", "MERGE (b:Bad {n: $n}) RETURN b.n AS n",
          "MATCH (p:P {n: $n}) DETACH DELETE p", "CALL { CREATE (b:Bad) RETURN b } RETURN 1 AS x"]
TYPED = ("RETURN 9007199254740993 AS i, date('2020-02-29') AS d, 0.0/0.0 AS f, [1, null, 'ä€'] AS l, {a: {b: [1.5]}} AS m, duration('P1Y2M') AS t",
         [{"$type": "Integer", "_value": "9007199254740993"}, {"$type": "Date", "_value": "2020-02-29"}, {"$type": "Float", "_value": "NaN"},
          [1, None, "ä€"], {"a": {"b": [1.5]}}, {"$type": "Duration", "_value": "P1Y2M"}])


def nested(rng, depth):
    """A random value that JSON carries as it is."""
    value = rng.choice([0, -1, 2.5, "", "ä\n\"", True, None, [], {}])
    for _ in range(depth):
        value = [value, rng.random()] if rng.random() < 0.5 else {"a": value, "ä b": rng.randrange(9)}
    return value


# Each makes a request and what its reply must be: these rows, or an error of one of these codes.

def lookup(rng):
    n = rng.randrange(PEOPLE)
    return {"command": "MATCH (p:P {n: $n}) RETURN p.n AS n, p.t AS t", "params": {"n": n}}, {"rows": [[n, f"person {n}"]]}


def pages(rng):
    n = rng.randrange(PEOPLE)
    request = {"command": "MATCH (p:P) WHERE p.n < $n RETURN p.n AS n ORDER BY n", "params": {"n": n}, "page_rows": rng.choice([1, 7, 40])}
    return request, {"rows": [[i] for i in range(n)]}


def slow(rng):
    n = rng.choice([5_000, 40_000])  # a tenth of a second and more: the machine has other things to do
    return {"command": "UNWIND range(1, $n) AS x MATCH (p:P {n: x % 100}) RETURN count(p) AS c", "params": {"n": n}}, {"rows": [[n]]}


def values(rng):
    if rng.random() < 0.5:
        return {"command": TYPED[0]}, {"rows": [TYPED[1]]}
    value = nested(rng, rng.randrange(40))
    return {"command": "RETURN $v AS v", "params": {"v": value}}, {"rows": [[value]]}


def error(rng):
    text, code = rng.choice([("RETURN 1/$n AS x", "Statement.ArithmeticError"), ("RETURN $absent AS x", "Statement.ParameterMissing"),
                             ("THIS IS NOT CYPHER", "Statement.SyntaxError"),
                             ("UNWIND range(500, 0, -1) AS x RETURN 1/x AS y", "Statement.ArithmeticError")])  # with rows before it
    return {"command": text, "params": {"n": 0}, "page_rows": 50}, {"codes": (N + code,)}


def write(rng):
    return {"command": rng.choice(WRITES), "params": {"n": rng.randrange(PEOPLE)}}, {"codes": WRITE_REFUSED}


def future(rng):
    return {"command": "RETURN 1 AS x", "min_offset": 10**9, "timeout_ms": rng.choice([1, 300, 1500])}, {"codes": ("request.not-reached",)}


def recent(_):
    # a server that has just started, or whose broker is away, does not know
    return {"command": "MATCH (p:P) RETURN count(p) AS c", "max_age_ms": 120_000}, {"rows": [[PEOPLE]], "codes": ("request.age-unknown",)}


MIX = {lookup: 20, pages: 4, slow: 1, values: 4, error: 3, write: 3, future: 2, recent: 1}


class Asked:
    """One request: when it was sent, what it must get, when that was there."""

    def __init__(self, kind, request, rows=None, codes=None, optional=False):
        self.kind, self.id, self.key, self.min_offset = kind, request["id"], request["with_key"], request.get("min_offset", 0)
        self.rows, self.codes, self.optional = rows, codes, optional
        self.sent_at, self.done_at, self.replica = time.monotonic(), None, None

    def waited_s(self):
        return (self.done_at or time.monotonic()) - self.sent_at

    def __repr__(self):
        return f"{self.kind} {self.id} of {self.key}"

    def complaint(self, found):
        """None, or what is wrong with its messages: [(place, key, body)] in order."""
        if not found:
            return None if self.optional else "no reply"
        bodies = [body for _, _, body in found]
        if [b["seq"] for b in bodies] != list(range(len(bodies))) or [b["last"] for b in bodies] != [False] * (len(bodies) - 1) + [True]:
            return f"not one complete reply: {[(place, b['replica'], b['seq'], b['last']) for place, _, b in found]}"
        if len({place for place, _, _ in found}) != 1 or {key for _, key, _ in found} != {self.key.encode()}:
            return f"spread over {[(place, key) for place, key, _ in found]}"
        error = bodies[-1].get("error")
        if error is not None:
            return None if error["code"] in (self.codes or ()) else f"error {error}"
        if self.rows is None:
            return f"an answer, and not the error {self.codes}"
        if [row for b in bodies for row in b["rows"]] != self.rows or bodies[-1]["total"] != len(self.rows):
            return f"of {len(self.rows)} rows, {bodies[-1]['total']} were told: {[b['rows'] for b in bodies]} and not {self.rows}"
        if len({(b["replica"], b["offset"]) for b in bodies}) != 1 or bodies[0]["offset"] < self.min_offset:
            return f"states {[(b['replica'], b['offset']) for b in bodies]}, asked for {self.min_offset}"
        return None


class Load:
    """with Load(topics) as load: … sends requests from a thread while the block lasts; another one
    sees, as a read_committed reader, when each has been answered. settle and check come after it."""

    def __init__(self, topics, per_s=30, mix=MIX, requests="request", replies=("response",), writes_every=30, seed=1):
        self.topics, self.requests, self.replies = topics, requests, replies
        self.pause_s, self.mix, self.writes_every, self.rng = 1 / per_s, mix, writes_every, random.Random(seed)
        self.asked, self.written, self._numbers = {}, 0, itertools.count()
        self.calm_s = None  # the slowest lookup before anything happened
        self._due = []  # requests to send: their min_offset became known
        self._refused = []
        self._ended, self._closed = threading.Event(), threading.Event()
        # without idempotence a restart of the broker may double a request
        self._producer = Producer({"bootstrap.servers": topics.bootstrap, "enable.idempotence": True, "linger.ms": 1})
        self._threads = [threading.Thread(target=self._send, daemon=True), threading.Thread(target=self._watch, daemon=True)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        until("the first answers", lambda: len(self._lookups()) >= 20, 60)
        self.calm_s = max(a.waited_s() for a in self._lookups()[5:20])  # the first ones warm the servers up
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._threads[0].join(90)
        if any(_):
            self.close()

    def close(self):
        self._closed.set()
        self._threads[1].join(30)

    # ---- sending

    def ask(self, kind, request, **want):
        """Sends one more request; its one reply must have these rows, or an error of one of these codes. optional: none may come."""
        request = {"id": f"{next(self._numbers)}-{kind}", "with_key": f"k{self.rng.randrange(40)}", "timeout_ms": 60_000, **request}
        raw = json.dumps(request).encode()
        schemas.check(self.requests, raw)
        self.asked[request["id"]] = Asked(kind, request, **want)
        self._producer.produce(self.topics.name(self.requests), raw, key=request["with_key"], on_delivery=self._on_request)
        return self.asked[request["id"]]

    def _on_request(self, error, _):
        if error is not None:
            self._refused.append(str(error))

    def _on_command(self, error, message, n):
        if error is not None:
            self._refused.append(str(error))
        else:
            self._due.append(({"command": "MATCH (w:W {n: $n}) RETURN w.n AS n", "params": {"n": n}, "min_offset": message.offset() + 1}, [[n]]))

    def _write(self):
        """A command, which a request is to see from any replica once the log holds it."""
        n = self.written = self.written + 1
        raw = json.dumps({"command": "CREATE (:W {n: $n})", "params": {"n": n}}).encode()
        self._producer.produce(self.topics.name("command"), raw, on_delivery=lambda e, m: self._on_command(e, m, n))

    def _send(self):
        kinds, weights = zip(*self.mix.items(), strict=True)
        while not self._ended.wait(self.pause_s):
            (kind,) = self.rng.choices(kinds, weights)
            request, want = kind(self.rng)
            self.ask(kind.__name__, request, **want)
            if self.writes_every and len(self.asked) % self.writes_every == 0:
                self._write()
            self._producer.poll(0)
            self._read_back()
        self._producer.flush(60)
        self._read_back()
        if self._producer.flush(60) > 0:
            self._refused.append("not all requests reached Kafka")

    def _read_back(self):
        while self._due:
            request, rows = self._due.pop()
            self.ask("own_write", request, rows=rows)

    # ---- what became of it

    def _watch(self):
        consumer = Consumer({"bootstrap.servers": self.topics.bootstrap, "group.id": "watch", "isolation.level": "read_committed",
                             "enable.auto.commit": False, "auto.offset.reset": "earliest", "fetch.wait.max.ms": 20})
        consumer.assign([TopicPartition(self.topics.name(t), p, 0) for t in self.replies for p in self.topics.partitions(t)])
        while not self._closed.is_set():
            message = consumer.poll(0.1)
            if message is None or message.error() is not None:
                continue
            body = json.loads(message.value())
            asked = self.asked.get(body["id"])
            if asked is not None and body["last"] and asked.done_at is None:
                asked.done_at, asked.replica = time.monotonic(), body["replica"]
        consumer.close()

    def answered(self):
        return [a for a in list(self.asked.values()) if a.done_at is not None]

    def _lookups(self):
        return [a for a in self.answered() if a.kind == "lookup"]

    def unanswered(self):
        return [a for a in list(self.asked.values()) if a.done_at is None and not a.optional]

    def mark(self):
        """Now, for waiting and for check_prompt."""
        return time.monotonic()

    def wait_answers(self, count, since, deadline_s=60, replica=None):
        """Until so many lookups that were sent since then are answered; by this replica, if it is named."""
        until(f"{count} lookups that are answered{f' by {replica}' if replica else ''}",
              lambda: sum(a.sent_at >= since and replica in (None, a.replica) for a in self._lookups()) >= count, deadline_s)

    def settle(self, deadline_s=60):
        """Until all are answered; no more are sent."""
        try:
            until("all answers", lambda: not self.unanswered(), deadline_s)
        except AssertionError:
            open_ones = self.unanswered()
            raise AssertionError(f"{len(open_ones)} of {len(self.asked)} not answered: {open_ones[:10]}") from None
        finally:
            self.close()
        assert not self._refused, self._refused

    def check(self):
        """Each has one complete reply, the right one, and nobody else has any: the topics as they are now."""
        found, wrong = {}, []
        for topic in self.replies:
            for message in self.topics.read(topic):
                body = json.loads(message.value())
                found.setdefault(body["id"], []).append(((topic, message.partition()), message.key(), body))
        for asked in self.asked.values():
            complaint = asked.complaint(found.pop(asked.id, []))
            if complaint:
                wrong.append(f"{asked}: {complaint}")
        wrong += [f"a reply to {i}, which nobody asked" for i in found]
        assert not wrong, f"{len(wrong)} of {len(self.asked)}:\n" + "\n".join(line[:400] for line in wrong[:10])

    def slowest_s(self):
        return max(a.waited_s() for a in self._lookups())

    def check_prompt(self, bound_s, since=0, replica=None):
        """No lookup that was sent since then waited longer, on a machine where calm ones are answered at once: on a busy one
        each wait of which the bound is the sum is longer."""
        bound_s += 10 * self.calm_s
        lookups = [a for a in list(self.asked.values()) if a.kind == "lookup" and a.sent_at >= since and replica in (None, a.replica)]
        late = sorted((a for a in lookups if a.waited_s() > bound_s), key=Asked.waited_s)
        assert not late, f"{len(late)} waited longer than {bound_s:.1f} s: " + ", ".join(f"{a!r} {a.waited_s():.1f} s" for a in late[-10:])
