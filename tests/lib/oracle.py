# SPDX-License-Identifier: Apache-2.0
"""What a log of commands must do, by the plainest means: each command once, in a transaction of
its own, by another client. What fails is left out, as a dead letter would be."""

import re

from neo import CypherError
from typed import cypher, is_built, meaning

OWN = ("__offset", "__timestamp", "__key")


def apply_one_by_one(neo, commands, timestamps=None):
    """commands: texts, (text, params), or messages; timestamps: of their records. Returns [(index, code)] of those that failed."""
    failed = []
    for index, command in enumerate(commands):
        try:
            neo.transaction(statements(command, index, timestamps and timestamps[index]))
        except CypherError as error:
            failed.append((index, error.code))
    return failed


def statements(command, offset=0, timestamp=None):
    """[(text, params)] that Neo4j takes. What cypherlog must refuse raises CypherError with the code."""
    message = {"command": command} if isinstance(command, str) else command
    if isinstance(message, tuple):
        message = {"command": message[0], "params": message[1]}
    own = dict(zip(OWN, (offset, timestamp, message.get("with_key", message.get("id")))))
    return [_statement(part["command"], part.get("params") or {}, own) for part in message.get("commands", [message])]


def _statement(text, params, own):
    """Typed values go into the text, wherever it has the name behind a $: it has it nowhere in strings and comments."""
    plain = {name: meaning(value) for name, value in params.items()}
    built = {name: value for name, value in plain.items() if is_built(value)}
    if built and re.search(r"(?<!\\)(?:\\\\)*\\u", text):
        raise CypherError("param.place", "of db_sync")
    if any(name in params for name in OWN):
        raise CypherError("command.params", "of db_sync")
    for name, value in built.items():
        name = re.escape(name)
        text = re.sub(rf"(?<!['`])\$(?:`{name}`|{name}\b)", lambda _, value=value: f" {cypher(value)}", text)
    return text, {**{name: value for name, value in plain.items() if name not in built}, **{name: value for name, value in own.items() if name in text}}
