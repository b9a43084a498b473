# SPDX-License-Identifier: Apache-2.0
"""Alerts, Prometheus' configuration and the dashboard of compose/, by promtool and by Grafana's own types. That
the programs serve what these ask for is tests/integration/test_alerts.py."""

import importlib.metadata
import itertools
import json
import re

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard
from monitoring import ALERTS, CONFIG, ROOT, alerts, dashboard, dashboard_queries, names_in, promtool, read_yaml, write_yaml

UNIT_TESTS = ROOT / "tests/data/prometheus/alerts_test.yaml"
COMPOSE = ROOT / "compose"
OVERLAY = read_yaml(COMPOSE / "compose.monitoring.yaml")
PANELS = dashboard()["panels"]
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}  # the one that is chosen at its top


@pytest.mark.parametrize("what, path", [("rules", ALERTS), ("config", CONFIG)])
def test_promtool_finds_nothing(what, path):
    done = promtool("check", what, "--lint=all", "--lint-fatal", path)
    assert done.returncode == 0, done.stdout


def test_alerts_fire_when_they_should():
    done = promtool("test", "rules", UNIT_TESTS)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", alerts())
def test_each_alert_is_tested_both_ways_and_says_what_to_do(name):
    expected = [case["exp_alerts"] for test in read_yaml(UNIT_TESTS)["tests"] for case in test["alert_rule_test"] if case["alertname"] == name]
    assert any(expected) and not all(expected), "it must be seen firing, and silent"
    rule = alerts()[name]
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert set(rule["annotations"]) == {"summary", "description"}
    assert rule["annotations"]["description"].endswith(".") and len(rule["annotations"]["description"]) > 80
    if "absent" not in rule["expr"]:
        assert "$labels." in rule["annotations"]["summary"], "whom it is about"


def test_names_of_a_query():
    """The parser that the other tests trust."""
    assert names_in('sum by (job, le) (rate(a_total{x="1", y!~"b|c"}[5m])) / on (job) group_left () b > 0.5e3 and c offset 1h or time() - d[30m:15s]') == (
        [("a_total", [("x", "=", "1"), ("y", "!~", "b|c")]), ("b", []), ("c", []), ("d", [])], {"job", "le"})


# ---- the dashboard ----


def lost(mine, theirs, path=""):
    """What of mine is not in theirs."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        return [where for key in mine for where in (lost(mine[key], theirs[key], f"{path}.{key}") if key in theirs else [f"{path}.{key}"])]
    if isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        return [where for i, pair in enumerate(zip(mine, theirs)) for where in lost(*pair, f"{path}[{i}]")]
    return [] if mine == theirs else [path]


def through_grafanas_types(text):
    return json.loads(JSONEncoder().encode(Dashboard.from_json(json.loads(text))))


def test_grafanas_types_know_every_field():
    register_default_plugins()
    assert lost(dashboard(), through_grafanas_types(json.dumps(dashboard()))) == []
    for right, wrong in (("gridPos", "gridpos"), ("showLegend", "showlegend"), ("legendFormat", "legend"), ("reduceOptions", "reduce")):
        text = json.dumps(dashboard()).replace(f'"{right}"', f'"{wrong}"')
        assert lost(json.loads(text), through_grafanas_types(text)), f"{wrong} was not noticed"


@pytest.mark.parametrize("panel", [p for p in PANELS if p["type"] != "row"], ids=lambda p: p["title"])
def test_panel(panel):
    known = {value for value in vars(units).values() if isinstance(value, str)}
    assert panel["title"] and panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in known
    assert len({t["refId"] for t in panel["targets"]}) == len(panel["targets"]) > 0
    for part in (panel, *panel["targets"]):
        assert part["datasource"] == DATASOURCE


def test_panels_stand_beside_each_other():
    assert len({p["id"] for p in PANELS}) == len(PANELS)
    taken = set()
    for panel in PANELS:
        at = panel["gridPos"]
        cells = set(itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])))
        assert cells and not cells & taken and at["x"] + at["w"] <= 24, panel["title"]
        taken |= cells


def test_variables():
    variables = dashboard()["templating"]["list"]
    named = {v["name"] for v in variables}
    assert all(v["datasource"] == DATASOURCE for v in variables if v["type"] == "query")
    used = set(re.findall(r"\$\{?(?!__)(\w+)", json.dumps(dashboard())))
    assert used == named == {"datasource", "replica", "server"}


def test_promtool_reads_every_query(tmp_path):
    rules = [{"record": f"query{i}", "expr": query} for i, (_, query) in enumerate(dashboard_queries())]
    done = promtool("check", "rules", write_yaml(tmp_path / "queries.yaml", {"groups": [{"name": "dashboard", "rules": rules}]}))
    assert done.returncode == 0 and f"{len(rules)} rules found" in done.stdout, done.stdout


# ---- compose.monitoring.yaml and what it mounts ----


def test_every_program_is_watched():
    programs = sorted(s for s in read_yaml(COMPOSE / "compose.yaml")["services"] if s.startswith(("db_sync-", "global_server-")))
    listens = {s: OVERLAY["services"][s]["environment"]["STATUS_LISTEN"] for s in programs}
    assert len(programs) == 6 and set(listens.values()) == {"0.0.0.0:9474"}
    jobs = {job["job_name"]: job for job in read_yaml(CONFIG)["scrape_configs"]}
    assert jobs.keys() == {"db_sync", "global_server"}
    looked_up = jobs["global_server"]["dns_sd_configs"][0]
    assert looked_up["port"] == 9474
    assert sorted(jobs["db_sync"]["static_configs"][0]["targets"] + [f"{n}:9474" for n in looked_up["names"]]) == [f"{s}:9474" for s in programs]
    assert all("monitoring" in OVERLAY["services"][s]["networks"] for s in (*programs, "prometheus", "grafana"))


def test_mounted_files_are_where_their_readers_look():
    mounts = {}
    for name in ("prometheus", "grafana"):
        for source, target, *_ in (v.split(":") for v in OVERLAY["services"][name]["volumes"]):
            assert source in OVERLAY["volumes"] or (COMPOSE / source).exists(), source
            mounts[target] = source
    assert f"--config.file=/etc/prometheus/{CONFIG.name}" in OVERLAY["services"]["prometheus"]["command"]
    assert mounts["/etc/prometheus"] == "./prometheus" and mounts["/etc/grafana/provisioning"] == "./grafana/provisioning"
    folder = read_yaml(COMPOSE / "grafana/provisioning/dashboards/cypherlog.yaml")["providers"][0]["options"]["path"]
    assert mounts[f"{folder}/cypherlog.json"] == "./grafana/dashboard.json"
    source = read_yaml(COMPOSE / "grafana/provisioning/datasources/prometheus.yaml")["datasources"][0]
    assert source["url"] == "http://prometheus:9090"
    assert source["jsonData"]["timeInterval"] == read_yaml(CONFIG)["global"]["scrape_interval"]


def test_grafana_is_of_the_line_whose_types_were_asked():
    version = importlib.metadata.version("grafana-foundation-sdk").split("!")[1]
    image = re.search(r":-grafana/grafana:(\d+\.\d+)", OVERLAY["services"]["grafana"]["image"])[1]
    assert version.startswith(image + ".")
