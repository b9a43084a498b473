# SPDX-License-Identifier: Apache-2.0
"""What a log of commands must do, by the plainest means: each command once, in a transaction of
its own, by another client. What fails is left out, as a dead letter would be."""

from neo import CypherError


def apply_one_by_one(neo, commands):
    """commands: texts or (text, params). Returns [(index, code)] of those that failed."""
    failed = []
    for index, command in enumerate(commands):
        text, params = command if isinstance(command, tuple) else (command, {})
        try:
            neo.run(text, **params)
        except CypherError as error:
            failed.append((index, error.code))
    return failed
