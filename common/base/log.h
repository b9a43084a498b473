/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_BASE_LOG_H
#define CYPHERLOG_BASE_LOG_H

/* base/log.h: one line an event on stderr, key=value or JSON: time, level, event, fields.
 * Event names are constant; tests and alerts rely on them. Levels: error, a person must act; warn,
 * will heal; info, lifecycle and totals; debug, per record. Any thread; a line is written whole. */

#include "base/err.h"

#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* A field of a line: made by the functions below, lives as long as what it points to. */
struct log_field {
    const char *key;
    const char *text; /* NULL: number counts */
    int64_t number;
    const char *code; /* an error's: written as a field of its own after the text */
};

/* Before the first thread, file and connection. program ("db_sync") stands in each JSON line. */
void log_init(const char *program, enum log_level level, enum log_format format);

bool log_enabled(enum log_level level);

static inline struct log_field log_event(const char *name)
{
    return (struct log_field){.key = "event", .text = name};
}

static inline struct log_field log_str(const char *key, const char *text)
{
    return (struct log_field){.key = key, .text = text != NULL ? text : ""};
}

static inline struct log_field log_int(const char *key, int64_t number)
{
    return (struct log_field){.key = key, .number = number};
}

/* The error's code and text. */
static inline struct log_field log_err(const struct err *err)
{
    return (struct log_field){.key = "error", .text = err->text, .code = err->code};
}

/* fields end with an empty one; the first is log_event(). */
void log_write(enum log_level level, const struct log_field *fields);

#define log_error(...) log_write(LOG_LEVEL_ERROR, (const struct log_field[]){__VA_ARGS__, {0}})
#define log_warn(...) log_write(LOG_LEVEL_WARN, (const struct log_field[]){__VA_ARGS__, {0}})
#define log_info(...) log_write(LOG_LEVEL_INFO, (const struct log_field[]){__VA_ARGS__, {0}})
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, (const struct log_field[]){__VA_ARGS__, {0}})

/* A terminal line such as a progress bar that every log line must clear first and that is drawn
 * again after it; NULL takes it away. clear and draw run under the log's lock. */
struct log_overlay {
    void (*clear)(void *arg);
    void (*draw)(void *arg);
    void *arg;
};
void log_set_overlay(const struct log_overlay *overlay);

#endif
