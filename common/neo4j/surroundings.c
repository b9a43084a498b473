/* SPDX-License-Identifier: Apache-2.0 */
#include "neo4j/surroundings.h"

#include "base/clock.h"

#include <stdio.h>

#define ASK_MS 10000

/* Tried on 4.4, 5.26 and 2026. Where a server has no such setting no row comes. */
static const char JVM_TEXT[] = "CALL dbms.queryJmx('java.lang:type=Runtime') YIELD attributes "
                               "RETURN toString(attributes['VmVersion']['value'])";
static const char LANGUAGE_TEXT[] = "CALL dbms.listConfig('default_language') YIELD value "
                                    "RETURN toString(value) LIMIT 1";
static const char TIME_ZONE_TEXT[] = "CALL dbms.listConfig('db.temporal.timezone') YIELD value "
                                     "RETURN toString(value) LIMIT 1";

static void ask(struct tx *tx, const char *text, char *out, size_t size)
{
    struct tx_opts opts = {
        .read = true, .server_limit_ms = ASK_MS, .deadline_ms = clock_mono_ms() + ASK_MS};
    json_t *row = NULL;

    out[0] = '\0';
    if (tx_query_row(tx, text, NULL, &opts, &row, NULL) == 0) {
        const json_t *cell = json_array_get(row, 0);
        /* Jolt, sparse or strict */
        const char *value = json_is_string(cell) ? json_string_value(cell) : json_text(cell, "U");
        snprintf(out, size, "%s", value != NULL ? value : "");
    }
    json_decref(row);
}

void surroundings_read(struct surroundings *s, struct tx *tx, const char *version)
{
    snprintf(s->version, sizeof s->version, "%s", version);
    ask(tx, JVM_TEXT, s->jvm, sizeof s->jvm);
    ask(tx, LANGUAGE_TEXT, s->language, sizeof s->language);
    if (s->language[0] == '\0') /* 4.4 and 5: there is one language */
        snprintf(s->language, sizeof s->language, "CYPHER_5");
    ask(tx, TIME_ZONE_TEXT, s->time_zone, sizeof s->time_zone);
}
