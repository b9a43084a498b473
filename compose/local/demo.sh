#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make demo: installs what is missing, builds, then shows the whole system on real data.
set -eu
cd "$(dirname "$0")/../.."

compose/local/deps.sh
echo "building db_sync and global_server"
make --no-print-directory -s -j"$(nproc)" all
exec python3 compose/local/demo.py run
