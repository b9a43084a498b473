/* SPDX-License-Identifier: Apache-2.0 */
/* cypher/freeze.c: one walk over the tokens with a stack of brackets. What has to be put into the
 * text is put there as the walk passes the place, so the text is copied once, from left to right.
 */
#include "cypher/freeze.h"

#include "base/utf8.h"
#include "cypher/procedure.h"
#include "cypher/word.h"

#include <string.h>

#define FRAMES_MAX 128 /* policy lets fewer pass */
#define NONE SIZE_MAX
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

enum form {
    FORM_PLAIN,
    FORM_MOMENT,
    FORM_TRUNCATE
}; /* date(), date.statement(), date.truncate() */

struct frame {
    int open;              /* ( [ { */
    size_t at;             /* its bracket */
    enum chance_call call; /* whose arguments these are */
    enum form form;
    const char *suffix;          /* goes before its end */
    size_t value, value_end;     /* tokens: a time zone in a map, */
    const char *before, *behind; /* and what goes around it */
    bool direct;                 /* a map that a clock gets: its time zone is seen to */
    bool comma;                  /* has a second argument */
    bool pattern;                /* a list that may be made of a pattern */
    bool collects;               /* COLLECT { … } */
    bool stores;                 /* in a clause that stores values, … */
    bool clause_stores;          /* … which is the one that began here last */
    bool returns;                /* behind RETURN */
    bool rows_ordered, ordered;  /* rows that come into the clause, and leave it, have an order */
};

struct walk {
    struct freeze *f;
    const struct freeze_rules *rules;
    const json_t *params;
    struct err *err;
    const char *text;
    size_t len;
    const struct view_item *items;
    size_t at;
    size_t done; /* the text up to here is in f->text */
    struct frame frames[FRAMES_MAX];
    size_t depth;
    size_t call_at;        /* the bracket of a call that was read, */
    enum chance_call call; /* … what it calls, */
    enum form form;        /* … and how */
    bool chained;          /* NEXT: no RETURN is the last */
    bool writes;
    bool zones;   /* a map with a time zone is somewhere else than at a clock */
    bool maps;    /* a map may be made whose keys nobody sees */
    size_t loose; /* a clock whose argument may be such a map */
    bool loose_time;
    unsigned in_writes;         /* warnings that count in a text that writes */
    size_t refused;             /* the first finding about order, … */
    enum chance refused_chance; /* … which is refused if the text writes */
};

/* ---- tokens ---- */

static const struct view_item *item(const struct walk *w, size_t at)
{
    return &w->items[at]; /* the last one is LEXER_END */
}

static bool is_op(const struct walk *w, size_t at, int op)
{
    return view_is_op(&w->items[at], op);
}

static bool was_op(const struct walk *w, size_t at, size_t n, int op)
{
    return at >= n && is_op(w, at - n, op);
}

static size_t end_of(const struct walk *w, size_t at)
{
    return w->items[at].token.start + w->items[at].token.len;
}

static bool is_end(const struct walk *w, size_t at)
{
    return w->items[at].token.kind == LEXER_END;
}

static bool has_name(const struct walk *w, size_t at, const char *name)
{
    const struct lexer lexer = {.text = w->text, .len = w->len};
    size_t len;

    if (!view_is_name(item(w, at)) && item(w, at)->token.kind != LEXER_PARAMETER)
        return false;
    const char *p = lexer_name(&lexer, &item(w, at)->token, &len);
    return word_is(p, len, name);
}

static bool is_word(const struct walk *w, size_t at, const char *word)
{
    return item(w, at)->token.kind == LEXER_WORD && has_name(w, at, word);
}

static bool was_word(const struct walk *w, size_t at, size_t n, const char *word)
{
    return at >= n && is_word(w, at - n, word);
}

static bool is_string(const struct walk *w, size_t at)
{
    return item(w, at)->token.kind == LEXER_STRING;
}

static bool is_open(const struct walk *w, size_t at)
{
    return is_op(w, at, '(') || is_op(w, at, '[') || is_op(w, at, '{');
}

static bool is_close(const struct walk *w, size_t at)
{
    return is_op(w, at, ')') || is_op(w, at, ']') || is_op(w, at, '}');
}

/* The end of the bracket at `at`; that of the text when it has none. */
static size_t find_close(const struct walk *w, size_t at)
{
    size_t depth = 0;

    for (; !is_end(w, at); at++) {
        if (is_open(w, at))
            depth++;
        else if (is_close(w, at) && --depth == 0)
            break;
    }
    return at;
}

static struct frame *top(struct walk *w)
{
    return &w->frames[w->depth];
}

/* ---- findings ---- */

static int refuse(struct walk *w, enum chance chance, size_t at, const char *advice)
{
    const struct chance_info *info = chance_info(chance);
    const struct lexer_token *t = &item(w, at)->token;
    int shown = 0; /* plain characters only: it goes into logs and JSON */

    while ((size_t)shown < t->len && shown < 24 && w->text[t->start + shown] >= ' ' &&
           w->text[t->start + shown] < 127)
        shown++;
    return err_set(w->err, ERR_POISON, info->code, "%.*s at byte %zu: %s", shown,
                   w->text + t->start, t->start, advice != NULL ? advice : info->advice);
}

static int note_order(struct walk *w, enum chance chance, size_t at)
{
    if (w->rules->order_dependence == ORDER_DEPENDENCE_ALLOW ||
        (w->frames[0].returns && !w->chained))
        return 0;
    if (w->rules->order_dependence == ORDER_DEPENDENCE_REFUSE &&
        chance_info(chance)->code != NULL) {
        if (w->refused == NONE) {
            w->refused = at;
            w->refused_chance = chance;
        }
        return 0;
    }
    w->in_writes |= 1U << chance;
    return 0;
}

/* Refuses, or notes a warning. */
static int note(struct walk *w, enum chance chance, size_t at, const char *advice)
{
    if (chance_is_order(chance))
        return note_order(w, chance, at);
    if (w->rules->nondeterminism == NONDETERMINISM_ALLOW)
        return 0;
    if (w->rules->nondeterminism == NONDETERMINISM_FREEZE && chance_info(chance)->code != NULL)
        return refuse(w, chance, at, advice);
    w->f->warnings |= 1U << chance;
    return 0;
}

/* Whether a clock is to be bound; else it is noted. */
static bool binds(struct walk *w)
{
    if (w->rules->nondeterminism == NONDETERMINISM_FREEZE)
        return true;
    (void)note(w, CHANCE_CLOCK, w->at, NULL);
    return false;
}

/* ---- the text ---- */

/* What is from..to becomes s. */
static void put(struct walk *w, size_t from, size_t to, const char *s)
{
    buf_add(&w->f->text, w->text + w->done, from - w->done);
    buf_adds(&w->f->text, s);
    w->done = to;
    w->f->frozen = true;
}

static void put_before(struct walk *w, size_t at, const char *s)
{
    put(w, item(w, at)->token.start, item(w, at)->token.start, s);
}

static void put_behind(struct walk *w, size_t at, const char *s)
{
    put(w, end_of(w, at), end_of(w, at), s);
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
    *map = (struct map){.end = find_close(w, at)};
    for (size_t i = at + 1, depth = 0; i < map->end; i++) {
        if (is_open(w, i))
            depth++;
        else if (is_close(w, i))
            depth--;
        if (depth > 0 || !(is_op(w, i - 1, ',') || i == at + 1))
            continue;
        map->keys++;
        if (map->zone > 0 && map->zone_end == 0)
            map->zone_end = i - 1;
        if (has_name(w, i, ZONE) && is_op(w, i + 1, ':')) {
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
    const struct lexer_token *t = &item(w, at)->token;

    return is_string(w, at) && at + 1 == end && is_offset(w->text + t->start + 1, t->len - 2);
}

/* What was put around a time zone before. */
static bool is_bound_offset(const struct walk *w, size_t at, size_t end)
{
    if (!has_name(w, at, "datetime") || !is_op(w, at + 1, '(') || !is_op(w, at + 2, '{') ||
        !has_name(w, at + 3, "epochMillis") || !is_op(w, at + 4, ':') ||
        item(w, at + 5)->token.kind != LEXER_PARAMETER || !has_name(w, at + 5, FREEZE_PARAMETER))
        return false;
    size_t close = find_close(w, at + 1);
    return close + 3 == end && is_op(w, close + 1, '.') && has_name(w, close + 2, "offset");
}

static void set_around(struct frame *f, const struct map *map, const char *before,
                       const char *behind)
{
    f->value = map->zone;
    f->value_end = map->zone_end;
    f->before = before;
    f->behind = behind;
}

/* A time of day in a zone by name: the offset that the zone has now. */
static void open_time_map(struct walk *w, struct frame *f, const struct map *map)
{
    bool literal = is_string(w, map->zone) && map->zone + 1 == map->zone_end;

    if (is_offset_literal(w, map->zone, map->zone_end) ||
        is_bound_offset(w, map->zone, map->zone_end) || !binds(w))
        return;
    if (literal)
        set_around(f, map, OFFSET_OPEN, OFFSET_CLOSE);
    else
        set_around(f, map, OFFSET_OPEN TEXT_OPEN, TEXT_CLOSE OFFSET_CLOSE);
}

/* date({timezone: x}) */
static void open_zone_map(struct walk *w, struct frame *call, struct frame *f,
                          const struct map *map)
{
    if (!binds(w))
        return;
    if (call->call != CHANCE_CALL_DATETIME) {
        put_before(w, f->at, "datetime(");
        call->suffix = ")";
    }
    put_behind(w, f->at, MILLIS);
    if (!is_string(w, map->zone) || map->zone + 1 != map->zone_end)
        set_around(f, map, TEXT_OPEN, TEXT_CLOSE);
}

static bool is_clock(enum chance_call call)
{
    return call == CHANCE_CALL_DATE || call == CHANCE_CALL_TIME || call == CHANCE_CALL_DATETIME;
}

static const char twice[] = "two time zones in one map; leave one of them out";

/* The map that begins here, in the brackets of call. */
static int open_map(struct walk *w, struct frame *call, struct frame *f)
{
    struct map map;
    bool fields = call->form == FORM_TRUNCATE && is_op(w, f->at - 1, ',');

    if (!is_clock(call->call) || !(fields || (call->form == FORM_PLAIN && f->at == call->at + 1)))
        return 0;
    read_map(w, f->at, &map);
    if (!fields && !is_op(w, map.end, '}'))
        return 0;
    if (!fields && !is_op(w, map.end + 1, ')'))
        return 0; /* {…}.a is no map at a clock */
    f->direct = true;
    if (map.zones == 0)
        return 0;
    if (map.zones > 1)
        return note(w, CHANCE_CLOCK, f->at, twice);
    if (call->call == CHANCE_CALL_TIME && (fields || map.keys > 1))
        open_time_map(w, f, &map);
    else if (!fields && map.keys == 1)
        open_zone_map(w, call, f, &map);
    return 0;
}

/* ---- clocks ---- */

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
    const struct lexer lexer = {.text = w->text, .len = w->len};
    size_t len;
    const char *name = lexer_name(&lexer, &item(w, at)->token, &len);

    if (!has_zone_map(json_object_getn(w->params, name, len), time)) /* typed ones are nested */
        return 0;
    return note(w, CHANCE_CLOCK, at, zone_parameter);
}

/* What the name at `at` means alone. */
static enum chance_call find_name(const struct walk *w, size_t at)
{
    const struct lexer lexer = {.text = w->text, .len = w->len};
    size_t len;
    const char *name = lexer_name(&lexer, &item(w, at)->token, &len);

    return chance_find(name, len);
}

/* The call of a clock from `at` to the end of the argument: no map. */
static bool is_clock_call(const struct walk *w, size_t at)
{
    if (!view_is_name(item(w, at)) || !is_clock(find_name(w, at)))
        return false;
    at += is_op(w, at + 1, '.') && view_is_name(item(w, at + 2)) ? 3 : 1;
    if (!is_op(w, at, '('))
        return false;
    size_t close = find_close(w, at);
    return is_op(w, close, ')') && is_op(w, close + 1, ')');
}

/* The argument of date(x) and its kind, behind the bracket at `at`. */
static int judge_argument(struct walk *w, size_t at, enum chance_call call)
{
    size_t first = at + 1;
    enum lexer_kind kind = item(w, first)->token.kind;
    bool alone = is_op(w, first + 1, ')') || is_op(w, first + 1, ',');

    if (alone && kind == LEXER_PARAMETER)
        return judge_parameter(w, first, call == CHANCE_CALL_TIME);
    if ((alone && (kind == LEXER_STRING || kind == LEXER_INTEGER || kind == LEXER_FLOAT)) ||
        is_clock_call(w, first))
        return 0;
    if (is_op(w, first, '{') && is_op(w, find_close(w, first) + 1, ')'))
        return 0; /* open_map's */
    if (w->loose == NONE)
        w->loose = first;
    w->loose_time |= call == CHANCE_CALL_TIME;
    return 0;
}

/* date.statement(zone) */
static void open_moment(struct walk *w, struct frame *f)
{
    bool full = f->call == CHANCE_CALL_DATETIME;

    if (is_string(w, f->at + 1) && is_op(w, f->at + 2, ')')) {
        put_behind(w, f->at, full ? "{" MILLIS ZONE ": " : OFFSET_OPEN);
        f->suffix = full ? "}" : "})";
        return;
    }
    put_behind(w, f->at, full ? "{" MILLIS ZONE ": " TEXT_OPEN : OFFSET_OPEN TEXT_OPEN);
    f->suffix = full ? TEXT_CLOSE "}" : TEXT_CLOSE "})";
}

/* The brackets of a clock open. */
static int open_clock(struct walk *w, struct frame *f)
{
    bool empty = is_op(w, f->at + 1, ')');

    if (f->form == FORM_TRUNCATE)
        return 0;
    if (f->form == FORM_PLAIN && !empty)
        return judge_argument(w, f->at, f->call);
    if (!binds(w))
        return 0;
    if (f->form == FORM_MOMENT) {
        size_t name = f->at;
        while (!is_op(w, name, '.'))
            name--;
        put(w, end_of(w, name - 1), item(w, f->at)->token.start, "");
    }
    if (empty)
        put_behind(w, f->at, f->call == CHANCE_CALL_DATETIME ? NOW_MAP : NOW);
    else
        open_moment(w, f);
    return 0;
}

/* timestamp(): the brackets at `at` are passed too. */
static void bind_timestamp(struct walk *w, size_t name, size_t at)
{
    size_t start = item(w, name)->token.start, end = end_of(w, at + 1);
    const struct view_item *next = item(w, at + 2);

    if (!binds(w))
        return;
    put(w, start, start,
        name > 0 && end_of(w, name - 1) == start &&
                item(w, name - 1)->token.kind != LEXER_PUNCTUATION
            ? " "
            : "");
    put(w, start, end, "$" FREEZE_PARAMETER);
    if (next->token.start == end && next->token.kind != LEXER_PUNCTUATION &&
        next->token.kind != LEXER_END)
        put(w, end, end, " ");
    w->at = at + 1;
}

/* ---- calls ---- */

/* Reads `a . b . c` at `at` into name; *len is at most size. Returns the token behind it. */
static size_t read_chain(const struct walk *w, size_t at, char *name, size_t size, size_t *len,
                         size_t *parts)
{
    const struct lexer lexer = {.text = w->text, .len = w->len};

    for (*len = *parts = 0;; at += 2) {
        size_t n;
        const char *part = lexer_name(&lexer, &item(w, at)->token, &n);
        for (size_t i = 0; i < n && *len < size; i++)
            name[(*len)++] = part[i];
        ++*parts;
        if (!is_op(w, at + 1, '.') || !view_is_name(item(w, at + 2)))
            return at + 1;
        if (*len < size)
            name[(*len)++] = '.';
    }
}

/* Only whether something is in the list counts, or how many: size(keys(n)), 'a' IN labels(n). */
static bool is_order_blind(const struct walk *w, size_t at)
{
    if (was_word(w, at, 1, "in"))
        return !was_op(w, at, 3, '['); /* [x IN keys(n) | …] is a list again */
    return was_op(w, at, 1, '(') && (was_word(w, at, 2, "size") || was_word(w, at, 2, "isEmpty"));
}

static int judge_id(struct walk *w, size_t at)
{
    const struct frame *f = top(w);

    if (f->stores || f->clause_stores)
        return note(w, CHANCE_STORED_ID, at, NULL);
    if (w->rules->nondeterminism != NONDETERMINISM_ALLOW && (!w->frames[0].returns || w->chained))
        w->in_writes |= 1U << CHANCE_ID;
    return 0;
}

/* The function, or procedure, whose name begins at `at` and has its arguments in the brackets at
 * `open`. */
static int judge_call(struct walk *w, size_t at, size_t open, enum chance_call call)
{
    bool empty = is_op(w, open, '(') && is_op(w, open + 1, ')');
    const struct frame *f = top(w);

    switch (call) {
    case CHANCE_CALL_TIMESTAMP:
        if (empty)
            bind_timestamp(w, at, open);
        return 0;
    case CHANCE_CALL_DATE:
    case CHANCE_CALL_TIME:
    case CHANCE_CALL_DATETIME:
        w->call_at = open;
        w->call = call;
        return 0;
    case CHANCE_CALL_CLOCK:
        return note(w, CHANCE_CLOCK, at, NULL);
    case CHANCE_CALL_RANDOM:
        return open - at > 1 || empty ? note(w, CHANCE_RANDOM, at, NULL) : 0;
    case CHANCE_CALL_OUTSIDE:
        return open - at > 1 || empty ? note(w, CHANCE_OUTSIDE, at, NULL) : 0;
    case CHANCE_CALL_ID:
        return judge_id(w, at);
    case CHANCE_CALL_HIDDEN:
        return note(w, CHANCE_HIDDEN, at, NULL);
    case CHANCE_CALL_COLLECT:
        return f->rows_ordered || is_order_blind(w, at) ? 0 : note(w, CHANCE_COLLECT, at, NULL);
    case CHANCE_CALL_SUM:
        return f->rows_ordered ? 0 : note(w, CHANCE_SUM, at, NULL);
    case CHANCE_CALL_LIST:
        return is_order_blind(w, at) ? 0 : note(w, CHANCE_LIST, at, NULL);
    case CHANCE_CALL_PATH:
        return note(w, CHANCE_PATH, at, NULL);
    case CHANCE_CALL_MAP:
        w->maps = true;
        return 0;
    case CHANCE_CALL_NONE:
        break;
    }
    return 0;
}

static bool is_call_clause(const struct walk *w, size_t at)
{
    return was_word(w, at, 1, "call") && !was_op(w, at, 2, '.') && !was_op(w, at, 2, ':');
}

/* A name that is not behind a dot. */
static int judge_name(struct walk *w, size_t at)
{
    static const char *const moments[] = {"statement", "transaction", "realtime"};
    char name[64];
    size_t len, parts, open = at + 1;

    if (is_op(w, open, '.'))
        open = read_chain(w, at, name, sizeof name, &len, &parts);
    bool procedure = is_call_clause(w, at);
    if (!is_op(w, open, '(') && !procedure)
        return 0;
    open = read_chain(w, at, name, sizeof name, &len, &parts);
    if (procedure && procedure_find(name, len) != PROCEDURE_READS)
        w->writes = true;
    if (parts != 2)
        return w->form = FORM_PLAIN, judge_call(w, at, open, chance_find(name, len));
    enum chance_call base = find_name(w, at);
    if (!is_clock(base))
        return judge_call(w, at, open, chance_find(name, len));
    w->form = FORM_TRUNCATE;
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++)
        if (has_name(w, at + 2, moments[i]))
            w->form = FORM_MOMENT;
    if (w->form == FORM_TRUNCATE && !has_name(w, at + 2, "truncate"))
        return 0; /* datetime.fromEpoch */
    return judge_call(w, at, open, base);
}

/* ---- clauses ---- */

enum {
    CLAUSE_SHUFFLES = 1, /* its rows come in any order */
    CLAUSE_PROJECTS = 2,
    CLAUSE_CUTS = 4,
    CLAUSE_STORES = 8,
    CLAUSE_WRITES = 16,
    CLAUSE_RETURNS = 32,
    CLAUSE_ORDERS = 64,
};

static const struct {
    const char *word;
    unsigned flags;
} clauses[] = {
    {"match", CLAUSE_SHUFFLES},
    {"optional", 0},
    {"unwind", 0},
    {"call", CLAUSE_SHUFFLES},
    {"load", CLAUSE_SHUFFLES},
    {"union", CLAUSE_SHUFFLES},
    {"with", CLAUSE_PROJECTS},
    {"return", CLAUSE_PROJECTS | CLAUSE_RETURNS},
    {"next", 0},
    {"order", CLAUSE_ORDERS},
    {"limit", CLAUSE_CUTS},
    {"skip", CLAUSE_CUTS},
    {"offset", CLAUSE_CUTS},
    {"set", CLAUSE_STORES | CLAUSE_WRITES},
    {"create", CLAUSE_STORES | CLAUSE_WRITES},
    {"insert", CLAUSE_STORES | CLAUSE_WRITES},
    {"merge", CLAUSE_SHUFFLES | CLAUSE_STORES | CLAUSE_WRITES},
    {"delete", CLAUSE_WRITES},
    {"detach", CLAUSE_WRITES},
    {"nodetach", CLAUSE_WRITES},
    {"remove", CLAUSE_WRITES},
    {"foreach", CLAUSE_WRITES},
};

/* A word that begins a clause, as far as its place tells: not `n.set`, `:SET`, `{set: 1}`, `AS
 * set`, `STARTS WITH`. */
static bool begins_clause(const struct walk *w, size_t at)
{
    return !was_op(w, at, 1, '.') && !was_op(w, at, 1, ':') && !was_word(w, at, 1, "as") &&
           !is_op(w, at + 1, ':') && !was_word(w, at, 1, "starts") && !was_word(w, at, 1, "ends");
}

/* LIMIT and SKIP stand behind an operand and before one. */
static bool cuts(const struct walk *w, size_t at)
{
    const struct view_item *next = item(w, at + 1);

    return at > 0 && (view_ends_operand(item(w, at - 1)) || is_op(w, at - 1, '*')) &&
           (next->token.kind == LEXER_INTEGER || next->token.kind == LEXER_PARAMETER ||
            view_is_name(next) || is_op(w, at + 1, '('));
}

static int judge_clause(struct walk *w, size_t at, unsigned flags)
{
    struct frame *f = top(w);

    if (flags & CLAUSE_ORDERS) {
        f->ordered |= is_word(w, at + 1, "by");
        return 0;
    }
    if (flags & CLAUSE_CUTS)
        return cuts(w, at) && !f->ordered && !f->rows_ordered ? note(w, CHANCE_LIMIT, at, NULL) : 0;
    w->writes |= (flags & CLAUSE_WRITES) != 0;
    f->clause_stores = (flags & CLAUSE_STORES) != 0;
    f->returns = (flags & CLAUSE_RETURNS) != 0;
    if (flags & CLAUSE_PROJECTS) {
        f->rows_ordered = f->ordered;
        f->ordered = false;
    }
    if (flags & CLAUSE_SHUFFLES)
        f->ordered = f->rows_ordered = false;
    return 0;
}

/* `ANY SHORTEST (…)`, `SHORTEST 2 (…)`, `ANY 2 PATHS (…)`; not `ALL SHORTEST`, `any(x IN …)`. */
static bool takes_any_path(const struct walk *w, size_t at)
{
    if (is_word(w, at, "shortest"))
        return !was_word(w, at, 1, "all") && begins_clause(w, at) &&
               (is_op(w, at + 1, '(') || !is_op(w, at + 1, ')')) && !is_op(w, at + 1, ',') &&
               !is_op(w, at + 1, '=');
    if (!is_word(w, at, "any") || !begins_clause(w, at))
        return false;
    if (item(w, at + 1)->token.kind == LEXER_INTEGER)
        return true;
    return is_op(w, at + 1, '(') && (was_word(w, at, 1, "match") || was_op(w, at, 1, '=')) &&
           !(view_is_name(item(w, at + 2)) && is_word(w, at + 3, "in"));
}

static int judge_word(struct walk *w, size_t at)
{
    if (is_word(w, at, "load") && is_word(w, at + 1, "csv") &&
        note(w, CHANCE_OUTSIDE, at, NULL) < 0)
        return -1;
    if (takes_any_path(w, at) && note(w, CHANCE_PATH, at, NULL) < 0)
        return -1;
    if ((item(w, at)->word.flags & (KEYWORD_CLAUSE | KEYWORD_START)) == 0 || !begins_clause(w, at))
        return 0;
    for (size_t i = 0; i < sizeof clauses / sizeof *clauses; i++)
        if (is_word(w, at, clauses[i].word))
            return judge_clause(w, at, clauses[i].flags);
    return 0;
}

/* ---- brackets ---- */

/* COLLECT { MATCH … }; not a variable or label before its map. */
static bool is_collect(const struct walk *w, size_t at)
{
    return was_word(w, at, 1, "collect") && !was_op(w, at, 2, ':') && !is_op(w, at + 1, '}') &&
           !(view_is_name(item(w, at + 1)) && is_op(w, at + 2, ':'));
}

/* [(a)-->(b) | …] and [p = (a)-->(b) | …], as far as its begin tells. */
static bool is_pattern(const struct walk *w, size_t at)
{
    return is_op(w, at + 1, '(') ||
           (view_is_name(item(w, at + 1)) && is_op(w, at + 2, '=') && is_op(w, at + 3, '('));
}

static int push(struct walk *w)
{
    struct frame *outer = top(w), *f = outer + 1;

    if (w->depth + 1 == FRAMES_MAX)
        return err_set(w->err, ERR_POISON, "cypher.too-deep", "brackets are nested too deep");
    w->depth++;
    *f = (struct frame){.open = item(w, w->at)->token.op,
                        .at = w->at,
                        .value = NONE,
                        .value_end = NONE,
                        .stores = outer->stores || outer->clause_stores,
                        .rows_ordered = outer->rows_ordered,
                        .ordered = true};
    if (f->open == '(' && w->at == w->call_at) {
        f->call = w->call;
        f->form = w->form;
        return open_clock(w, f);
    }
    if (f->open == '[')
        f->pattern = is_pattern(w, w->at);
    if (f->open != '{')
        return 0;
    f->collects = is_collect(w, w->at);
    return open_map(w, outer, f);
}

/* False: brackets do not match; a syntax error. */
static bool pop(struct walk *w)
{
    static const char pairs[] = "()[]{}";
    struct frame *f = top(w);

    if (w->depth == 0 || strchr(pairs, f->open)[1] != item(w, w->at)->token.op)
        return false;
    w->depth--;
    if (f->suffix != NULL)
        put_before(w, w->at, f->suffix);
    if (f->form == FORM_TRUNCATE && is_clock(f->call) && !f->comma && w->at > f->at + 1 && binds(w))
        put_before(w, w->at, ", " NOW);
    if (f->collects && !f->ordered)
        (void)note(w, CHANCE_COLLECT, f->at - 1, NULL);
    return true;
}

/* ---- the walk ---- */

static bool holds_zone(const struct walk *w, size_t at)
{
    const struct lexer_token *t = &item(w, at)->token;
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
    const struct frame *f = top(w);

    if (is_string(w, at)) {
        w->zones |= holds_zone(w, at);
        return;
    }
    bool projected = was_op(w, at, 1, '.') && (was_op(w, at, 2, '{') || was_op(w, at, 2, ','));
    if (is_op(w, at, '*') && projected && f->open == '{')
        w->maps = true;
    if (f->open == '{' && has_name(w, at, ZONE))
        w->zones |= projected || (!f->direct && is_op(w, at + 1, ':'));
}

static int judge_punctuation(struct walk *w, bool *balanced)
{
    struct frame *f = top(w);

    if (is_open(w, w->at))
        return push(w);
    if (is_close(w, w->at)) {
        *balanced = pop(w);
        return 0;
    }
    if (is_op(w, w->at, ','))
        f->comma = true;
    if (is_op(w, w->at, '|') && f->pattern && !is_order_blind(w, f->at))
        return note(w, CHANCE_LIST, f->at, NULL);
    return 0;
}

static int judge_token(struct walk *w, bool *balanced)
{
    const struct lexer_token *t = &item(w, w->at)->token;
    const struct frame *f = top(w);

    if (w->at == f->value_end)
        put_before(w, w->at, f->behind);
    if (w->at == f->value)
        put_before(w, w->at, f->before);
    look_for_zones(w, w->at);
    if (t->kind == LEXER_PUNCTUATION)
        return judge_punctuation(w, balanced);
    if (!view_is_name(item(w, w->at)) || was_op(w, w->at, 1, '.'))
        return 0;
    if (t->kind == LEXER_WORD && judge_word(w, w->at) < 0)
        return -1;
    return judge_name(w, w->at);
}

static const char expression[] =
    "its argument may be a map with nothing but a time zone, which reads the clock; write such a "
    "map at the call, as in date({timezone: zone})";

/* What only the whole text tells. */
static int judge_end(struct walk *w)
{
    if (w->loose != NONE && (w->zones || has_zone_map(w->params, w->loose_time))) {
        if (note(w, CHANCE_CLOCK, w->loose, expression) < 0)
            return -1;
    } else if (w->loose != NONE && w->maps && w->rules->nondeterminism != NONDETERMINISM_ALLOW) {
        w->f->warnings |= 1U << CHANCE_CLOCK;
    }
    if (!w->writes)
        return 0;
    w->f->warnings |= w->in_writes;
    return w->refused != NONE ? refuse(w, w->refused_chance, w->refused, NULL) : 0;
}

static int walk(struct walk *w)
{
    bool balanced = true;

    for (; balanced && !is_end(w, w->at); w->at++)
        if (judge_token(w, &balanced) < 0)
            return -1;
    if (!balanced || w->depth > 0) { /* the server's to say */
        w->f->frozen = false;
        w->f->warnings = 0;
        return 0;
    }
    if (judge_end(w) < 0)
        return -1;
    buf_add(&w->f->text, w->text + w->done, w->len - w->done);
    return 0;
}

/* ---- the text as the server reads it ---- */

static int read_items(struct freeze *f, struct walk *w)
{
    const struct lexer_token *last = &view_list_read(&f->tokens, w->text, w->len)->token;

    if (last->kind == LEXER_INVALID)
        return err_set(w->err, ERR_POISON, "cypher.unreadable", "at byte %zu: %s", last->start,
                       last->why);
    w->items = f->tokens.items;
    for (size_t i = 0; i < f->tokens.count; i++)
        w->chained |= w->items[i].word.keyword == KEYWORD_NEXT;
    return 0;
}

static bool is_utf8(const struct buf *b)
{
    for (size_t at = 0, n; at < b->len; at += n)
        if ((n = utf8_size(b->data + at, b->len - at)) == 0)
            return false;
    return true;
}

/* The frozen text is read by the server once more, which decodes again. */
static int check_decoded(struct freeze *f, struct err *err)
{
    buf_reset(&f->again);
    if (is_utf8(&f->text) &&
        lexer_decode_unicode(f->text.data, f->text.len, &f->again) == LEXER_UNICODE_NONE)
        return 0;
    return err_set(err, ERR_POISON, chance_info(CHANCE_CLOCK)->code,
                   "a clock beside \\u escapes that cannot be decoded first; write the characters "
                   "themselves");
}

/* As freeze_text, for a text in which there may be something. */
static int freeze_tokens(struct freeze *f, const char *text, size_t len, const json_t *params,
                         const struct freeze_rules *rules, struct err *err)
{
    struct walk w = {.f = f,
                     .rules = rules,
                     .params = params,
                     .err = err,
                     .text = text,
                     .len = len,
                     .call_at = NONE,
                     .loose = NONE,
                     .refused = NONE};

    w.frames[0] = (struct frame){.value = NONE, .value_end = NONE, .ordered = true};
    enum lexer_unicode unicode = lexer_decode_unicode(text, len, &f->decoded);
    if (unicode == LEXER_UNICODE_DECODED) {
        if (buf_check(&f->decoded, "command", err) < 0)
            return -1;
        w.text = buf_str(&f->decoded);
        w.len = f->decoded.len;
    }
    if (read_items(f, &w) < 0 || walk(&w) < 0)
        return -1;
    if (!f->frozen) {
        buf_reset(&f->text);
        return 0;
    }
    if (buf_check(&f->text, "command", err) < 0)
        return -1;
    return unicode == LEXER_UNICODE_DECODED ? check_decoded(f, err) : 0;
}

int freeze_text(struct freeze *f, const char *text, size_t len, const json_t *params,
                const struct freeze_rules *rules, struct err *err)
{
    buf_reset(&f->text);
    buf_reset(&f->decoded);
    f->frozen = false;
    f->warnings = 0;
    return chance_is_possible(text, len) ? freeze_tokens(f, text, len, params, rules, err) : 0;
}

void freeze_fini(struct freeze *f)
{
    view_list_fini(&f->tokens);
    buf_fini(&f->text);
    buf_fini(&f->decoded);
    buf_fini(&f->again);
    *f = (struct freeze){0};
}
