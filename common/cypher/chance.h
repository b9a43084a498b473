/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_CHANCE_H
#define CYPHERLOG_CYPHER_CHANCE_H

/* cypher/chance.h: what in a text may be another value on another server, and what to do instead.
 * Pure. */

#include <stdbool.h>
#include <stddef.h>

enum chance {
    CHANCE_CLOCK,
    CHANCE_RANDOM,
    CHANCE_OUTSIDE, /* a file, another server, a setting */
    CHANCE_STORED_ID,
    CHANCE_ID,
    CHANCE_HIDDEN,  /* a text inside the text, which nobody has looked at */
    CHANCE_LIMIT,   /* this and those below, of which ORDER_DEPENDENCE decides: the order of rows */
    CHANCE_COLLECT, /* a list in the order of rows */
    CHANCE_LIST,    /* a list in an order that the server keeps for itself: keys, labels, … */
    CHANCE_PATH,    /* one of several equal paths */
    CHANCE_SUM,     /* floats: (a + b) + c is not a + (b + c) */
    CHANCE_KINDS,
};

struct chance_info {
    const char *name; /* as in logs */
    const char *code; /* as in dead letters; NULL: never refused */
    const char *advice;
};

const struct chance_info *chance_info(enum chance chance);

/* What a call means, by the name of its function or procedure. */
enum chance_call {
    CHANCE_CALL_NONE,
    CHANCE_CALL_TIMESTAMP,
    CHANCE_CALL_DATETIME, /* what takes epochMillis */
    CHANCE_CALL_TIME,     /* has an offset and no date: a zone by name means its offset of now */
    CHANCE_CALL_DATE,     /* the others of date, localtime, localdatetime */
    CHANCE_CALL_CLOCK,    /* reads the clock and cannot be bound */
    CHANCE_CALL_RANDOM,
    CHANCE_CALL_OUTSIDE,
    CHANCE_CALL_ID,
    CHANCE_CALL_HIDDEN,
    CHANCE_CALL_COLLECT,
    CHANCE_CALL_LIST,
    CHANCE_CALL_PATH,
    CHANCE_CALL_SUM,
    CHANCE_CALL_MAP, /* makes a map whose keys the text does not show */
};

/* name[0..len-1]: the full name without backticks, blanks, comments; in any case. */
enum chance_call chance_find(const char *name, size_t len);

/* False: text[0..len-1] certainly holds nothing of the kinds above. Looks at bytes alone, which
 * costs a tenth of reading tokens; in doubt true. */
bool chance_is_possible(const char *text, size_t len);

#endif
