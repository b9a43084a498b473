# SPDX-License-Identifier: Apache-2.0
"""Streams of literal commands, as people write them: generators of texts, the same at each call; and
what an expert knows of them, who writes a client for one of them by hand."""

import random
import re
from typing import Callable, Iterable, NamedTuple, Pattern, Tuple

import demo

FAILING_EVERY = 1000


class Shape(NamedTuple):
    """What an expert knows of commands of one shape."""

    pattern: Pattern[str]
    values: Callable[..., list]  # of the pattern's groups
    names: Tuple[str, ...]  # of the values, in their order
    text: str  # Cypher for a row `r` of values


class Stream(NamedTuple):
    texts: Callable[[int], Iterable[str]]  # of so many commands
    keys: Tuple[str, ...]  # Label.property: unique
    shapes: Tuple[Shape, ...] = ()


def person(i, age):
    return f"MERGE (n:Person {{id: {i}}}) SET n.name = 'Person {i}', n.age = {age}"


def knows(a, b, since):
    return f"MERGE (a:Person {{id: {a}}}) MERGE (b:Person {{id: {b}}}) MERGE (a)-[k:KNOWS]->(b) SET k.since = {since}"


def counter(name):
    return f"MERGE (c:Counter {{name: '{name}'}}) SET c.n = coalesce(c.n, 0) + 1"


def born(i, day):
    return f"MERGE (n:Person {{id: {i}}}) SET n.born = date('1990-01-{day:02}')"


PERSON = Shape(re.compile(r"MERGE \(n:Person \{id: (\d+)\}\) SET n\.name = '([^'\\]*)', n\.age = (\d+)"),
               lambda i, name, age: [int(i), name, int(age)], ("id", "name", "age"),
               "MERGE (n:Person {id: r.id}) SET n.name = r.name, n.age = r.age")
KNOWS = Shape(re.compile(r"MERGE \(a:Person \{id: (\d+)\}\) MERGE \(b:Person \{id: (\d+)\}\) MERGE \(a\)-\[k:KNOWS\]->\(b\) SET k\.since = (\d+)"),
              lambda a, b, since: [int(a), int(b), int(since)], ("a", "b", "since"),
              "MERGE (a:Person {id: r.a}) MERGE (b:Person {id: r.b}) MERGE (a)-[k:KNOWS]->(b) SET k.since = r.since")
COUNTER = Shape(re.compile(r"MERGE \(c:Counter \{name: '([^'\\]*)'\}\) SET c\.n = coalesce\(c\.n, 0\) \+ 1"),
                lambda name: [name], ("name",),
                "MERGE (c:Counter {name: r.name}) SET c.n = coalesce(c.n, 0) + 1")


def one_shape(count):
    return (person(i, i % 90) for i in range(count))


def three_shapes(count):
    """As many persons as a quarter of the commands, a hundred counters: order matters."""
    pick, people = random.Random(6), max(2, count // 4)
    for _ in range(count):
        kind, i = pick.randrange(3), pick.randrange(people)
        if kind == 0:
            yield person(i, pick.randrange(90))
        elif kind == 1:
            yield knows(i, pick.randrange(people), 1990 + pick.randrange(36))
        else:
            yield counter(f"page {i % 100}")


def faulty(count):
    """Which of so many fail: one in each FAILING_EVERY."""
    pick = random.Random(11)
    return {n for first in range(0, count, FAILING_EVERY) if (n := first + pick.randrange(2, FAILING_EVERY)) < count}


def fault(n, order):
    """By a value, a unique key, a mistake."""
    return (born(0, 32), f"CREATE (o:Order {{id: {order}, total: 1.25, note: 'again'}})",
            f"MERGE (n:Person {{id: {n}) SET n.name = 'Person {n}', n.age = 3")[n // FAILING_EVERY % 3]


def ten_shapes(count, failing):
    """Those that would fail do in the stream without failures what was done before: so both make one graph."""
    pick, people, orders, bad = random.Random(10), max(2, count // 10), [], faulty(count)
    yield born(0, 1)
    for n in range(1, count):
        i, j, kind = pick.randrange(people), pick.randrange(people), pick.randrange(10)
        if n in bad:
            yield fault(n, orders[-1]) if failing else born(0, 1)
        elif kind == 0 or not orders:
            orders.append(n)
            yield f"CREATE (o:Order {{id: {n}, total: {n % 1000}.25, note: 'by {i}'}})"
        else:
            yield (person(i, n % 90), knows(i, j, 1990 + n % 36), counter(f"page {i % 100}"), born(1 + i, 1 + n % 31),
                   f"MERGE (n:Person {{id: {i}}}) SET n.email = 'p{n}@example.org', n.active = true",
                   f"MATCH (n:Person {{id: {i}}}), (o:Order {{id: {pick.choice(orders)}}}) MERGE (n)-[:PLACED]->(o)",
                   f"MERGE (t:Tag {{name: 'tag {i % 500}'}}) ON CREATE SET t.first = {n} ON MATCH SET t.last = {n}",
                   f"MATCH (n:Person {{id: {i}}}), (t:Tag {{name: 'tag {j % 500}'}}) MERGE (n)-[:LIKES]->(t)",
                   f"MATCH (n:Person {{id: {i}}})-[k:KNOWS]->() SET k.seen = {n}")[kind - 1]


def all_differ(count):
    """No two have the same names; labels and properties come from some, as each new one costs the server memory for good."""
    for i in range(count):
        kind, a, b = i % 3, f"p{i % 20}", f"q{i % 30}"
        if kind == 0:
            yield f"MERGE (person{i}:Person {{id: {i}}}) SET person{i}.{a} = {i}, person{i}.{b} = 'text {i}'"
        elif kind == 1:
            yield f"MERGE (a{i}:Person {{id: {i - 1}}}) MERGE (b{i}:Person {{id: {i // 2}}}) MERGE (a{i})-[r{i}:R{i % 10}]->(b{i}) SET r{i}.{a} = {i}"
        else:
            yield f"MATCH (n{i}:Person {{id: {i - 2}}}) SET n{i}.{b} = {i}, n{i}:Label{i % 10}"


KEYS_OF_TEN = ("Person.id", "Counter.name", "Order.id", "Tag.name")

ONE = Stream(one_shape, ("Person.id",), (PERSON,))
THREE = Stream(three_shapes, ("Person.id", "Counter.name"), (PERSON, KNOWS, COUNTER))
TEN = Stream(lambda count: ten_shapes(count, False), KEYS_OF_TEN)
TEN_FAILING = Stream(lambda count: ten_shapes(count, True), KEYS_OF_TEN)
NOTHING = Stream(all_differ, ("Person.id",))
AIRPORTS = Stream(lambda _: demo.commands(), ())
