/* SPDX-License-Identifier: Apache-2.0 */
/* cypher/lexer.c: follows the lexers of 4.4.48, 5.26.30 and 2026.08.1 character by character (seen
 * with their own classes, tests/unit/test_lexer.c holds the differences). What one of them takes
 * for a blank and another for a part of a name is LEXER_INVALID: a text in which we see other
 * tokens than the server could smuggle a keyword past the policy. */
#include "cypher/lexer.h"

#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

enum { LETTER = 1, DIGIT = 2, BLANK = 4, HIGH = 8, PART = LETTER | DIGIT };

#define L LETTER
#define D DIGIT
#define B BLANK
/* Control characters that are no blanks continue a name in Cypher 5 and are errors in 25: 0, as all
 * that is no part of a name. Bytes from 128 on are HIGH. */
static const unsigned char classes[128] = {
    /* clang-format off */
    0, 0, 0, 0, 0, 0, 0, 0, 0, B, B, B, B, B, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, B, B, B, B,
    B, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    D, D, D, D, D, D, D, D, D, D, 0, 0, 0, 0, 0, 0,
    0, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
    L, L, L, L, L, L, L, L, L, L, L, 0, 0, 0, 0, L,
    0, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
    L, L, L, L, L, L, L, L, L, L, L, 0, 0, 0, 0, 0,
    /* clang-format on */
};
#undef L
#undef D
#undef B

static unsigned class_of(unsigned char c)
{
    return c < 128 ? classes[c] : HIGH;
}

enum high { HIGH_PART, HIGH_BLANK, HIGH_BAD, HIGH_LINE, HIGH_LEFT, HIGH_RIGHT };

static const struct {
    unsigned char first[2], last[2]; /* behind lead */
    unsigned char lead;
    unsigned char size;
    unsigned char kind;
} highs[] = {
    {{0x80}, {0x9F}, 0xC2, 2, HIGH_BAD}, /* NEL: a blank in 25, part of a name in 5 */
    {{0xA0}, {0xA0}, 0xC2, 2, HIGH_BLANK},
    {{0xAD},
     {0xAD},
     0xC2,
     2,
     HIGH_BAD}, /* soft hyphen: part of a name in 5, an arrow's line in 25 */
    {{0x9A, 0x80}, {0x9A, 0x80}, 0xE1, 3, HIGH_BLANK},
    {{0x80, 0x80}, {0x80, 0x8A}, 0xE2, 3, HIGH_BLANK},
    {{0x80, 0x90}, {0x80, 0x95}, 0xE2, 3, HIGH_LINE},
    {{0x80, 0xA8}, {0x80, 0xA9}, 0xE2, 3, HIGH_BLANK},
    {{0x80, 0xAF}, {0x80, 0xAF}, 0xE2, 3, HIGH_BLANK},
    {{0x81, 0x9F}, {0x81, 0x9F}, 0xE2, 3, HIGH_BLANK},
    {{0x9F, 0xA8}, {0x9F, 0xA8}, 0xE2, 3, HIGH_LEFT},
    {{0x9F, 0xA9}, {0x9F, 0xA9}, 0xE2, 3, HIGH_RIGHT},
    {{0x80, 0x80}, {0x80, 0x80}, 0xE3, 3, HIGH_BLANK},
    {{0x80, 0x88}, {0x80, 0x88}, 0xE3, 3, HIGH_LEFT},
    {{0x80, 0x89}, {0x80, 0x89}, 0xE3, 3, HIGH_RIGHT},
    {{0xB9, 0x98}, {0xB9, 0x98}, 0xEF, 3, HIGH_LINE},
    {{0xB9, 0xA3}, {0xB9, 0xA3}, 0xEF, 3, HIGH_LINE},
    {{0xB9, 0xA4}, {0xB9, 0xA4}, 0xEF, 3, HIGH_LEFT},
    {{0xB9, 0xA5}, {0xB9, 0xA5}, 0xEF, 3, HIGH_RIGHT},
    {{0xBC, 0x8D}, {0xBC, 0x8D}, 0xEF, 3, HIGH_LINE},
    {{0xBC, 0x9C}, {0xBC, 0x9C}, 0xEF, 3, HIGH_LEFT},
    {{0xBC, 0x9E}, {0xBC, 0x9E}, 0xEF, 3, HIGH_RIGHT},
};

static const char *const why_glued =
    "a $ directly behind a name or number: Cypher 5 takes it for a part of the name, Cypher 25 for "
    "a parameter; put a blank before it";

void lexer_init(struct lexer *lexer, const char *text, size_t len)
{
    *lexer = (struct lexer){.text = text, .len = len};
}

static unsigned byte_at(const struct lexer *lx, size_t pos)
{
    return pos < lx->len ? (unsigned char)lx->text[pos] : 0;
}

static bool is_class(const struct lexer *lx, size_t pos, unsigned class)
{
    return pos < lx->len && (class_of((unsigned char)lx->text[pos]) & class) != 0;
}

/* What the bytes >= 0x80 at pos are. Bytes that are no character of the table are parts of a name,
 * one by one: an error to the server, or a letter. */
static enum high high_at(const struct lexer *lx, size_t pos, size_t *size)
{
    unsigned lead = byte_at(lx, pos), second = byte_at(lx, pos + 1), third = byte_at(lx, pos + 2);

    *size = 1;
    if (lead != 0xC2 && (lead < 0xE1 || lead > 0xE3) && lead != 0xEF)
        return HIGH_PART;
    for (size_t i = 0; i < sizeof highs / sizeof highs[0]; i++) {
        if (lead != highs[i].lead || second < highs[i].first[0] || second > highs[i].last[0])
            continue;
        if (highs[i].size == 3 && (third < highs[i].first[1] || third > highs[i].last[1]))
            continue;
        *size = highs[i].size;
        return (enum high)highs[i].kind;
    }
    return HIGH_PART;
}

/* The end of letters, digits and high parts from pos on. */
static size_t skip_parts(const struct lexer *lx, size_t pos)
{
    size_t size;

    while (pos < lx->len) {
        if (is_class(lx, pos, PART))
            pos++;
        else if (is_class(lx, pos, HIGH) && high_at(lx, pos, &size) == HIGH_PART)
            pos += size;
        else
            break;
    }
    return pos;
}

/* The first byte that is no blank and in no comment. False: a comment has no end; *pos is where
 * it starts. */
static bool skip_blanks(const struct lexer *lx, size_t *pos)
{
    size_t size;

    for (;;) {
        if (is_class(lx, *pos, BLANK)) {
            ++*pos;
        } else if (is_class(lx, *pos, HIGH)) {
            if (high_at(lx, *pos, &size) != HIGH_BLANK)
                return true;
            *pos += size;
        } else if (byte_at(lx, *pos) == '/' && byte_at(lx, *pos + 1) == '/') {
            for (*pos += 2; *pos < lx->len && lx->text[*pos] != '\n' && lx->text[*pos] != '\r';)
                ++*pos;
        } else if (byte_at(lx, *pos) == '/' && byte_at(lx, *pos + 1) == '*') {
            const char *at = lx->text + *pos + 2, *end = lx->text + lx->len;
            while ((at = memchr(at, '*', (size_t)(end - at))) != NULL && at + 1 < end &&
                   at[1] != '/')
                at++;
            if (at == NULL || at + 1 >= end)
                return false;
            *pos = (size_t)(at - lx->text) + 2;
        } else {
            return true;
        }
    }
}

static void set_invalid(struct lexer_token *token, size_t len, const char *why)
{
    token->kind = LEXER_INVALID;
    token->len = len;
    token->why = why;
}

static void read_word(const struct lexer *lx, struct lexer_token *token)
{
    unsigned first = byte_at(lx, token->start);

    token->kind = LEXER_WORD;
    token->len = skip_parts(lx, token->start) - token->start;
    unsigned next = byte_at(lx, token->start + token->len);
    if (token->len == 1 && (first == 's' || first == 'S') && (next == '\'' || next == '"'))
        set_invalid(token, 2,
                    "an interpolated string s'…{…}…' of Cypher 25: join its parts with + instead");
}

/* '_'? digit, repeated. */
static size_t skip_digits(const struct lexer *lx, size_t pos)
{
    while (is_class(lx, pos, DIGIT) || (byte_at(lx, pos) == '_' && is_class(lx, pos + 1, DIGIT)))
        pos++;
    return pos;
}

/* The end of an exponent at pos, or pos when there is none. */
static size_t skip_exponent(const struct lexer *lx, size_t pos)
{
    size_t at = pos + 1;

    if (byte_at(lx, pos) != 'e' && byte_at(lx, pos) != 'E')
        return pos;
    if (byte_at(lx, at) == '+' || byte_at(lx, at) == '-')
        at++;
    size_t end = skip_digits(lx, at);
    return end > at ? end : pos;
}

/* The server's rules: DECIMAL_DOUBLE and UNSIGNED_{DECIMAL,HEX,OCTAL}_INTEGER; letters that stick
 * to a number belong to it (and are an error, or f and d). */
static void read_number(const struct lexer *lx, struct lexer_token *token)
{
    size_t start = token->start, at = skip_digits(lx, start), digits = at - start;
    bool fraction = byte_at(lx, at) == '.' && is_class(lx, at + 1, DIGIT);

    if (fraction)
        at = skip_digits(lx, at + 1);
    size_t exponent = skip_exponent(lx, at);
    token->kind = fraction || exponent > at ? LEXER_FLOAT : LEXER_INTEGER;
    size_t end = skip_parts(lx, exponent);
    token->len = end - start;
    token->plain = end == exponent && memchr(lx->text + start, '_', end - start) == NULL &&
                   !(digits > 1 && lx->text[start] == '0');
}

static void read_string(const struct lexer *lx, struct lexer_token *token)
{
    char quote = lx->text[token->start];

    for (size_t at = token->start + 1; at < lx->len; at++) {
        if (lx->text[at] == '\\') {
            token->escaped = true;
            at++;
        } else if (lx->text[at] == quote) {
            token->kind = LEXER_STRING;
            token->len = at + 1 - token->start;
            return;
        }
    }
    set_invalid(token, lx->len - token->start, "a string without its closing quote");
}

/* The end of the quoted name at pos; 0 when it has none. */
static size_t skip_quoted(const struct lexer *lx, size_t pos, bool *doubled)
{
    for (size_t at = pos + 1; at < lx->len; at++) {
        if (lx->text[at] != '`')
            continue;
        if (byte_at(lx, at + 1) != '`')
            return at + 1;
        *doubled = true;
        at++;
    }
    return 0;
}

static void read_quoted(const struct lexer *lx, struct lexer_token *token)
{
    size_t end = skip_quoted(lx, token->start, &token->escaped);

    if (end == 0) {
        set_invalid(token, lx->len - token->start, "a name without its closing backtick");
        return;
    }
    token->kind = LEXER_QUOTED_NAME;
    token->len = end - token->start;
}

/* $ with blanks and comments, then a name, a quoted name or a number (`$1a`); else a $ alone, as in
 * `:$(…)`. */
static void read_dollar(const struct lexer *lx, struct lexer_token *token)
{
    size_t at = token->start + 1, end = 0;

    token->kind = LEXER_PUNCTUATION;
    token->op = '$';
    token->len = 1;
    if (!skip_blanks(lx, &at))
        return; /* the next token is the comment without end */
    if (byte_at(lx, at) == '`')
        end = skip_quoted(lx, at, &token->escaped);
    else
        end = skip_parts(lx, at);
    if (end <= at)
        return;
    token->kind = LEXER_PARAMETER;
    token->len = end - token->start;
}

static void read_operator(const struct lexer *lx, struct lexer_token *token)
{
    static const struct {
        char text[3];
        int op;
    } pairs[] = {
        {"..", LEXER_OP_RANGE},      {"::", LEXER_OP_TYPE},          {"+=", LEXER_OP_ADD_TO},
        {"=~", LEXER_OP_MATCHES},    {"<>", LEXER_OP_NOT_EQUAL},     {"!=", LEXER_OP_NOT_EQUAL},
        {"<=", LEXER_OP_LESS_EQUAL}, {">=", LEXER_OP_GREATER_EQUAL}, {"||", LEXER_OP_CONCATENATE},
    };
    unsigned first = byte_at(lx, token->start), second = byte_at(lx, token->start + 1);

    token->len = 1;
    if (first == 0 || strchr("|:,/.=>&![{<(-%+^?]})*;", (int)first) == NULL) {
        set_invalid(token, 1, "a character that Cypher does not know here");
        return;
    }
    token->kind = LEXER_PUNCTUATION;
    token->op = (int)first;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (first == (unsigned char)pairs[i].text[0] && second == (unsigned char)pairs[i].text[1]) {
            token->op = pairs[i].op;
            token->len = 2;
        }
}

static void read_high(const struct lexer *lx, struct lexer_token *token)
{
    static const int ops[] = {[HIGH_LINE] = LEXER_OP_ARROW_LINE,
                              [HIGH_LEFT] = LEXER_OP_ARROW_LEFT,
                              [HIGH_RIGHT] = LEXER_OP_ARROW_RIGHT};
    enum high kind = high_at(lx, token->start, &token->len);

    if (kind == HIGH_PART) {
        read_word(lx, token);
    } else if (kind == HIGH_BAD) {
        set_invalid(token, token->len, "a character that versions of Cypher read differently");
    } else {
        token->kind = LEXER_PUNCTUATION;
        token->op = ops[kind];
    }
}

void lexer_next(struct lexer *lx, struct lexer_token *token)
{
    size_t before = lx->pos;
    bool closed = skip_blanks(lx, &lx->pos);
    unsigned c = byte_at(lx, lx->pos), class = class_of((unsigned char)c);

    *token = (struct lexer_token){.kind = LEXER_END, .start = lx->pos};
    if (lx->pos >= lx->len)
        return;
    if (!closed)
        set_invalid(token, lx->len - lx->pos, "a comment without its end");
    else if (class == LETTER)
        read_word(lx, token);
    else if (class == HIGH)
        read_high(lx, token);
    else if (class == DIGIT || (c == '.' && is_class(lx, lx->pos + 1, DIGIT)))
        read_number(lx, token);
    else if (c == '\'' || c == '"')
        read_string(lx, token);
    else if (c == '`')
        read_quoted(lx, token);
    else if (c == '$' && before == lx->pos && before > 0 && is_class(lx, before - 1, PART | HIGH))
        set_invalid(token, 1, why_glued);
    else if (c == '$')
        read_dollar(lx, token);
    else
        read_operator(lx, token);
    lx->pos = token->start + token->len;
}

const char *lexer_name(const struct lexer *lexer, const struct lexer_token *token, size_t *len)
{
    struct lexer inside = *lexer;
    size_t start = token->start, end = token->start + token->len;

    if (token->kind == LEXER_PARAMETER) {
        start++;
        (void)skip_blanks(&inside, &start); /* it did end when the token was read */
    }
    if (inside.text[start] == '`') {
        start++;
        end--;
    }
    *len = end - start;
    return inside.text + start;
}

/* The four hexadecimal digits at p; -1 when they are none. */
static int32_t read_hex4(const char *p, size_t left)
{
    int32_t value = 0;

    if (left < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c >= '0' && c <= '9')
            value = value * 16 + (c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            value = value * 16 + ((c | 32) - 'a' + 10);
        else
            return -1;
    }
    return value;
}

/* The next \u with a meaning at or behind pos, len when there is none. */
static size_t find_escape(const char *text, size_t len, size_t pos)
{
    while (pos < len) {
        const char *at = memchr(text + pos, '\\', len - pos);
        if (at == NULL)
            return len;
        pos = (size_t)(at - text);
        if (pos + 1 < len && text[pos + 1] == 'u')
            return pos;
        pos += 2;
    }
    return len;
}

enum lexer_unicode lexer_decode_unicode(const char *text, size_t len, struct buf *out)
{
    size_t done = 0, at = find_escape(text, len, 0), start = out->len;

    if (at == len)
        return LEXER_UNICODE_NONE;
    for (; at < len; at = find_escape(text, len, done)) {
        int32_t c = read_hex4(text + at + 2, len - at - 2), low = -1;
        if (c < 0) {
            buf_truncate(out, start);
            return LEXER_UNICODE_ODD;
        }
        buf_add(out, text + done, at - done);
        done = at + 6;
        if (c >= 0xD800 && c < 0xDC00 && len - done >= 6 && memcmp(text + done, "\\u", 2) == 0)
            low = read_hex4(text + done + 2, len - done - 2);
        if (low >= 0xDC00 && low < 0xE000) {
            c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
            done += 6;
        }
        utf8_add(out, (uint32_t)c);
    }
    buf_add(out, text + done, len - done);
    return LEXER_UNICODE_DECODED;
}
