# SPDX-License-Identifier: Apache-2.0
"""What STATUS_LISTEN serves, read by Prometheus' own parser."""

import re

import requests
from prometheus_client.parser import text_string_to_metric_families


def address(program):
    """Where it listens, which its log says."""
    return program.wait_event("listening")[0]["address"]


def get(base, path, code=200):
    answer = requests.get(base + path, timeout=10)
    assert answer.status_code == code, (path, answer.status_code, answer.text)
    return answer


class Metrics:
    """What /metrics said at one moment."""

    def __init__(self, base):
        answer = get(base, "/metrics")
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        self.families = {f.name: f for f in text_string_to_metric_families(answer.text)}
        assert len(re.findall("^# TYPE ", answer.text, re.M)) == len(self.families), "a family is given twice"

    def value(self, name, **labels):
        found = [s.value for f in self.families.values() for s in f.samples if s.name == name and labels.items() <= s.labels.items()]
        assert len(found) == 1, (name, labels, found)
        return found[0]
