# SPDX-License-Identifier: Apache-2.0
"""compose/prometheus/alerts.yaml and compose/grafana/dashboard.json against what both programs really serve: every
name and label in them, then a real Prometheus that runs the rules and the dashboard's queries."""

import re

import pytest
import requests
from monitoring import CONFIG, Prometheus, alerts, dashboard, dashboard_queries, names_in, promtool, read_yaml
from prometheus_client.parser import text_string_to_metric_families
from replica import applied
from replies import wait_replies
from wait import until

OWN = {"up": {"job", "instance"}, "ALERTS": {"job", "instance", "alertname", "alertstate"}}  # series of Prometheus itself
TARGET = {"job", "instance"}  # labels that every scraped series gets


def host_port(program):
    return program.wait_event("listening")[0]["address"].removeprefix("http://")


def metrics_text(program):
    return requests.get(f"http://{host_port(program)}/metrics", timeout=10).text


@pytest.fixture
def fleet(topics, server_a, neo_a, db_sync, global_server):
    """{job: programs}: a replica and two servers of it, all well."""
    topics.commands([f"CREATE (:P {{n: {i}}})" for i in range(20)])
    programs = {"db_sync": [db_sync(server_a, STATUS_LISTEN="0")]}
    applied(neo_a, topics)
    programs["global_server"] = [global_server(server_a, STATUS_LISTEN="0", instance=name) for name in ("one", "two")]
    for program in (p for group in programs.values() for p in group):
        until("it is ready", lambda p=program: requests.get(f"http://{host_port(p)}/readyz", timeout=10).status_code == 200)
    for server in programs["global_server"]:
        until("it knows how old its state is", lambda p=server: "global_server_age_seconds " in metrics_text(p))
    return programs


@pytest.fixture
def prometheus(fleet, tmp_path):
    p = Prometheus(tmp_path / "prometheus", {job: [host_port(program) for program in programs] for job, programs in fleet.items()})
    try:
        p.await_ready()
        yield p
    finally:
        p.kill()


def served(fleet):
    """{metric: [labels]} of both programs."""
    found = {}
    for program in (programs[0] for programs in fleet.values()):
        text = metrics_text(program)
        done = promtool("check", "metrics", stdin=text)
        assert done.returncode == 0 and done.stdout == "", done.stdout
        for sample in (s for family in text_string_to_metric_families(text) for s in family.samples):
            assert not TARGET & sample.labels.keys(), "Prometheus would rename its label"
            found.setdefault(sample.name, []).append(sample.labels)
    return found


def check_value(where, operator, value, known):
    """A misspelt state or class would never be met."""
    if operator in ("=", "!=") or re.fullmatch(r"[\w|-]+", value):
        missing = set(value.split("|")) - known
        assert not missing, f"{where}: no {missing} among {sorted(known)}"


def check_names(where, query, metrics, jobs):
    asked, labels = names_in(query)
    available = set(TARGET)
    assert asked, where
    for name, matchers in asked:
        assert name in metrics or name in OWN, f"{where}: nobody serves {name}"
        own = {label for sample in metrics.get(name, ()) for label in sample} | OWN.get(name, TARGET)
        available |= own
        for label, operator, value in matchers:
            assert label in own, f"{where}: {name} has no label {label}"
            if label == "job":
                check_value(where, operator, value, jobs)
            elif name in metrics and label not in TARGET:
                check_value(where, operator, value, {sample[label] for sample in metrics[name] if label in sample})
    assert labels <= available, f"{where}: joins or groups by {labels - available}"


def test_what_they_ask_for_is_served(fleet):
    metrics = served(fleet)
    jobs = {job["job_name"] for job in read_yaml(CONFIG)["scrape_configs"]}
    for name, rule in alerts().items():
        check_names(name, rule["expr"], metrics, jobs)
    for panel, query in dashboard_queries():
        check_names(panel, query, metrics, jobs)
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            selector, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"]).groups()
            check_names(variable["name"], f"count by ({label}) ({selector.replace('$replica', '.*')})", metrics, jobs)


def test_a_real_prometheus_runs_them(fleet, prometheus, topics, neo_a):
    until("each is scraped", lambda: len(prometheus.query("up == 1")) == 3)
    assert {r["metric"]["server"] for r in prometheus.query("global_server_info")} == {"one", "two"}
    topics.commands(["CREATE (:P {n: 1/0})", "CREATE (:P)"])
    topics.produce("request", [{"id": "right", "command": "MATCH (p:P) RETURN p.n"}, {"id": "wrong", "command": "RETURN"}])
    applied(neo_a, topics)
    wait_replies(topics, ["right", "wrong"])
    for panel, query in dashboard_queries():
        until(f"something in panel {panel}: {query}", lambda q=query: prometheus.query(q))
    prometheus.await_firing({"CypherlogDeadLetters": [host_port(fleet["db_sync"][0])]})
    assert [labels["replica"] for labels in prometheus.alerts()] == ["a"]
    rules = until("each rule was run", lambda: (r := prometheus.rules()) and all(x["health"] != "unknown" for x in r) and r)
    assert len(rules) == len(alerts())
    assert [(rule["name"], rule["lastError"]) for rule in rules if rule["health"] != "ok"] == []


def test_alerts_of_an_outage(fleet, prometheus, server_a):
    agents, servers = ([host_port(program) for program in fleet[job]] for job in ("db_sync", "global_server"))
    until("each is scraped", lambda: len(prometheus.query("up == 1")) == 3)
    prometheus.await_firing({})
    server_a.stop()
    try:
        prometheus.await_firing({"CypherlogNeo4jUnreachable": agents, "CypherlogReplicaNotReady": agents, "CypherlogServerNotServing": servers,
                                 "CypherlogNoServerAnswers": [None]})
    finally:
        server_a.start()
    prometheus.await_firing({}, 90)
    for program in fleet["global_server"]:
        program.kill()
    prometheus.await_firing({"CypherlogProgramDown": servers, "CypherlogNoServerAnswers": [None], "CypherlogReplicaWithoutServer": agents})


def test_alerts_without_kafka(fleet, prometheus, kafka):
    agents, servers = ([host_port(program) for program in fleet[job]] for job in ("db_sync", "global_server"))
    until("each is scraped", lambda: len(prometheus.query("up == 1")) == 3)
    kafka.kill()
    try:
        prometheus.await_firing({"CypherlogKafkaUnreachable": agents + servers, "CypherlogReplicaNotReady": agents, "CypherlogNoServerAnswers": [None]}, 120)
    finally:
        kafka.start()
    prometheus.await_firing({}, 120)
