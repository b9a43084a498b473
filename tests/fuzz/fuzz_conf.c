/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz/fuzz_conf.c: any bytes as a command line, a word a line; lines that hold = before the first
 * word that is none are the environment. Settings come out within their ranges, or an error that
 * names what is wrong. */
#include "db_sync/options.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern char **environ;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    char *text = malloc(size + 1), *words[WORDS_MAX + 2] = {(char *)(uintptr_t) "db_sync"};
    char *settings[WORDS_MAX + 1] = {NULL}, **environment = environ;
    int word_count = 1, setting_count = 0;
    struct options options = {0};
    struct conf_args args;
    struct err err = {0};

    if (nowhere == NULL)
        nowhere = freopen("/dev/null", "w", stdout); /* --help and --print-config */
    if (text == NULL || nowhere == NULL)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    char *rest = text;
    for (char *line; (line = strtok_r(rest, "\n", &rest)) != NULL;) {
        /* a secret's file is read: no device that never ends */
        if (strstr(line, "_FILE=") != NULL)
            continue;
        if (word_count == 1 && strchr(line, '=') != NULL && line[0] != '-') {
            if (setting_count < WORDS_MAX)
                settings[setting_count++] = line;
        } else if (word_count <= WORDS_MAX) {
            words[word_count++] = line;
        }
    }
    environ = settings;
    enum conf_outcome outcome =
        conf_read(&options_program, word_count, words, &options, &args, &err);
    environ = environment;
    assert((outcome == CONF_FAILED) == err_is_set(&err));
    if (outcome == CONF_FAILED)
        assert((err.class == ERR_USAGE || err.class == ERR_CONFIG) && err.text[0] != '\0');
    if (outcome == CONF_GO) {
        assert(options.batch_count >= 1 && options.batch_count <= 10000);
        assert(options.setup.brokers != NULL && options.batch_time_ms >= 10);
    }
    conf_fini(&options_program, &options);
    free(text);
    return 0;
}
