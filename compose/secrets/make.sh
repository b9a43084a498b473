#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes the passwords of replicas: `secrets/make.sh a b c`, or one more later; `grafana` for that of
# compose.monitoring.yaml. Keeps what is there.
# A secret that comes from a file is a bind mount, so the users in the containers need to read it:
# the files are open, the folder is closed to everybody else.
set -eu
cd "$(dirname "$0")"
[ $# -gt 0 ] || {
    echo "usage: secrets/make.sh REPLICA…, such as: secrets/make.sh a b c" >&2
    exit 2
}
chmod 700 .
for replica in "$@"; do
    case $replica in
    '' | *[!a-z0-9_-]*)
        echo "$replica: a replica's name is of a-z, 0-9, _ and -" >&2
        exit 2
        ;;
    esac
    if [ ! -e "${replica}_pass" ]; then
        password=$(od -An -N 24 -tx1 /dev/urandom | tr -d ' \n')
        printf '%s\n' "$password" >"${replica}_pass"
    fi
    chmod 444 "${replica}_pass"
    [ "$replica" != grafana ] || continue
    printf 'neo4j/%s\n' "$(head -n 1 "${replica}_pass")" >"${replica}_auth.new"
    chmod 444 "${replica}_auth.new"
    mv -f "${replica}_auth.new" "${replica}_auth"
done
