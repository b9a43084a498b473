/* SPDX-License-Identifier: Apache-2.0 */
#include "cypher/twin.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define INTEGER_DIGITS 18
#define FRACTION_DIGITS 15

enum plain { PLAIN_STRING, PLAIN_INTEGER, PLAIN_FRACTION };

/* A literal, and what stands between it and the one before. */
struct piece {
    size_t start, len; /* in text, without the literal */
    enum plain plain;
    char first; /* of the literal: its quote, a minus, or a digit */
};

struct known {
    struct twin twin;
    char *key, *text; /* the text is the one that was read */
    struct piece *pieces;
    size_t end, end_len; /* what stands behind the last literal */
};

struct twins {
    struct known *known[TWINS_MAX]; /* the one used last first */
    size_t count;
};

static void drop(struct known *k)
{
    free(k->key);
    free(k->text);
    free(k->pieces);
    free(k);
}

struct twins *twins_new(void)
{
    return mem_alloc(1, sizeof(struct twins));
}

void twins_free(struct twins *s)
{
    for (size_t i = 0; s != NULL && i < s->count; i++)
        drop(s->known[i]);
    free(s);
}

/* ---- plain literals ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* 0: it is not plain. */
static size_t string_length(const char *p, const char *end)
{
    const char *at = p + 1;

    if (at == end || *at == ' ' || *at == '-')
        return 0;
    for (; at < end && *at != *p; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7F || *at == '\\' || *at == '\'' || *at == '"' ||
            (*at == '_' && at[-1] == '_'))
            return 0;
    return at < end ? (size_t)(at + 1 - p) : 0;
}

static bool ends_number(char c)
{
    return c == ' ' || c == ',' || c == ')' || c == ']' || c == '}';
}

static size_t number_length(const char *p, const char *end, enum plain *plain)
{
    const char *at = p + (*p == '-');
    size_t digits = 0, points = 0;

    if (at == end || *at < '1' || *at > '9')
        return 0;
    for (; at < end && (is_digit(*at) || (*at == '.' && points == 0)); at++)
        if (*at == '.')
            points++;
        else
            digits++;
    if (at[-1] == '.' || (at < end && !ends_number(*at)))
        return 0;
    *plain = points > 0 ? PLAIN_FRACTION : PLAIN_INTEGER;
    return digits <= (points > 0 ? FRACTION_DIGITS : INTEGER_DIGITS) ? (size_t)(at - p) : 0;
}

/* The length of the plain literal that begins at p < end, 0: none does. *first tells strings of one
 * quote, and numbers with a minus, from others. */
static size_t plain_length(const char *p, const char *end, enum plain *plain, char *first)
{
    *plain = PLAIN_STRING;
    *first = is_digit(*p) ? '1' : *p;
    return *p == '\'' || *p == '"' ? string_length(p, end) : number_length(p, end, plain);
}

void twin_add_value(const char *text, const struct twin_value *value, struct buf *out)
{
    const char *p = text + value->start;
    size_t len = value->len;

    if (*p != '\'' && *p != '"') {
#ifdef BREAK_literal /* a mistake for tests to find: the sign is lost */
        len -= *p == '-';
        p += *p == '-';
#endif
        buf_add(out, p, len);
        return;
    }
    buf_addc(out, '"');
    buf_add(out, p + 1, len - 2);
    buf_addc(out, '"');
}

/* ---- texts ---- */

static bool fits(const struct known *k, const char *text, size_t len, struct twin_value *values)
{
    const char *at = text, *end = text + len;

    for (size_t i = 0; i < k->twin.count; i++) {
        const struct piece *piece = &k->pieces[i];
        enum plain plain;
        char first;
        if ((size_t)(end - at) <= piece->len || memcmp(at, k->text + piece->start, piece->len) != 0)
            return false;
        at += piece->len;
        size_t n = plain_length(at, end, &plain, &first);
        if (n == 0 || plain != piece->plain || first != piece->first)
            return false;
        values[i] = (struct twin_value){(size_t)(at - text), n};
        at += n;
    }
    return (size_t)(end - at) == k->end_len && memcmp(at, k->text + k->end, k->end_len) == 0;
}

static void to_front(struct twins *s, size_t i)
{
    struct known *k = s->known[i];

    memmove(s->known + 1, s->known, i * sizeof *s->known);
    s->known[0] = k;
}

const struct twin *twins_find(struct twins *s, const char *text, size_t len,
                              struct twin_value values[static TWIN_VALUES])
{
    if (len > TWIN_BYTES)
        return NULL;
    for (size_t i = 0; i < s->count; i++)
        if (fits(s->known[i], text, len, values)) {
            to_front(s, i);
            return &s->known[0]->twin;
        }
    return NULL;
}

/* NULL: it has no twins. */
static struct piece *read_pieces(const char *text, size_t len, const struct lift *l, size_t *end)
{
    struct piece *pieces = mem_alloc(l->hole_count, sizeof *pieces);

    *end = 0;
    for (size_t i = 0; i < l->hole_count; i++) {
        const struct lift_hole *h = &l->holes[i];
        struct piece *p = &pieces[i];
        p->start = *end;
        p->len = h->start - *end;
        if (h->name_len > 0 ||
            plain_length(text + h->start, text + len, &p->plain, &p->first) != h->len) {
            free(pieces);
            return NULL;
        }
        *end = h->start + h->len;
    }
    return pieces;
}

void twins_add(struct twins *s, const char *text, size_t len, const struct lift *l,
               const struct twin *twin)
{
    struct piece *pieces;
    size_t end;

    if (len > TWIN_BYTES || l->hole_count > TWIN_VALUES ||
        (pieces = read_pieces(text, len, l, &end)) == NULL)
        return;
    struct known *k = mem_alloc(1, sizeof *k);
    *k = (struct known){.pieces = pieces, .end = end, .end_len = len - end};
    k->twin = *twin;
    k->key = mem_alloc(1, twin->key_len);
    memcpy(k->key, twin->key, twin->key_len);
    k->twin.key = k->key;
    k->text = mem_alloc(1, len);
    memcpy(k->text, text, len);
    if (s->count == TWINS_MAX)
        drop(s->known[--s->count]);
    s->known[s->count++] = k;
    to_front(s, s->count - 1);
}
