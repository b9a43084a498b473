/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_LIFT_H
#define CYPHERLOG_CYPHER_LIFT_H

/* cypher/lift.h: takes the literals out of a command's text, so that commands of one shape share
 * what stays, the template. A literal is lifted only where a parameter in its place means the same
 * on every server line, whatever its value; in doubt it stays, and is a part of the template. Where
 * that is: in a map's value, behind = and the comparisons, behind one arithmetic operator of an
 * expression, behind IN, CONTAINS, STARTS WITH, ENDS WITH, THEN, ELSE, as a whole argument of date,
 * datetime, duration, point, coalesce and their kind, as the list of UNWIND and FOREACH. Never in
 * WITH, RETURN and ORDER BY, an index, the bounds of a path, the arguments of other functions and
 * procedures; nor lists of maps where keys() is called, whose order a parameter has otherwise.
 * Parameters of the text are taken out as well. Pure. */

#include "cypher/constant.h"

#define LIFT_NAME "__cl" /* our parameters begin so */

/* What stood in the text, in its order. */
struct lift_hole {
    size_t at;             /* where it was in template; later ones may be at the same place */
    size_t start, len;     /* where it is in the text that was lifted */
    size_t json, json_len; /* its value in values: a literal's; json_len 0: a parameter */
    size_t type, type_len; /* in types; constant.h, or * where any type is the same */
    size_t name, name_len; /* a parameter's name, in the text that was lifted */
};

/* Kept from text to text: its memory is used again. */
struct lift {
    struct buf template; /* white space and comments are one blank, but in projections, where they
                            are in names of columns; nothing where a hole is */
    struct buf values;   /* JSON, one after the other */
    struct buf types;
    struct lift_hole *holes;
    size_t hole_count;
    bool projected; /* a parameter stands in WITH, RETURN or ORDER BY, or all variables do beside
                       others: there a row, which groups, is another thing than a parameter */
    bool yields;    /* WITH or RETURN is in it, and it may yield a row where it matched none; or
                       what stands behind it would not be a part of it: FINISH, UNION, NEXT, WHEN */
    /* private */
    struct view_list tokens;
    size_t hole_size;
    struct buf key;
};

void lift_fini(struct lift *l);

/* Lifts text[0..len-1], a command that policy lets pass and does not run alone; no schema command.
 * False: the text is to be sent as it is (nothing in l holds then): it has a prefix, \uXXXX, a name
 * that is like ours or like a clause's, or does not read as expected. */
MUST_CHECK bool lift_text(struct lift *l, const char *text, size_t len);

/* Gives holes that are parameters their types; params is a JSON object or NULL. False: one is not
 * there, which is for the server to say, or one's name is like ours. */
MUST_CHECK bool lift_bind(struct lift *l, const char *text, const json_t *params);

/* What all commands of a template have equal, and no other command: its text, where its holes are,
 * their types, the names of parameters (of which one may stand twice). Bytes, valid until the next
 * lift_text. */
const char *lift_key(struct lift *l, const char *text, size_t *len);

/* Appends the template with the literals as parameters $__cl0, $__cl1 …; parameters keep their
 * names. */
void lift_add_text(const struct lift *l, const char *text, struct buf *out);

/* Appends {"__cl0":…,…} with params, a JSON object or NULL, in the same object. */
void lift_add_params(const struct lift *l, const json_t *params, struct buf *out);

/* Appends the template with all holes as places of the list `row`, from row[first] on. */
void lift_add_row_text(const struct lift *l, const char *row, size_t first, struct buf *out);

/* Appends the value of a hole as JSON. */
void lift_add_value(const struct lift *l, size_t hole, const char *text, const json_t *params,
                    struct buf *out);

#endif
