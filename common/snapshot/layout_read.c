/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/layout_read.h"

#include "base/hash.h"
#include "neo4j/value.h"
#include "snapshot/exact.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct row {
    const struct tape *tape;
    size_t at;
    enum layout layout;
    struct entity *out;
    const struct tape_value *own; /* the field that only we write */
    struct buf text;
    struct err *err;
};

static int refuse(struct row *r, const char *what)
{
    char who[64];

    entity_name(r->out, who, sizeof who);
    return err_set(r->err, ERR_DAMAGED, "snapshot.row", "%s: %s", who, what);
}

static const struct buf *decode(struct row *r, const struct tape_value *v)
{
    buf_reset(&r->text);
    tape_add_text(&r->text, v);
    return &r->text;
}

static const struct tape_value *field(struct row *r, const char *name)
{
    return tape_member(r->tape, r->at, name);
}

static int read_id(struct row *r, const char *name, int64_t *out)
{
    const struct tape_value *v = field(r, name);
    char what[80];

    if (v != NULL && v->kind == TAPE_INTEGER && tape_int(v, out))
        return 0;
    snprintf(what, sizeof what, "%s is missing, or no integer of 64 bits", name);
    return refuse(r, what);
}

/* ---- values of the typed layout ---- */

static bool number(const struct tape_value *v, double *out)
{
    return v->kind != TAPE_STRING && tape_double(v, out);
}

static bool add_float(struct row *r, const struct tape_value *v)
{
    double x;

    if (!number(v, &x))
        return false;
    value_add_float(&r->out->bytes, x);
    return true;
}

static bool add_string(struct row *r, const struct tape_value *v)
{
    if (v->kind != TAPE_STRING)
        return false;
    const struct buf *text = decode(r, v);
    value_add_string(&r->out->bytes, buf_str(text), text->len);
    return true;
}

static bool add_integer(struct row *r, const struct tape_value *v)
{
    int64_t n;

    if (v->kind != TAPE_INTEGER || !tape_int(v, &n))
        return false;
    value_add_integer(&r->out->bytes, n);
    return true;
}

static bool add_boolean(struct row *r, const struct tape_value *v)
{
    if (v->kind != TAPE_TRUE && v->kind != TAPE_FALSE)
        return false;
    value_add_boolean(&r->out->bytes, v->kind == TAPE_TRUE);
    return true;
}

/* A temporal value whose kind is one of kinds. */
static bool add_temporal(struct row *r, const struct buf *text, const char *kinds)
{
    struct buf *out = &r->out->bytes;
    size_t begin = out->len;

    if (!value_add_temporal(out, buf_str(text), text->len))
        return false;
    if (out->failed || strchr(kinds, out->data[begin]) != NULL)
        return true;
    buf_truncate(out, begin);
    return false;
}

static bool add_typed_temporal(struct row *r, const struct tape_value *v, const char *kinds)
{
    return v->kind == TAPE_STRING && add_temporal(r, decode(r, v), kinds);
}

static bool add_date(struct row *r, const struct tape_value *v)
{
    return add_typed_temporal(r, v, "d");
}

static bool add_time(struct row *r, const struct tape_value *v)
{
    return add_typed_temporal(r, v, "to");
}

static bool add_datetime(struct row *r, const struct tape_value *v)
{
    return add_typed_temporal(r, v, "lzZ");
}

#define DURATION_PARTS 4

static const char *const duration_parts[DURATION_PARTS] = {"months", "days", "seconds",
                                                           "nanoseconds"};

/* The older tool's parts may have any signs; they are counted as Neo4j does. */
static bool add_duration_parts(struct row *r, int64_t part[static DURATION_PARTS])
{
    int64_t carry = part[3] / 1000000000, nanoseconds = part[3] % 1000000000;
    if (nanoseconds < 0) {
        nanoseconds += 1000000000;
        carry--;
    }
    if (__builtin_add_overflow(part[2], carry, &part[2]))
        return false;
    struct value_duration d = {part[0], part[1], part[2], (int32_t)nanoseconds};
    value_add_duration(&r->out->bytes, &d);
    return true;
}

static bool add_duration(struct row *r, const struct tape_value *v)
{
    int64_t part[DURATION_PARTS];

    for (size_t i = 0; i < DURATION_PARTS; i++) {
        const struct tape_value *member =
            tape_member(r->tape, tape_index(r->tape, v), duration_parts[i]);
        if (member == NULL || member->kind != TAPE_INTEGER || !tape_int(member, &part[i]))
            return false;
    }
    return v->count == DURATION_PARTS && add_duration_parts(r, part);
}

/* The older tool's 0.2.4 writes the first four durations of a list into each of its elements:
 * {"months": [the first's parts], "days": [the second's], …}, with [] for one of length 0. */
static const struct tape_value *listed_duration(struct row *r, const struct tape_value *type,
                                                const struct tape_value *v, size_t i)
{
    size_t at = tape_index(r->tape, v);
    const struct tape_value *first =
        v->kind == TAPE_OBJECT ? tape_member(r->tape, at, duration_parts[0]) : NULL;

    if (first == NULL || first->kind != TAPE_ARRAY || !tape_is(type, "duration"))
        return NULL;
    return i < DURATION_PARTS ? tape_member(r->tape, at, duration_parts[i]) : v;
}

static int add_listed_duration(struct row *r, const struct tape_value *v)
{
    int64_t part[DURATION_PARTS] = {0};
    size_t i = 0;
    bool good = v->kind == TAPE_ARRAY && (v->count == 0 || v->count == DURATION_PARTS);

    for (const struct tape_value *e = v + 1; good && e < r->tape->v + v->next; e++)
        good = e->kind == TAPE_INTEGER && tape_int(e, &part[i++]);
    if (good && add_duration_parts(r, part))
        return 0;
    return refuse(r, "a list of durations of which the older tool lost some: it keeps four");
}

static bool add_point(struct row *r, const struct tape_value *v, int32_t srid)
{
    struct value_point point = {.srid = srid, .dimensions = value_dimensions(srid)};
    size_t i = 0;

    if (v->kind != TAPE_ARRAY || v->count != point.dimensions)
        return false;
    for (size_t at = tape_index(r->tape, v) + 1; at < v->next; at = r->tape->v[at].next)
        if (!number(&r->tape->v[at], &point.c[i++]))
            return false;
    value_add_point(&r->out->bytes, &point);
    return true;
}

static bool add_cartesian(struct row *r, const struct tape_value *v)
{
    return add_point(r, v, VALUE_SRID_CARTESIAN);
}

static bool add_cartesian_3d(struct row *r, const struct tape_value *v)
{
    return add_point(r, v, VALUE_SRID_CARTESIAN_3D);
}

static bool add_wgs_84(struct row *r, const struct tape_value *v)
{
    return add_point(r, v, VALUE_SRID_WGS_84);
}

static bool add_wgs_84_3d(struct row *r, const struct tape_value *v)
{
    return add_point(r, v, VALUE_SRID_WGS_84_3D);
}

static const struct {
    const char *name;
    bool (*add)(struct row *r, const struct tape_value *v);
} types[] = {
    {"str", add_string},
    {"int", add_integer},
    {"float", add_float},
    {"bool", add_boolean},
    {"date", add_date},
    {"time", add_time},
    {"datetime", add_datetime},
    {"duration", add_duration},
    {"2d-cartesian-point", add_cartesian},
    {"3d-cartesian-point", add_cartesian_3d},
    {"2d-WGS-84-point", add_wgs_84},
    {"3d-WGS-84-point", add_wgs_84_3d},
};

static int add_scalar(struct row *r, const struct tape_value *type, const struct tape_value *v)
{
    char what[96];

    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (!tape_is(type, types[i].name))
            continue;
        if (types[i].add(r, v))
            return 0;
        snprintf(what, sizeof what, "a value is no %s as its type says", types[i].name);
        return refuse(r, what);
    }
    return refuse(r, "a value of a type that this version does not know");
}

static int add_typed(struct row *r, const struct tape_value *type, const struct tape_value *v)
{
    if (type->kind != TAPE_ARRAY)
        return add_scalar(r, type, v);
    if (v->kind != TAPE_ARRAY || v->count != type->count)
        return refuse(r, "a list has more or fewer types than values");
    value_add_list(&r->out->bytes, v->count);
    const struct tape_value *end = r->tape->v + v->next;
    size_t i = 0;
    type++;
    for (v++; v < end; v = r->tape->v + v->next, type = r->tape->v + type->next) {
        const struct tape_value *listed = listed_duration(r, type, v, i++);
        if ((listed != NULL ? add_listed_duration(r, listed) : add_scalar(r, type, v)) < 0)
            return -1;
    }
    return 0;
}

/* ---- values of the literal layout ---- */

static bool after_word(const char **p, const char *end, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(end - *p) < n || memcmp(*p, word, n) != 0)
        return false;
    *p += n;
    return true;
}

/* "x: 1.0, y: 2.0, crs: 'cartesian'})" */
static bool parse_point(const char *p, const char *end, struct value_point *point)
{
    static const char *const axes[] = {"x: ", ", y: ", ", z: "};
    static const struct {
        const char *name;
        int32_t srid;
    } systems[] = {{"'cartesian'})", VALUE_SRID_CARTESIAN},
                   {"'cartesian-3d'})", VALUE_SRID_CARTESIAN_3D},
                   {"'wgs-84'})", VALUE_SRID_WGS_84},
                   {"'wgs-84-3d'})", VALUE_SRID_WGS_84_3D}};

    *point = (struct value_point){0};
    while (point->dimensions < 3 && after_word(&p, end, axes[point->dimensions])) {
        struct tape_value number = {.kind = TAPE_STRING, .p = p};
        while (p + number.len < end && p[number.len] != ',')
            number.len++;
        if (!tape_double(&number, &point->c[point->dimensions++]))
            return false;
        p += number.len;
    }
    if (!after_word(&p, end, ", crs: "))
        return false;
    for (size_t i = 0; i < sizeof systems / sizeof *systems; i++)
        if (after_word(&p, end, systems[i].name)) {
            point->srid = systems[i].srid;
            return p == end && value_dimensions(point->srid) == point->dimensions;
        }
    return false;
}

/* A text of the exact form of a literal becomes that value; anything else stays a text. */
static bool add_literal_text(struct row *r, const struct buf *text)
{
    static const struct {
        const char *prefix, *kinds;
    } calls[] = {{"$date('", "d"}, {"$time('", "to"}, {"$datetime('", "lzZ"}, {"$duration('", "D"}};
    const char *p = buf_str(text), *end = p + text->len;
    struct value_point point;

    if (after_word(&p, end, "$point({")) {
        if (!parse_point(p, end, &point))
            return false;
        value_add_point(&r->out->bytes, &point);
        return true;
    }
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (!after_word(&p, end, calls[i].prefix))
            continue;
        if (end - p < 2 || memcmp(end - 2, "')", 2) != 0)
            return false;
        struct buf inner = {0};
        buf_add(&inner, p, (size_t)(end - 2 - p));
        bool good = add_temporal(r, &inner, calls[i].kinds);
        buf_fini(&inner);
        return good;
    }
    return false;
}

/* Appends a value that is no list; texts: whatever looks like a literal stays a text. Returns its
 * kind, 0 after an error. */
static char add_literal_scalar(struct row *r, const struct tape_value *v, bool texts)
{
    struct buf *out = &r->out->bytes;
    size_t begin = out->len;

    if (v->kind == TAPE_STRING) {
        const struct buf *text = decode(r, v);
        if (texts || text->len == 0 || text->data[0] != '$' || !add_literal_text(r, text))
            value_add_string(out, buf_str(text), text->len);
    } else if (exact_read(r->tape, tape_index(r->tape, v), out, r->err) < 0) {
        return 0;
    }
    if (out->failed)
        return VALUE_STRING;
    return out->data[begin] == VALUE_ZONED_DATETIME ? VALUE_OFFSET_DATETIME : out->data[begin];
}

/* Appends a list; *mixed: its texts are not all of one kind. */
static int add_literal_list(struct row *r, const struct tape_value *v, bool texts, bool *mixed)
{
    const struct tape_value *end = r->tape->v + v->next;
    char first = 0;

    *mixed = false;
    value_add_list(&r->out->bytes, v->count);
    for (const struct tape_value *e = v + 1; e < end; e = r->tape->v + e->next) {
        if (e->kind == TAPE_ARRAY)
            return refuse(r, "a LIST inside a LIST");
        char kind = add_literal_scalar(r, e, texts);
        if (kind == 0)
            return -1;
        if (e->kind == TAPE_STRING && first != 0 && kind != first)
            *mixed = true;
        if (e->kind == TAPE_STRING)
            first = kind;
    }
    return 0;
}

static int add_literal(struct row *r, const struct tape_value *v)
{
    size_t begin = r->out->bytes.len;
    bool mixed;

    if (v->kind != TAPE_ARRAY)
        return add_literal_scalar(r, v, false) == 0 ? -1 : 0;
    if (add_literal_list(r, v, false, &mixed) < 0)
        return -1;
    if (!mixed)
        return 0;
    /* Neo4j stores no such list: these were texts, one of which looks like a value */
    buf_truncate(&r->out->bytes, begin);
    return add_literal_list(r, v, true, &mixed);
}

/* A text that looks like a literal stands in hash_props; in its place its SHA-256. */
static int add_hashed(struct row *r, const struct tape_value *v, const struct tape_value *original)
{
    char hex[HASH_HEX_SIZE];

    if (original->kind != TAPE_STRING)
        return refuse(r, "hash_props holds something that is no text");
    const struct buf *text = decode(r, original);
    hash_text(buf_str(text), text->len, hex);
    if (!tape_is(v, hex))
        return refuse(r, "a text in hash_props is not the one whose hash stands in its place");
    value_add_string(&r->out->bytes, buf_str(text), text->len);
    return 0;
}

/* ---- rows ---- */

static const struct tape_value *own_properties(struct row *r)
{
    return r->own != NULL ? tape_member(r->tape, tape_index(r->tape, r->own), "props") : NULL;
}

/* The member of an object whose key is that of the member key, however either is escaped. */
static const struct tape_value *same_member(struct row *r, const struct tape_value *object,
                                            const struct tape_value *key)
{
    struct buf name = {0};
    const struct tape_value *found = NULL;

    tape_add_text(&name, key);
    if (object != NULL && object->kind == TAPE_OBJECT) /* one with a NUL is refused at the end */
        found = tape_member(r->tape, tape_index(r->tape, object), buf_str(&name));
    buf_fini(&name);
    return found;
}

static int add_property(struct row *r, const struct tape_value *key,
                        const struct tape_value *beside)
{
    const struct tape_value *v = key + 1, *other = same_member(r, beside, key);

    if (r->layout == LAYOUT_TYPED)
        return other != NULL ? add_typed(r, other, v) : refuse(r, "a value without its type");
    return other != NULL ? add_hashed(r, v, other) : add_literal(r, v);
}

static void begin_property(struct row *r, const struct tape_value *key)
{
    const struct buf *name = decode(r, key);

    entity_begin_property(r->out, buf_str(name), name->len);
}

static int read_properties(struct row *r, const char *name, const char *beside_name)
{
    const struct tape_value *plain = field(r, name), *beside = field(r, beside_name);
    const struct tape_value *own = own_properties(r);

    if (plain == NULL || plain->kind != TAPE_OBJECT || beside == NULL ||
        beside->kind != TAPE_OBJECT || (own != NULL && own->kind != TAPE_OBJECT))
        return refuse(r, "its properties are missing, or no objects");
    for (size_t i = tape_index(r->tape, plain) + 1; i < plain->next; i = r->tape->v[i + 1].next) {
        const struct tape_value *key = &r->tape->v[i];
        if (same_member(r, own, key) != NULL)
            continue;
        begin_property(r, key);
        if (add_property(r, key, beside) < 0)
            return -1;
        entity_end_property(r->out);
    }
    for (size_t i = own != NULL ? tape_index(r->tape, own) + 1 : 0; own != NULL && i < own->next;
         i = r->tape->v[i + 1].next) {
        begin_property(r, &r->tape->v[i]);
        if (exact_read(r->tape, i + 1, &r->out->bytes, r->err) < 0)
            return refuse(r, "its exact properties");
        entity_end_property(r->out);
    }
    return 0;
}

static int add_label(struct row *r, const struct tape_value *v)
{
    if (v->kind != TAPE_STRING || v->len == 0)
        return refuse(r, "a label or type is no text");
    const struct buf *text = decode(r, v);
    entity_add_label(r->out, buf_str(text), text->len);
    return 0;
}

static int add_label_array(struct row *r, const struct tape_value *v)
{
    if (v->kind != TAPE_ARRAY)
        return refuse(r, "its labels are no array");
    for (size_t i = tape_index(r->tape, v) + 1; i < v->next; i = r->tape->v[i].next)
        if (add_label(r, &r->tape->v[i]) < 0)
            return -1;
    return 0;
}

/* "A:b" */
static int add_joined_labels(struct row *r, const struct tape_value *v)
{
    const struct buf *text = decode(r, v);
    const char *p = buf_str(text), *end = p + text->len;

    while (p < end) {
        const char *colon = memchr(p, ':', (size_t)(end - p));
        const char *stop = colon != NULL ? colon : end;
        if (stop == p)
            return refuse(r, "an empty label");
        entity_add_label(r->out, p, (size_t)(stop - p));
        p = colon != NULL ? colon + 1 : end;
    }
    return 0;
}

static int read_node(struct row *r)
{
    const struct tape_value *labels = field(r, "node_labels");
    const struct tape_value *exact =
        r->own != NULL ? tape_member(r->tape, tape_index(r->tape, r->own), "labels") : NULL;

    entity_reset(r->out, false);
    if (read_id(r, "node_id", &r->out->id) < 0)
        return -1;
    if (labels == NULL)
        return refuse(r, "node_labels is missing");
    if ((exact != NULL                 ? add_label_array(r, exact)
         : labels->kind == TAPE_STRING ? add_joined_labels(r, labels)
                                       : add_label_array(r, labels)) < 0)
        return -1;
    return r->layout == LAYOUT_TYPED ? read_properties(r, "node_props", "node_props_types")
                                     : read_properties(r, "node_props", "hash_props");
}

static int read_relationship(struct row *r)
{
    const struct tape_value *type = field(r, "rel_type"), *id = field(r, "rel_id");
    const struct tape_value *exact =
        r->own != NULL ? tape_member(r->tape, tape_index(r->tape, r->own), "type") : NULL;

    entity_reset(r->out, true);
    if (id != NULL && read_id(r, "rel_id", &r->out->id) < 0)
        return -1;
    if (read_id(r, "start_node_id", &r->out->start) < 0 ||
        read_id(r, "end_node_id", &r->out->end) < 0)
        return -1;
    type = exact != NULL ? exact : type;
    if (type == NULL)
        return refuse(r, "rel_type is missing");
    if (add_label(r, type) < 0)
        return -1;
    return r->layout == LAYOUT_TYPED ? read_properties(r, "rel_props", "rel_props_types")
                                     : read_properties(r, "rel_props", "hash_props");
}

int layout_read(const struct tape *tape, size_t at, struct entity *out, enum layout *layout,
                struct err *err)
{
    struct row r = {.tape = tape, .at = at, .out = out, .err = err};
    int rc;

    entity_reset(out, false);
    if (tape->v[at].kind != TAPE_OBJECT)
        return refuse(&r, "a row is no object");
    bool node = field(&r, "node_props") != NULL;
    r.layout = field(&r, node ? "node_props_types" : "rel_props_types") != NULL ? LAYOUT_TYPED
                                                                                : LAYOUT_LITERAL;
    *layout = r.layout;
    r.own = field(&r, "cypherlog");
    if (r.own != NULL && r.own->kind != TAPE_OBJECT)
        return refuse(&r, "the field cypherlog is no object");
    rc = node ? read_node(&r) : read_relationship(&r);
    buf_fini(&r.text);
    return rc == 0 ? entity_finish(out, err) : -1;
}
