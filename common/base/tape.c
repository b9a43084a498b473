/* SPDX-License-Identifier: Apache-2.0 */

/* base/tape.c: a loop over the text with a stack of what is open. `want` says what may come next,
 * which is the whole grammar: a value, a value or the end of an array, a key or the end of an
 * object, a key, a colon, or a comma or an end. */
#include "base/tape.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 1024 /* Neo4j answers 500 to a number of more than 1,000 digits */

enum want { WANT_VALUE, WANT_ELEMENT, WANT_MEMBER, WANT_KEY, WANT_COLON, WANT_MORE, WANT_NOTHING };

struct reader {
    struct tape *tape;
    const char *begin, *p, *end;
    unsigned flags;
    size_t open[JSON_DEPTH_MAX]; /* indexes of arrays and objects without an end yet */
    size_t depth;
    struct err *err;
};

/* Bytes of a string that need no look: neither quote nor backslash, no control, ASCII. */
static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static int refuse(struct reader *r, const char *at, const char *code, const char *what)
{
    return err_set(r->err, ERR_DAMAGED, code, "byte %zu: %s", (size_t)(at - r->begin), what);
}

static struct tape_value *add(struct reader *r, enum tape_kind kind, const char *p, size_t len)
{
    struct tape *t = r->tape;

    if (t->count == t->size) {
        t->size = t->size > 0 ? t->size * 2 : 64;
        t->v = mem_realloc(t->v, t->size, sizeof *t->v);
    }
    struct tape_value *v = &t->v[t->count++];
    *v = (struct tape_value){.kind = kind, .p = p, .len = len, .next = t->count};
    return v;
}

/* What a value does to the array or object around it; the keys of an object are not counted. */
static enum want after_value(struct reader *r)
{
    if (r->depth == 0)
        return WANT_NOTHING;
    r->tape->v[r->open[r->depth - 1]].count++;
    return WANT_MORE;
}

static int open_container(struct reader *r, enum tape_kind kind)
{
    if (r->depth == JSON_DEPTH_MAX)
        return refuse(r, r->p, "json.depth", "nested too deep");
    r->open[r->depth++] = r->tape->count;
    add(r, kind, r->p++, 0);
    return 0;
}

static enum want close_container(struct reader *r)
{
    struct tape_value *v = &r->tape->v[r->open[--r->depth]];

    r->p++;
    v->len = (size_t)(r->p - v->p);
    v->next = r->tape->count;
    return after_value(r);
}

static int hex(const char *p, unsigned *out)
{
    unsigned n = 0;

    for (int i = 0; i < 4; i++) {
        char c = p[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                                : 16;
        if (digit == 16)
            return -1;
        n = n * 16 + digit;
    }
    *out = n;
    return 0;
}

/* At a backslash. Of a surrogate both halves must be there. */
static int skip_escape(struct reader *r)
{
    const char *p = r->p;
    unsigned high, low;

    if (r->end - p >= 2 && p[1] != '\0' && strchr("\"\\/bfnrt", p[1]) != NULL) {
        r->p += 2;
        return 0;
    }
    if (r->end - p < 6 || p[1] != 'u' || hex(p + 2, &high) < 0)
        return refuse(r, p, "json.syntax", "an escape that JSON does not have");
    r->p += 6;
    if (high < 0xd800 || high > 0xdfff)
        return 0;
    if (high > 0xdbff || r->end - p < 12 || p[6] != '\\' || p[7] != 'u' || hex(p + 8, &low) < 0 ||
        low < 0xdc00 || low > 0xdfff)
        return refuse(r, p, "json.encoding", "half of a surrogate pair");
    r->p += 6;
    return 0;
}

/* One character beyond ASCII. */
static int skip_utf8(struct reader *r)
{
    size_t n = utf8_size(r->p, (size_t)(r->end - r->p));

    if (n == 0)
        return refuse(r, r->p, "json.encoding", "not UTF-8");
    r->p += n;
    return 0;
}

static int read_string(struct reader *r)
{
    const char *begin = ++r->p;
    bool escaped = false;

    for (;;) {
        while (r->p < r->end && is_plain((unsigned char)*r->p))
            r->p++;
        if (r->p == r->end)
            return refuse(r, begin - 1, "json.syntax", "a string without its end");
        if (*r->p == '"')
            break;
        if ((unsigned char)*r->p < 0x20)
            return refuse(r, r->p, "json.syntax", "a control character in a string");
        escaped = escaped || *r->p == '\\';
        if ((*r->p == '\\' ? skip_escape(r) : skip_utf8(r)) < 0)
            return -1;
    }
    add(r, TAPE_STRING, begin, (size_t)(r->p - begin))->escaped = escaped;
    r->p++;
    return 0;
}

static size_t count_digits(const char *p, const char *end)
{
    size_t n = 0;

    while (p + n < end && p[n] >= '0' && p[n] <= '9')
        n++;
    return n;
}

/* The length of the number at p (RFC 8259, section 6); 0: none. */
static size_t number_size(const char *begin, const char *end, enum tape_kind *kind)
{
    const char *p = begin + (begin < end && *begin == '-');
    size_t n = count_digits(p, end);

    *kind = TAPE_INTEGER;
    if (n == 0 || (n > 1 && *p == '0'))
        return 0;
    p += n;
    if (p < end && *p == '.') {
        *kind = TAPE_REAL;
        n = count_digits(++p, end);
        if (n == 0)
            return 0;
        p += n;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        *kind = TAPE_REAL;
        p++;
        p += p < end && (*p == '+' || *p == '-');
        n = count_digits(p, end);
        if (n == 0)
            return 0;
        p += n;
    }
    return (size_t)(p - begin);
}

static bool take_word(struct reader *r, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0)
        return false;
    r->p += n;
    return true;
}

static int read_number(struct reader *r)
{
    const char *begin = r->p;
    enum tape_kind kind;

    if ((r->flags & TAPE_NONFINITE) != 0 && take_word(r, "-Infinity")) {
        add(r, TAPE_MINUS_INFINITY, begin, (size_t)(r->p - begin));
        return 0;
    }
    size_t n = number_size(begin, r->end, &kind);
    if (n == 0)
        return refuse(r, begin, "json.syntax", "not a number");
    r->p += n;
    add(r, kind, begin, n);
    return 0;
}

static int read_word(struct reader *r)
{
    static const struct {
        const char *word;
        enum tape_kind kind;
        unsigned flags;
    } words[] = {{"null", TAPE_NULL, 0},
                 {"true", TAPE_TRUE, 0},
                 {"false", TAPE_FALSE, 0},
                 {"NaN", TAPE_NAN, TAPE_NONFINITE},
                 {"Infinity", TAPE_INFINITY, TAPE_NONFINITE}};
    const char *begin = r->p;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if ((words[i].flags & ~r->flags) == 0 && take_word(r, words[i].word)) {
            add(r, words[i].kind, begin, (size_t)(r->p - begin));
            return 0;
        }
    return refuse(r, begin, "json.syntax", "not a value");
}

/* At the first character of a value. */
static int read_value(struct reader *r, enum want *want)
{
    switch (*r->p) {
    case '{':
        *want = WANT_MEMBER;
        return open_container(r, TAPE_OBJECT);
    case '[':
        *want = WANT_ELEMENT;
        return open_container(r, TAPE_ARRAY);
    case '"':
        if (read_string(r) < 0)
            return -1;
        break;
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        if (read_number(r) < 0)
            return -1;
        break;
    default:
        if (read_word(r) < 0)
            return -1;
    }
    *want = after_value(r);
    return 0;
}

static int read_key(struct reader *r, enum want *want)
{
    if (*r->p != '"')
        return refuse(r, r->p, "json.syntax", "the key of a member is no string");
    *want = WANT_COLON;
    return read_string(r);
}

static int read_more(struct reader *r, enum want *want)
{
    bool object = r->tape->v[r->open[r->depth - 1]].kind == TAPE_OBJECT;

    if (*r->p == ',') {
        r->p++;
        *want = object ? WANT_KEY : WANT_VALUE;
        return 0;
    }
    if (*r->p != (object ? '}' : ']'))
        return refuse(r, r->p, "json.syntax", "neither a comma nor the end of what is open");
    *want = close_container(r);
    return 0;
}

static int read_next(struct reader *r, enum want *want)
{
    switch (*want) {
    case WANT_ELEMENT:
        if (*r->p == ']') {
            *want = close_container(r);
            return 0;
        }
        return read_value(r, want);
    case WANT_VALUE:
        return read_value(r, want);
    case WANT_MEMBER:
        if (*r->p == '}') {
            *want = close_container(r);
            return 0;
        }
        return read_key(r, want);
    case WANT_KEY:
        return read_key(r, want);
    case WANT_COLON:
        if (*r->p++ != ':')
            return refuse(r, r->p - 1, "json.syntax", "no colon after a key");
        *want = WANT_VALUE;
        return 0;
    case WANT_MORE:
        return read_more(r, want);
    case WANT_NOTHING:
        break;
    }
    return refuse(r, r->p, "json.syntax", "something after the end");
}

int tape_read(struct tape *t, const char *p, size_t len, unsigned flags, struct err *err)
{
    struct reader r = {.tape = t, .begin = p, .p = p, .end = p + len, .flags = flags, .err = err};
    enum want want = WANT_VALUE;

    t->count = 0;
    for (;;) {
        while (r.p < r.end && (*r.p == ' ' || *r.p == '\n' || *r.p == '\r' || *r.p == '\t'))
            r.p++;
        if (r.p == r.end)
            break;
        if (read_next(&r, &want) < 0)
            return -1;
    }
    if (want != WANT_NOTHING)
        return refuse(&r, r.p, "json.syntax", "the text ends too early");
    return 0;
}

void tape_fini(struct tape *t)
{
    free(t->v);
    *t = (struct tape){0};
}

/* At a backslash of a checked string; returns what follows the escape. */
static const char *add_escape(struct buf *out, const char *p)
{
    static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    unsigned c = 0, low = 0;

    if (p[1] != 'u') {
        buf_addc(out, meant[strchr(escapes, p[1]) - escapes]);
        return p + 2;
    }
    (void)hex(p + 2, &c);
    p += 6;
    if (c >= 0xd800 && c <= 0xdbff) {
        (void)hex(p + 2, &low);
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        p += 6;
    }
    utf8_add(out, c);
    return p;
}

void tape_add_text(struct buf *out, const struct tape_value *v)
{
    const char *p = v->p, *end = v->p + v->len;

    if (!v->escaped) {
        buf_add(out, p, v->len);
        return;
    }
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        buf_add(out, p, (size_t)((slash != NULL ? slash : end) - p));
        p = slash != NULL ? add_escape(out, slash) : end;
    }
}

bool tape_is(const struct tape_value *v, const char *text)
{
    size_t n = strlen(text);

    if (v->kind != TAPE_STRING)
        return false;
    if (!v->escaped)
        return v->len == n && memcmp(v->p, text, n) == 0;
    struct buf plain = {0};
    tape_add_text(&plain, v);
    bool same = plain.len == n && memcmp(buf_str(&plain), text, n) == 0;
    buf_fini(&plain);
    return same;
}

const struct tape_value *tape_member(const struct tape *t, size_t at, const char *key)
{
    if (t->v[at].kind != TAPE_OBJECT)
        return NULL;
    for (size_t i = at + 1; i < t->v[at].next; i = t->v[i + 1].next)
        if (tape_is(&t->v[i], key))
            return &t->v[i + 1];
    return NULL;
}

size_t tape_index(const struct tape *t, const struct tape_value *v)
{
    return (size_t)(v - t->v);
}

bool tape_int(const struct tape_value *v, int64_t *out)
{
    char digits[24];
    enum tape_kind kind = v->kind;

    if (kind == TAPE_STRING && number_size(v->p, v->p + v->len, &kind) != v->len)
        return false;
    if (kind != TAPE_INTEGER || v->len >= sizeof digits)
        return false;
    memcpy(digits, v->p, v->len);
    digits[v->len] = '\0';
    errno = 0;
    *out = strtoll(digits, NULL, 10);
    return errno == 0;
}

bool tape_double(const struct tape_value *v, double *out)
{
    char text[NUMBER_MAX];
    enum tape_kind kind;

    if (v->kind == TAPE_NULL || v->kind == TAPE_FALSE || v->kind == TAPE_TRUE ||
        v->kind >= TAPE_ARRAY || v->len >= sizeof text)
        return false;
    if (v->kind == TAPE_STRING && number_size(v->p, v->p + v->len, &kind) != v->len &&
        !tape_is(v, "NaN") && !tape_is(v, "Infinity") && !tape_is(v, "-Infinity"))
        return false;
    memcpy(text, v->p, v->len);
    text[v->len] = '\0';
    *out = strtod(text, NULL);
    return v->len > 0;
}
