/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_BASE_ERR_H
#define CYPHERLOG_BASE_ERR_H

/* base/err.h: what went wrong, for the caller, for a test and for a person. A plain value: the
 * caller owns it, `struct err err = {0};` is "none". Belongs to one thread. */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* The class says what the caller does; README lists them with the exit codes. */
enum err_class {
    ERR_NONE = 0,
    ERR_RETRY,    /* outage, deadlock, leader moved: back off and repeat */
    ERR_SHRINK,   /* a limit of this replica: smaller batch, then alone, then halt */
    ERR_POISON,   /* this command or request can never succeed */
    ERR_UNKNOWN,  /* a commit's answer was lost: read the position, never guess */
    ERR_FENCED,   /* someone newer owns it */
    ERR_GUARD,    /* refused to protect data */
    ERR_USAGE,    /* the command line is wrong */
    ERR_CONFIG,   /* a setting, a password or a database name is wrong */
    ERR_DAMAGED,  /* data failed its proof */
    ERR_DIFFERS,  /* two things compared are not equal */
    ERR_FATAL,    /* broken invariant, fatal client error, memory or disk exhausted */
    ERR_STOPPING, /* asked to stop: unwind, log no error */
};

struct err {
    enum err_class class;
    char code[96]; /* stable, for tests and alerts: `Neo.ClientError.…`, `kafka.…`, `command.…` */
    char text[512]; /* what, where, what to do, in UTF-8; "…" ends one that was cut */
};

/* Set once: does nothing when err is NULL or holds an error already, so the first cause stays.
 * Always -1: `return err_set(err, ERR_GUARD, "position.gap", "…");` */
int err_set(struct err *err, enum err_class class, const char *code, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
int err_setv(struct err *err, enum err_class class, const char *code, const char *fmt, va_list ap)
    PRINTF_LIKE(4, 0);

/* Puts context before the text of an error that is set ("SRC/manifest.json: …"). Always -1. */
int err_wrap(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Copies text to out[0..size-1], size > 4. What does not fit is cut at a character, with "…" at its
 * end, as in every text of an err. */
void err_copy_text(char *out, size_t size, const char *text);

/* Empties err for its next use. */
void err_clear(struct err *err);

bool err_is_set(const struct err *err);

/* Whether it passes when the same is tried again: ERR_RETRY, ERR_SHRINK, ERR_UNKNOWN. */
bool err_heals(const struct err *err);

/* "retry", "poison", …: for logs. */
const char *err_class_name(enum err_class class);

/* The exit code of a program that ends by this class (README, "Exit codes"). */
int err_exit_code(enum err_class class);

#endif
