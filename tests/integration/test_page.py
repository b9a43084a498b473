# SPDX-License-Identifier: Apache-2.0
"""The page of STATUS_LISTEN in a real browser, and /replicas that it reads. SCREENSHOT=FILE (make screenshot) keeps the
picture that README shows."""

import json
import math
import os
import time

import pytest
import requests
from browser import Browser
from replica import applied
from stack import free_port
from wait import until

INTERVAL = {"STATUS_INTERVAL": "1s"}  # silent after three
ZEROS = "0" * 32


@pytest.fixture(scope="module")
def browser():
    b = Browser()
    yield b
    b.close()


@pytest.fixture
def look(browser):
    """look(program, …): its page; each is checked at the end."""
    opened = []

    def make(program, lost=False, **size):
        opened.append((browser.open(address(program), **size), lost))
        return opened[-1][0]

    yield make
    for page, lost in opened:
        page.check(lost)
        page.close()


def address(program):
    """Where it listens, which its log says."""
    return program.wait_event("listening")[0]["address"]


def replicas(program, query=""):
    answer = requests.get(address(program) + "/replicas" + query, timeout=10)
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/json", answer.text
    return answer.json()


def by_name(answer):
    return {(s["replica"], s["program"], s.get("instance")): s for s in answer["statuses"]}


def read_on(program):
    """Waits until it has read the topic once."""
    until("the end of the status topic", lambda: replicas(program)["has_read"])


def status(replica, **more):
    """A db_sync's, as topics/ says."""
    return {"replica": replica, "program": "db_sync", "state": "in-sync", "offset": 10, "last_offset": 9, "lag": 0, "age_ms": 0,
            "outcome": ZEROS, "fingerprint": "", "version": "0.1.0", "server": "5.26.30", "time": "2026-01-02T03:04:05.678Z", **more}


def server_status(replica, instance, **more):
    return {"replica": replica, "program": "global_server", "instance": instance, "group": "readers", "state": "serving", "offset": 10,
            "age_ms": 0, "in_flight": 0, "version": "0.1.0", "server": "5.26.30", "time": "2026-01-02T03:04:05.678Z", **more}


def tell(topics, body, at_ms=None):
    """Puts a status on the topic as its program would; at_ms: as if it were that time."""
    key = f"{body['replica']}/{body['program']}"
    if at_ms is None:
        topics.produce("status", [body], key=key)
    else:
        topics.producer.produce(topics.name("status"), json.dumps(body).encode(), key=key, timestamp=at_ms)


@pytest.fixture
def onlooker(global_server):
    """A program that serves the page and tells nothing itself: a global_server that no database answers."""
    class Nobody:
        http_uri, password = f"http://127.0.0.1:{free_port()}", "none"

    return lambda **more: global_server(Nobody, STATUS_LISTEN="0", **more)


def test_two_replicas(topics, server_a, server_b, neo_a, neo_b, db_sync, global_server, look):
    """Both programs show the same of all, and how fast it goes while it goes."""
    topics.commands([f"CREATE (:P {{n: {i}}})" for i in range(25)])
    agents = [db_sync(server_a, "a", STATUS_LISTEN="0", **INTERVAL), db_sync(server_b, "b", **INTERVAL)]
    applied(neo_a, topics)
    applied(neo_b, topics)
    server = global_server(server_a, STATUS_LISTEN="0", **INTERVAL)
    server.wait_event("start")
    pages = [look(agents[0]), look(server)]
    for page in pages:
        page.await_headline("Both replicas are in sync")
        assert page.page.get_by_role("status").get_by_role("heading", level=1).inner_text() == "Both replicas are in sync"
        assert page.page.get_by_role("list").first.get_by_role("heading", level=3).first.inner_text() == "a"
        for name in "ab":
            own = page.await_replica(name, "offset 25", lambda own: own["offset"] == "25")
            assert (own["state"], own["level"], own["lag"], own["age"], own["version"]) == ("in sync", "good", "0", "0 s", "0.1.0")
            assert own["neo4j"] and own["told"].endswith(" s ago")
        line = page.await_replica("a", "its server", lambda s: s["offset"] == "25", server="global_server one")
        assert (line["state"], line["lag"]) == ("serving", "0")
        assert page.text("#log-end") == "25" and not page.page.is_visible("#trouble")

    def flows():
        topics.commands(["CREATE (:Q)"] * 20)
        return all(float(page.replica(name)[""]["rate"].replace(",", "") or 0) > 0 for page in pages for name in "ab")
    until("a rate on both pages", flows, 60, 0.2)
    for page in pages:
        page.await_replica("b", "a line that is not flat", lambda own: len(set(own["line"].split("L"))) > 2)
        page.await_headline("Both replicas are in sync", 60)
    assert all(agent.must_live() for agent in agents) and max(p.rss_peak_kb() for p in (*agents, server)) < 64 * 1024


def test_changes_are_seen(topics, server_a, server_b, neo_a, neo_b, db_sync, global_server, look):
    """Waiting, silent, halted, stopped: each without a reload, with its reason, and what needs someone first."""
    watcher, agent = db_sync(server_a, "a", STATUS_LISTEN="0", **INTERVAL), db_sync(server_b, "b", POISON_POLICY="halt", **INTERVAL)
    page = look(watcher)
    page.await_headline("Both replicas are in sync")
    assert page.names() == ["a", "b"]
    server_b.stop()
    try:
        topics.commands(["CREATE (:P)"])
        own = page.await_replica("b", "waiting for Neo4j", lambda own: own["state"] == "waiting for Neo4j")
        assert own["level"] == "warn" and server_b.http_uri in own["reason"], own
        page.await_headline("1 of 2 replicas is held up: b waiting for Neo4j")
        assert page.names() == ["b", "a"] and page.replica("a")[""]["state"] == "in sync"
    finally:
        server_b.start()
    page.await_headline("Both replicas are in sync", 90)
    assert page.names() == ["a", "b"] and page.replica("b")[""]["reason"] == ""
    page.page.focus("details:not([hidden]) summary")
    page.page.keyboard.press("Enter")
    (error,) = until("the error of before", lambda: page.replica("b")["errors"])
    assert "waiting-neo4j" in error and server_b.http_uri in error and " ago" in error, error
    agent.kill()
    page.await_replica("b", "silent", lambda own: own["state"] == "silent" and own["level"] == "bad")
    page.await_headline("1 of 2 replicas needs you: b silent")
    agent.start()
    page.await_headline("Both replicas are in sync")
    topics.commands(["RETURN 1/0"])
    own = page.await_replica("b", "halted", lambda own: own["state"] == "halted")
    assert "ArithmeticError" in own["reason"] or "/ by zero" in own["reason"], own
    page.await_headline("1 of 2 replicas needs you: b halted")
    assert agent.wait_exit() == 1 and page.page.title() == "1 of 2 replicas needs you: b halted · cypherlog"
    other = global_server(server_b, **INTERVAL)
    page.await_replica("b", "a server beside it", lambda s: s["state"] == "serving", server="global_server one")
    assert other.stop() == 0
    line = page.await_replica("b", "stopped", lambda s: s["state"] == "stopped", server="global_server one")
    assert line["level"] == "off"
    assert page.page.get_attribute("details:not([hidden])", "open") is not None, "what someone opened stays open"


def test_lost_and_back(topics, server_a, neo_a, db_sync, look):
    """A page whose program is gone says so, keeps what it has, and goes on when one is back at that address."""
    port = free_port()
    agent = db_sync(server_a, STATUS_LISTEN=str(port), **INTERVAL)
    page = look(agent, lost=True)
    page.await_headline("The replica is in sync")
    until("history", lambda: len(by_name(replicas(agent))["a", "db_sync", None]["offsets"]) >= 2, 30)
    assert page.text("#updated") == "live"
    agent.kill()
    until("that it is gone", lambda: page.page.is_visible("#trouble") and "does not answer" in page.text("#trouble"))
    until("how old it is", lambda: page.text("#updated").startswith("last update ") and page.text("#updated").endswith(" s ago"))
    assert page.replica("a")[""]["state"] == "in sync", "what was known stays"
    agent.start()
    until("live again", lambda: page.text("#updated") == "live" and not page.page.is_visible("#trouble"))
    page.await_headline("The replica is in sync")
    known = by_name(replicas(agent))["a", "db_sync", None]
    assert len(known["offsets"]) >= 2, "the topic itself holds what was before the restart"


PHONE = {"width": 360, "height": 740}
HOSTILE = ["<img src=x onerror=window.harmed=1>", "<script>window.harmed=1</script>", "'\"><svg onload=window.harmed=1>", "__proto__",
           "constructor", "x" * 250, "\u202ereversed\u202c", "ä\U0001f600\u0000\u001f\r\n", "a/b/c", "https://elsewhere.example/"]


def test_many_and_hostile_names_on_a_phone(topics, onlooker, look):
    """50 replicas, names and reasons that are markup or too long: text, and no wider than the screen."""
    for name in HOSTILE:
        tell(topics, status(name, state="waiting-neo4j", reason=name, version=name, server=name))
        tell(topics, server_status(name, name, state="lagging", reason=name * 3))
    for i in range(49 - len(HOSTILE)):
        tell(topics, status(f"replica-{i}", offset=2**53 - 1, lag=i))
    tell(topics, server_status("alone", "one"))
    program = onlooker(STATUS_INTERVAL="10m")
    for scheme in ("light", "dark"):
        page = look(program, **PHONE, color_scheme=scheme)
        until("50 replicas", lambda p=page: len(p.names()) == 50)
        assert page.too_wide() == []
        shown = set(page.names())
        assert {n.replace("\r", " ").replace("\n", " ") for n in HOSTILE[:7]} <= shown, shown
        assert page.replica(HOSTILE[0])[""]["reason"] == HOSTILE[0]
        assert page.page.evaluate("window.harmed") is None and page.page.query_selector("#replicas img, #replicas script") is None
        assert page.text("#headline").startswith("11 of 50 replicas are held up: ")
        alone = page.replica("alone")
        assert (alone[""]["state"], alone[""]["level"], alone["global_server one"]["state"]) == ("no db_sync tells", "warn", "serving")
        assert too_faint(page) == []
        page.page.set_viewport_size({"width": 1280, "height": 800})
        assert page.too_wide() == []
        page.page.set_viewport_size({"width": 820, "height": 800})
        assert page.too_wide() == []


def too_faint(page):
    """Texts whose contrast is below 4.5 (WCAG 2.2, 1.4.3)."""
    return page.page.evaluate("""() => {
        const rgb = (c) => c.match(/[\\d.]+/g).map(Number);
        const light = (c) => c.slice(0, 3).map((v) => v / 255).map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
        const ground = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] !== 0) return c; } };
        return [...document.querySelectorAll("body *")].filter((e) => e.checkVisibility() && !e.closest("svg") && [...e.childNodes].some((n) =>
            n.nodeType === 3 && n.textContent.trim())).map((e) => { const [a, b] = [light(rgb(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
            return [e.textContent.slice(0, 30), (a + .05) / (b + .05)]; }).filter(([, contrast]) => contrast < 4.5);
    }""")


def test_what_is_no_status(topics, onlooker, look, record_property):
    """Anything may stand on the topic: 100,000 keys, a megabyte, other types. What is a status is shown, memory stays small."""
    tell(topics, status("good", offset=77))
    wrong = [b"", b"null", b"[]", b"{", b"\xff\xfe", b'{"replica": "x"}', b'{"replica": 1, "program": 2, "state": 3}',
             b'{"replica": "a", "replica": "b", "program": "db_sync", "state": "x"}', b"[" * 100_000,
             *[json.dumps(status("large", reason="x" * 900_000)).encode()] * 150]
    odd = {"replica": "odd", "program": "db_sync", "state": "of another version", "offset": "7", "last_offset": 0, "lag": -1, "age_ms": 1e300,
           "version": None, "server": [], "reason": {"a": 1}}
    topics.produce("status", wrong, key="wrong", bad=True)
    topics.produce("status", [odd, {**odd, "replica": "constructor", "state": "constructor"}], key="odd/db_sync", bad=True)
    topics.produce("status", [odd], key="odder/db_sync", bad=True)
    many = json.dumps({"replica": "many", "program": "db_sync", "state": "in-sync", "offset": 5, "reason": "y" * 500}).encode()
    topics.bad.add(many)
    for i in range(100_000):
        topics.producer.produce(topics.name("status"), many, key=f"many-{i}")
        topics.producer.poll(0)
    assert topics.producer.flush(60) == 0
    program = onlooker(STATUS_INTERVAL="10m")
    read_on(program)
    page = look(program)
    own = page.await_replica("constructor", "a state that is a word of JavaScript", lambda own: own["state"] == "constructor")
    assert own["level"] == "off"
    own = page.await_replica("odd", "the odd one", lambda own: own["state"] == "of another version")
    assert (own["offset"], own["lag"], own["age"], own["level"], own["version"], own["reason"]) == ("", "", "", "off", "", "")
    assert page.replica("good")[""]["offset"] == "77"
    answer = replicas(program)
    assert len(answer["statuses"]) == 256 and answer["left_out"] and answer["unreadable"] == len(wrong) - 1
    assert "more programs tell than are shown" in page.text("#notes")
    assert program.must_live() and program.rss_peak_kb() < 64 * 1024
    record_property("counts", f"{program.rss_peak_kb()} kB beside 100,000 keys of the status topic")


def test_replicas_come_and_go(topics, onlooker):
    """Instances of one key stand beside each other; a key that is deleted is forgotten; only what is new when asked so."""
    program = onlooker(STATUS_INTERVAL="10m")
    read_on(program)
    for instance in ("one", "two", "one"):
        tell(topics, server_status("a", instance))
    tell(topics, status("a"))
    tell(topics, status("gone"))
    until("all of them", lambda: set(by_name(replicas(program))) == {
        ("a", "global_server", "one"), ("a", "global_server", "two"), ("a", "db_sync", None), ("gone", "db_sync", None)})
    topics.produce("status", [None], key="gone/db_sync", bad=True)
    until("it is gone", lambda: ("gone", "db_sync", None) not in by_name(replicas(program)))
    topics.produce("status", [None], key="a/global_server", bad=True)
    until("both are gone", lambda: set(by_name(replicas(program))) == {("a", "db_sync", None)})

    def later():
        tell(topics, status("a", offset=1000))
        return len(by_name(replicas(program))["a", "db_sync", None]["offsets"]) >= 2
    until("two steps of history", later, 30, 0.5)
    answer = replicas(program)
    track = by_name(answer)["a", "db_sync", None]
    assert track["offsets"][-1] <= 1000 and track["first"] + len(track["offsets"]) - 1 <= answer["step"]
    last = track["first"] + len(track["offsets"]) - 1
    newer = by_name(replicas(program, f"?since={last - 1}"))["a", "db_sync", None]
    assert newer["first"] == last and newer["offsets"][0] == track["offsets"][-1]
    for wrong in ("?since=", "?since=-1", "?since=x", "?since=99999999999999999999"):
        refused = requests.get(address(program) + "/replicas" + wrong, timeout=10)
        assert refused.status_code == 400 and "since must be a whole number" in refused.text


def test_kafka_away(topics, kafka, server_a, neo_a, db_sync, look):
    """Nobody is called silent because Kafka is; the page says why it shows nothing new."""
    agent = db_sync(server_a, STATUS_LISTEN="0", **INTERVAL)
    page = look(agent)
    page.await_headline("The replica is in sync")
    kafka.stop()
    try:
        until("the reason", lambda: page.page.is_visible("#trouble") and "status topic cannot be read" in page.text("#trouble"), 60)
        assert page.replica("a")[""]["state"] != "silent", page.text("body")
        assert page.text("#updated") == "live"
    finally:
        kafka.start()
    until("it reads again", lambda: not page.page.is_visible("#trouble"), 60)
    page.await_headline("The replica is in sync", 60)


def test_files_and_policy(topics, onlooker):
    base = address(onlooker())
    kinds = {"/": "text/html", "/page.css": "text/css", "/page.js": "text/javascript"}
    for path, kind in kinds.items():
        answer = requests.get(base + path, timeout=10)
        assert answer.status_code == 200 and answer.headers["Content-Type"] == kind + "; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-store" and answer.headers["X-Content-Type-Options"] == "nosniff"
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
        head = requests.head(base + path, timeout=10)
        assert head.status_code == 200 and int(head.headers["Content-Length"]) == len(answer.content)
    assert requests.get(base + "/page.html", timeout=10).status_code == 404


def test_history_is_there_at_once(topics, onlooker, look):
    """A page that is opened for the first time shows the last quarter of an hour: the topic still has it."""
    now, rate = time.time(), lambda ago: int((400 if ago < 600 else 150) + 90 * math.sin(ago / 70) + 25 * math.sin(ago / 7))
    offsets = {name: 1_204_000 for name in ("amsterdam", "berlin", "chicago")}
    away = 'http://localhost:7474: Failed to connect to localhost port 7474: Connection refused'
    for ago in range(900, -1, -5):
        at_ms = int((now - ago) * 1000)
        for name in offsets:
            waits = name == "berlin" and ago < 150
            offsets[name] += 0 if waits else 5 * rate(ago)
            more = {"state": "waiting-neo4j", "reason": away, "lag": offsets["amsterdam"] - offsets["berlin"], "age_ms": (150 - ago) * 1000} if waits else {}
            tell(topics, status(name, offset=offsets[name], last_offset=offsets[name] - 1, **more), at_ms)
            waiting = {k: more[k] for k in ("state", "reason", "age_ms") if waits}
            tell(topics, server_status(name, f"{name}-1", offset=offsets[name], in_flight=3 if name == "chicago" else 0, **waiting), at_ms)
    assert topics.producer.flush(60) == 0
    program = onlooker(STATUS_INTERVAL="5s")
    read_on(program)
    page = look(program, height=600)
    page.await_headline("1 of 3 replicas is held up: berlin waiting for Neo4j")
    own = page.replica("amsterdam")[""]
    assert 300 < int(own["rate"]) < 500 and len(own["line"].split("L")) > 300
    assert int(page.replica("berlin")[""]["lag"].replace(",", "")) > 10_000 and page.replica("berlin")[""]["rate"] == "0"
    if "SCREENSHOT" in os.environ:
        page.page.screenshot(path=os.environ["SCREENSHOT"], clip={"x": 0, "y": 0, "width": 1280, "height": page.page.evaluate("document.body.offsetHeight")})
