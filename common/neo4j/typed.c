/* SPDX-License-Identifier: Apache-2.0 */
#include "neo4j/typed.h"

#include "base/mem.h"
#include "neo4j/range.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Types whose values are built, and one of them. */
static const struct built {
    const char *type, *example;
    enum value_kind kind;
} built[] = {
    {"Date", "2020-01-31", VALUE_DATE},
    {"LocalTime", "12:00:00.5", VALUE_LOCAL_TIME},
    {"Time", "12:00:00+01:00", VALUE_TIME},
    {"LocalDateTime", "2020-01-31T12:00:00", VALUE_LOCAL_DATETIME},
    {"OffsetDateTime", "2020-01-31T12:00:00+01:00", VALUE_OFFSET_DATETIME},
    {"ZonedDateTime", "2020-01-31T12:00:00+01:00[Europe/Paris]", VALUE_ZONED_DATETIME},
    {"Duration", "P14M3DT4.5S", VALUE_DURATION},
    {"Point", "SRID=4326;POINT (12.5 55.25)", VALUE_POINT},
};

/* Where a value stands: a member, or an element when key is NULL. */
struct place {
    const struct place *in;
    const char *key;
    size_t len, index;
};

struct carried {
    json_t *json;
    struct form *form;
};

static int carry(json_t *value, const struct place *at, struct carried *out, struct err *err);

/* ---- refusals ---- */

static void add_place(struct buf *out, const struct place *at)
{
    if (at->in != NULL)
        add_place(out, at->in);
    else
        buf_adds(out, "params");
    if (at->key == NULL) {
        buf_addf(out, "[%zu]", at->index);
        return;
    }
    buf_addc(out, '.');
    buf_add(out, at->key, at->len);
}

static int refuse(const struct place *at, struct err *err, const char *code, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

static int refuse(const struct place *at, struct err *err, const char *code, const char *fmt, ...)
{
    struct buf place = {0};
    char shown[200];
    va_list ap;

    va_start(ap, fmt);
    err_setv(err, ERR_POISON, code, fmt, ap);
    va_end(ap);
    add_place(&place, at);
    err_copy_text(shown, sizeof shown, buf_str(&place));
    err_wrap(err, "%s", shown);
    buf_fini(&place);
    return -1;
}

static int refuse_value(const struct place *at, const char *type, const char *example,
                        struct err *err)
{
    return refuse(at, err, "param.value", "its _value is no %s that there is, such as %s", type,
                  example);
}

static int refuse_type(const struct place *at, const char *type, struct err *err)
{
    if (strcmp(type, "Base64") == 0)
        return refuse(at, err, "param.bytes",
                      "a BYTES value, which neither Cypher's text nor Neo4j's transaction API can "
                      "carry; store it as a string, such as base64");
    return refuse(
        at, err, "param.type",
        "its $type is \"%s\"; known are Null, Boolean, Integer, Float, String, List, Map, "
        "Date, LocalTime, Time, LocalDateTime, OffsetDateTime, ZonedDateTime, Duration "
        "and Point",
        strlen(type) <= 40 ? type : "…");
}

/* ---- values ---- */

static int carry_plain(json_t *value, struct carried *out)
{
    out->json = json_incref(value);
    out->form = json_is_null(value)   ? form_new_null()
                : json_is_real(value) ? form_new_real()
                                      : form_new_plain();
    return 0;
}

/* A number as text, or as JSON. */
static int carry_number(const struct place *at, json_t *value, bool real, struct carried *out,
                        struct err *err)
{
    json_t *number = json_is_string(value)
                         ? json_parse(json_string_value(value), json_string_length(value), NULL)
                         : json_incref(value);
    int rc = 0;

    if (json_is_integer(number) && real) {
        out->json = json_real((double)json_integer_value(number));
        out->form = form_new_real();
    } else if (real ? json_is_real(number) : json_is_integer(number)) {
        carry_plain(number, out);
    } else {
        rc = real ? refuse_value(at, "Float", "\"1.5\"", err)
                  : refuse_value(at, "Integer", "\"12\"", err);
    }
    json_decref(number);
    return rc;
}

/* Takes value, whose bytes are in canonical form. */
static int carry_built(const struct value *value, struct carried *out)
{
    enum carriage carriage = carriage_of(value);
    struct buf json = {0};

    carriage_add_json(&json, false, carriage, value);
    out->json = json_parse(buf_str(&json), json.len, NULL);
    out->form = form_new_value(carriage, value);
    buf_fini(&json);
    return 0;
}

static int carry_float(const struct place *at, json_t *value, struct carried *out, struct err *err)
{
    static const char *const names[] = {"NaN", "Infinity", "-Infinity"};
    static const struct value nan = {.kind = VALUE_FLOAT};

    for (size_t i = 0; json_is_string(value) && i < sizeof names / sizeof *names; i++) {
        if (strcmp(json_string_value(value), names[i]) != 0)
            continue;
        out->json = json_incref(value);
        out->form = form_new_value(CARRY_FLOAT, &nan);
        return 0;
    }
    return carry_number(at, value, true, out, err);
}

/* A text that says a temporal value or a point. */
static int carry_text(const struct place *at, const struct built *type, json_t *text,
                      struct carried *out, struct err *err)
{
    const char *p = json_string_value(text);
    size_t len = json_string_length(text);
    struct buf bytes = {0};
    struct value value = {0};

    bool read = p != NULL && (type->kind == VALUE_POINT ? value_add_wkt(&bytes, p, len)
                                                        : value_add_temporal(&bytes, p, len));
    p = buf_str(&bytes);
    if (read)
        value_next(&p, &value);
    int rc = read && value.kind == type->kind && range_holds(&value)
                 ? carry_built(&value, out)
                 : refuse_value(at, type->type, type->example, err);
    buf_fini(&bytes);
    return rc;
}

/* Of elements that have several forms each goes with the number of its form. */
static void number_elements(json_t *list, const unsigned char *forms)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *pair = json_array();
        json_array_append_new(pair, json_integer(forms[i]));
        json_array_append(pair, json_array_get(list, i));
        json_array_set_new(list, i, pair);
    }
}

static int carry_list(const struct place *at, json_t *list, struct carried *out, struct err *err)
{
    unsigned char *forms = mem_alloc(json_array_size(list) + 1, 1);
    size_t i;
    json_t *item;
    int rc = -1;

    out->json = json_array();
    out->form = form_new_list();
    json_array_foreach (list, i, item) {
        const struct place here = {.in = at, .index = i};
        struct carried element = {0};
        if (carry(item, &here, &element, err) < 0)
            goto out;
        json_array_append_new(out->json, element.json);
        int form = form_add_element_take(out->form, element.form);
        if (form < 0) {
            refuse(at, err, "param.mixed",
                   "a list whose elements have more than %d different forms; send several lists",
                   FORM_MIXED_MAX);
            goto out;
        }
        forms[i] = (unsigned char)form;
    }
    if (form_is_mixed(out->form))
        number_elements(out->json, forms);
    rc = 0;
out:
    free(forms);
    return rc;
}

static int carry_map(const struct place *at, json_t *map, struct carried *out, struct err *err)
{
    bool empty_key = false;

    out->json = json_object();
    out->form = form_new_map();
    for (void *i = json_object_iter(map); i != NULL; i = json_object_iter_next(map, i)) {
        const char *key = json_object_iter_key(i);
        size_t len = json_object_iter_key_len(i);
        const struct place here = {.in = at, .key = key, .len = len};
        struct carried member = {0};
        if (carry(json_object_iter_value(i), &here, &member, err) < 0)
            return -1;
        json_object_setn_new(out->json, key, len, member.json);
        form_add_member_take(out->form, key, len, member.form);
        empty_key = empty_key || len == 0;
    }
    if (empty_key && !form_is_plain(out->form))
        return refuse(at, err, "param.place",
                      "a map of typed values with an empty key, which Cypher's text cannot read");
    return 0;
}

static int carry_typed(const struct place *at, const char *type, json_t *value, struct carried *out,
                       struct err *err)
{
    if (strcmp(type, "Null") == 0)
        return carry_plain(json_null(), out);
    if (strcmp(type, "Integer") == 0)
        return carry_number(at, value, false, out, err);
    if (strcmp(type, "Float") == 0)
        return carry_float(at, value, out, err);
    if (strcmp(type, "List") == 0)
        return json_is_array(value) ? carry_list(at, value, out, err)
                                    : refuse_value(at, type, "[]", err);
    if (strcmp(type, "Map") == 0)
        return json_is_object(value) ? carry_map(at, value, out, err)
                                     : refuse_value(at, type, "{}", err);
    if (strcmp(type, "Boolean") == 0)
        return json_is_boolean(value) ? carry_plain(value, out)
                                      : refuse_value(at, type, "true", err);
    if (strcmp(type, "String") == 0)
        return json_is_string(value) ? carry_plain(value, out)
                                     : refuse_value(at, type, "\"a\"", err);
    for (size_t i = 0; i < sizeof built / sizeof *built; i++)
        if (strcmp(type, built[i].type) == 0)
            return carry_text(at, &built[i], value, out, err);
    return refuse_type(at, type, err);
}

/* What is in *out after a failure is for carry to drop. Recursion:
 * json_parse has limited the depth. */
static int carry_any(json_t *value, const struct place *at, struct carried *out, struct err *err)
{
    const char *type = json_text(value, "$type");

    if (type != NULL)
        return carry_typed(at, type, json_object_get(value, "_value"), out, err);
    if (json_is_object(value) && json_object_get(value, "$type") != NULL)
        return refuse(at, err, "param.type", "its $type is no string");
    if (json_is_object(value))
        return carry_map(at, value, out, err);
    if (json_is_array(value))
        return carry_list(at, value, out, err);
    return carry_plain(value, out);
}

/* -1: *out is empty. */
static int carry(json_t *value, const struct place *at, struct carried *out, struct err *err)
{
    if (carry_any(value, at, out, err) == 0)
        return 0;
    json_decref(out->json);
    form_free(out->form);
    *out = (struct carried){0};
    return -1;
}

bool typed_is_in(json_t *value)
{
    size_t i;
    json_t *item;

    if (json_object_get(value, "$type") != NULL)
        return true;
    json_array_foreach (value, i, item)
        if (typed_is_in(item))
            return true;
    for (void *at = json_object_iter(value); at != NULL; at = json_object_iter_next(value, at))
        if (typed_is_in(json_object_iter_value(at)))
            return true;
    return false;
}

json_t *typed_carry(json_t *value, const char *key, size_t len, struct form **form, struct err *err)
{
    const struct place here = {.key = key, .len = len};
    struct carried out = {0};

    (void)carry(value, &here, &out, err); /* empty when it failed */
    *form = out.form;
    return out.json;
}
