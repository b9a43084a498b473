/* SPDX-License-Identifier: Apache-2.0 */

/* neo4j/jolt.c: a sigil object has one member, whose name tells the type. A table gives the
 * function of each. Anything else that is an object in a value's place is refused: a notation that
 * is not known must not reach a reader as if it were a map. */
#include "neo4j/jolt.h"

#include "base/hash.h"
#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_MAX ((int64_t)1 << 53) /* IEEE 754: whole numbers are exact up to here */

static int refuse(struct err *err, const char *what)
{
    return err_set(err, ERR_FATAL, "jolt.shape", "Neo4j's answer: %s", what);
}

static void add_string(struct buf *out, const json_t *s)
{
    buf_add_json(out, json_string_value(s), json_string_length(s));
}

static void add_typed(struct buf *out, const char *type, const char *p, size_t len)
{
    buf_addf(out, "{\"$type\":\"%s\",\"_value\":", type);
    buf_add_json(out, p, len);
    buf_addc(out, '}');
}

static void add_integer(struct buf *out, int64_t n)
{
    char digits[24];

    if (n >= -EXACT_MAX && n <= EXACT_MAX) {
        buf_addi(out, n);
        return;
    }
    int len = snprintf(digits, sizeof digits, "%" PRId64, n);
    add_typed(out, "Integer", digits, (size_t)len);
}

static int add_digits(struct buf *out, const char *text, struct err *err)
{
    char *end;

    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || isspace((unsigned char)*text))
        return refuse(err, "an INTEGER is no 64-bit number");
    add_integer(out, n);
    return 0;
}

/* A JSON number (RFC 8259, 6) with a fraction or an exponent. */
static bool is_json_float(const char *s)
{
    bool marked = false;

    s += *s == '-';
    if (*s == '0' && isdigit((unsigned char)s[1]))
        return false;
    if (!isdigit((unsigned char)*s))
        return false;
    s += strspn(s, "0123456789");
    if (*s == '.') {
        size_t digits = strspn(s + 1, "0123456789");
        if (digits == 0)
            return false;
        s += digits + 1;
        marked = true;
    }
    if (*s == 'e' || *s == 'E') {
        s++;
        s += *s == '+' || *s == '-';
        size_t digits = strspn(s, "0123456789");
        if (digits == 0)
            return false;
        s += digits;
        marked = true;
    }
    return *s == '\0' && marked;
}

bool jolt_integer(const json_t *value, int64_t *out)
{
    const char *digits = json_text(value, "Z");
    char *end;

    if (json_is_integer(value)) {
        *out = json_integer_value(value);
        return true;
    }
    if (digits == NULL)
        digits = json_text(value, "R");
    if (digits == NULL || *digits == '\0')
        return false;
    errno = 0;
    int64_t n = strtoll(digits, &end, 10);
    if (errno != 0 || *end != '\0')
        return false;
    *out = n;
    return true;
}

/* Numbers that people write, which have few decimals: an integer below 2^53 divided by a power of
 * ten up to 10^22 is rounded as strtod rounds that text (Clinger 1990), so it is the shortest. */
static bool add_short_real(struct buf *out, double x)
{
    double scaled = fabs(x), power = 1;
    int decimals = 0;

    if (!(scaled >= 1e-3 && scaled < 1e9) || x == 0)
        return false;
    for (; decimals <= 6; decimals++, power *= 10) {
        scaled = (double)(uint64_t)(fabs(x) * power + 0.5);
        if (scaled / power == fabs(x))
            break;
    }
    if (decimals > 6)
        return false;
    uint64_t n = (uint64_t)scaled, unit = (uint64_t)power;
    if (x < 0)
        buf_addc(out, '-');
    buf_addi(out, (int64_t)(n / unit));
    buf_addc(out, '.');
    if (decimals == 0)
        buf_addc(out, '0');
    for (uint64_t part = n % unit; decimals > 0; decimals--) {
        unit /= 10;
        buf_addc(out, (char)('0' + part / unit));
        part %= unit;
    }
    return true;
}

void jolt_add_real(struct buf *out, double x)
{
    char text[32];

    if (add_short_real(out, x))
        return;
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtod(text, NULL) == x)
            break;
    }
    buf_adds(out, text);
    if (strpbrk(text, ".e") == NULL)
        buf_adds(out, ".0");
}

static int add_strings_sorted(struct buf *out, const json_t *labels, struct err *err);
static int add_members(struct buf *out, const json_t *map, struct err *err);
static int add_list(struct buf *out, const json_t *list, struct err *err);

static int on_boolean(struct buf *out, const json_t *v, struct err *err)
{
    const char *text =
        json_is_boolean(v) ? (json_is_true(v) ? "true" : "false") : json_string_value(v);

    if (text == NULL || (strcmp(text, "true") != 0 && strcmp(text, "false") != 0))
        return refuse(err, "a BOOLEAN is neither true nor false");
    buf_adds(out, text);
    return 0;
}

static int on_string(struct buf *out, const json_t *v, struct err *err)
{
    if (!json_is_string(v))
        return refuse(err, "a STRING is none");
    add_string(out, v);
    return 0;
}

static int on_integer(struct buf *out, const json_t *v, struct err *err)
{
    if (!json_is_string(v))
        return refuse(err, "an INTEGER is no text");
    return add_digits(out, json_string_value(v), err);
}

static int on_number(struct buf *out, const json_t *v, struct err *err)
{
    const char *text = json_string_value(v);

    if (text == NULL)
        return refuse(err, "a FLOAT is no text");
    if (strcmp(text, "NaN") == 0 || strcmp(text, "Infinity") == 0 ||
        strcmp(text, "-Infinity") == 0) {
        add_typed(out, "Float", text, strlen(text));
        return 0;
    }
    if (!is_json_float(text))
        return add_digits(out, text, err); /* digits alone are an INTEGER beyond 31 bits */
    buf_adds(out, text);
    return 0;
}

static int nibble(char c)
{
    const char *at = c != '\0' ? strchr("0123456789ABCDEF", toupper((unsigned char)c)) : NULL;

    return at != NULL ? (int)(at - "0123456789ABCDEF") : -1;
}

static int on_bytes(struct buf *out, const json_t *v, struct err *err)
{
    const char *hex = json_string_value(v);
    size_t len = json_string_length(v);
    struct buf bytes = {0};
    int rc = -1;

    if (hex == NULL || len % 2 != 0) {
        refuse(err, "BYTES are no text of hexadecimal pairs");
        goto out;
    }
    for (size_t i = 0; i < len; i += 2) {
        int high = nibble(hex[i]), low = nibble(hex[i + 1]);
        if (high < 0 || low < 0) {
            refuse(err, "BYTES are no text of hexadecimal pairs");
            goto out;
        }
        buf_addc(&bytes, (char)(high * 16 + low));
    }
    buf_adds(out, "{\"$type\":\"Base64\",\"_value\":\"");
    hash_add_base64(out, buf_str(&bytes), bytes.len);
    buf_adds(out, "\"}");
    rc = buf_check(&bytes, "BYTES", err);
out:
    buf_fini(&bytes);
    return rc;
}

/* Z, or a sign that stands after the time: years have signs too. */
static bool has_offset(const char *time)
{
    return strpbrk(time, "Z+-") != NULL;
}

static const char *temporal_type(const char *text)
{
    if (text[0] == 'P' || (text[0] == '-' && text[1] == 'P'))
        return "Duration";
    const char *t = strchr(text, 'T');
    if (t != NULL && strchr(t, '[') != NULL)
        return "ZonedDateTime";
    if (t != NULL)
        return has_offset(t) ? "OffsetDateTime" : "LocalDateTime";
    if (strchr(text, ':') != NULL)
        return has_offset(text) ? "Time" : "LocalTime";
    return "Date";
}

static int on_temporal(struct buf *out, const json_t *v, struct err *err)
{
    const char *text = json_string_value(v);

    if (text == NULL || *text == '\0')
        return refuse(err, "a temporal value is no text");
    add_typed(out, temporal_type(text), text, json_string_length(v));
    return 0;
}

/* Jolt writes POINT(1.0 2.0), the Query API a blank before the bracket. */
static int on_point(struct buf *out, const json_t *v, struct err *err)
{
    const char *text = json_string_value(v);
    const char *open = text != NULL ? strchr(text, '(') : NULL;
    struct buf with_blank = {0};

    if (open == NULL || open == text)
        return refuse(err, "a POINT is no text with coordinates");
    buf_add(&with_blank, text, (size_t)(open - text));
    if (open[-1] != ' ')
        buf_addc(&with_blank, ' ');
    buf_add(&with_blank, open, json_string_length(v) - (size_t)(open - text));
    add_typed(out, "Point", buf_str(&with_blank), with_blank.len);
    int rc = buf_check(&with_blank, "POINT", err);
    buf_fini(&with_blank);
    return rc;
}

static int on_list(struct buf *out, const json_t *v, struct err *err)
{
    if (!json_is_array(v))
        return refuse(err, "a LIST is no array");
    return add_list(out, v, err);
}

static int on_map(struct buf *out, const json_t *v, struct err *err)
{
    if (!json_is_object(v))
        return refuse(err, "a MAP is no object");
    bool hidden = json_object_get(v, "$type") != NULL;
    if (hidden)
        buf_adds(out, "{\"$type\":\"Map\",\"_value\":");
    if (add_members(out, v, err) < 0)
        return -1;
    if (hidden)
        buf_addc(out, '}');
    return 0;
}

/* v2 gives text; v1 gives id(), as a number or, strictly, as a sigil object. */
static int add_element_id(struct buf *out, const json_t *id, struct err *err)
{
    const char *digits = json_text(id, "Z");

    digits = digits != NULL ? digits : json_text(id, "R");
    if (json_is_string(id))
        add_string(out, id);
    else if (json_is_integer(id))
        buf_addf(out, "\"%" JSON_INTEGER_FORMAT "\"", json_integer_value(id));
    else if (digits != NULL)
        buf_add_json(out, digits, strlen(digits));
    else
        return refuse(err, "an entity has no id");
    return 0;
}

static int on_node(struct buf *out, const json_t *v, struct err *err)
{
    if (!json_is_array(v) || json_array_size(v) != 3)
        return refuse(err, "a NODE is no array of three");
    buf_adds(out, "{\"$type\":\"Node\",\"_value\":{\"_element_id\":");
    if (add_element_id(out, json_array_get(v, 0), err) < 0)
        return -1;
    buf_adds(out, ",\"_labels\":");
    if (add_strings_sorted(out, json_array_get(v, 1), err) < 0)
        return -1;
    buf_adds(out, ",\"_properties\":");
    if (add_members(out, json_array_get(v, 2), err) < 0)
        return -1;
    buf_adds(out, "}}");
    return 0;
}

static int add_relationship(struct buf *out, const json_t *v, size_t start, size_t end,
                            struct err *err)
{
    if (!json_is_array(v) || json_array_size(v) != 5)
        return refuse(err, "a RELATIONSHIP is no array of five");
    buf_adds(out, "{\"$type\":\"Relationship\",\"_value\":{\"_element_id\":");
    if (add_element_id(out, json_array_get(v, 0), err) < 0)
        return -1;
    buf_adds(out, ",\"_start_node_element_id\":");
    if (add_element_id(out, json_array_get(v, start), err) < 0)
        return -1;
    buf_adds(out, ",\"_end_node_element_id\":");
    if (add_element_id(out, json_array_get(v, end), err) < 0)
        return -1;
    buf_adds(out, ",\"_type\":");
    if (on_string(out, json_array_get(v, 2), err) < 0)
        return -1;
    buf_adds(out, ",\"_properties\":");
    if (add_members(out, json_array_get(v, 4), err) < 0)
        return -1;
    buf_adds(out, "}}");
    return 0;
}

static int on_outgoing(struct buf *out, const json_t *v, struct err *err)
{
    return add_relationship(out, v, 1, 3, err);
}

/* In a path that was walked against the arrow: the end comes first. */
static int on_incoming(struct buf *out, const json_t *v, struct err *err)
{
    return add_relationship(out, v, 3, 1, err);
}

static int on_path(struct buf *out, const json_t *v, struct err *err)
{
    if (!json_is_array(v))
        return refuse(err, "a PATH is no array");
    buf_adds(out, "{\"$type\":\"Path\",\"_value\":");
    if (add_list(out, v, err) < 0)
        return -1;
    buf_addc(out, '}');
    return 0;
}

static const struct {
    const char *sigil;
    int (*add)(struct buf *out, const json_t *v, struct err *err);
} sigils[] = {
    {"Z", on_integer}, {"R", on_number}, {"U", on_string}, {"?", on_boolean},   {"T", on_temporal},
    {"{}", on_map},    {"[]", on_list},  {"()", on_node},  {"->", on_outgoing}, {"<-", on_incoming},
    {"..", on_path},   {"@", on_point},  {"#", on_bytes},
};

static int add_object(struct buf *out, const json_t *value, struct err *err)
{
    void *iter = json_object_iter((json_t *)(uintptr_t)value);
    const char *key = iter != NULL ? json_object_iter_key(iter) : "";

    for (size_t i = 0; json_object_size(value) == 1 && i < sizeof sigils / sizeof *sigils; i++)
        if (strcmp(sigils[i].sigil, key) == 0)
            return sigils[i].add(out, json_object_iter_value(iter), err);
    return refuse(err, "an object of a type that this version does not know");
}

int jolt_add(struct buf *out, const json_t *value, struct err *err)
{
    switch (value != NULL ? json_typeof(value) : JSON_NULL) {
    case JSON_OBJECT:
        return add_object(out, value, err);
    case JSON_ARRAY:
        return add_list(out, value, err);
    case JSON_STRING:
        add_string(out, value);
        return 0;
    case JSON_INTEGER:
        add_integer(out, json_integer_value(value));
        return 0;
    case JSON_REAL:
        jolt_add_real(out, json_real_value(value));
        return 0;
    case JSON_TRUE:
        buf_adds(out, "true");
        return 0;
    case JSON_FALSE:
        buf_adds(out, "false");
        return 0;
    case JSON_NULL:
        break;
    }
    buf_adds(out, "null");
    return 0;
}

static bool has_bare_float(const json_t *list)
{
    size_t i;
    json_t *item;

    json_array_foreach (list, i, item)
        if (json_is_real(item))
            return true;
    return false;
}

static bool is_nonfinite(const json_t *value)
{
    const char *text = json_string_value(value);

    return text != NULL && (strcmp(text, "NaN") == 0 || strcmp(text, "Infinity") == 0 ||
                            strcmp(text, "-Infinity") == 0);
}

static bool is_ambiguous(const json_t *list)
{
    size_t i;
    json_t *item;

    json_array_foreach (list, i, item)
        if (!is_nonfinite(item))
            return false;
    return json_array_size(list) > 0;
}

static int add_list(struct buf *out, const json_t *list, struct err *err)
{
    bool floats = has_bare_float(list);
    size_t i;
    json_t *item;

    if (is_ambiguous(list))
        return err_set(err, ERR_FATAL, JOLT_AMBIGUOUS,
                       "a list holds only NaN or Infinity, and sparse Jolt does not tell whether "
                       "they are numbers or texts");
    buf_addc(out, '[');
    json_array_foreach (list, i, item) {
        if (i > 0)
            buf_addc(out, ',');
        if ((floats && json_is_string(item) ? on_number(out, item, err)
                                            : jolt_add(out, item, err)) < 0)
            return -1;
    }
    buf_addc(out, ']');
    return 0;
}

static int add_members(struct buf *out, const json_t *map, struct err *err)
{
    json_t *object = (json_t *)(uintptr_t)map; /* jansson iterates over non-const ones only */
    bool first = true;

    if (!json_is_object(map))
        return refuse(err, "properties are no object");
    buf_addc(out, '{');
    for (void *i = json_object_iter(object); i != NULL; i = json_object_iter_next(object, i)) {
        if (!first)
            buf_addc(out, ',');
        first = false;
        buf_add_json(out, json_object_iter_key(i), json_object_iter_key_len(i));
        buf_addc(out, ':');
        if (jolt_add(out, json_object_iter_value(i), err) < 0)
            return -1;
    }
    buf_addc(out, '}');
    return 0;
}

/* The object of an entity or map that holds values: beside it stand id, labels, type, and its own
 * keys may look like sigils. */
static json_t *values_of(json_t *value)
{
    json_t *map = json_object_get(value, "{}");
    json_t *node = json_object_get(value, "()"), *relationship = json_object_get(value, "->");

    if (map != NULL || node != NULL)
        return map != NULL ? map : json_array_get(node, 2);
    relationship = relationship != NULL ? relationship : json_object_get(value, "<-");
    return json_array_get(relationship, 4);
}

static void mark_floats(json_t *value)
{
    json_t *values = json_object_size(value) == 1 ? values_of(value) : NULL;
    size_t i;
    json_t *item;

    if (values != NULL)
        value = values;
    for (void *at = json_object_iter(value); at != NULL; at = json_object_iter_next(value, at))
        mark_floats(json_object_iter_value(at));
    json_array_foreach (value, i, item)
        if (is_nonfinite(item))
            json_array_set_new(value, i, json_pack("{s:O}", "R", item));
        else
            mark_floats(item);
}

json_t *jolt_mark_floats(const json_t *strict)
{
    json_t *copy = json_deep_copy(strict);

    mark_floats(copy);
    return copy;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Labels are names: they hold no NUL (Neo4j, "Naming rules"), so strings of C carry them. */
static int add_strings_sorted(struct buf *out, const json_t *labels, struct err *err)
{
    size_t n = json_array_size(labels), i;
    json_t *item;

    if (!json_is_array(labels))
        return refuse(err, "labels are no array");
    const char **names = mem_try_alloc(n + 1, sizeof *names);
    if (names == NULL)
        return err_set(err, ERR_FATAL, "memory.exhausted", "labels of a node: memory exhausted");
    json_array_foreach (labels, i, item) {
        names[i] = json_string_value(item);
        if (names[i] == NULL) {
            free(names);
            return refuse(err, "a label is no text");
        }
    }
    qsort(names, n, sizeof *names, by_text);
    buf_addc(out, '[');
    for (i = 0; i < n; i++) {
        if (i > 0)
            buf_addc(out, ',');
        buf_add_json(out, names[i], strlen(names[i]));
    }
    buf_addc(out, ']');
    free(names);
    return 0;
}
