# SPDX-License-Identifier: Apache-2.0
"""Literal commands, as people send them, beside clients that an expert wrote for their shapes, and
beside the loop that most would write. All read the same topic. After each of them the graph is
looked at: both sides of a ratio must have made the same."""

import statistics

import chart
import clients
import streams
from commands import follow, fresh
from programs import run
from rival import ROUNDS, SCALE, spread

LOOP = 1000  # commands of a stream that the loop gets: it would take many minutes for all


def scaled(count, least=200):
    return max(least, int(count * SCALE))


def tally(bench):
    """What the graph holds, as numbers: equal graphs have equal ones."""
    value = "coalesce(toIntegerOrNull(x[k]), size(toStringOrNull(x[k])), 1)"
    nodes = bench.neo.run("MATCH (x) WHERE NOT x:`__db_sync` UNWIND [''] + keys(x) AS k "
                          f"RETURN labels(x) AS l, k, count(*), sum({value}) ORDER BY l, k", timeout=600)
    ends = bench.neo.run("MATCH (a)-[x]->(b) UNWIND [''] + keys(x) AS k WITH a, b, x, k "
                         f"RETURN type(x) AS l, k, count(*), sum({value}), sum(coalesce(a.id, size(a.iata)) * 7 + coalesce(b.id, size(b.iata))) ORDER BY l, k", timeout=600)
    return nodes, ends


class Backlog:
    """A topic that holds a stream, and who applies it: each to an empty graph, which must look as
    after the one before."""

    def __init__(self, bench, stream, count):
        self.bench, self.stream, self.made = bench, stream, None
        self.topics = bench.topics()
        self.count = bench.fill(self.topics, stream.texts(count))

    def rate(self, work):
        """work gives its seconds."""
        fresh(self.bench, self.stream.keys)
        rate = self.count / work()
        self.check()
        return rate

    def check(self):
        made = tally(self.bench)
        assert self.made in (None, made), f"not the same graph: {self.made} and {made}"
        self.made = made

    def ours(self, **env):
        """The rate, and what was measured besides."""
        found = None

        def work():
            nonlocal found
            found = follow(self.bench, self.topics, self.count, **env)
            return found.seconds

        return self.rate(work), found

    def by_hand(self):
        return self.rate(lambda: clients.lifted_by_hand(self.bench, self.topics, self.count, self.stream.shapes))

    def as_they_are(self, size):
        return self.rate(lambda: clients.as_they_are(self.bench, self.topics, self.count, size))

    def loop(self):
        """Of the first of them only."""
        count = min(LOOP, self.count)
        fresh(self.bench, self.stream.keys)
        return count / clients.loop(self.bench, self.topics, count)

    def drop(self):
        self.topics.delete("command")


def in_turn(n, theirs, ours):
    """Both, (theirs, ours); in every other round ours is first, so that neither always finds the warmer server."""
    if n % 2 == 0:
        return theirs(), ours()
    second = ours()
    return theirs(), second


def add_rates(bench, name, pairs, goal, note):
    """pairs: rates of rival and ours, a round each."""
    ratios = [ours / rival for rival, ours in pairs]
    bench.add(name, statistics.median(r for r, _ in pairs), statistics.median(o for _, o in pairs), "commands/s", statistics.median(ratios),
              goal, f"{note}; {spread(ratios)}")


def beside_experts(bench, name, stream, count, rival, goal, loop_goal):
    rounds = []
    for n in range(ROUNDS + 1):  # the first warms the server
        backlog = Backlog(bench, stream, scaled(count))
        loop = backlog.loop()
        theirs, (ours, found) = in_turn(n, backlog.by_hand, backlog.ours)
        assert found.together, "no commands went together"
        backlog.drop()
        rounds.append((loop, theirs, ours, found.rss_kb))
    rounds = rounds[1:]
    rss = max(r[3] for r in rounds) / 1024
    add_rates(bench, f"{backlog.count:,} waiting literal commands, {name}", [r[1:3] for r in rounds], goal, f"rival: {rival}; RSS {rss:.0f} MB")
    add_rates(bench, f"{backlog.count:,} waiting literal commands, {name}, beside a loop", [(r[0], r[2]) for r in rounds], loop_goal,
              f"rival: Python, a Bolt transaction a command, the first {min(LOOP, backlog.count):,} of them")


def one_shape(bench):
    beside_experts(bench, "one shape", streams.ONE, 200_000,
                   f"a client that knows the shape, UNWIND of {clients.ROWS:,} rows a request, the next ones made ready meanwhile",
                   "at least 0.8", "at least 150")


def three_shapes(bench):
    beside_experts(bench, "three shapes at random", streams.THREE, 200_000,
                   f"a client that knows the shapes, the same UNION ALL, {clients.ROWS:,} rows a request", "at least 0.8", "at least 50")


def failing(bench):
    """Ours beside ours."""
    rounds = []
    for n in range(ROUNDS + 1):
        count = scaled(100_000, 2000)
        bad, good = Backlog(bench, streams.TEN_FAILING, count), Backlog(bench, streams.TEN, count)
        rounds.append(in_turn(n, lambda: good.ours()[0], lambda: bad.ours()[0]))
        assert good.made == bad.made, f"not the same graph: {good.made} and {bad.made}"
        letters = [offset for offset, _, _ in bad.topics.dead_letters()]
        assert letters == sorted(streams.faulty(count)), f"dead letters: {letters}"
        bad.drop(), good.drop()
    add_rates(bench, f"{count:,} waiting literal commands, ten shapes, 1 in 1,000 failing", rounds[1:], "at least 0.5",
              "rival: ours, the same without failures; a value, a unique key and a mistake in turn")


def unliftable(bench):
    rounds = []
    for n in range(ROUNDS + 1):
        backlog = Backlog(bench, streams.NOTHING, scaled(10_000))
        rounds.append(in_turn(n, lambda: backlog.as_they_are(1000), lambda: backlog.ours()[0]))
        backlog.drop()
    add_rates(bench, f"{backlog.count:,} waiting literal commands, each another text", rounds[1:], "at least 0.95",
              "rival: a client that sends the same texts, 1,000 a transaction")


def airports(bench):
    """The demo's commands: a schema command, then two shapes."""
    def theirs():
        """A schema command has a transaction of its own."""
        bench.neo.run(next(iter(streams.AIRPORTS.texts(0))))
        return clients.as_they_are(bench, backlog.topics, backlog.count, 1000, first=1)

    rounds = []
    for n in range(ROUNDS + 1):
        backlog = Backlog(bench, streams.AIRPORTS, 0)
        rounds.append(in_turn(n, lambda: backlog.rate(theirs), lambda: backlog.ours()[0]))
        backlog.drop()
    add_rates(bench, f"US airports and flights, {backlog.count:,} literal commands", rounds[1:], "none",
              "rival: a client that sends the same texts, 1,000 a transaction")


def million(bench):
    """What a command costs db_sync, and whether the length of the log matters."""
    large, small = scaled(1_000_000), scaled(50_000)
    name, pairs, cpu, rss = f"{large:,} waiting literal commands", [], [], 0
    for n in range(ROUNDS):
        few, many = Backlog(bench, streams.ONE, small), Backlog(bench, streams.ONE, large)
        if n == 0:
            few.ours()  # warms the server
            theirs = few.by_hand(), many.by_hand()
        rate = few.ours()[0]
        pairs.append((rate, (found := many.ours())[0]))
        cpu.append(1e6 * found[1].cpu_s / large)
        rss = max(rss, found[1].rss_kb / 1024)
        few.drop(), many.drop()
    limit = 10
    bench.add(f"{name}: CPU of db_sync a command", limit, statistics.median(cpu), "µs", statistics.median(cpu) / limit, f"under {limit} µs",
              f"user and system time of the whole process; {', '.join(f'{c:.1f}' for c in sorted(cpu))}")
    bench.add(f"{name}: RSS of db_sync", 64, rss, "MB", rss / 64, "under 64 MB", "peak")
    add_rates(bench, f"{name}, beside {small:,}", pairs, "at least 0.9",
              f"rival: ours with the fewer; the client of one shape, one round: {theirs[0]:,.0f}/s and {theirs[1]:,.0f}/s")


# ---- how many in a transaction ----

SIZES = (1, 10, 100, 1000, 2000, 5000, 10_000)
FORMS = {"texts": 500, "parameters": 20_000, "auto": 50_000}  # about what each reaches a second


def forms_known():
    """What db_sync can be told to send; without the option, what it chooses itself."""
    return list(FORMS) if "COMMAND_FORM" in run("db_sync", ["run", "--help"], {}).stdout else ["auto"]


def commands_for(form, size):
    """Enough for some seconds, and for some transactions."""
    rate = min(FORMS[form], 300 * size)
    return scaled(max(4 * rate, 2 * size), 200)


def forms(bench):
    rates = {form: {size: [] for size in SIZES} for form in forms_known()}
    for _ in range(ROUNDS):
        for form, size in ((f, s) for f in rates for s in SIZES):
            backlog = Backlog(bench, streams.ONE, commands_for(form, size))
            env = {"COMMAND_FORM": form} if len(rates) > 1 else {}
            rate, found = backlog.ours(BATCH_COUNT=str(size), BATCH_BYTES="64MiB", BATCH_TIME="5m", **env)
            backlog.drop()
            rates[form][size].append((rate, found.size))
            print(f"{form}, at most {size}: {rate:,.0f} commands/s, {found.size:,.0f} a transaction", flush=True)
    chart.write(bench.results, {form: {size: [statistics.median(column) for column in zip(*found)] for size, found in sizes.items()}
                                for form, sizes in rates.items()})


BENCHES = {"shape": one_shape, "shapes": three_shapes, "failing": failing, "unliftable": unliftable, "airports": airports, "million": million,
           "forms": forms}
