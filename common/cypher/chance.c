/* SPDX-License-Identifier: Apache-2.0 */
#include "cypher/chance.h"

#include "cypher/word.h"

#include <string.h>

static const struct chance_info kinds[] = {
    [CHANCE_CLOCK] = {"clock", "cypher.clock",
                      "it reads the clock of each server; $__timestamp is the record's, in "
                      "milliseconds, or send the moment as a parameter"},
    [CHANCE_RANDOM] = {"random", "cypher.random",
                       "it gives each replica a value of its own; make the value where the command "
                       "is made and send it as a parameter"},
    [CHANCE_OUTSIDE] = {"outside", "cypher.outside",
                        "it reads what is beside the graph, which may differ from replica to "
                        "replica; read it where the command is made and send rows as a parameter"},
    [CHANCE_STORED_ID] = {"stored-id", "cypher.stored-id",
                          "internal ids differ between replicas and are given again; store a "
                          "property of your own"},
    [CHANCE_ID] = {"id", NULL,
                   "internal ids differ between replicas; find nodes by a property of your own"},
    [CHANCE_HIDDEN] = {"hidden-text", NULL,
                       "the text that it runs is not looked at; clocks in it are each server's"},
    [CHANCE_LIMIT] = {"limit", "cypher.order",
                      "which rows are left depends on the order of a scan, which differs between "
                      "replicas; put an ORDER BY of a unique property before it"},
    [CHANCE_COLLECT] = {"collect", "cypher.order",
                        "the list has the order of a scan, which differs between replicas; put "
                        "WITH … ORDER BY of a unique property before it"},
    [CHANCE_LIST] = {"list-order", "cypher.order",
                     "the order of this list differs between replicas; sort it, or ask for "
                     "members by name"},
    [CHANCE_PATH] = {"path", "cypher.order",
                     "of several equal paths each replica may take another; take all of them and "
                     "choose by ORDER BY"},
    [CHANCE_SUM] = {"sum", NULL,
                    "a sum of floats depends on the order of rows, which differs between replicas; "
                    "add integers, or put WITH … ORDER BY before it"},
};

/* The first row that fits counts; a * at the end stands for any rest. Lower case. */
static const struct {
    const char *name;
    enum chance_call call;
} plain[] =
    {
        {"timestamp", CHANCE_CALL_TIMESTAMP},
        {"date", CHANCE_CALL_DATE},
        {"datetime", CHANCE_CALL_DATETIME},
        {"time", CHANCE_CALL_TIME},
        {"localtime", CHANCE_CALL_DATE},
        {"localdatetime", CHANCE_CALL_DATE},
        {"zoned_datetime", CHANCE_CALL_DATETIME}, /* of 2026 */
        {"zoned_time", CHANCE_CALL_TIME},
        {"local_time", CHANCE_CALL_DATE},
        {"local_datetime", CHANCE_CALL_DATE},
        {"rand", CHANCE_CALL_RANDOM},
        {"randomuuid", CHANCE_CALL_RANDOM},
        {"uuid", CHANCE_CALL_RANDOM}, /* Cypher 25 */
        {"file", CHANCE_CALL_OUTSIDE},
        {"id", CHANCE_CALL_ID},
        {"elementid", CHANCE_CALL_ID},
        {"collect", CHANCE_CALL_COLLECT},
        {"keys", CHANCE_CALL_LIST},
        {"labels", CHANCE_CALL_LIST},
        {"shortestpath", CHANCE_CALL_PATH},
        {"sum", CHANCE_CALL_SUM},
        {"avg", CHANCE_CALL_SUM},
        {"stdev", CHANCE_CALL_SUM},
        {"stdevp", CHANCE_CALL_SUM},
        {"properties", CHANCE_CALL_MAP},
},
  plugins[] = {
      {"apoc.date.currenttimestamp", CHANCE_CALL_CLOCK},
      {"apoc.ttl.*", CHANCE_CALL_CLOCK},
      {"apoc.create.uuid*", CHANCE_CALL_RANDOM},
      {"apoc.coll.randomitem*", CHANCE_CALL_RANDOM},
      {"apoc.coll.shuffle", CHANCE_CALL_RANDOM},
      {"apoc.text.random", CHANCE_CALL_RANDOM},
      {"apoc.generate.*", CHANCE_CALL_RANDOM},
      {"apoc.load.*", CHANCE_CALL_OUTSIDE},
      {"apoc.bolt.*", CHANCE_CALL_OUTSIDE},
      {"apoc.config.*", CHANCE_CALL_OUTSIDE},
      {"apoc.couchbase.*", CHANCE_CALL_OUTSIDE},
      {"apoc.dv.*", CHANCE_CALL_OUTSIDE},
      {"apoc.es.*", CHANCE_CALL_OUTSIDE},
      {"apoc.ml.*", CHANCE_CALL_OUTSIDE},
      {"apoc.model.*", CHANCE_CALL_OUTSIDE},
      {"apoc.mongo*", CHANCE_CALL_OUTSIDE},
      {"apoc.monitor.*", CHANCE_CALL_OUTSIDE},
      {"apoc.nlp.*", CHANCE_CALL_OUTSIDE},
      {"apoc.redis.*", CHANCE_CALL_OUTSIDE},
      {"apoc.spatial.geocode*", CHANCE_CALL_OUTSIDE},
      {"apoc.spatial.reversegeocode*", CHANCE_CALL_OUTSIDE},
      {"apoc.static.*", CHANCE_CALL_OUTSIDE},
      {"apoc.xml.import", CHANCE_CALL_OUTSIDE},
      {"ai.*", CHANCE_CALL_OUTSIDE},
      {"genai.*", CHANCE_CALL_OUTSIDE},
      {"apoc.case", CHANCE_CALL_HIDDEN},
      {"apoc.cypher.*", CHANCE_CALL_HIDDEN},
      {"apoc.do.*", CHANCE_CALL_HIDDEN},
      {"apoc.when", CHANCE_CALL_HIDDEN},
      {"apoc.convert.*", CHANCE_CALL_MAP},
      {"apoc.map.*", CHANCE_CALL_MAP},
};

const struct chance_info *chance_info(enum chance chance)
{
    return &kinds[chance];
}

enum chance_call chance_find(const char *name, size_t len)
{
    if (memchr(name, '.', len) != NULL) {
        for (size_t i = 0; i < sizeof plugins / sizeof *plugins; i++)
            if (word_fits(name, len, plugins[i].name))
                return plugins[i].call;
        return CHANCE_CALL_NONE;
    }
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (word_is(name, len, plain[i].name))
            return plain[i].call;
    return CHANCE_CALL_NONE;
}

static bool is_part(unsigned char c)
{
    return c >= 0x80 || c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

/* Words that matter without brackets. */
static bool is_telling(const char *word, size_t len)
{
    static const char *const words[] = {"any",  "call",   "collect",  "limit",
                                        "load", "offset", "shortest", "skip"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (word_is(word, len, words[i]))
            return true;
    return false;
}

/* What the lexer reads otherwise than bytes show: comments, quoted names, \u, first bytes of blanks
 * and dashes beyond ASCII. */
static bool is_veiled(const char *p, size_t left)
{
    unsigned char c = (unsigned char)*p;
    char next = left > 1 ? p[1] : '\0';

    return c == '`' || (c == '\\' && next == 'u') || (c == '/' && (next == '/' || next == '*')) ||
           c == 0xC2 || (c >= 0xE1 && c <= 0xE3) || c == 0xEF;
}

bool chance_is_possible(const char *text, size_t len)
{
    const char *word = NULL; /* the last one, with nothing but blanks behind it */
    size_t word_len = 0;
    unsigned char last = 0; /* the last byte that is no blank and in no word */
    bool dotted = false;    /* it stood before the word */

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (is_veiled(text + i, len - i))
            return true;
        if (is_part(c)) {
            dotted = last == '.';
            word = text + i;
            while (i + 1 < len && is_part((unsigned char)text[i + 1]) &&
                   !is_veiled(text + i + 1, len - i - 1))
                i++;
            word_len = (size_t)(text + i + 1 - word);
            if (is_telling(word, word_len))
                return true;
            last = 0;
        } else if (c > ' ') {
            if (c == '(' &&
                (last == '[' || last == '=' ||
                 (word != NULL && (dotted || chance_find(word, word_len) != CHANCE_CALL_NONE))))
                return true;
            word = NULL;
            last = c;
        }
    }
    return false;
}
