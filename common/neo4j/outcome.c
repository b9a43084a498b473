/* SPDX-License-Identifier: Apache-2.0 */
#include "neo4j/outcome.h"

#include <string.h>

#define ERRORS_MAX 65536

void outcome_fini(struct outcome *o)
{
    buf_fini(&o->errors);
}

static bool is_member(const struct outcome *o, const char *name)
{
    return o->has_colon && o->key_len == strlen(name) && memcmp(o->key, name, o->key_len) == 0;
}

static void take_string_byte(struct outcome *o, char c)
{
    if (o->escaped)
        o->escaped = false;
    else if (c == '\\')
        o->escaped = true;
    else if (c == '"')
        o->in_string = false;
    if (o->in_string && o->depth == 1 && !o->has_colon) { /* the name of a member */
        if (o->key_len < sizeof o->key)
            o->key[o->key_len] = c;
        o->key_len += o->key_len <= sizeof o->key;
    }
}

static void take_byte(struct outcome *o, char c)
{
    switch (c) {
    case '"':
        o->in_string = true;
        if (o->depth == 1 && !o->has_colon)
            o->key_len = 0;
        break;
    case '{':
    case '[':
        o->depth++;
        if (c == '{' && o->depth == 3 && is_member(o, "results"))
            o->results++;
        break;
    case '}':
    case ']':
        o->depth -= o->depth > 0;
        o->complete = o->depth == 0;
        break;
    case ':':
        o->has_colon |= o->depth == 1;
        break;
    case ',':
        if (o->depth == 1)
            o->has_colon = false;
        break;
    default:
        break;
    }
}

void outcome_feed(struct outcome *o, const char *p, size_t len)
{
    o->errors.limit = ERRORS_MAX;
    for (size_t i = 0; i < len; i++) {
        bool errors = is_member(o, "errors");
        size_t depth = o->depth;
        if (o->in_string)
            take_string_byte(o, p[i]);
        else
            take_byte(o, p[i]);
        /* the value's own bytes: from its first bracket to its last */
        if (errors && (o->depth > 1 || depth > 1))
            buf_addc(&o->errors, p[i]);
    }
}
