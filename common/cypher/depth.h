/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_DEPTH_H
#define CYPHERLOG_CYPHER_DEPTH_H

/* cypher/depth.h: follows brackets, CASE and operators through a text: too deep for a server? */

#include "cypher/nesting.h"
#include "cypher/view.h"

#include <stdint.h>

struct depth {
    struct nesting nesting;
    bool call_scope;     /* the last token closed the scope of `CALL (…)` */
    size_t create;       /* level of brackets at which a CREATE's pattern stands; SIZE_MAX: none */
    size_t foreach_body; /* where the last | stands that ends the head of a FOREACH */
};

enum depth_verdict {
    DEPTH_FITS,
    DEPTH_TOO_DEEP,
    DEPTH_IN_TRANSACTIONS, /* the subquery of a CALL ends and IN follows */
};

void depth_init(struct depth *d);

/* Takes the token now of v; to be called for each token of the text in order. */
enum depth_verdict depth_pass(struct depth *d, const struct view *v);

#endif
