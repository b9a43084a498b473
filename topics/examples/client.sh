#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sends a command, then reads what it did from whichever replica answers. Needs kcat and jq.
set -euo pipefail
shopt -s inherit_errexit
brokers=${BROKERS:-localhost:9092} prefix=${B_TOPIC_PREFIX:-} timeout_s=10

fail() {
    echo "client.sh: $1" >&2
    exit 1
}

produce() { # produce TOPIC MESSAGE: the record's offset, once Kafka has it for good
    local log
    # enable.idempotence is not the default; acks=all is. kcat tells the offset in its log alone: -vvv
    log=$(kcat -P -b "$brokers" -t "$prefix$1" -k client.sh -vvv -X enable.idempotence=true -X acks=all \
        -X delivery.timeout.ms=30000 <<<"$2" 2>&1) || fail "$log"
    [[ $log =~ delivered.*\(offset\ ([0-9]+)\) ]] || fail "$log"
    echo "${BASH_REMATCH[1]}"
}

send() { # send COMMAND PARAMS: the token, which is the min_offset of requests that are to see the command
    local offset
    offset=$(produce command "$(jq -cn --arg command "$1" --argjson params "$2" '{$command, $params}')")
    echo $((offset + 1))
}

ask() { # ask QUERY PARAMS TOKEN: the pages of the reply, one a line
    local id partitions replies line page error seq=0
    local -A ready=()
    id=$(</proc/sys/kernel/random/uuid)
    partitions=$(kcat -L -J -b "$brokers" -t "${prefix}response" | jq '.topics[0].partitions | length')
    # isolation.level=read_committed is the default; no group, nothing to commit: -C
    exec {replies}< <(exec timeout $((timeout_s + 5)) kcat -C -b "$brokers" -t "${prefix}response" -o end -u \
        -X isolation.level=read_committed 2>&1)
    reader=$!
    trap 'kill "$reader" 2>/dev/null || true' EXIT
    while [ "${#ready[@]}" -lt "$partitions" ]; do # it reads before the request is sent: no reply is missed
        IFS= read -r line <&"$replies" || fail "cannot read replies: ${line:-no partition in sight}"
        if [[ $line =~ ^%\ Reached\ end\ of\ topic\ .*\ \[([0-9]+)\] ]]; then ready[${BASH_REMATCH[1]}]=1; fi
    done
    produce request "$(jq -cn --arg id "$id" --arg command "$1" --argjson params "$2" --argjson min_offset "$3" \
        --argjson timeout_ms $((timeout_s * 1000)) \
        '{$id, with_key: "client.sh", $command, $params, $min_offset, $timeout_ms, page_rows: 2}')" >/dev/null
    while IFS= read -r line <&"$replies"; do # ends with kcat; the server says before that it could not
        [[ $line == "{"*"\"$id\""* ]] || continue # another's
        page=$(jq -c --arg id "$id" --argjson seq $seq 'select(.id == $id and .seq == $seq)' <<<"$line")
        error=$(jq -r '.error // empty | "\(.code): \(.message)"' <<<"$page")
        [ -z "$error" ] || fail "$error"
        [ -z "$page" ] || { echo "$page" && seq=$((seq + 1)); }
        [ "$(jq .last <<<"$page")" != true ] || return 0
    done
    fail "no reply to $id in $((timeout_s + 5)) s: does a global_server run?"
}

params=$(jq -cn --arg run "$(</proc/sys/kernel/random/uuid)" '{$run}')
# shellcheck disable=SC2016 # $run is Cypher's
token=$(send 'UNWIND range(1, 5) AS n CREATE (:Reading {run: $run, n: n})' "$params")
echo "token $token"
# shellcheck disable=SC2016
pages=$(ask 'MATCH (r:Reading {run: $run}) RETURN r.n AS n ORDER BY n' "$params" "$token")
# the offset is a token too: with it nobody reads an older state
jq -rs '"\(.[-1].total) rows in \(length) pages, replica \(.[-1].replica), offset \(.[-1].offset)"' <<<"$pages"
jq -c '.rows[]' <<<"$pages"
