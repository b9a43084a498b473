/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/bundle.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "cypher/columns.h"
#include "cypher/name.h"
#include "neo4j/plan.h"

#include <stdlib.h>
#include <string.h>

/* uthash asks how to end when memory is exhausted; mem_alloc has done so by then. */
#define uthash_malloc(size) mem_alloc(1, size)
#include <uthash.h>

#define ROW "__clr"
#define BUNDLES_MAX 256                   /* templates */
#define BUNDLES_BYTES ((size_t)256 << 10) /* of all: what was used longest ago goes */
#define AT_ONCE 4                         /* templates that Neo4j is asked about */
#define TEXT_BYTES 4096 /* of a query, and of a template; a longer one goes by itself */
#define USES 16         /* before Neo4j is asked about it: that costs compilations */
#define TRUST_MS 600000 /* then it is asked again: indexes and statistics change */
#define DOUBT_MS 50     /* after a failure; twice as long after each further one */
#define DOUBTS_MAX 10
#define TRIAL_MS 2000
#define ANSWER_GRACE_MS 3000 /* beyond the server's own limit */

enum state {
    STATE_NEW,     /* used too seldom */
    STATE_READY,   /* to be asked about */
    STATE_BUNDLE,  /* text is the statement's */
    STATE_REFUSED, /* Neo4j would do something else, or compiles no such statement */
};

struct bundle {
    enum state state;
    unsigned uses;
    int64_t since_ms;       /* monotonic; of BUNDLE and REFUSED: when Neo4j said so */
    int64_t doubt_until_ms; /* the same */
    unsigned doubts;        /* failures, less what went well since */
    struct buf query;       /* READY: one of its queries, which is asked about */
    json_t *params;         /* of that; NULL: none */
    struct buf inner;       /* READY: the template with its holes as places of a row */
    struct buf head;        /* BUNDLE: {"statement":"…","parameters":{"__clr":{"rows":[ */
    size_t key_len;
    UT_hash_handle hh;
    char key[];
};

/* uthash keeps the order in which entries came: the first is the one used longest ago. */
struct bundles {
    struct bundle *entries;
    size_t ready; /* of them in that state */
    size_t bytes;
};

struct bundles *bundles_new(void)
{
    return mem_alloc(1, sizeof(struct bundles));
}

/* What is needed for the question alone. */
static void forget_query(struct bundle *bundle)
{
    buf_fini(&bundle->query);
    buf_fini(&bundle->inner);
    json_decref(bundle->params);
    bundle->params = NULL;
}

static size_t bytes_of(const struct bundle *bundle)
{
    return sizeof *bundle + bundle->key_len + bundle->head.len;
}

static void drop(struct bundles *b, struct bundle *bundle)
{
    HASH_DEL(b->entries, bundle);
    b->bytes -= bytes_of(bundle);
    b->ready -= bundle->state == STATE_READY ? 1 : 0;
    forget_query(bundle);
    buf_fini(&bundle->head);
    free(bundle);
}

void bundles_free(struct bundles *b)
{
    while (b != NULL && b->entries != NULL)
        drop(b, b->entries);
    free(b);
}

/* ---- finding ---- */

static struct bundle *find(struct bundles *b, const char *key, size_t len)
{
    struct bundle *bundle;

    HASH_FIND(hh, b->entries, key, len, bundle);
    if (bundle != NULL && bundle->hh.next != NULL) { /* to the end, as the one used last */
        HASH_DEL(b->entries, bundle);
        HASH_ADD_KEYPTR(hh, b->entries, bundle->key, bundle->key_len, bundle);
    }
    if (bundle != NULL)
        return bundle;
    bundle = mem_alloc(1, sizeof *bundle + len);
    memcpy(bundle->key, key, len);
    bundle->key_len = len;
    HASH_ADD_KEYPTR(hh, b->entries, bundle->key, bundle->key_len, bundle);
    b->bytes += bytes_of(bundle);
    return bundle;
}

static void get_ready(struct bundles *b, struct bundle *bundle, const struct lift *lift,
                      const char *text, size_t len, const json_t *params)
{
    bundle->state = STATE_READY;
    b->ready++;
    buf_add(&bundle->query, text, len);
    bundle->params = json_deep_copy(params);
    lift_add_row_text(lift, ROW, 1, &bundle->inner);
}

struct bundle *bundles_find(struct bundles *b, struct lift *lift, const char *text, size_t len,
                            const json_t *params)
{
    size_t key_len;
    const char *key = lift_key(lift, text, &key_len);

    if (lift->hole_count == 0 || lift->projected || len > TEXT_BYTES || key_len > TEXT_BYTES)
        return NULL;
    struct bundle *bundle = find(b, key, key_len);
    bundle->uses++;
    int64_t now = clock_mono_ms();
    bool is_told = bundle->state == STATE_BUNDLE || bundle->state == STATE_REFUSED;
    if ((bundle->state == STATE_NEW && bundle->uses >= USES) ||
        (is_told && now - bundle->since_ms > TRUST_MS))
        get_ready(b, bundle, lift, text, len, params);
    return bundle->state == STATE_BUNDLE && now >= bundle->doubt_until_ms ? bundle : NULL;
}

void bundle_note(struct bundle *bundle, bool failed)
{
    if (failed) {
        bundle->doubt_until_ms = clock_mono_ms() + (DOUBT_MS << bundle->doubts);
        bundle->doubts += bundle->doubts < DOUBTS_MAX ? 1 : 0;
    } else if (bundle->doubts > 0) {
        bundle->doubts--;
    }
}

/* ---- writing ---- */

void bundle_add_values(const struct lift *lift, const char *text, const json_t *params,
                       struct buf *out)
{
    for (size_t i = 0; i < lift->hole_count; i++) {
        buf_addc(out, ',');
        lift_add_value(lift, i, text, params, out);
    }
}

void bundle_begin(const struct bundle *bundle, struct buf *out)
{
    buf_add(out, bundle->head.data, bundle->head.len);
}

void bundle_add_row(struct buf *out, size_t number, const char *values, size_t len)
{
    buf_addf(out, "%s[%zu", number > 0 ? "," : "", number);
    buf_add(out, values, len);
    buf_addc(out, ']');
}

void bundle_end(struct buf *out)
{
    buf_adds(out, "]}}}");
}

/* False: not every column can be given its name. */
static bool add_text(const struct buf *inner, const json_t *columns, bool scoped, struct buf *out)
{
    const json_t *column;
    size_t i;

    buf_adds(out, "CYPHER runtime=slotted UNWIND $" ROW ".rows AS " ROW " CALL ");
    buf_adds(out, scoped ? "(" ROW ") { " : "{ WITH " ROW " ");
    if (!columns_add_named(buf_str(inner), inner->len, columns, out))
        return false;
    buf_adds(out, " } RETURN ");
    json_array_foreach (columns, i, column) {
        name_add_quoted(out, json_string_value(column), json_string_length(column));
        buf_adds(out, ", ");
    }
    buf_adds(out, ROW "[0] AS " BUNDLE_NUMBER);
    return true;
}

/* ---- the trial ---- */

static size_t ask(struct tx *tx, const char *text, size_t len, const json_t *params,
                  struct plan *plan, struct err *err)
{
    const struct plan_question question = {text, len, params};
    const struct plan_limits limits = {.read = true,
                                       .server_ms = TRIAL_MS,
                                       .deadline_ms = clock_mono_ms() + TRIAL_MS + ANSWER_GRACE_MS};

    return plan_ask(tx, &limits, &question, 1, plan, err);
}

static bool has_same_columns(const struct plan *alone, const struct plan *many)
{
    json_t *wanted = json_copy(alone->columns);

    json_array_append_new(wanted, json_string(BUNDLE_NUMBER));
    bool same = json_equal(wanted, many->columns);
    json_decref(wanted);
    return same;
}

static void remove_first(struct buf *lines, const char *line)
{
    const char *found = strstr(buf_str(lines), line);
    struct buf rest = {0};

    if (found == NULL)
        return;
    buf_adds(&rest, found + strlen(line));
    buf_truncate(lines, (size_t)(found - buf_str(lines)));
    buf_add(lines, buf_str(&rest), rest.len);
    buf_fini(&rest);
}

/* The statement for many has an Unwind and an Apply more; those above the query's own operators
 * come first. What computes columns, or nothing, stands elsewhere in it. */
static bool has_same_operators(const struct plan *alone, const struct plan *many)
{
    static const char *const without[] = {"ProduceResults", "Projection", "CacheProperties",
                                          "Argument", NULL};
    struct buf a = {0}, b = {0};

    plan_add_operators(alone, without, &a);
    plan_add_operators(many, without, &b);
    remove_first(&b, "Apply\n");
    remove_first(&b, "Unwind\n");
    bool same = a.len > 0 && strcmp(buf_str(&a), buf_str(&b)) == 0;
    buf_fini(&a);
    buf_fini(&b);
    return same;
}

static enum state refuse(struct err *why, const char *reason)
{
    err_set(why, ERR_POISON, "bundle.refused", "%s", reason);
    return STATE_REFUSED;
}

struct trial {
    struct buf text; /* of the statement for many */
    struct plan alone, many;
};

/* NEW: that cannot be told now. */
static enum state judge(struct trial *t, const struct bundle *bundle, struct tx *tx,
                        struct err *why)
{
    struct tx_server server;

    if (tx_server(tx, &server, why) < 0)
        return STATE_NEW;
    size_t passed =
        ask(tx, buf_str(&bundle->query), bundle->query.len, bundle->params, &t->alone, why);
    if (passed != 1)
        return passed == 0 ? STATE_REFUSED : STATE_NEW;
    if (!add_text(&bundle->inner, t->alone.columns, tx_scopes_calls(server.version), &t->text))
        return refuse(why, "its columns cannot be named");
    json_t *no_rows = json_pack("{s:{s:[]}}", ROW, "rows");
    passed = ask(tx, buf_str(&t->text), t->text.len, no_rows, &t->many, why);
    json_decref(no_rows);
    if (passed != 1)
        return passed == 0 ? STATE_REFUSED : STATE_NEW;
    if (!has_same_columns(&t->alone, &t->many))
        return refuse(why, "the columns differ");
    if (!has_same_operators(&t->alone, &t->many))
        return refuse(why, "the plans differ");
    return STATE_BUNDLE;
}

static void learn(struct bundle *bundle, struct tx *tx)
{
    static const char *const names[] = {
        [STATE_NEW] = "unknown", [STATE_BUNDLE] = "bundle", [STATE_REFUSED] = "alone"};
    struct trial t = {0};
    struct err why = {0};

    bundle->state = judge(&t, bundle, tx, &why);
    bundle->since_ms = clock_mono_ms();
    bundle->uses = 0;
    log_debug(log_event("template"), log_str("state", names[bundle->state]),
              log_str("text", buf_str(&bundle->inner)), log_err(&why));
    buf_fini(&bundle->head);
    if (bundle->state == STATE_BUNDLE) {
        buf_adds(&bundle->head, "{\"statement\":");
        buf_add_json(&bundle->head, buf_str(&t.text), t.text.len);
        buf_adds(&bundle->head, ",\"parameters\":{\"" ROW "\":{\"rows\":[");
    }
    buf_fini(&t.text);
    plan_fini(&t.alone);
    plan_fini(&t.many);
    forget_query(bundle);
}

void bundles_learn(struct bundles *b, struct tx *tx)
{
    struct bundle *bundle;

    while (HASH_COUNT(b->entries) > BUNDLES_MAX || b->bytes > BUNDLES_BYTES)
        drop(b, b->entries);
    bundle = b->entries;
    for (size_t i = 0; i < AT_ONCE && b->ready > 0; i++) {
        while (bundle->state != STATE_READY)
            bundle = bundle->hh.next;
        b->ready--;
        b->bytes -= bytes_of(bundle);
        learn(bundle, tx);
        b->bytes += bytes_of(bundle);
    }
}
