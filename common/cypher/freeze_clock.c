/* SPDX-License-Identifier: Apache-2.0 */
#include "cypher/freeze_clock.h"

#include "cypher/word.h"

#define ZONE "timezone"

/* What is put into texts. epochMillis alone would take the server's time zone. A zone that is no
 * text would be a DatabaseError, which looks like trouble of the server; so it becomes a text. */
#define MILLIS "epochMillis: $" FREEZE_PARAMETER ", "
#define NOW_MAP "{" MILLIS ZONE ": 'Z'}"
#define NOW "datetime(" NOW_MAP ")"
#define TEXT_OPEN "coalesce(toStringOrNull("
#define TEXT_CLOSE "), '')"
#define OFFSET_OPEN "datetime({" MILLIS ZONE ": "
#define OFFSET_CLOSE "}).offset"

bool freeze_clock_is(enum chance_call call)
{
    return call == CHANCE_CALL_DATE || call == CHANCE_CALL_TIME || call == CHANCE_CALL_DATETIME;
}

/* ---- maps ---- */

struct map {
    size_t end; /* its } */
    size_t keys, zones;
    size_t zone, zone_end; /* the value of the last time zone */
};

/* The map that begins at `at`. */
static void read_map(const struct walk *w, size_t at, struct map *map)
{
    *map = (struct map){.end = walk_find_close(w, at)};
    for (size_t i = at + 1, depth = 0; i < map->end; i++) {
        if (walk_is_open(w, i))
            depth++;
        else if (walk_is_close(w, i))
            depth--;
        if (depth > 0 || !(walk_is_op(w, i - 1, ',') || i == at + 1))
            continue;
        map->keys++;
        if (map->zone > 0 && map->zone_end == 0)
            map->zone_end = i - 1;
        if (walk_has_name(w, i, ZONE) && walk_is_op(w, i + 1, ':')) {
            map->zones++;
            map->zone = i + 2;
            map->zone_end = 0;
        }
    }
    if (map->zone > 0 && map->zone_end == 0)
        map->zone_end = map->end;
}

/* An offset, not a zone by name: the same all the year. */
static bool is_offset(const char *p, size_t len)
{
    return len > 0 && (*p == '+' || *p == '-' || (len == 1 && (*p == 'Z' || *p == 'z')));
}

static bool is_offset_literal(const struct walk *w, size_t at, size_t end)
{
    const struct lexer_token *t = &walk_item(w, at)->token;

    return walk_is_string(w, at) && at + 1 == end && is_offset(w->text + t->start + 1, t->len - 2);
}

/* What was put around a time zone before. */
static bool is_bound_offset(const struct walk *w, size_t at, size_t end)
{
    if (!walk_has_name(w, at, "datetime") || !walk_is_op(w, at + 1, '(') ||
        !walk_is_op(w, at + 2, '{') || !walk_has_name(w, at + 3, "epochMillis") ||
        !walk_is_op(w, at + 4, ':') || walk_item(w, at + 5)->token.kind != LEXER_PARAMETER ||
        !walk_has_name(w, at + 5, FREEZE_PARAMETER))
        return false;
    size_t close = walk_find_close(w, at + 1);
    return close + 3 == end && walk_is_op(w, close + 1, '.') &&
           walk_has_name(w, close + 2, "offset");
}

static void set_around(struct walk_frame *f, const struct map *map, const char *before,
                       const char *behind)
{
    f->value = map->zone;
    f->value_end = map->zone_end;
    f->before = before;
    f->behind = behind;
}

/* A time of day in a zone by name: the offset that the zone has now. */
static void open_time_map(struct walk *w, struct walk_frame *f, const struct map *map)
{
    bool literal = walk_is_string(w, map->zone) && map->zone + 1 == map->zone_end;

    if (is_offset_literal(w, map->zone, map->zone_end) ||
        is_bound_offset(w, map->zone, map->zone_end) || !walk_binds(w))
        return;
    if (literal)
        set_around(f, map, OFFSET_OPEN, OFFSET_CLOSE);
    else
        set_around(f, map, OFFSET_OPEN TEXT_OPEN, TEXT_CLOSE OFFSET_CLOSE);
}

/* date({timezone: x}) */
static void open_zone_map(struct walk *w, struct walk_frame *call, struct walk_frame *f,
                          const struct map *map)
{
    if (!walk_binds(w))
        return;
    if (call->call != CHANCE_CALL_DATETIME) {
        walk_put_before(w, f->at, "datetime(");
        call->suffix = ")";
    }
    walk_put_behind(w, f->at, MILLIS);
    if (!walk_is_string(w, map->zone) || map->zone + 1 != map->zone_end)
        set_around(f, map, TEXT_OPEN, TEXT_CLOSE);
}

static const char twice[] = "two time zones in one map; leave one of them out";

int freeze_clock_open_map(struct walk *w, struct walk_frame *call, struct walk_frame *f)
{
    struct map map;
    bool fields = call->form == WALK_TRUNCATE && walk_is_op(w, f->at - 1, ',');

    if (!freeze_clock_is(call->call) ||
        !(fields || (call->form == WALK_PLAIN && f->at == call->at + 1)))
        return 0;
    read_map(w, f->at, &map);
    if (!fields && !walk_is_op(w, map.end, '}'))
        return 0;
    if (!fields && !walk_is_op(w, map.end + 1, ')'))
        return 0; /* {…}.a is no map at a clock */
    f->direct = true;
    if (map.zones == 0)
        return 0;
    if (map.zones > 1)
        return walk_note(w, CHANCE_CLOCK, f->at, twice);
    if (call->call == CHANCE_CALL_TIME && (fields || map.keys > 1))
        open_time_map(w, f, &map);
    else if (!fields && map.keys == 1)
        open_zone_map(w, call, f, &map);
    return 0;
}

/* ---- arguments ---- */

/* A map of the parameters that makes a clock be read; any: one with a zone by name, for a time. */
static bool is_zone_map(const json_t *value, bool time)
{
    json_t *map = (json_t *)(uintptr_t)value; /* jansson iterates over non-const ones only */

    for (void *at = json_object_iter(map); at != NULL; at = json_object_iter_next(map, at)) {
        const json_t *zone = json_object_iter_value(at);
        if (!word_is(json_object_iter_key(at), json_object_iter_key_len(at), ZONE))
            continue;
        if (json_object_size(value) == 1 ||
            (time && !(json_is_string(zone) &&
                       is_offset(json_string_value(zone), json_string_length(zone)))))
            return true;
    }
    return false;
}

/* JSON depth is bounded. */
static bool has_zone_map(const json_t *value, bool time)
{
    json_t *map = (json_t *)(uintptr_t)value;
    const json_t *member;
    size_t i;

    if (is_zone_map(value, time))
        return true;
    json_array_foreach (value, i, member)
        if (has_zone_map(member, time))
            return true;
    for (void *at = json_object_iter(map); at != NULL; at = json_object_iter_next(map, at))
        if (has_zone_map(json_object_iter_value(at), time))
            return true;
    return false;
}

static const char zone_parameter[] =
    "this parameter is a map that makes it read the clock; write {timezone: $zone} in the text";

static int judge_parameter(struct walk *w, size_t at, bool time)
{
    size_t len;
    const char *name = walk_name(w, at, &len);

    if (!has_zone_map(json_object_getn(w->params, name, len), time)) /* typed ones are nested */
        return 0;
    return walk_note(w, CHANCE_CLOCK, at, zone_parameter);
}

/* The call of a clock from `at` to the end of the argument: no map. */
static bool is_clock_call(const struct walk *w, size_t at)
{
    if (!view_is_name(walk_item(w, at)) || !freeze_clock_is(walk_find_call(w, at)))
        return false;
    at += walk_is_op(w, at + 1, '.') && view_is_name(walk_item(w, at + 2)) ? 3 : 1;
    if (!walk_is_op(w, at, '('))
        return false;
    size_t close = walk_find_close(w, at);
    return walk_is_op(w, close, ')') && walk_is_op(w, close + 1, ')');
}

/* The argument of date(x) and its kind, behind the bracket at `at`. */
static int judge_argument(struct walk *w, size_t at, enum chance_call call)
{
    size_t first = at + 1;
    enum lexer_kind kind = walk_item(w, first)->token.kind;
    bool alone = walk_is_op(w, first + 1, ')') || walk_is_op(w, first + 1, ',');

    if (alone && kind == LEXER_PARAMETER)
        return judge_parameter(w, first, call == CHANCE_CALL_TIME);
    if ((alone && (kind == LEXER_STRING || kind == LEXER_INTEGER || kind == LEXER_FLOAT)) ||
        is_clock_call(w, first))
        return 0;
    if (walk_is_op(w, first, '{') && walk_is_op(w, walk_find_close(w, first) + 1, ')'))
        return 0; /* freeze_clock_open_map's */
    if (w->loose == WALK_NONE)
        w->loose = first;
    w->loose_time |= call == CHANCE_CALL_TIME;
    return 0;
}

/* ---- clocks ---- */

/* ([__zone IN [zone] WHERE … | date(datetime({…}))][0]): null when the zone is. */
#define MOMENT_OPEN "([__zone IN ["
#define MOMENT_CLOSE(open, close)                                                                  \
    "] WHERE __zone IS NOT NULL | " open "datetime({" MILLIS ZONE ": " TEXT_OPEN                   \
    "__zone" TEXT_CLOSE "})" close "][0]"

static const char *moment_close(const struct walk *w, size_t name)
{
    static const struct {
        const char *name, *close;
    } of[] = {
        {"date", MOMENT_CLOSE("date(", ")")},
        {"time", MOMENT_CLOSE("time(", ")")},
        {"localtime", MOMENT_CLOSE("localtime(", ")")},
        {"localdatetime", MOMENT_CLOSE("localdatetime(", ")")},
        {"zoned_time", MOMENT_CLOSE("zoned_time(", ")")},
        {"local_time", MOMENT_CLOSE("local_time(", ")")},
        {"local_datetime", MOMENT_CLOSE("local_datetime(", ")")},
    };

    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        if (walk_has_name(w, name, of[i].name))
            return of[i].close;
    return MOMENT_CLOSE("", "");
}

static void put_now(struct walk *w, const struct walk_frame *f)
{
    walk_put_behind(w, f->at, f->call == CHANCE_CALL_DATETIME ? NOW_MAP : NOW);
}

/* date.statement(zone), or no zone */
static void open_moment(struct walk *w, struct walk_frame *f)
{
    bool full = f->call == CHANCE_CALL_DATETIME, empty = walk_is_op(w, f->at + 1, ')');
    bool literal = walk_is_string(w, f->at + 1) && walk_is_op(w, f->at + 2, ')');
    size_t name = f->at;

    while (!walk_is_op(w, name, '.'))
        name--;
    name--;
    if (!empty && !literal) {
        walk_put(w, walk_item(w, name)->token.start, walk_end_of(w, f->at), MOMENT_OPEN);
        f->suffix = moment_close(w, name);
        return;
    }
    walk_put(w, walk_end_of(w, name), walk_item(w, f->at)->token.start, "");
    if (empty) {
        put_now(w, f);
    } else {
        walk_put_behind(w, f->at, full ? "{" MILLIS ZONE ": " : OFFSET_OPEN);
        f->suffix = full ? "}" : "})";
    }
}

int freeze_clock_open(struct walk *w, struct walk_frame *f)
{
    if (f->form == WALK_TRUNCATE)
        return 0;
    if (f->form == WALK_PLAIN && !walk_is_op(w, f->at + 1, ')'))
        return judge_argument(w, f->at, f->call);
    if (!walk_binds(w))
        return 0;
    if (f->form == WALK_MOMENT)
        open_moment(w, f);
    else
        put_now(w, f);
    return 0;
}

void freeze_clock_close(struct walk *w, const struct walk_frame *f)
{
    if (f->suffix != NULL)
        walk_put_before(w, w->at, f->suffix);
    if (f->form == WALK_TRUNCATE && freeze_clock_is(f->call) && !f->comma && w->at > f->at + 1 &&
        walk_binds(w))
        walk_put_before(w, w->at, ", " NOW);
}

void freeze_clock_bind_timestamp(struct walk *w, size_t name, size_t at)
{
    size_t start = walk_item(w, name)->token.start, end = walk_end_of(w, at + 1);
    const struct view_item *next = walk_item(w, at + 2);

    if (!walk_binds(w))
        return;
    walk_put(w, start, start,
             name > 0 && walk_end_of(w, name - 1) == start && view_glues(walk_item(w, name - 1))
                 ? " "
                 : "");
    walk_put(w, start, end, "$" FREEZE_PARAMETER);
    if (next->token.start == end && view_glues(next))
        walk_put(w, end, end, " ");
    w->at = at + 1;
}

/* ---- time zones somewhere else ---- */

static bool holds_zone(const struct walk *w, size_t at)
{
    const struct lexer_token *t = &walk_item(w, at)->token;
    const char *p = w->text + t->start;
    size_t n = sizeof ZONE - 1;

    for (size_t i = 0; i + n <= t->len; i++)
        if (word_is(p + i, n, ZONE))
            return true;
    return false;
}

/* A map with a time zone that is not seen to: {timezone: x}, n {.timezone}, n {.*}, a string. */
static void look_for_zones(struct walk *w, size_t at)
{
    const struct walk_frame *f = walk_top(w);

    if (walk_is_string(w, at)) {
        w->zones |= holds_zone(w, at);
        return;
    }
    bool projected =
        walk_was_op(w, at, 1, '.') && (walk_was_op(w, at, 2, '{') || walk_was_op(w, at, 2, ','));
    if (walk_is_op(w, at, '*') && projected && f->open == '{')
        w->maps = true;
    if (f->open == '{' && walk_has_name(w, at, ZONE))
        w->zones |= projected || (!f->direct && walk_is_op(w, at + 1, ':'));
}

void freeze_clock_pass(struct walk *w)
{
    const struct walk_frame *f = walk_top(w);

    if (w->at == f->value_end)
        walk_put_before(w, w->at, f->behind);
    if (w->at == f->value)
        walk_put_before(w, w->at, f->before);
    look_for_zones(w, w->at);
}

static const char expression[] =
    "its argument may be a map with nothing but a time zone, which reads the clock; write such a "
    "map at the call, as in date({timezone: zone})";

int freeze_clock_end(struct walk *w)
{
    if (w->loose == WALK_NONE)
        return 0;
    if (w->zones || has_zone_map(w->params, w->loose_time))
        return walk_note(w, CHANCE_CLOCK, w->loose, expression);
    if (w->maps && w->rules->nondeterminism != NONDETERMINISM_ALLOW)
        w->f->warnings |= 1U << CHANCE_CLOCK;
    return 0;
}
