# SPDX-License-Identifier: Apache-2.0
"""The one exception of the local stack, and its exit codes (those of db_sync, DESIGN section 8)."""

FAILED, USAGE, UNREACHABLE = 1, 2, 4


class StackError(Exception):
    """Says what was wrong and what to do; code is the exit code of the command line."""

    def __init__(self, text: str, code: int = FAILED):
        super().__init__(text)
        self.code = code
