/* SPDX-License-Identifier: Apache-2.0 */

/* snapshot/layout.c: writes rows. For each value the layout has a fit: told by the plain field,
 * told there but not exactly, or something that the older tool's importer would fail at. */
#include "snapshot/layout.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "cypher/name.h"
#include "neo4j/value.h"
#include "snapshot/exact.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum fit {
    FIT_EXACT,  /* the plain field says it all */
    FIT_ROUGH,  /* the plain field, and the exact one */
    FIT_HIDDEN, /* the exact field alone */
};

const char *layout_name(enum layout layout)
{
    return layout == LAYOUT_TYPED ? "typed" : "literal";
}

/* Letters beyond ASCII that names without backticks may surely have; others are not risked. */
static bool is_letter(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {{0xc0, 0xd6},     {0xd8, 0xf6},     {0xf8, 0x24f},    {0x391, 0x3a1},
                  {0x3a3, 0x3ff},   {0x400, 0x481},   {0x48a, 0x52f},   {0x5d0, 0x5ea},
                  {0x3041, 0x3096}, {0x30a1, 0x30fa}, {0x4e00, 0x9fa5}, {0xac00, 0xd7a3}};

    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

bool layout_is_plain_name(const char *p, size_t len)
{
    for (size_t i = 0, n; i < len; i += n) {
        unsigned char c = (unsigned char)p[i];
        n = utf8_size(p + i, len - i);
        bool good = n > 1 ? is_letter(utf8_code_point(p + i, n))
                          : n == 1 && (isalpha(c) || c == '_' || (i > 0 && isdigit(c)));
        if (!good)
            return false;
    }
    return len > 0;
}

static bool slice_is_plain(const struct entity *e, struct entity_slice s)
{
    return layout_is_plain_name(entity_text(e, s), s.len);
}

/* The older tool sorts labels by their lower-case form; its importer wants the same text each time.
 */
static bool comes_before(const struct entity *e, struct entity_slice a, struct entity_slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = strncasecmp(entity_text(e, a), entity_text(e, b), n);

    if (order == 0 && a.len != b.len)
        return a.len < b.len;
    return order != 0 ? order < 0 : a.at < b.at;
}

/* The plain labels in that order: the next after last, NULL at the end. Entities have few. */
static const struct entity_slice *next_label(const struct entity *e,
                                             const struct entity_slice *last)
{
    const struct entity_slice *next = NULL;

    for (size_t i = 0; i < e->label_count; i++) {
        const struct entity_slice *l = &e->labels[i];
        if (l != last && slice_is_plain(e, *l) && (last == NULL || comes_before(e, *last, *l)) &&
            (next == NULL || comes_before(e, *l, *next)))
            next = l;
    }
    return next;
}

void layout_add_labels(struct buf *out, enum layout layout, const struct entity *node)
{
    bool typed = layout == LAYOUT_TYPED;
    const struct entity_slice *label = next_label(node, NULL);

    buf_adds(out, typed ? "[" : "\"");
    if (label == NULL)
        buf_adds(out, typed ? "\"" LAYOUT_STAND_IN "\"" : LAYOUT_STAND_IN);
    for (bool first = true; label != NULL; label = next_label(node, label), first = false) {
        struct buf text = {0};
        buf_add_json_ascii(&text, entity_text(node, *label), label->len);
        if (!first)
            buf_adds(out, typed ? ", " : ":");
        buf_add(out, buf_str(&text) + !typed, text.len - (typed ? 0 : 2));
        buf_fini(&text);
    }
    buf_adds(out, typed ? "]" : "\"");
}

/* Whether the plain labels are all there is. */
static bool labels_are_exact(const struct entity *e)
{
    for (size_t i = 0; i < e->label_count; i++)
        if (!slice_is_plain(e, e->labels[i]))
            return false;
    return e->label_count > 0;
}

/* The typed importer puts \ before quotes, doubles no backslash, and splices the text into Cypher.
 */
static bool breaks_typed_importer(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] != '\\')
            continue;
        if (++i == len || strchr("\\bfnrt", p[i]) == NULL || p[i] == '\0')
            return true; /* "\u0041" is decoded before lexing: not risked */
    }
    return memchr(p, '\0', len) != NULL;
}

/* What a scalar string may not begin with in the literal layout. */
static bool looks_literal(const char *p, size_t len)
{
    static const char *const prefixes[] = {"$point(", "$date(", "$time(", "$datetime(",
                                           "$duration("};

    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (len >= strlen(prefixes[i]) && memcmp(p, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static bool point_is_finite(const struct value_point *p)
{
    return isfinite(p->c[0]) && isfinite(p->c[1]) && (p->dimensions == 2 || isfinite(p->c[2]));
}

/* A value's fit in the typed layout, where the type stands beside it. Without offset a time is a
 * LOCAL one, for us; the older importer takes the server's zone. */
static enum fit typed_fit(const struct value *v)
{
    switch (v->kind) {
    case VALUE_BYTES:
        return FIT_HIDDEN;
    case VALUE_FLOAT:
        return isfinite(v->real) ? FIT_EXACT : FIT_HIDDEN;
    case VALUE_POINT:
        return point_is_finite(&v->point) ? FIT_EXACT : FIT_HIDDEN;
    case VALUE_STRING:
        return breaks_typed_importer(v->p, v->len) ? FIT_HIDDEN : FIT_EXACT;
    default:
        return value_has_long_offset(v) ? FIT_HIDDEN : FIT_EXACT;
    }
}

/* Whether the literal layout has the value as a text that its importer splices into Cypher. */
static bool is_spliced(const struct value *v)
{
    switch (v->kind) {
    case VALUE_FALSE:
    case VALUE_TRUE:
    case VALUE_INTEGER:
    case VALUE_FLOAT:
    case VALUE_BYTES:
    case VALUE_LIST:
        return false;
    case VALUE_STRING:
        return looks_literal(v->p, v->len);
    default:
        return true;
    }
}

static enum fit literal_fit(const struct entity *e, struct entity_slice key, const struct value *v,
                            bool in_list)
{
    bool string = v->kind == VALUE_STRING;

    if (v->kind == VALUE_BYTES || (v->kind == VALUE_FLOAT && !isfinite(v->real)) ||
        (v->kind == VALUE_POINT && !point_is_finite(&v->point)))
        return FIT_HIDDEN;
    if (!is_spliced(v))
        return FIT_EXACT;
    if (in_list)
        return FIT_ROUGH; /* there a text and a value look the same */
    if (!slice_is_plain(e, key) || value_has_long_offset(v))
        return FIT_HIDDEN;
    /* a text that was replaced by its hash: back in a literal with double quotes, of a relationship
     * before the literals are made values */
    if (string && (e->relationship || memchr(v->p, '"', v->len) != NULL ||
                   memchr(v->p, '\\', v->len) != NULL))
        return FIT_HIDDEN;
    return FIT_EXACT;
}

static enum fit property_fit(enum layout layout, const struct entity *e,
                             const struct entity_property *property)
{
    const char *p = entity_text(e, property->value);
    struct value v, element;
    enum fit fit;

    value_next(&p, &v);
    if (layout == LAYOUT_TYPED && !slice_is_plain(e, property->key))
        return FIT_HIDDEN;
    fit = layout == LAYOUT_TYPED ? typed_fit(&v) : literal_fit(e, property->key, &v, false);
    for (size_t i = 0; i < v.count; i++) {
        value_next(&p, &element);
        enum fit one = layout == LAYOUT_TYPED ? typed_fit(&element)
                                              : literal_fit(e, property->key, &element, true);
        if (one > fit)
            fit = one;
    }
    return fit;
}

/* A time of day has nine digits in the older tool's files, and UTC is an offset. */
static void add_padded_time(struct buf *out, const char *p, size_t len)
{
    const char *end = p + len, *seconds = memchr(p, ':', len);

    seconds = seconds + 4; /* hh:mm:ss, of which the first colon was found */
    const char *tail = seconds + 2;
    buf_add(out, p, (size_t)(tail - p));
    buf_addc(out, '.');
    size_t digits = 0;
    if (tail < end && *tail == '.')
        for (tail++; tail < end && isdigit((unsigned char)*tail); tail++, digits++)
            buf_addc(out, *tail);
    for (; digits < 9; digits++)
        buf_addc(out, '0');
    if (tail < end && *tail == 'Z') {
        buf_adds(out, "+00:00");
        tail++;
    }
    buf_add(out, tail, (size_t)(end - tail));
}

/* Both layouts know three kinds. */
static const char *temporal_word(enum value_kind kind)
{
    return kind == VALUE_DATE                               ? "date"
           : kind == VALUE_LOCAL_TIME || kind == VALUE_TIME ? "time"
                                                            : "datetime";
}

static void add_temporal_text(struct buf *out, const struct value *v)
{
    if (v->kind == VALUE_DATE)
        buf_add(out, v->p, v->len);
    else
        add_padded_time(out, v->p, v->len);
}

static void add_coordinates(struct buf *out, const struct value_point *p)
{
    buf_addc(out, '[');
    for (size_t i = 0; i < p->dimensions; i++) {
        if (i > 0)
            buf_adds(out, ", ");
        value_write_float(out, p->c[i]);
    }
    buf_addc(out, ']');
}

static void add_typed_value(struct buf *out, const char **p)
{
    struct value v;

    value_next(p, &v);
    switch (v.kind) {
    case VALUE_FALSE:
    case VALUE_TRUE:
        buf_adds(out, v.kind == VALUE_TRUE ? "true" : "false");
        break;
    case VALUE_INTEGER:
        buf_addi(out, v.integer);
        break;
    case VALUE_FLOAT:
        value_write_float(out, v.real);
        break;
    case VALUE_STRING:
        buf_add_json_ascii(out, v.p, v.len);
        break;
    case VALUE_DURATION:
        buf_addf(out,
                 "{\"months\": %" PRId64 ", \"days\": %" PRId64 ", \"seconds\": %" PRId64
                 ", \"nanoseconds\": %" PRId32 "}",
                 v.duration.months, v.duration.days, v.duration.seconds, v.duration.nanoseconds);
        break;
    case VALUE_POINT:
        add_coordinates(out, &v.point);
        break;
    case VALUE_LIST:
        buf_addc(out, '[');
        for (size_t i = 0; i < v.count; i++) {
            if (i > 0)
                buf_adds(out, ", ");
            add_typed_value(out, p);
        }
        buf_addc(out, ']');
        break;
    default:
        buf_addc(out, '"');
        add_temporal_text(out, &v);
        buf_addc(out, '"');
        break;
    }
}

static const char *point_type(int32_t srid)
{
    return srid == VALUE_SRID_CARTESIAN      ? "2d-cartesian-point"
           : srid == VALUE_SRID_CARTESIAN_3D ? "3d-cartesian-point"
           : srid == VALUE_SRID_WGS_84       ? "2d-WGS-84-point"
                                             : "3d-WGS-84-point";
}

static void add_type(struct buf *out, const char **p)
{
    struct value v;
    const char *name = "str";

    value_next(p, &v);
    switch (v.kind) {
    case VALUE_FALSE:
    case VALUE_TRUE:
        name = "bool";
        break;
    case VALUE_INTEGER:
        name = "int";
        break;
    case VALUE_FLOAT:
        name = "float";
        break;
    case VALUE_DURATION:
        name = "duration";
        break;
    case VALUE_POINT:
        name = point_type(v.point.srid);
        break;
    case VALUE_LIST:
        buf_addc(out, '[');
        for (size_t i = 0; i < v.count; i++) {
            if (i > 0)
                buf_adds(out, ", ");
            add_type(out, p);
        }
        buf_addc(out, ']');
        return;
    default:
        if (value_is_temporal(v.kind))
            name = temporal_word(v.kind);
        break;
    }
    buf_addc(out, '"');
    buf_adds(out, name);
    buf_addc(out, '"');
}

static void add_literal_point(struct buf *out, const struct value_point *p)
{
    static const char *const axes[] = {"x", ", y", ", z"};

    buf_adds(out, "\"$point({");
    for (size_t i = 0; i < p->dimensions; i++) {
        buf_addf(out, "%s: ", axes[i]);
        value_write_float(out, p->c[i]);
    }
    buf_addf(out, ", crs: '%s%s'})\"",
             p->srid == VALUE_SRID_WGS_84 || p->srid == VALUE_SRID_WGS_84_3D ? "wgs-84"
                                                                             : "cartesian",
             p->dimensions == 3 ? "-3d" : "");
}

static void add_string_hash(struct buf *out, const struct value *v)
{
    char hex[HASH_HEX_SIZE];

    hash_text(v->p, v->len, hex);
    buf_addf(out, "\"%s\"", hex);
}

static void add_literal_value(struct buf *out, const char **p, bool in_list)
{
    const char *begin = *p;
    struct value v;

    value_next(p, &v);
    switch (v.kind) {
    case VALUE_STRING:
        if (!in_list && looks_literal(v.p, v.len))
            add_string_hash(out, &v);
        else
            buf_add_json_ascii(out, v.p, v.len);
        break;
    case VALUE_POINT:
        add_literal_point(out, &v.point);
        break;
    case VALUE_DURATION:
        buf_adds(out, "\"$duration('");
        value_write_duration(out, &v.duration);
        buf_adds(out, "')\"");
        break;
    case VALUE_LIST:
        buf_addc(out, '[');
        for (size_t i = 0; i < v.count; i++) {
            if (i > 0)
                buf_adds(out, ", ");
            add_literal_value(out, p, true);
        }
        buf_addc(out, ']');
        break;
    default:
        if (value_is_temporal(v.kind)) {
            buf_addf(out, "\"$%s('", temporal_word(v.kind));
            add_temporal_text(out, &v);
            buf_adds(out, "')\"");
        } else { /* numbers and booleans are the same in both */
            *p = begin;
            add_typed_value(out, p);
        }
        break;
    }
}

/* Appends ", " between members; *first tells whether it is one. */
static void separate(struct buf *out, bool *first)
{
    if (!*first)
        buf_adds(out, ", ");
    *first = false;
}

static void add_key(struct buf *out, const struct entity *e, const struct entity_property *property)
{
    buf_add_json_ascii(out, entity_text(e, property->key), property->key.len);
    buf_adds(out, ": ");
}

enum part { PART_VALUES, PART_TYPES, PART_HASHED, PART_EXACT };

static bool belongs(enum part part, enum fit fit, const struct value *v)
{
    switch (part) {
    case PART_EXACT:
        return fit != FIT_EXACT;
    case PART_HASHED:
        return fit == FIT_EXACT && v->kind == VALUE_STRING && looks_literal(v->p, v->len);
    default:
        return fit != FIT_HIDDEN;
    }
}

/* What is asked for each of the three members of a row. */
struct fits {
    unsigned char *of; /* enum fit, by property */
    unsigned char few[32];
    bool all_exact;
};

static void find_fits(struct fits *f, enum layout layout, const struct entity *e)
{
    f->of = e->property_count > sizeof f->few ? mem_alloc(e->property_count, 1) : f->few;
    f->all_exact = true;
    for (size_t i = 0; i < e->property_count; i++) {
        f->of[i] = (unsigned char)property_fit(layout, e, &e->properties[i]);
        f->all_exact = f->all_exact && f->of[i] == FIT_EXACT;
    }
}

/* Appends one member of the row that has property keys: their values, types, … */
static void add_part(struct buf *out, enum layout layout, const struct entity *e,
                     const struct fits *fits, enum part part)
{
    bool first = true;

    buf_addc(out, '{');
    for (size_t i = 0; i < e->property_count; i++) {
        const struct entity_property *property = &e->properties[i];
        const char *p = entity_text(e, property->value), *head = p;
        struct value v;
        if (part == PART_HASHED)
            value_next(&head, &v);
        if (!belongs(part, (enum fit)fits->of[i], &v))
            continue;
        separate(out, &first);
        add_key(out, e, property);
        if (part == PART_EXACT)
            exact_write(out, &p);
        else if (part == PART_HASHED)
            buf_add_json_ascii(out, v.p, v.len);
        else if (part == PART_TYPES)
            add_type(out, &p);
        else if (layout == LAYOUT_TYPED)
            add_typed_value(out, &p);
        else
            add_literal_value(out, &p, false);
    }
    buf_addc(out, '}');
}

static void add_exact_labels(struct buf *out, const struct entity *e, bool *first)
{
    separate(out, first);
    if (e->relationship) {
        buf_adds(out, "\"type\": ");
        buf_add_json_ascii(out, entity_text(e, e->labels[0]), e->labels[0].len);
        return;
    }
    buf_adds(out, "\"labels\": [");
    for (size_t i = 0; i < e->label_count; i++) {
        if (i > 0)
            buf_adds(out, ", ");
        buf_add_json_ascii(out, entity_text(e, e->labels[i]), e->labels[i].len);
    }
    buf_addc(out, ']');
}

/* The field that only we read, where there is something to say. */
static void add_own_field(struct buf *out, enum layout layout, const struct entity *e,
                          const struct fits *fits)
{
    bool first = true, names = !labels_are_exact(e), values = !fits->all_exact;

    if (!names && !values)
        return;
    buf_adds(out, ", \"cypherlog\": {");
    if (names)
        add_exact_labels(out, e, &first);
    if (values) {
        separate(out, &first);
        buf_adds(out, "\"props\": ");
        add_part(out, layout, e, fits, PART_EXACT);
    }
    buf_addc(out, '}');
}

void layout_add_type_name(struct buf *out, const char *type, size_t len)
{
    if (layout_is_plain_name(type, len))
        buf_add(out, type, len);
    else
        name_add_quoted(out, type, len);
}

static void add_type_name(struct buf *out, const struct entity *e)
{
    struct buf name = {0};

    layout_add_type_name(&name, entity_text(e, e->labels[0]), e->labels[0].len);
    buf_add_json_ascii(out, buf_str(&name), name.len);
    buf_fini(&name);
}

static void add_properties(struct buf *out, enum layout layout, const struct entity *e)
{
    struct fits fits;

    find_fits(&fits, layout, e);
    buf_adds(out, e->relationship ? ", \"rel_props\": " : ", \"node_props\": ");
    add_part(out, layout, e, &fits, PART_VALUES);
    if (layout == LAYOUT_TYPED) {
        buf_adds(out, e->relationship ? ", \"rel_props_types\": " : ", \"node_props_types\": ");
        add_part(out, layout, e, &fits, PART_TYPES);
    } else {
        buf_adds(out, ", \"hash_props\": ");
        add_part(out, layout, e, &fits, PART_HASHED);
    }
    add_own_field(out, layout, e, &fits);
    if (fits.of != fits.few)
        free(fits.of);
}

void layout_write(struct buf *out, enum layout layout, const struct entity *e, int64_t id,
                  const struct layout_ends *ends)
{
    if (!e->relationship) {
        buf_adds(out, "{\"node_id\": ");
        buf_addi(out, id);
        buf_adds(out, ", \"node_labels\": ");
        layout_add_labels(out, layout, e);
    } else {
        buf_adds(out, "{\"rel_id\": ");
        buf_addi(out, id);
        buf_adds(out, ", \"start_node_id\": ");
        buf_addi(out, e->start);
        if (ends != NULL) {
            buf_adds(out, ", \"start_node_labels\": ");
            buf_adds(out, ends->start_labels);
        }
        buf_adds(out, ", \"end_node_id\": ");
        buf_addi(out, e->end);
        if (ends != NULL) {
            buf_adds(out, ", \"end_node_labels\": ");
            buf_adds(out, ends->end_labels);
        }
        buf_adds(out, ", \"rel_type\": ");
        add_type_name(out, e);
    }
    add_properties(out, layout, e);
    buf_addc(out, '}');
}
