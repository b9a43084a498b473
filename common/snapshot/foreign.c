/* SPDX-License-Identifier: Apache-2.0 */

/* snapshot/foreign.c: Neo4j 4 writes names into such a text as they are, and puts those with a
 * colon into backticks; its variable is the label in small letters. Where that leaves more than one
 * reading, the first is taken: names go to Neo4j quoted whatever they are. */
#include "snapshot/foreign.h"

#include "base/hash.h"
#include "neo4j/position.h"

#include <stdio.h>
#include <string.h>

#define HEAD "CONSTRAINT ON ( "
#define MIDDLE " ) ASSERT "
#define TAIL " IS UNIQUE"
#define NAME_DIGITS 16 /* of the hash in a name of our own */

/* The text; NULL where it is none, empty or holds a NUL. */
static const char *whole_text(const json_t *value)
{
    const char *text = json_string_value(value);

    return text != NULL && *text != '\0' && strlen(text) == json_string_length(value) ? text : NULL;
}

static bool after(const char **p, const char *word)
{
    size_t n = strlen(word);

    if (strncmp(*p, word, n) != 0)
        return false;
    *p += n;
    return true;
}

/* Past the name in backticks at *p, which out gets without them. */
static bool read_quoted(const char **p, struct buf *out)
{
    const char *q = *p + 1;

    for (; *q != '\0'; q++) {
        if (*q == '`' && *++q != '`') {
            *p = q;
            return out->len > 0;
        }
        buf_addc(out, *q);
    }
    return false;
}

/* The name at *p, which ends before stop, or with the text. */
static json_t *read_name(const char **p, const char *stop)
{
    struct buf name = {0};
    bool good = true;

    if (**p == '`') {
        good = read_quoted(p, &name);
    } else {
        const char *found = strstr(*p, stop);
        size_t n = found != NULL ? (size_t)(found - *p) : strlen(*p);
        buf_add(&name, *p, n);
        *p += n;
    }
    json_t *text = good && name.len > 0 ? json_stringn(buf_str(&name), name.len) : NULL;
    buf_fini(&name);
    return text;
}

/* "b.x, b.y", each after the variable and a point */
static bool read_properties(const char *p, const char *variable, json_t *properties)
{
    struct buf first = {0}, next = {0};
    bool good;

    buf_addf(&first, "%s.", variable);
    buf_addf(&next, ", %s.", variable);
    good = after(&p, buf_str(&first));
    while (good) {
        json_t *name = read_name(&p, buf_str(&next));
        good = name != NULL && json_array_append_new(properties, name) == 0;
        if (good && *p == '\0')
            break;
        good = good && after(&p, buf_str(&next));
    }
    buf_fini(&first);
    buf_fini(&next);
    return good;
}

/* "(b.x, b.y)" or "b.x"; cuts the bracket off. */
static bool read_bracket(char *p, const char *variable, json_t *properties)
{
    size_t n = strlen(p);

    if (p[0] != '(')
        return read_properties(p, variable, properties) && json_array_size(properties) == 1;
    if (p[n - 1] != ')')
        return false;
    p[n - 1] = '\0';
    return read_properties(p + 1, variable, properties);
}

/* "b:B ) ASSERT (b.x)"; cuts it. */
static bool read_pattern(char *text, json_t *labels, json_t *properties)
{
    struct buf ignored = {0};
    const char *p = text;
    bool quoted = *text == '`', good = !quoted || read_quoted(&p, &ignored);
    char *colon = good ? strchr(text + (p - text), ':') : NULL;

    buf_fini(&ignored);
    if (colon == NULL || colon == text || (quoted && colon != p))
        return false;
    *colon = '\0';
    p = colon + 1;
    json_t *label = read_name(&p, MIDDLE);
    /* without backticks a second colon would be a second label */
    good = label != NULL && (colon[1] == '`' || strchr(json_string_value(label), ':') == NULL) &&
           after(&p, MIDDLE);
    json_array_append_new(labels, label);
    return good && read_bracket(text + (p - text), text, properties);
}

static bool read_text(const char *text, json_t *labels, json_t *properties)
{
    const char *p = text;
    size_t n = strlen(text);
    struct buf pattern = {0};
    bool good =
        n > strlen(HEAD TAIL) && after(&p, HEAD) && strcmp(text + n - strlen(TAIL), TAIL) == 0;

    if (good)
        buf_add(&pattern, p, n - strlen(HEAD TAIL));
    good = good && read_pattern(pattern.data, labels, properties);
    buf_fini(&pattern);
    return good;
}

static void leave_out(json_t *left_out, const json_t *item)
{
    struct buf text = {0};

    if (whole_text(item) != NULL)
        buf_adds(&text, whole_text(item));
    else
        json_add(&text, item);
    json_array_append_new(left_out, json_stringn(buf_str(&text), text.len));
    buf_fini(&text);
}

static json_t *find(const json_t *constraints, const char *name)
{
    size_t i;
    json_t *item;

    json_array_foreach (constraints, i, item)
        if (strcmp(json_text(item, "name"), name) == 0)
            return item;
    return NULL;
}

static const char *label_of(const json_t *constraint)
{
    return json_string_value(json_array_get(json_object_get(constraint, "labels"), 0));
}

/* Takes labels and properties. The one of our own position node is passed over. */
static void add(json_t *constraints, const char *name, json_t *labels, json_t *properties)
{
    json_t *item = json_pack("{s:s,s:s,s:s,s:o,s:o}", "name", name, "type", "UNIQUENESS", "entity",
                             "NODE", "labels", labels, "properties", properties);

    if (strcmp(label_of(item), POSITION_LABEL) != 0)
        json_array_append(constraints, item);
    json_decref(item);
}

/* The same text has the same one on all replicas. */
static void own_name(const char *text, char out[static HASH_HEX_SIZE])
{
    char hex[HASH_HEX_SIZE];

    hash_text(text, strlen(text), hex);
    snprintf(out, HASH_HEX_SIZE, "constraint_%.*s", NAME_DIGITS, hex);
}

static json_t *schema_of(json_t *constraints)
{
    return json_pack("{s:[],s:o}", "indexes", "constraints", constraints);
}

json_t *foreign_typed(const json_t *texts, const json_t *names, json_t *left_out)
{
    json_t *constraints = json_array();
    char own[HASH_HEX_SIZE];
    const json_t *item;
    size_t i;

    json_array_foreach (texts, i, item) {
        const char *text = whole_text(item), *name = whole_text(json_array_get(names, i));
        json_t *labels = json_array(), *properties = json_array();
        if (text != NULL && name == NULL) {
            own_name(text, own);
            name = own;
        }
        if (text != NULL && find(constraints, name) == NULL && read_text(text, labels, properties))
            add(constraints, name, json_incref(labels), json_incref(properties));
        else
            leave_out(left_out, item);
        json_decref(labels);
        json_decref(properties);
    }
    return schema_of(constraints);
}

json_t *foreign_literal(const json_t *objects, json_t *left_out)
{
    json_t *constraints = json_array();
    const json_t *item;
    size_t i;

    json_array_foreach (objects, i, item) {
        const char *label = whole_text(json_object_get(item, "node_label")),
                   *property = whole_text(json_object_get(item, "node_prop")),
                   *name = whole_text(json_object_get(item, "constraint_name"));
        json_t *same = name != NULL ? find(constraints, name) : NULL;
        if (label == NULL || property == NULL || name == NULL ||
            (same != NULL && strcmp(label_of(same), label) != 0))
            leave_out(left_out, item);
        else if (same != NULL)
            json_array_append_new(json_object_get(same, "properties"), json_string(property));
        else
            add(constraints, name, json_pack("[s]", label), json_pack("[s]", property));
    }
    return schema_of(constraints);
}
