/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_TEMPLATE_H
#define CYPHERLOG_DB_SYNC_TEMPLATE_H

/* db_sync/template.h: the templates of the log's commands, and what was learnt about them. One
 * thread. */

#include "cypher/lift.h"
#include "db_sync/command.h"

enum template_state {
    TEMPLATE_NEW,     /* seen too seldom to be worth a trial: its commands go as they are */
    TEMPLATE_READY,   /* seen often enough: to be tried */
    TEMPLATE_TRUSTED, /* sent with parameters in place of literals */
    TEMPLATE_REFUSED, /* its commands always go as they are */
};

struct template
{
    enum template_state state;
    int64_t uses;      /* halved now and then, so that what was used lately counts */
    struct buf head;   /* {"statement":"…","parameters":{ */
    struct buf *names; /* of each value, `"name":` */
    size_t name_count;
    struct buf branch; /* its text with the values as places of a row (branch.h); "": it cannot be
                          one of many in a statement */
    bool yields;       /* lift.h */
    int slot;          /* which branch of the statement in use it is; -1: none */
};

struct templates; /* opaque */

#define TEMPLATES_MAX 1024
#define TEMPLATES_MAX_BYTES (2 << 20) /* of their keys; a trusted one needs four times as much */
#define TEMPLATE_USES 3               /* before a trial: it costs compilations of the server */

struct templates *templates_new(void);
void templates_free(struct templates *t);

/* The template of a command, counted as one more use; NULL when it has none. Valid until
 * templates_trim. */
struct template *templates_find(struct templates *t, const struct command *c);

/* Forgets those used longest ago, but no slot's, until they are within the limits. */
void templates_trim(struct templates *t);

/* Those that were tried are tried again when they are used next. */
void templates_retry(struct templates *t);

/* Fills best[0..most-1] with those that can be branches, most used first, and halves the uses of
 * all. Returns their number. */
size_t templates_best(struct templates *t, struct template **best, size_t most);

/* Says that its statements are those of lift_add_text from now on. text is what was lifted; branch
 * is taken. */
void template_trust_take(struct template *t, const struct lift *lift, const char *text,
                         struct buf *branch);

/* Appends the command's statement, as struct tx_stmt has it. */
void template_add_statement(const struct template *t, const struct command *c, struct buf *out);

#endif
