/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_BASE_CONF_H
#define CYPHERLOG_BASE_CONF_H

/* base/conf.h: settings of a program, from one table: parser, --help, --print-config and the check
 * of README all read it. Default, then environment, then flag. BROKERS in the table is BROKERS in
 * the environment and --brokers on the command line. */

#include "base/err.h"

#include <stdint.h>
#include <stdio.h>

enum conf_type {
    CONF_TEXT,   /* char *: NULL when not set */
    CONF_SECRET, /* struct conf_secret; no flag, but NAME and NAME_FILE in the environment */
    CONF_INT,    /* int64_t */
    CONF_BYTES,  /* int64_t, bytes: "64KiB", "8MiB", "1000000" */
    CONF_MS,     /* int64_t, milliseconds: "500ms", "10s", "5m", "1h", "250" */
    CONF_BOOL,   /* bool: true/false, yes/no, 1/0, on/off; the flag alone means true */
    CONF_ENUM,   /* int64_t: index into the names in min ("error|warn,warning|info"); a comma
                    separates synonyms */
    CONF_PAIRS,  /* struct conf_pairs: --kafka name=value, any number of times; secrets only from
                    the environment */
};

enum {
    CONF_FLAG_ONLY = 1, /* a switch of a subcommand: not read from the environment */
    CONF_ALIAS = 2,     /* an older name of the option before it; shown after it */
    CONF_REQUIRED = 4,  /* ERR_CONFIG when empty */
};

struct conf_option {
    const char *name; /* NULL ends the table */
    enum conf_type type;
    size_t offset;     /* of the field in the program's struct */
    const char *def;   /* as a person would write it; NULL: none; of a CONF_TEXT also "$NAME": the
                          value of the CONF_TEXT option NAME */
    const char *min;   /* least value, or the names of a CONF_ENUM */
    const char *max;   /* largest value */
    unsigned flags;    /* CONF_… */
    unsigned commands; /* bit set of the subcommands that take it */
    const char *help;  /* a sentence without full stop */
};

struct conf_secret {
    char *value; /* NULL when not set */
    char *file;  /* NULL unless NAME_FILE named one */
};

struct conf_pair {
    char *name, *value;
    bool from_environment; /* KAFKA_HOME may stand there for other reasons */
};

struct conf_pairs {
    struct conf_pair *pairs;
    size_t count;
};

/* A subcommand, for help and for the choice of options. */
struct conf_command {
    const char *name; /* NULL ends the table; the first is what runs without a name */
    const char *args; /* "create|check", "[COMMAND…]"; "": it takes no words */
    const char *help; /* a paragraph */
    unsigned bit;     /* which options it takes */
};

struct conf_program {
    const char *name, *summary, *examples, *version;
    const struct conf_option *options;
    const struct conf_command *commands;
};

enum conf_outcome { CONF_GO, CONF_SHOWN, CONF_FAILED };

struct conf_args {
    const struct conf_command *command;
    char **words; /* what stands after the options; slices of argv */
    int word_count;
};

/* Reads defaults, environ and argv into conf (the program's zeroed struct). CONF_GO: *args is
 * filled. CONF_SHOWN: --help, --version or --print-config was answered on stdout. CONF_FAILED: *err
 * is ERR_USAGE (flags) or ERR_CONFIG (environment, files) and names option, value and range. */
MUST_CHECK enum conf_outcome conf_read(const struct conf_program *program, int argc, char **argv,
                                       void *conf, struct conf_args *args, struct err *err);

/* Frees what conf_read put into conf. */
void conf_fini(const struct conf_program *program, void *conf);

/* Reads the secret's file again. True when its value changed. Keeps the old value when the file
 * cannot be read. */
bool conf_secret_reload(struct conf_secret *secret);

/* Is a librdkafka property of this name a secret? */
bool conf_pair_is_secret(const char *name);

/* Appends a copy. */
void conf_pairs_add(struct conf_pairs *pairs, const char *name, const char *value);

/* Parses text as the option's type into *out (CONF_INT, CONF_BYTES, CONF_MS). The whole text must
 * be a number with a known unit and within the option's range. */
MUST_CHECK int conf_parse_number(const struct conf_option *option, const char *text, int64_t *out,
                                 struct err *err);

#endif
