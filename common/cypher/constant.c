/* SPDX-License-Identifier: Apache-2.0 */
#include "cypher/constant.h"

#include "cypher/limit.h"
#include "cypher/word.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 20   /* of lists and maps in each other */
#define NUMBER_MAX 400 /* characters; more are nobody's number */
#define TYPES_MAX 16   /* different ones in a list */

static const char greatest[] = "9223372036854775807";

struct reader {
    const char *text;
    const struct view_item *tokens;
    struct buf *json, *type;
    int depth;
};

static size_t read_any(struct reader *r, size_t at);

static bool is_op(const struct reader *r, size_t at, int op)
{
    return view_is_op(&r->tokens[at], op);
}

static const char *start_of(const struct reader *r, size_t at)
{
    return r->text + r->tokens[at].token.start;
}

/* As the servers decode it: a backslash before any other character stays. \uXXXX was decoded before
 * (lexer_decode_unicode). */
static void add_string(struct buf *out, const char *p, size_t len)
{
    static const char from[] = "\\'\"bfnrt", to[] = "\\'\"\b\f\n\r\t";
    struct buf decoded = {0};

    if (memchr(p, '\\', len) == NULL) {
        buf_add_json(out, p, len);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        const char *known =
            p[i] == '\\' && i + 1 < len && p[i + 1] != '\0' ? strchr(from, p[i + 1]) : NULL;
        buf_addc(&decoded, known != NULL ? to[known - from] : p[i]);
        i += known != NULL;
    }
    buf_add_json(out, buf_str(&decoded), decoded.len);
    buf_fini(&decoded);
}

static size_t read_string(struct reader *r, size_t at)
{
    const struct lexer_token *t = &r->tokens[at].token;

    if (t->len > LIMIT_STRING_BYTES)
        return 0;
    add_string(r->json, r->text + t->start + 1, t->len - 2);
    buf_addc(r->type, 'S');
    return 1;
}

/* Decimal digits alone, and at most 2^63 - 1. */
static bool is_exact_integer(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] < '0' || p[i] > '9')
            return false;
    return len < sizeof greatest - 1 ||
           (len == sizeof greatest - 1 && memcmp(p, greatest, len) <= 0);
}

/* Digits, a point and an exponent alone, and finite. */
static bool is_finite_float(const char *p, size_t len)
{
    char copy[NUMBER_MAX + 1];

    for (size_t i = 0; i < len; i++)
        if (strchr("0123456789.eE+-", p[i]) == NULL || p[i] == '\0')
            return false;
    memcpy(copy, p, len);
    copy[len] = '\0';
    return isfinite(strtod(copy, NULL));
}

/* A sign is never taken away from its digits: -9223372036854775808 is one literal. */
static size_t read_number(struct reader *r, size_t at, bool minus)
{
    const struct lexer_token *t = &r->tokens[at].token;
    const char *p = start_of(r, at);
    bool integer = t->kind == LEXER_INTEGER;

    if (!t->plain || t->len > NUMBER_MAX)
        return 0;
    if (integer ? !is_exact_integer(p, t->len) : !is_finite_float(p, t->len))
        return 0;
#ifdef BREAK_literal /* a mistake for tests to find: the sign is lost */
    minus = false;
#endif
    buf_adds(r->json, minus ? "-" : "");
    buf_adds(r->json, *p == '.' ? "0" : "");
    buf_add(r->json, p, t->len);
    buf_addc(r->type, integer ? 'I' : 'F');
    return 1;
}

static size_t read_word(struct reader *r, size_t at)
{
    static const char *const words[] = {"true", "false", "null"};
    const struct lexer_token *t = &r->tokens[at].token;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!word_is(start_of(r, at), t->len, words[i]))
            continue;
        buf_adds(r->json, words[i]);
        buf_addc(r->type, i < 2 ? 'B' : 'N');
        return 1;
    }
    return 0;
}

/* Keeps the type that was appended from begin on only when the list does not name it yet. */
static bool note_type(struct buf *type, size_t *begins, size_t *count)
{
    size_t begin = begins[*count], len = type->len - begin;

    for (size_t i = 0; i < *count; i++)
        if (begins[i + 1] - begins[i] == len &&
            memcmp(type->data + begins[i], type->data + begin, len) == 0) {
            buf_truncate(type, begin);
            return true;
        }
    ++*count;
    begins[*count] = type->len;
    return *count < TYPES_MAX;
}

static size_t read_list(struct reader *r, size_t at)
{
    size_t i = at + 1, begins[TYPES_MAX + 1], count = 0;

    buf_addc(r->json, '[');
    buf_addc(r->type, '[');
    begins[0] = r->type->len;
    while (!is_op(r, i, ']')) {
        if (i > at + 1) {
            if (!is_op(r, i++, ','))
                return 0;
            buf_addc(r->json, ',');
        }
        size_t n = read_any(r, i);
        if (n == 0 || !note_type(r->type, begins, &count))
            return 0;
        i += n;
    }
    buf_addc(r->json, ']');
    buf_addc(r->type, ']');
    return i + 1 - at;
}

/* A name in front of a colon, as a key. */
static bool read_key(struct reader *r, size_t at)
{
    const struct lexer_token *t = &r->tokens[at].token;
    bool quoted = t->kind == LEXER_QUOTED_NAME;

    if ((t->kind != LEXER_WORD && !quoted) || t->escaped || t->len > LIMIT_NAME_BYTES ||
        !is_op(r, at + 1, ':'))
        return false;
    size_t begin = r->json->len;
    buf_add_json(r->json, start_of(r, at) + quoted, t->len - (quoted ? 2 : 0));
    buf_add(r->type, buf_str(r->json) + begin, r->json->len - begin);
    buf_addc(r->json, ':');
    buf_addc(r->type, ':');
    return true;
}

static size_t read_map(struct reader *r, size_t at)
{
    size_t i = at + 1;

    buf_addc(r->json, '{');
    buf_addc(r->type, '{');
    while (!is_op(r, i, '}')) {
        if (i > at + 1) {
            if (!is_op(r, i++, ','))
                return 0;
            buf_addc(r->json, ',');
        }
        size_t n = read_key(r, i) ? read_any(r, i + 2) : 0;
        if (n == 0)
            return 0;
        buf_addc(r->type, ',');
        i += 2 + n;
    }
    buf_addc(r->json, '}');
    buf_addc(r->type, '}');
    return i + 1 - at;
}

static size_t read_nested(struct reader *r, size_t at, size_t (*read)(struct reader *, size_t))
{
    if (r->depth == DEPTH_MAX)
        return 0;
    r->depth++;
    size_t n = read(r, at);
    r->depth--;
    return n;
}

static bool is_number(const struct reader *r, size_t at)
{
    enum lexer_kind kind = r->tokens[at].token.kind;

    return kind == LEXER_INTEGER || kind == LEXER_FLOAT;
}

/* What may stand inside a list; a map may not stand alone, where its keys are names of the text. */
static size_t read_any(struct reader *r, size_t at)
{
    switch (r->tokens[at].token.kind) {
    case LEXER_STRING:
        return read_string(r, at);
    case LEXER_INTEGER:
    case LEXER_FLOAT:
        return read_number(r, at, false);
    case LEXER_WORD:
        return read_word(r, at);
    case LEXER_PUNCTUATION:
        if (is_op(r, at, '-') && is_number(r, at + 1))
            return read_number(r, at + 1, true) > 0 ? 2 : 0;
        if (is_op(r, at, '['))
            return read_nested(r, at, read_list);
        if (is_op(r, at, '{') && r->depth > 0)
            return read_nested(r, at, read_map);
        return 0;
    default:
        return 0;
    }
}

size_t constant_read(const char *text, const struct view_item *tokens, struct buf *json,
                     struct buf *type)
{
    struct reader r = {.text = text, .tokens = tokens, .json = json, .type = type};
    size_t json_len = json->len, type_len = type->len, n = read_any(&r, 0);

    if (n == 0) {
        buf_truncate(json, json_len);
        buf_truncate(type, type_len);
    }
    return n;
}

static void add_list_type(struct buf *out, const json_t *list)
{
    size_t begins[TYPES_MAX + 1], count = 0, i;
    const json_t *item;

    buf_addc(out, '[');
    begins[0] = out->len;
    json_array_foreach (list, i, item) {
        constant_add_type(out, item);
        if (!note_type(out, begins, &count)) { /* too many: a type of its own */
            buf_truncate(out, begins[0]);
            buf_addc(out, '*');
            break;
        }
    }
    buf_addc(out, ']');
}

static void add_map_type(struct buf *out, const json_t *map)
{
    json_t *any = (json_t *)(uintptr_t)map; /* jansson iterates over non-const ones only */

    buf_addc(out, '{');
    for (void *at = json_object_iter(any); at != NULL; at = json_object_iter_next(any, at)) {
        buf_add_json(out, json_object_iter_key(at), json_object_iter_key_len(at));
        buf_addc(out, ':');
        constant_add_type(out, json_object_iter_value(at));
        buf_addc(out, ',');
    }
    buf_addc(out, '}');
}

void constant_add_type(struct buf *out, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        add_map_type(out, value);
        break;
    case JSON_ARRAY:
        add_list_type(out, value);
        break;
    case JSON_STRING:
        buf_addc(out, 'S');
        break;
    case JSON_INTEGER:
        buf_addc(out, 'I');
        break;
    case JSON_REAL:
        buf_addc(out, 'F');
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        buf_addc(out, 'B');
        break;
    case JSON_NULL:
        buf_addc(out, 'N');
        break;
    }
}
