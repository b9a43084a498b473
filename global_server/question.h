/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_QUESTION_H
#define GLOBAL_SERVER_QUESTION_H

/* global_server/question.h: what `ask` is to ask, read from words, a file or standard input. */

#include "base/json.h"
#include "global_server/options.h"

struct question {
    char *id;
    json_t *request;
    json_t *messages; /* array: the reply so far */
    int64_t sent_us;  /* monotonic */
    bool complete;
};

struct questions {
    struct question *list;
    size_t count;
    int64_t wait_ms; /* the longest time that one of them may take */
};

/* Reads words[0..n-1], or without words, and with --file, lines; adds what the flags say and a
 * request does not. {0} before; questions_fini in any case. ERR_USAGE, ERR_POISON. */
MUST_CHECK int questions_read(struct questions *qs, const struct server_conf *conf, char **words,
                              int n, struct err *err);
void questions_fini(struct questions *qs);

/* Makes them ready to be asked again: other ids, no messages. */
void questions_renew(struct questions *qs);

#endif
