# SPDX-License-Identifier: Apache-2.0
"""What compose/ has for Prometheus and Grafana, and the real Prometheus to try it with."""

import json
import os
import pathlib
import re
import shutil
import subprocess

import requests
from ruamel.yaml import YAML
from stack import free_port
from wait import until

ROOT = pathlib.Path(__file__).resolve().parents[2]
ALERTS = ROOT / "compose/prometheus/alerts.yaml"
CONFIG = ROOT / "compose/prometheus/prometheus.yaml"
DASHBOARD = ROOT / "compose/grafana/dashboard.json"
AGGREGATIONS = {"avg", "count", "max", "min", "sum"}
WORDS = {"and", "bool", "by", "group_left", "group_right", "ignoring", "offset", "on", "or", "unless", "without"}
LISTS = {"by", "group_left", "group_right", "ignoring", "on", "without"}  # labels in brackets follow


def tool(name):
    """promtool or prometheus: what is installed, else what make deps unpacked."""
    found = shutil.which(name, path=os.pathsep.join([os.environ["PATH"], str(ROOT / "build/prometheus/usr/bin")]))
    assert found, f"{name} is missing: make deps unpacks Debian's package prometheus into build/prometheus"
    return found


def promtool(*args, stdin=None):
    """CompletedProcess; stdout holds what it said on both."""
    return subprocess.run([tool("promtool"), *map(str, args)], input=stdin, text=True, timeout=120, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def read_yaml(path):
    return YAML(typ="safe").load(pathlib.Path(path).read_text())


def write_yaml(path, value):
    with open(path, "w") as f:
        YAML(typ="safe").dump(value, f)
    return path


def alerts():
    """{name: rule} in their order."""
    return {rule["alert"]: rule for group in read_yaml(ALERTS)["groups"] for rule in group["rules"]}


def dashboard():
    return json.loads(DASHBOARD.read_text())


def dashboard_queries():
    """[(panel, query)], with everything chosen in the variables."""
    values = {"$__rate_interval": "1m", "$replica": ".*", "$server": ".*"}
    return [(f"{p['id']} {p['title']}", re.sub(r"\$\w+", lambda m: values[m[0]], target["expr"]))
            for p in dashboard()["panels"] for target in p.get("targets", ())]


def names_in(query):
    """What a query asks for: [(metric, [(label, operator, value)])], and the labels that it joins and groups by."""
    instant = re.sub(r"\[[\w:]+\]", "", query)
    tokens = re.findall(r'"(?:[^"\\]|\\.)*"|[A-Za-z_]\w*|[\d.]\w*|=~|!~|!=|[^\s\w]', instant)
    metrics, labels, at = [], set(), 0
    while at < len(tokens):
        token, after = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else ""
        at += 1
        if token in LISTS and after == "(":
            end = tokens.index(")", at)
            labels |= set(tokens[at + 1:end]) - {","}
            at = end + 1
        elif re.match(r"[A-Za-z_]", token) and token not in AGGREGATIONS | WORDS and after != "(":
            end = tokens.index("}", at) if after == "{" else at
            inside = [t for t in tokens[at + 1:end] if t != ","]
            metrics.append((token, [(inside[i], inside[i + 1], inside[i + 2].strip('"')) for i in range(0, len(inside), 3)]))
            at = end
    return metrics, labels


class Prometheus:
    """A real one on the loopback, with compose/'s configuration made quick: it looks every second, at the
    addresses that are given, {job: [host:port]}, and alerts wait for a second."""

    def __init__(self, folder, targets):
        folder.mkdir()
        rules = read_yaml(ALERTS)
        for rule in (r for group in rules["groups"] for r in group["rules"]):
            rule.update({"for": "1s"} if "for" in rule else {})
        write_yaml(folder / "alerts.yaml", rules)
        config = read_yaml(CONFIG)
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["scrape_configs"] = [{"job_name": c["job_name"], "static_configs": [{"targets": targets[c["job_name"]]}]}
                                    for c in config["scrape_configs"]]
        write_yaml(folder / "prometheus.yaml", config)
        self.log = folder / "log"
        listen = f"127.0.0.1:{free_port()}"
        self.base = f"http://{listen}"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([tool("prometheus"), f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'data'}",
                                             f"--web.listen-address={listen}"], cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def await_ready(self):
        until("Prometheus is ready", self._is_ready)

    def _is_ready(self):
        assert self.process.poll() is None, f"prometheus ended with {self.process.returncode}:\n{self.log.read_text()[-3000:]}"
        try:
            return requests.get(self.base + "/-/ready", timeout=10).status_code == 200
        except requests.ConnectionError:
            return False

    def ask(self, path, **params):
        answer = requests.get(f"{self.base}/api/v1/{path}", params=params, timeout=10).json()
        assert answer["status"] == "success", (params, answer)
        return answer["data"]

    def query(self, query):
        return self.ask("query", query=query)["result"]

    def alerts(self):
        """The labels of each alert that fires."""
        return [alert["labels"] for alert in self.ask("alerts")["alerts"] if alert["state"] == "firing"]

    def await_firing(self, expected, deadline_s=60):
        """Waits until these fire and no others: {name: [instance]}, None for an alert on all of them."""
        def met():
            found = {}
            for labels in self.alerts():
                found.setdefault(labels["alertname"], []).append(labels.get("instance"))
            return {name: sorted(instances, key=str) for name, instances in found.items()} == expected

        expected = {name: sorted(instances, key=str) for name, instances in expected.items()}
        until(f"the alerts {expected} and no others", met, deadline_s)

    def rules(self):
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]

    def kill(self):
        self.process.kill()
        self.process.wait()
