# SPDX-License-Identifier: Apache-2.0
"""Waiting for a condition, with a deadline that says what was waited for."""

import time


def until(what, condition, deadline_s=30, every_s=0.05):
    """Calls condition() until it returns something true, and returns that."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"after {deadline_s} s still waiting for {what}")
        time.sleep(every_s)
