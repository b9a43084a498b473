/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_TEMPLATE_H
#define CYPHERLOG_DB_SYNC_TEMPLATE_H

/* db_sync/template.h: the templates of the log's commands, and which of them are sent with
 * parameters in place of their literals. One thread. */

#include "cypher/lift.h"
#include "db_sync/command.h"

enum template_state {
    TEMPLATE_NEW,     /* seen too seldom to be worth a trial: its commands go as they are */
    TEMPLATE_READY,   /* seen often enough; db_sync/trial.h tells what it is */
    TEMPLATE_TRUSTED, /* sent with parameters */
    TEMPLATE_REFUSED, /* its commands always go as they are */
};

struct template
{
    enum template_state state;
    int64_t uses;
    struct buf head;   /* {"statement":"…","parameters":{ */
    struct buf *names; /* of each value, `"name":` */
    size_t name_count;
};

struct templates; /* opaque: at most TEMPLATES_MAX, the least recently used goes */

#define TEMPLATES_MAX 1024
#define TEMPLATE_USES 3 /* before a trial: it costs two compilations of the server */

struct templates *templates_new(void);
void templates_free(struct templates *t);

/* The template of a command, counted as one more use; NULL when it has none. Valid until the next
 * call. */
struct template *templates_find(struct templates *t, const struct command *c);

/* Says that its statements are those of lift_add_text, from now on. text is what was lifted. */
void template_trust(struct template *t, const struct lift *lift, const char *text);

/* Appends the command's statement, as struct tx_stmt has it. */
void template_add_statement(const struct template *t, const struct command *c, struct buf *out);

#endif
