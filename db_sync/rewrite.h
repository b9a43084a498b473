/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_REWRITE_H
#define CYPHERLOG_DB_SYNC_REWRITE_H

/* db_sync/rewrite.h: what is sent to Neo4j for the commands of a batch: their texts, which it
 * parses one by one; templates with parameters, which it parses once; or one statement for many
 * (branch.h). The last two succeed only where the texts would, and do the same; when they fail, the
 * texts tell the outcome. One thread. */

#include "db_sync/command.h"
#include "neo4j/tx.h"

struct rewrite; /* opaque: what was learnt about templates */

/* tx is borrowed; a trial of a template takes limit_ms at most. */
struct rewrite *rewrite_new(struct tx *tx, int64_t limit_ms);
void rewrite_free(struct rewrite *r);

enum rewrite_form {
    REWRITE_TEXTS,    /* the commands' own */
    REWRITE_SINGLY,   /* a statement for each command: tells which one fails */
    REWRITE_TOGETHER, /* a statement for many, where they can be branches of one */
    REWRITE_FORMS,
};

/* What people call them. */
const char *rewrite_form_name(enum rewrite_form form);

/* Commands of a batch. */
struct rewrite_range {
    size_t first, count;
};

/* Statements of a batch, in order. Borrowed, until the next call. */
struct rewrite_batch {
    const struct tx_stmt *stmts;
    const struct rewrite_range *owners; /* the commands of each statement */
    size_t count;
    size_t sent[REWRITE_FORMS]; /* commands in each form */
    bool fresh;                 /* Neo4j has not compiled one of them before */
    bool marked;                /* a statement for many tells how far it went */
};

/* The commands of which one is at fault when the statement failed after it had yielded so many
 * rows. */
struct rewrite_range rewrite_fault(const struct rewrite_batch *batch, size_t stmt, size_t rows);

/* Is any of it not a command's own text? */
bool rewrite_is_rewritten(const struct rewrite_batch *batch);

/* The form of most of its commands. */
enum rewrite_form rewrite_most(const struct rewrite_batch *batch);

/* For commands[0..n-1], none of them a schema command. Blocks while the server judges a new
 * template. */
void rewrite_batch(struct rewrite *r, struct command *const *commands, size_t n,
                   enum rewrite_form form, struct rewrite_batch *out);

/* The command failed rewritten and its text did not: its template goes as it is from now on. */
void rewrite_distrust(struct rewrite *r, const struct command *c);

/* The schema has changed, and with it perhaps what was learnt about templates. */
void rewrite_forget(struct rewrite *r);

/* One of the commands failed in a statement for many, and one by one they did not. Where Neo4j does
 * not compile that statement, the template that stands in the way is a branch no more. Else what it
 * told is not believed any more, and the next time their templates are branches no more. Blocks. */
void rewrite_part(struct rewrite *r, struct command *const *commands, size_t n);

#endif
