/* SPDX-License-Identifier: Apache-2.0 */

/* snapshot/export.c: rows wait in a batch for each shape, that is for each text that may follow
 * them. All batches are written when one is full, or when they have become many: what waits is
 * bounded. Nodes come before relationships, so that these find them. */
#include "snapshot/export.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/stop.h"
#include "cypher/literal.h"
#include "neo4j/schema.h"
#include "snapshot/census.h"
#include "snapshot/cypher_text.h"
#include "snapshot/hold.h"
#include "snapshot/pack.h"
#include "snapshot/rebuild.h"
#include "snapshot/scan.h"
#include "snapshot/script_file.h"

#define uthash_malloc(size) mem_alloc(1, size)
#include <uthash.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 500                      /* of a statement */
#define STATEMENT_BYTES ((size_t)1 << 18) /* beyond it only a single row */
#define WAITING_BYTES ((size_t)4 << 20)   /* of all batches */
#define BATCHES_MAX 1000                  /* with as many texts kept */
#define STEP_NODES 10000                  /* that lose the helper in one transaction */
#define LOOK_EVERY 256                    /* entities between two looks at stop and lock */
#define LOSSES_SHOWN 5

#define HELPER "`" CYPHER_TEXT_LABEL "`"
#define HELPER_ID "`" CYPHER_TEXT_ID "`"

struct batch {
    char *tail;
    size_t tail_len, count;
    struct buf rows;
    UT_hash_handle hh;
};

struct export
{
    const struct export_conf *conf;
    struct export_result *result;
    struct tx *scan;
    struct hold *hold;
    struct census *census;
    struct batch *batches; /* in the order of their first row */
    size_t waiting_bytes;
    struct buf text; /* given on when it is large enough */
    struct buf tail, row, ascii;
    bool relationships; /* the kind in hand */
    int64_t done, total;
    int64_t *steps; /* after each STEP_NODES nodes the greatest id so far */
    size_t step_count, step_size;
    int64_t greatest;
    json_t *losses; /* ":A:B.key": how many */
};

/* ---- text ---- */

/* In ASCII: cypher-shell reads a file in the machine's character set, and where that is none of
 * Unicode's it would put "?" for a character and say nothing (seen: Java 17, LANG=C). */
static void make_ascii(struct export *x, size_t start)
{
    buf_reset(&x->ascii);
    literal_add_ascii(&x->ascii, x->text.data + start, x->text.len - start);
    if (x->ascii.len == x->text.len - start)
        return;
    buf_truncate(&x->text, start);
    buf_add(&x->text, buf_str(&x->ascii), x->ascii.len);
}

static int end_statement(struct export *x, size_t start, struct err *err)
{
    make_ascii(x, start);
    buf_adds(&x->text, ";\n");
    x->result->statements++;
    if ((int64_t)(x->text.len - start) > x->result->largest_bytes)
        x->result->largest_bytes = (int64_t)(x->text.len - start);
    return x->text.len >= PACK_PIECE_BYTES ? x->conf->on_text(x->conf->arg, &x->text, err) : 0;
}

static int add_statement(struct export *x, const char *text, struct err *err)
{
    size_t start = x->text.len;

    buf_adds(&x->text, text);
    return end_statement(x, start, err);
}

static void free_batch(struct export *x, struct batch *b)
{
    HASH_DEL(x->batches, b);
    free(b->tail);
    buf_fini(&b->rows);
    free(b);
}

static int write_batch(struct export *x, struct batch *b, struct err *err)
{
    size_t start = x->text.len;

    if (b->count == 0)
        return 0;
    buf_adds(&x->text, CYPHER_TEXT_HEAD);
    buf_add(&x->text, b->rows.data, b->rows.len);
    buf_add(&x->text, b->tail, b->tail_len);
    x->waiting_bytes -= b->rows.len;
    buf_reset(&b->rows);
    b->count = 0;
    return end_statement(x, start, err);
}

static int write_batches(struct export *x, struct err *err)
{
    struct batch *b, *next;

    HASH_ITER(hh, x->batches, b, next)
    {
        if (write_batch(x, b, err) < 0)
            return -1;
        free_batch(x, b);
    }
    return 0;
}

static struct batch *batch_of(struct export *x, const struct entity *e)
{
    struct batch *b;

    buf_reset(&x->tail);
    cypher_text_add_tail(&x->tail, e);
    HASH_FIND(hh, x->batches, buf_str(&x->tail), x->tail.len, b);
    if (b != NULL)
        return b;
    b = mem_alloc(1, sizeof *b);
    b->tail_len = x->tail.len;
    b->tail = mem_strndup(buf_str(&x->tail), x->tail.len);
    HASH_ADD_KEYPTR(hh, x->batches, b->tail, b->tail_len, b);
    return b;
}

static int add_row(struct export *x, const struct entity *e, struct err *err)
{
    struct batch *b = batch_of(x, e);

    buf_reset(&x->row);
    cypher_text_add_row(&x->row, e);
    if (b->count == ROWS_MAX || (b->count > 0 && b->rows.len + x->row.len > STATEMENT_BYTES))
        if (write_batch(x, b, err) < 0)
            return -1;
    size_t before = b->rows.len;
    if (b->count++ > 0)
        buf_adds(&b->rows, CYPHER_TEXT_BETWEEN);
    buf_add(&b->rows, buf_str(&x->row), x->row.len);
    x->waiting_bytes += b->rows.len - before;
    if (x->waiting_bytes <= WAITING_BYTES && HASH_COUNT(x->batches) <= BATCHES_MAX)
        return buf_check(&b->rows, "a statement", err);
    return write_batches(x, err);
}

/* ---- entities ---- */

static bool is_text(const struct entity *e, struct entity_slice slice, const char *text)
{
    return slice.len == strlen(text) && memcmp(entity_text(e, slice), text, slice.len) == 0;
}

/* The script would take it away from the nodes that it makes. */
static int check_helper(const struct entity *e, struct err *err)
{
    bool used = entity_has_label(e, CYPHER_TEXT_LABEL);

    for (size_t i = 0; !used && !e->relationship && i < e->property_count; i++)
        used = is_text(e, e->properties[i].key, CYPHER_TEXT_ID);
    if (!used)
        return 0;
    return err_set(err, ERR_GUARD, "export.helper",
                   "node %" PRId64 " has the label " CYPHER_TEXT_LABEL
                   " or the property " CYPHER_TEXT_ID
                   ", which an export needs for itself: a script "
                   "was run into this database and did not reach its end; restore it from a whole "
                   "one, or remove them",
                   e->id);
}

/* ":A:B.key", "[:T].key" */
static void count_loss(struct export *x, const struct entity *e, struct entity_slice key)
{
    struct buf name = {0};

    buf_adds(&name, e->relationship ? "[" : "");
    for (size_t i = 0; i < e->label_count; i++) {
        buf_addc(&name, ':');
        buf_add(&name, entity_text(e, e->labels[i]), e->labels[i].len);
    }
    if (e->label_count == 0)
        buf_adds(&name, "(no label)");
    buf_adds(&name, e->relationship ? "]." : ".");
    buf_add(&name, entity_text(e, key), key.len);
    json_object_set_new(x->losses, buf_str(&name),
                        json_integer(json_int(x->losses, buf_str(&name), 0) + 1));
    x->result->lost++;
    buf_fini(&name);
}

static int look_around(struct export *x, struct err *err)
{
    phase_tell(&x->conf->sink, x->relationships ? "relationships" : "nodes", x->done, x->total);
    if (x->done++ % LOOK_EVERY != 0)
        return 0;
    if (stop_check(err) < 0)
        return -1;
    return hold_is_lost(x->hold) ? hold_check(x->hold, err) : 0;
}

static int add_entity(struct export *x, const struct entity *e, struct err *err)
{
    for (size_t i = 0; i < e->property_count; i++)
        if (!cypher_text_carries(e, &e->properties[i]))
            count_loss(x, e, e->properties[i].key);
    return check_helper(e, err) < 0 ? -1 : add_row(x, e, err);
}

static int refuse_change(struct err *err)
{
    return err_set(err, ERR_GUARD, "export.changed",
                   "somebody writes to this database beside its db_sync: what was read is no one "
                   "moment; export it again when nobody does");
}

static void add_step(struct export *x)
{
    if (x->step_count == x->step_size) {
        x->step_size = x->step_size > 0 ? x->step_size * 2 : 64;
        x->steps = mem_realloc(x->steps, x->step_size, sizeof *x->steps);
    }
    x->steps[x->step_count++] = x->greatest;
}

static int on_node(void *arg, const struct entity *e, struct err *err)
{
    struct export *x = arg;
    int rc = look_around(x, err);

    if (rc == 0)
        rc = census_add_node(x->census, e, NULL, err);
    if (rc != 0)
        return rc == 1 ? refuse_change(err) : -1;
    if (e->id > x->greatest)
        x->greatest = e->id;
    if (x->done % STEP_NODES == 0)
        add_step(x);
    return add_entity(x, e, err);
}

static int on_relationship(void *arg, const struct entity *e, struct err *err)
{
    struct export *x = arg;

    if (look_around(x, err) < 0)
        return -1;
    return census_add_relationship(x->census, e, NULL) ? add_entity(x, e, err) : refuse_change(err);
}

static int scan_all(struct export *x, struct err *err)
{
    int64_t nodes, relationships;
    struct scan_conf conf = {.tx = x->scan,
                             .prefix = tx_cypher_5(x->conf->server_version),
                             .limit_ms = x->conf->limit_ms,
                             .on_entity = on_node,
                             .arg = x};

    if (scan_counts(x->scan, &nodes, &relationships, err) < 0 ||
        census_open(&x->census, x->conf->work, (size_t)nodes, err) < 0)
        return -1;
    x->total = nodes;
    if (scan_nodes(&conf, NULL, err) < 0 || write_batches(x, err) < 0)
        return hold_explain(err);
    phase_end(&x->conf->sink, "nodes", x->done);
    add_step(x);
    x->relationships = true;
    x->done = 0;
    x->total = relationships;
    conf.on_entity = on_relationship;
    if (scan_relationships(&conf, NULL, err) < 0 || write_batches(x, err) < 0)
        return hold_explain(err);
    phase_end(&x->conf->sink, "relationships", x->done);
    return 0;
}

/* ---- what stands around them ---- */

static void add_heading(struct export *x, bool found, const struct position *position)
{
    const struct export_conf *c = x->conf;

    buf_addf(&x->text, SCRIPT_FILE_MARK "1, made by %s %s of a database of Neo4j %s\n", c->program,
             c->program_version, c->server_version);
    if (found)
        buf_addf(&x->text, "// at offset %" PRId64 " of topic %s\n", position->next_offset,
                 c->topic);
    else
        buf_adds(&x->text, "// no position in a log: one moment only if nobody wrote\n");
    buf_adds(&x->text, "// for an empty database: cypher-shell --file, or db_sync send --file\n");
}

/* A step takes what lies below its bound: the nodes before it have lost the helper. Each is the
 * same on all replicas, whatever their own ids. */
static int remove_helper(struct export *x, struct err *err)
{
    for (size_t i = 0; i < x->step_count; i++) {
        size_t start = x->text.len;
        buf_addf(&x->text,
                 "MATCH (n:" HELPER ") WHERE n." HELPER_ID " <= %" PRId64 " REMOVE n:" HELPER
                 ", n." HELPER_ID,
                 x->steps[i]);
        if (end_statement(x, start, err) < 0)
            return -1;
    }
    return add_statement(x, "DROP CONSTRAINT " HELPER, err);
}

static int on_schema(void *arg, const json_t *item, const struct buf *text, struct err *err)
{
    (void)item;
    return add_statement(arg, buf_str(text), err);
}

static int refuse_loss(const struct export *x, struct err *err)
{
    struct buf where = {0};
    const char *name;
    json_t *count;
    size_t shown = 0;

    json_object_foreach (x->losses, name, count)
        if (shown++ < LOSSES_SHOWN)
            buf_addf(&where, "%s%s (%" PRId64 ")", shown > 1 ? ", " : "", name,
                     (int64_t)json_integer_value(count));
    if (shown > LOSSES_SHOWN)
        buf_addf(&where, " and %zu others", shown - LOSSES_SHOWN);
    err_set(err, ERR_GUARD, "export.loss",
            "%" PRId64 " properties hold BYTES, which no Cypher text can express: %s; a snapshot "
            "has them, --allow-loss leaves them out",
            x->result->lost, buf_str(&where));
    buf_fini(&where);
    return -1;
}

static int finish(struct export *x, struct err *err)
{
    char digest[DIGEST_TEXT_SIZE];

    x->result->nodes = census_sums(x->census)->nodes;
    x->result->relationships = census_sums(x->census)->relationships;
    x->result->digest = census_sums(x->census)->digest;
    digest_text(&x->result->digest, digest);
    if (x->result->lost > 0 && !x->conf->allow_loss)
        return refuse_loss(x, err);
    buf_addf(&x->text, "// end: %" PRId64 " nodes, %" PRId64 " relationships, digest %s\n",
             x->result->nodes, x->result->relationships, digest);
    return x->conf->on_text(x->conf->arg, &x->text, err);
}

static int export(struct export *x, struct tx *hold, struct err *err)
{
    static const char constraint[] =
        "CREATE CONSTRAINT " HELPER " FOR (n:" HELPER ") REQUIRE n." HELPER_ID " IS UNIQUE";
    struct export_result *r = x->result;
    json_t *schema = NULL;
    int rc = -1;

    if (hold_open(&x->hold, hold, x->conf->topic, x->conf->limit_ms, &r->position, &r->has_position,
                  err) < 0)
        return -1;
    add_heading(x, r->has_position, &r->position);
    if (schema_read(x->scan, &schema, err) < 0 || add_statement(x, constraint, err) < 0 ||
        scan_all(x, err) < 0 || hold_check(x->hold, err) < 0)
        goto out;
    hold_close(x->hold); /* commands go on while the script is finished */
    x->hold = NULL;
    if (remove_helper(x, err) == 0 && rebuild_each(schema, on_schema, x, err) == 0)
        rc = finish(x, err);
out:
    json_decref(schema);
    return rc;
}

int export_script(const struct export_conf *conf, struct tx *hold, struct tx *scan,
                  struct export_result *out, struct err *err)
{
    struct export x = {.conf = conf, .result = out, .scan = scan, .losses = json_object()};
    struct batch *b, *next;

    *out = (struct export_result){0};
    int rc = export(&x, hold, err);
    HASH_ITER(hh, x.batches, b, next)
    free_batch(&x, b);
    hold_close(x.hold);
    census_close(x.census);
    json_decref(x.losses);
    free(x.steps);
    buf_fini(&x.text);
    buf_fini(&x.tail);
    buf_fini(&x.row);
    buf_fini(&x.ascii);
    return rc;
}
