/* SPDX-License-Identifier: Apache-2.0 */
#include "neo4j/param.h"

#include <string.h>

/* Types whose values Cypher must build, and how. */
static const struct {
    const char *type, *cypher;
} built[] = {
    {"Date", "date($text)"},
    {"LocalTime", "localtime($text)"},
    {"Time", "time($text)"},
    {"LocalDateTime", "localdatetime($text)"},
    {"OffsetDateTime", "datetime($text)"},
    {"ZonedDateTime", "datetime($text)"},
    {"Duration", "duration($text)"},
    {"Point", "point({x: $x, y: $y})"},
};

static int carry(json_t *value, json_t **out, struct err *err);

static int refuse_value(const char *type, struct err *err)
{
    return err_set(err, ERR_POISON, "param.value", "a parameter of $type %s has no fitting _value",
                   type);
}

/* A number as text, or as JSON. */
static int carry_number(const char *type, json_t *value, bool real, json_t **out, struct err *err)
{
    json_t *number = json_is_string(value)
                         ? json_parse(json_string_value(value), json_string_length(value), NULL)
                         : json_incref(value);
    int rc = 0;

    if (json_is_integer(number) && real)
        *out = json_real((double)json_integer_value(number));
    else if (real ? json_is_real(number) : json_is_integer(number))
        *out = json_incref(number);
    else
        rc = refuse_value(type, err);
    json_decref(number);
    return rc;
}

static int carry_float(json_t *value, json_t **out, struct err *err)
{
    static const char *const names[] = {"NaN", "Infinity", "-Infinity"};

    for (size_t i = 0; json_is_string(value) && i < sizeof names / sizeof *names; i++)
        if (strcmp(json_string_value(value), names[i]) == 0)
            return err_set(err, ERR_POISON, "param.float",
                           "a parameter is %s, which JSON cannot carry; build it in Cypher: "
                           "0.0/0.0, 1.0/0.0 or -1.0/0.0",
                           names[i]);
    return carry_number("Float", value, true, out, err);
}

static int carry_list(json_t *list, json_t **out, struct err *err)
{
    size_t i;
    json_t *item;

    *out = json_array();
    json_array_foreach (list, i, item) {
        json_t *carried = NULL;
        int rc = carry(item, &carried, err);
        json_array_append_new(*out, carried); /* refuses NULL */
        if (rc < 0)
            return -1;
    }
    return 0;
}

static int carry_map(json_t *map, json_t **out, struct err *err)
{
    *out = json_object();
    for (void *i = json_object_iter(map); i != NULL; i = json_object_iter_next(map, i)) {
        json_t *carried = NULL;
        int rc = carry(json_object_iter_value(i), &carried, err);
        json_object_setn_new(*out, json_object_iter_key(i), json_object_iter_key_len(i), carried);
        if (rc < 0)
            return -1;
    }
    return 0;
}

static int refuse_type(const char *type, struct err *err)
{
    if (strcmp(type, "Base64") == 0)
        return err_set(err, ERR_POISON, "param.bytes",
                       "a parameter is a BYTES value, which neither Cypher's text nor Neo4j's "
                       "transaction API can carry; store it as a string, such as base64");
    for (size_t i = 0; i < sizeof built / sizeof *built; i++)
        if (strcmp(type, built[i].type) == 0)
            return err_set(err, ERR_POISON, "param.typed",
                           "a parameter has $type %s, which Neo4j's transaction API cannot carry; "
                           "send its parts as text or numbers and build it in Cypher: %s",
                           type, built[i].cypher);
    return err_set(err, ERR_POISON, "param.type",
                   "a parameter has $type \"%s\"; known are Null, Boolean, Integer, Float, String, "
                   "List and Map",
                   strlen(type) <= 40 ? type : "…");
}

static int carry_typed(const char *type, json_t *value, json_t **out, struct err *err)
{
    if (strcmp(type, "Null") == 0) {
        *out = json_null();
        return 0;
    }
    if (strcmp(type, "Integer") == 0)
        return carry_number(type, value, false, out, err);
    if (strcmp(type, "Float") == 0)
        return carry_float(value, out, err);
    if (strcmp(type, "List") == 0 && json_is_array(value))
        return carry_list(value, out, err);
    if (strcmp(type, "Map") == 0 && json_is_object(value))
        return carry_map(value, out, err);
    if ((strcmp(type, "Boolean") == 0 && json_is_boolean(value)) ||
        (strcmp(type, "String") == 0 && json_is_string(value))) {
        *out = json_incref(value);
        return 0;
    }
    if (strcmp(type, "List") == 0 || strcmp(type, "Map") == 0 || strcmp(type, "Boolean") == 0 ||
        strcmp(type, "String") == 0)
        return refuse_value(type, err);
    return refuse_type(type, err);
}

/* *out is the caller's, whether it worked or not. Recursion: json_parse has limited the depth. */
static int carry(json_t *value, json_t **out, struct err *err)
{
    const char *type = json_text(value, "$type");

    if (type != NULL)
        return carry_typed(type, json_object_get(value, "_value"), out, err);
    if (json_is_object(value) && json_object_get(value, "$type") != NULL)
        return err_set(err, ERR_POISON, "param.type", "a parameter's $type is no string");
    if (json_is_object(value))
        return carry_map(value, out, err);
    if (json_is_array(value))
        return carry_list(value, out, err);
    *out = json_incref(value);
    return 0;
}

static bool has_typed(json_t *value)
{
    size_t i;
    json_t *item;

    if (json_object_get(value, "$type") != NULL)
        return true;
    json_array_foreach (value, i, item)
        if (has_typed(item))
            return true;
    for (void *at = json_object_iter(value); at != NULL; at = json_object_iter_next(value, at))
        if (has_typed(json_object_iter_value(at)))
            return true;
    return false;
}

json_t *param_carry(json_t *params, struct err *err)
{
    json_t *carried = NULL;

    if (!has_typed(params))
        return json_incref(params);
    if (carry_map(params, &carried, err) == 0)
        return carried;
    json_decref(carried);
    return NULL;
}
