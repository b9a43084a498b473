/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/scan.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/tape.h"
#include "cypher/name.h"
#include "neo4j/jolt.h"
#include "neo4j/position.h"
#include "snapshot/jolt_row.h"

#include <stdlib.h>
#include <string.h>

#define COUNT_TIMEOUT_MS 60000
#define AGAIN_COUNT 1000 /* entities that are asked for again in one query */

struct scan {
    const struct scan_conf *conf;
    struct tape tape;
    struct entity entity;
    bool strict;
    int64_t *again; /* ids of entities whose lists sparse Jolt does not tell */
    size_t again_count, again_size;
};

static int on_line(void *arg, const char *p, size_t len, struct err *err)
{
    struct scan *s = arg;
    int rc = jolt_row_read(&s->tape, p, len, s->strict, &s->entity, err);

    if (rc == 1) {
        if (s->again_count == s->again_size) {
            s->again_size = s->again_size > 0 ? s->again_size * 2 : 64;
            s->again = mem_realloc(s->again, s->again_size, sizeof *s->again);
        }
        s->again[s->again_count++] = s->entity.id;
        return 0;
    }
    if (rc < 0 || entity_has_label(&s->entity, POSITION_LABEL))
        return rc;
    return s->conf->on_entity(s->conf->arg, &s->entity, err);
}

static int run(struct scan *s, const struct buf *text, const json_t *params, struct err *err)
{
    struct tx_reader reader = {.on_line = on_line, .arg = s};
    struct tx_opts opts = {.read = true,
                           .short_ids = true,
                           .strict = s->strict,
                           .server_limit_ms = s->conf->limit_ms,
                           .reader = &reader};
    struct buf json = {0};

    tx_add_stmt(&json, buf_str(text), text->len, params);
    struct tx_stmt stmt = {buf_str(&json), json.len};
    int rc = tx_commit(s->conf->tx, &stmt, 1, &opts, NULL, err);
    buf_fini(&json);
    return rc;
}

static int run_again(struct scan *s, const char *pattern, struct err *err)
{
    struct buf text = {0};
    int rc = 0;

    s->strict = true;
    buf_adds(&text, s->conf->prefix);
    buf_addf(&text, "MATCH %s WHERE id(e) IN $ids RETURN e", pattern);
    for (size_t i = 0; rc == 0 && i < s->again_count;) {
        json_t *ids = json_array();
        for (size_t n = 0; n < AGAIN_COUNT && i < s->again_count; n++, i++)
            json_array_append_new(ids, json_integer(s->again[i]));
        json_t *params = json_pack("{s:o}", "ids", ids);
        rc = run(s, &text, params, err);
        json_decref(params);
    }
    buf_fini(&text);
    return rc;
}

static int scan(const struct scan_conf *conf, const struct buf *text, const char *pattern,
                struct err *err)
{
    struct scan s = {.conf = conf};
    int rc = run(&s, text, NULL, err);

    if (rc == 0 && s.again_count > 0)
        rc = run_again(&s, pattern, err);
    tape_fini(&s.tape);
    entity_fini(&s.entity);
    free(s.again);
    return rc;
}

int scan_nodes(const struct scan_conf *conf, const char *const *labels, struct err *err)
{
    struct buf text = {0};

    buf_adds(&text, conf->prefix);
    buf_adds(&text, "MATCH (e)");
    for (size_t i = 0; labels != NULL && labels[i] != NULL; i++) {
        buf_adds(&text, i == 0 ? " WHERE e:" : " OR e:");
        name_add_quoted(&text, labels[i], strlen(labels[i]));
    }
    buf_adds(&text, " RETURN e");
    int rc = scan(conf, &text, "(e)", err);
    buf_fini(&text);
    return rc;
}

int scan_relationships(const struct scan_conf *conf, const char *const *types, struct err *err)
{
    struct buf text = {0};

    buf_adds(&text, conf->prefix);
    buf_adds(&text, "MATCH ()-[e");
    for (size_t i = 0; types != NULL && types[i] != NULL; i++) {
        buf_addc(&text, i == 0 ? ':' : '|');
        name_add_quoted(&text, types[i], strlen(types[i]));
    }
    buf_adds(&text, "]->() RETURN e");
    int rc = scan(conf, &text, "()-[e]->()", err);
    buf_fini(&text);
    return rc;
}

static int count(struct tx *tx, const char *text, int64_t *out, struct err *err)
{
    struct tx_opts opts = {.read = true,
                           .server_limit_ms = COUNT_TIMEOUT_MS,
                           .deadline_ms = clock_mono_ms() + COUNT_TIMEOUT_MS};
    json_t *row = NULL;

    *out = 0;
    if (tx_query_row(tx, text, NULL, &opts, &row, err) < 0)
        return -1;
    bool told = jolt_integer(json_array_get(row, 0), out);
    json_decref(row);
    return told ? 0 : err_set(err, ERR_UNKNOWN, "neo4j.protocol", "Neo4j told no count");
}

int scan_counts(struct tx *tx, int64_t *nodes, int64_t *relationships, struct err *err)
{
    return count(tx, "MATCH (n) RETURN count(n)", nodes, err) < 0
               ? -1
               : count(tx, "MATCH ()-[r]->() RETURN count(r)", relationships, err);
}
