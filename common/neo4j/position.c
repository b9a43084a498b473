/* SPDX-License-Identifier: Apache-2.0 */

/* neo4j/position.c: the node __db_sync changes in the transaction that applies the commands: both
 * are there, or neither. Order: lock, compare and delete it; commands; create it anew. So no
 * command can see it, and none can remove it (tests/integration/test_position.py). Kafka's group
 * offset is for lag tools only. */
#include "neo4j/position.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/stop.h"
#include "neo4j/jolt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define READ_TIMEOUT_MS 30000
#define MISSING_TRIES 20 /* looks before a node counts as missing */
#define MISSING_WAIT_MS 50

/* Word for word what was proved on 4.4, 5.26 and 2026; near variants were seen to apply a batch
 * twice, because they compare what was read before the lock was held. */
static const char LOCK_TEXT[] =
    "OPTIONAL MATCH (p:`__db_sync` {topic: $t, partition: 0}) SET p.lock = 1\n"
    "WITH p, p.offset = $o AND p.epoch = $e AS ok DELETE p\n"
    "WITH count(CASE WHEN ok THEN 1 END) AS c RETURN 1/c";

static const char CREATE_TEXT[] =
    "CREATE (:`__db_sync` {topic: $t, partition: 0, offset: $n, epoch: $e, format: $format, "
    "last: $last, fingerprint: $fingerprint, outcome: $outcome, replica: $replica, "
    "state: $state, intent: $intent, intent_schema: $intent_schema, noticed: $noticed, "
    "failures: $failures, since: $since})";

static const char CONSTRAINT_TEXT[] =
    "CREATE CONSTRAINT `__db_sync_position` IF NOT EXISTS "
    "FOR (p:`__db_sync`) REQUIRE (p.topic, p.partition) IS UNIQUE";

static const char CONSTRAINT_FOUND_TEXT[] =
    "SHOW CONSTRAINTS YIELD name WHERE name = '__db_sync_position' RETURN name";

static const char OTHER_TEXT[] =
    "MATCH (p:`__db_sync`) WHERE p.topic <> $t RETURN properties(p) LIMIT 1";

static const char MERGE_TEXT[] = "MERGE (p:`__db_sync` {topic: $t, partition: 0}) "
                                 "ON CREATE SET p = $node";

static const char READ_TEXT[] =
    "MATCH (p:`__db_sync` {topic: $t, partition: 0}) RETURN properties(p)";

/* Answered by the store of counts, to which a commit that deletes the node and makes it anew adds
 * nothing: never 0 while there is one, as a search beside such a commit may be. */
static const char COUNT_TEXT[] = "MATCH (p:`__db_sync`) RETURN count(p)";

/* Fails when the node is missing, or when it was deleted while this waited for its lock. */
static const char SEIZE_LOCK_TEXT[] =
    "OPTIONAL MATCH (p:`__db_sync` {topic: $t, partition: 0}) SET p.lock = 1\n"
    "WITH p WITH count(CASE WHEN p.offset >= 0 THEN 1 END) AS c RETURN 1/c";

/* The lock that MERGE takes on the constraint's entry, shared, is the one that creating the node
 * anew needs: no transaction of commands can end while it is held, and it is waited for in a queue.
 * The node's own lock is not: the node goes with every transaction, so a reader of a busy replica
 * would come too late each time, and asking for both locks is a deadlock (both seen). */
static const char HOLD_TEXT[] = "MERGE (p:`__db_sync` {topic: $t, partition: 0}) "
                                "RETURN properties(p)";

/* The lock is held: what is read here is true until this transaction ends. */
static const char SEIZE_TEXT[] =
    "MATCH (p:`__db_sync` {topic: $t, partition: 0})\n"
    "SET p.epoch = CASE WHEN p.epoch STARTS WITH $mine THEN $e ELSE p.epoch END REMOVE p.lock\n"
    "RETURN properties(p)";

void position_init(struct position *p, int64_t offset, const char *replica)
{
    *p = (struct position){.format = POSITION_FORMAT,
                           .next_offset = offset,
                           .since = offset,
                           .last_offset = -1,
                           .intent_offset = -1,
                           .noticed = -1};
    snprintf(p->replica, sizeof p->replica, "%s", replica);
}

static void copy_text(char *out, size_t size, const json_t *map, const char *key)
{
    const char *text = json_text(map, key);

    snprintf(out, size, "%s", text != NULL ? text : "");
}

static int64_t member_int(const json_t *map, const char *key, int64_t otherwise)
{
    int64_t n = otherwise;

    return jolt_integer(json_object_get(map, key), &n) ? n : otherwise;
}

static void decode_failures(const char *text, struct position *out)
{
    json_t *list = text != NULL ? json_parse(text, strlen(text), NULL) : NULL;
    size_t i;
    const json_t *item;

    json_array_foreach (list, i, item) {
        struct position_failure *f = &out->failures[out->failure_count];
        if (out->failure_count == POSITION_FAILURES)
            break;
        f->offset = json_int(item, "offset", -1);
        copy_text(f->code, sizeof f->code, item, "code");
        copy_text(f->text, sizeof f->text, item, "text");
        out->failure_count++;
    }
    json_decref(list);
}

static int decode(const json_t *row, struct position *out, struct err *err)
{
    /* properties(p) is a map: {"{}":{…}} */
    const json_t *map = json_object_get(json_array_get(row, 0), "{}");

    *out = (struct position){0};
    out->format = member_int(map, "format", 0);
    out->next_offset = member_int(map, "offset", -1);
    out->last_offset = member_int(map, "last", -1);
    out->intent_offset = member_int(map, "intent", -1);
    copy_text(out->fingerprint, sizeof out->fingerprint, map, "fingerprint");
    copy_text(out->epoch, sizeof out->epoch, map, "epoch");
    const char *outcome = json_text(map, "outcome");
    if (outcome != NULL && !position_parse_outcome(outcome, out))
        return err_set(err, ERR_GUARD, "position.format", "the node __db_sync has no outcome hash");
    copy_text(out->replica, sizeof out->replica, map, "replica");
    copy_text(out->state, sizeof out->state, map, "state");
    copy_text(out->intent_schema, sizeof out->intent_schema, map, "intent_schema");
    out->noticed = member_int(map, "noticed", -1);
    out->since = member_int(map, "since", 0);
    decode_failures(json_text(map, "failures"), out);
    if (out->next_offset < 0 || out->format != POSITION_FORMAT)
        return err_set(err, ERR_GUARD, "position.format",
                       "the node __db_sync has format %" PRId64 " and offset %" PRId64
                       "; this program reads format %d: use the version that wrote it",
                       out->format, out->next_offset, POSITION_FORMAT);
    return 0;
}

/* Readers take no locks: beside a commit one may find the node that is just deleted, or the one
 * that is just made, with only some of its properties. */
static bool is_whole(const json_t *row)
{
    static const char *const keys[] = {"topic",       "partition", "offset",  "epoch",
                                       "format",      "last",      "outcome", "replica",
                                       "fingerprint", "state",     "intent",  "intent_schema"};
    const json_t *map = json_object_get(json_array_get(row, 0), "{}");

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (json_object_get(map, keys[i]) == NULL)
            return false;
    return true;
}

static json_t *topic_params(const char *topic)
{
    return json_pack("{s:s}", "t", topic);
}

static int read_row(struct tx *tx, const char *text, const json_t *params, json_t **row,
                    struct err *err)
{
    struct tx_opts opts = {.read = true,
                           .server_limit_ms = READ_TIMEOUT_MS,
                           .deadline_ms = clock_mono_ms() + READ_TIMEOUT_MS};

    return tx_query_row(tx, text, params, &opts, row, err);
}

/* Has the database no position at all, of whatever log? */
static int read_none(struct tx *tx, bool *none, struct err *err)
{
    json_t *row = NULL;
    int64_t count;
    int rc = read_row(tx, COUNT_TEXT, NULL, &row, err);

    *none = rc == 0 && jolt_integer(json_array_get(row, 0), &count) && count == 0;
    json_decref(row);
    return rc;
}

int position_read(struct tx *tx, const char *topic, struct position *out, bool *found,
                  struct err *err)
{
    json_t *params = topic_params(topic), *row = NULL;
    bool none = false;
    int rc = -1;

    *found = false;
    for (int i = 0; i < MISSING_TRIES && !none && !is_whole(row); i++) {
        if (i > 0 && stop_wait(MISSING_WAIT_MS)) {
            stop_check(err);
            goto out;
        }
        json_decref(row);
        if (read_row(tx, READ_TEXT, params, &row, err) < 0 ||
            (i == 0 && row == NULL && read_none(tx, &none, err) < 0))
            goto out;
    }
    *found = row != NULL;
    rc = *found ? decode(row, out, err) : 0; /* which refuses what stays incomplete */
out:
    json_decref(row);
    json_decref(params);
    return rc;
}

/* The failures as text: a property can hold no list of maps. */
static json_t *failures_text(const struct position *p)
{
    json_t *list = json_array();
    struct buf text = {0};

    for (size_t i = 0; i < p->failure_count; i++)
        json_array_append_new(list, json_pack("{s:I,s:s,s:s}", "offset",
                                              (json_int_t)p->failures[i].offset, "code",
                                              p->failures[i].code, "text", p->failures[i].text));
    json_add(&text, list);
    json_decref(list);
    json_t *string = json_stringn(buf_str(&text), text.len);
    buf_fini(&text);
    return string;
}

static json_t *node_map(const char *topic, const struct position *p)
{
    char outcome[HASH_ID_SIZE];

    position_outcome_text(p, outcome);
    return json_pack("{s:s,s:i,s:I,s:s,s:I,s:I,s:s,s:s,s:s,s:s,s:I,s:s,s:I,s:o,s:I}", "topic",
                     topic, "partition", 0, "offset", (json_int_t)p->next_offset, "epoch", p->epoch,
                     "format", (json_int_t)p->format, "last", (json_int_t)p->last_offset,
                     "fingerprint", p->fingerprint, "outcome", outcome, "replica", p->replica,
                     "state", p->state, "intent", (json_int_t)p->intent_offset, "intent_schema",
                     p->intent_schema, "noticed", (json_int_t)p->noticed, "failures",
                     failures_text(p), "since", (json_int_t)p->since);
}

static int create_constraint(struct tx *tx, struct err *err)
{
    struct tx_opts opts = {.server_limit_ms = READ_TIMEOUT_MS};
    struct err why = {0};
    json_t *row = NULL;
    int rc = tx_query_row(tx, CONSTRAINT_TEXT, NULL, &opts, &row, &why);

    json_decref(row);
    /* Two that start at once: the loser may hear that it exists in spite of IF NOT EXISTS. */
    if (rc == 0 || strstr(why.code, "AlreadyExists") != NULL)
        return 0;
    *err = why;
    return -1;
}

int position_protect(struct tx *tx, struct err *err)
{
    json_t *row = NULL;

    /* Asked first: making it, even if it exists, may wait for whoever writes the node. */
    if (read_row(tx, CONSTRAINT_FOUND_TEXT, NULL, &row, err) < 0)
        return -1;
    bool found = row != NULL;
    json_decref(row);
    return found ? 0 : create_constraint(tx, err);
}

int position_create(struct tx *tx, const char *topic, const struct position *start, struct err *err)
{
    struct tx_opts opts = {.server_limit_ms = READ_TIMEOUT_MS};
    json_t *params = json_pack("{s:s,s:o}", "t", topic, "node", node_map(topic, start));
    json_t *row = NULL;
    int rc = create_constraint(tx, err);

    if (rc == 0)
        rc = tx_query_row(tx, MERGE_TEXT, params, &opts, &row, err);
    json_decref(row);
    json_decref(params);
    return rc;
}

int position_other(struct tx *tx, const char *topic, char **other, struct err *err)
{
    json_t *params = topic_params(topic), *row = NULL;
    int rc = read_row(tx, OTHER_TEXT, params, &row, err);
    const char *name = json_text(json_object_get(json_array_get(row, 0), "{}"), "topic");

    *other = mem_strdup(name);
    json_decref(row);
    json_decref(params);
    return rc;
}

static int keep_row(void *arg, size_t stmt, const json_t *row, struct err *err)
{
    json_t **keep = arg;

    (void)err;
    if (stmt == 1 && *keep == NULL)
        *keep = json_incref((json_t *)row);
    return 0;
}

static int seize_once(struct tx *tx, json_t *params, int64_t server_limit_ms, json_t **row,
                      struct err *err)
{
    struct buf json = {0};
    struct tx_reader reader = {.on_row = keep_row, .arg = row};
    /* No deadline of ours: the wait for a long transaction is the point. */
    struct tx_opts opts = {.server_limit_ms = server_limit_ms, .reader = &reader};

    tx_add_stmt(&json, SEIZE_LOCK_TEXT, strlen(SEIZE_LOCK_TEXT), params);
    size_t first = json.len;
    tx_add_stmt(&json, SEIZE_TEXT, strlen(SEIZE_TEXT), params);
    const char *text = buf_str(&json);
    struct tx_stmt stmts[] = {{text, first}, {text + first, json.len - first}};
    int rc = tx_commit(tx, stmts, 2, &opts, NULL, err);
    buf_fini(&json);
    return rc;
}

/* A try failed on a node that was missing or went away. While another writer commits batch after
 * batch, the node that this waits for is deleted and made anew each time: trying again at once wins
 * the lock after a few rounds. Only a node that no reader sees either is missing. */
static int look_again(struct tx *tx, const char *topic, struct err *err)
{
    struct position ignored;
    bool found;

    if (position_read(tx, topic, &ignored, &found, err) < 0)
        return -1;
    if (!found)
        return err_set(err, ERR_GUARD, "position.missing",
                       "the node __db_sync of topic %s is gone; if somebody deleted it, wipe this "
                       "replica and start it anew",
                       topic);
    return stop_check(err);
}

static int judge_seized(const json_t *row, const char *epoch, struct position *out, struct err *err)
{
    if (row == NULL)
        return err_set(err, ERR_RETRY, "position.moved",
                       "the node __db_sync changed while it was read");
    if (decode(row, out, err) < 0)
        return -1;
    if (strcmp(out->epoch, epoch) != 0)
        return err_set(err, ERR_FENCED, "position.fenced",
                       "a newer db_sync has taken over this replica (epoch %s); this one ends",
                       out->epoch);
    return 0;
}

int position_seize(struct tx *tx, const char *topic, const char *owner, int64_t serial,
                   bool only_mine, int64_t server_limit_ms, struct position *out, struct err *err)
{
    char epoch[sizeof out->epoch];
    json_t *row = NULL;
    int rc = -1;

    snprintf(epoch, sizeof epoch, "%s/%" PRId64, owner, serial);
    json_t *params =
        json_pack("{s:s,s:s,s:s}", "t", topic, "mine", only_mine ? owner : "", "e", epoch);
    for (;;) {
        struct err why = {0};
        if (seize_once(tx, params, server_limit_ms, &row, &why) == 0)
            break;
        json_decref(row);
        row = NULL;
        if (why.class != ERR_POISON) { /* an outage, a limit or a lost answer */
            *err = why;
            goto out;
        }
        if (look_again(tx, topic, err) < 0)
            goto out;
    }
    rc = judge_seized(row, epoch, out, err);
out:
    json_decref(row);
    json_decref(params);
    return rc;
}

static int run_held(struct tx *tx, const char *topic, const char *text, int64_t deadline_ms,
                    struct position *out, bool *found, struct err *err)
{
    json_t *params = topic_params(topic), *row = NULL;
    int rc = tx_run_row(tx, text, params, deadline_ms, &row, err);

    *found = row != NULL && is_whole(row);
    if (rc == 0 && *found)
        rc = decode(row, out, err);
    json_decref(row);
    json_decref(params);
    return rc;
}

int position_hold(struct tx *tx, const char *topic, struct position *out, bool *found,
                  struct err *err)
{
    return run_held(tx, topic, HOLD_TEXT, 0, out, found, err);
}

int position_held(struct tx *tx, const char *topic, struct position *out, bool *found,
                  struct err *err)
{
    return run_held(tx, topic, READ_TEXT, clock_mono_ms() + READ_TIMEOUT_MS, out, found, err);
}

void position_add_lock(struct buf *out, const char *topic, const struct position *was)
{
    json_t *params =
        json_pack("{s:s,s:I,s:s}", "t", topic, "o", (json_int_t)was->next_offset, "e", was->epoch);

    tx_add_stmt(out, LOCK_TEXT, sizeof LOCK_TEXT - 1, params);
    json_decref(params);
}

void position_add_create(struct buf *out, const char *topic, const struct position *now)
{
    char outcome[HASH_ID_SIZE];

    position_outcome_text(now, outcome);
    json_t *params = json_pack(
        "{s:s,s:I,s:s,s:I,s:I,s:s,s:s,s:s,s:s,s:I,s:s,s:I,s:o,s:I}", "t", topic, "n",
        (json_int_t)now->next_offset, "e", now->epoch, "format", (json_int_t)now->format, "last",
        (json_int_t)now->last_offset, "fingerprint", now->fingerprint, "outcome", outcome,
        "replica", now->replica, "state", now->state, "intent", (json_int_t)now->intent_offset,
        "intent_schema", now->intent_schema, "noticed", (json_int_t)now->noticed, "failures",
        failures_text(now), "since", (json_int_t)now->since);

    tx_add_stmt(out, CREATE_TEXT, sizeof CREATE_TEXT - 1, params);
    json_decref(params);
}

bool position_equal(const struct position *a, const struct position *b)
{
    return a->next_offset == b->next_offset && a->last_offset == b->last_offset &&
           a->intent_offset == b->intent_offset && strcmp(a->fingerprint, b->fingerprint) == 0 &&
           a->outcome[0] == b->outcome[0] && a->outcome[1] == b->outcome[1];
}

/* splitmix64's finisher (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014)
 */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

void position_add_outcome(struct position *p, int64_t offset, const char *code)
{
    /* FNV-1a, and not hash_quick, which is free to change: the node keeps this hash, and replicas
     * of different versions compare it. */
    uint64_t text = 0xcbf29ce484222325u;

    for (const char *c = code; *c != '\0'; c++)
        text = (text ^ (unsigned char)*c) * 0x100000001b3u;
    p->outcome[0] = mix(p->outcome[0] ^ mix((uint64_t)offset) ^ text);
    p->outcome[1] = mix(p->outcome[1] + mix(text) + (uint64_t)offset);
}

/* Copies as much of text as fits, in whole characters. */
static void copy_cut(char *out, size_t size, const char *text)
{
    size_t len = strlen(text);

    if (len >= size)
        for (len = size - 1; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80;)
            len--;
    memcpy(out, text, len);
    out[len] = '\0';
}

void position_add_failure(struct position *p, int64_t offset, const struct err *why)
{
    if (p->failure_count == POSITION_FAILURES) {
        p->failure_count--;
        memmove(p->failures, p->failures + 1, p->failure_count * sizeof *p->failures);
    }
    struct position_failure *f = &p->failures[p->failure_count++];
    f->offset = offset;
    copy_cut(f->code, sizeof f->code, why->code);
    err_copy_text(f->text, sizeof f->text, p->noticed >= 0 ? why->text : "");
}

void position_set_noticed(struct position *p, int64_t noticed)
{
    for (size_t i = 0; i < p->failure_count; i++)
        if (noticed < 0 || p->failures[i].offset < noticed)
            p->failures[i].text[0] = '\0';
    p->noticed = noticed;
}

int64_t position_failures_from(const struct position *p)
{
    return p->failure_count == POSITION_FAILURES ? p->failures[0].offset : p->since;
}

const struct position_failure *position_failure(const struct position *p, int64_t offset)
{
    for (size_t i = 0; i < p->failure_count; i++)
        if (p->failures[i].offset == offset)
            return &p->failures[i];
    return NULL;
}

bool position_parse_outcome(const char *text, struct position *out)
{
    return strlen(text) == HASH_ID_SIZE - 1 &&
           strspn(text, "0123456789abcdef") == HASH_ID_SIZE - 1 &&
           sscanf(text, "%16" SCNx64 "%16" SCNx64, &out->outcome[0], &out->outcome[1]) == 2;
}

void position_outcome_text(const struct position *p, char out[static HASH_ID_SIZE])
{
    snprintf(out, HASH_ID_SIZE, "%016" PRIx64 "%016" PRIx64, p->outcome[0], p->outcome[1]);
}
