/* SPDX-License-Identifier: Apache-2.0 */

/* ops/roster.c: statuses come when they come, so that differences of neighbours would jump. Kept is
 * instead where each program was at the steps between them, on the straight line from one status to
 * the next: the rate over a step is then what it was on the average. */
#include "ops/roster.h"

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MAX 512
#define NAME_SIZE 256
#define WORD_SIZE 64
#define REASON_SIZE 512
#define ERRORS 5
#define HISTORY_MS ((int64_t)ROSTER_STEP_MS * ROSTER_STEPS)
#define NUMBER_MAX ((INT64_C(1) << 53) - 1) /* what JavaScript holds exactly */

/* ---- where someone was at the last steps ---- */

struct track {
    int64_t at_ms, offset; /* the last status; count 0 and step 0: none yet */
    int64_t step;          /* the last one before it */
    size_t count;          /* steps that are known, up to that one */
    int64_t offsets[ROSTER_STEPS];
};

static int64_t offset_at(const struct track *t, int64_t step)
{
    return t->offsets[step % ROSTER_STEPS];
}

/* In floating point, since offset times milliseconds may not fit; rounds to a whole offset. */
static int64_t between(const struct track *t, int64_t at_ms, int64_t offset, int64_t moment_ms)
{
    double part = (double)(moment_ms - t->at_ms) / (double)(at_ms - t->at_ms);

    return t->offset + (int64_t)((double)(offset - t->offset) * part);
}

/* A clock that went back, or another's that is behind, counts as one that stood still. */
static void track_take(struct track *t, int64_t at_ms, int64_t offset)
{
    if (offset < 0)
        return;
    if (t->step == 0) {
        *t = (struct track){.at_ms = at_ms, .offset = offset, .step = at_ms / ROSTER_STEP_MS};
        return;
    }
    if (at_ms < t->at_ms)
        at_ms = t->at_ms;
    int64_t last = at_ms / ROSTER_STEP_MS, first = t->step + 1;
    if (last - first >= ROSTER_STEPS)
        first = last - ROSTER_STEPS + 1;
    for (int64_t s = first; s <= last; s++)
        t->offsets[s % ROSTER_STEPS] = between(t, at_ms, offset, s * ROSTER_STEP_MS);
    t->count += (size_t)(last - t->step);
    if (t->count > ROSTER_STEPS)
        t->count = ROSTER_STEPS;
    t->at_ms = at_ms;
    t->offset = offset;
    t->step = last;
}

/* Over the last one to two steps, in tenths a second; -1: not known yet. */
static int64_t track_rate(const struct track *t)
{
    if (t->count < 2)
        return -1;
    int64_t span_ms = t->at_ms - (t->step - 1) * ROSTER_STEP_MS;
    int64_t done = t->offset - offset_at(t, t->step - 1);

    return done > 0 ? (int64_t)((double)done * 10000 / (double)span_ms) : 0;
}

static void track_add(const struct track *t, int64_t since, struct buf *out)
{
    int64_t first = t->step - (int64_t)t->count + 1;

    if (first <= since)
        first = since + 1;
    buf_addf(out, "\"first\":%" PRId64 ",\"offsets\":[", first);
    for (int64_t s = first; s <= t->step; s++)
        buf_addf(out, "%s%" PRId64, s > first ? "," : "", offset_at(t, s));
    buf_addc(out, ']');
}

/* ---- one that tells ---- */

struct trouble {
    int64_t at_ms;
    char state[WORD_SIZE], reason[REASON_SIZE];
};

struct status {
    char replica[NAME_SIZE], program[WORD_SIZE], instance[NAME_SIZE], group[NAME_SIZE];
    char state[WORD_SIZE], reason[REASON_SIZE], version[WORD_SIZE], server[WORD_SIZE];
    int64_t offset, lag, age_ms, in_flight; /* -1: not told */
};

struct member {
    char key[KEY_MAX];
    size_t key_len;
    struct status now;
    int64_t told_ms, state_ms;     /* its last word; since when it has been in that state */
    bool owns_key;                 /* the key's last record is its own */
    struct trouble errors[ERRORS]; /* newest first */
    size_t error_count;
    struct track track;
};

struct roster {
    struct member *members[ROSTER_MAX];
    size_t count;
    int64_t silent_after_ms, seen_ms;
    int64_t left_out_ms; /* when the last one was; 0: none */
    int64_t unreadable;
    struct track log; /* where the log ends */
};

struct roster *roster_new(int64_t silent_after_ms)
{
    struct roster *r = mem_alloc(1, sizeof *r);

    r->silent_after_ms = silent_after_ms;
    return r;
}

void roster_free(struct roster *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->count; i++)
        free(r->members[i]);
    free(r);
}

static bool is_one_of(const char *word, const char *const *list)
{
    for (; *list != NULL; list++)
        if (strcmp(word, *list) == 0)
            return true;
    return false;
}

static bool has_ended(const struct member *m)
{
    static const char *const ends[] = {"stopped", "halted", "diverged", NULL};

    return is_one_of(m->now.state, ends);
}

static bool tells(const struct roster *r, const struct member *m, int64_t at_ms)
{
    return at_ms - m->told_ms <= r->silent_after_ms;
}

static bool is_silent(const struct roster *r, const struct member *m)
{
    return !has_ended(m) && !tells(r, m, r->seen_ms);
}

/* ---- reading a status ---- */

static void copy_text(char *out, size_t size, const json_t *status, const char *name)
{
    const char *text = json_text(status, name);

    err_copy_text(out, size, text != NULL ? text : "");
    for (char *c = out; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
}

static int64_t number(const json_t *status, const char *name)
{
    int64_t n = json_int(status, name, -1);

    return n >= 0 && n <= NUMBER_MAX ? n : -1;
}

/* A db_sync that has not met its replica yet says offset 0: it is not there, it does not know. */
static bool knows_offset(const json_t *status)
{
    return json_member(status, "since") != NULL || json_int(status, "last_offset", 0) >= 0;
}

static bool read_status(const char *value, size_t len, struct status *out)
{
    json_t *status = len <= ROSTER_STATUS_BYTES_MAX ? json_parse(value, len, NULL) : NULL;

    *out = (struct status){0};
    copy_text(out->replica, sizeof out->replica, status, "replica");
    copy_text(out->program, sizeof out->program, status, "program");
    copy_text(out->instance, sizeof out->instance, status, "instance");
    copy_text(out->group, sizeof out->group, status, "group");
    copy_text(out->state, sizeof out->state, status, "state");
    copy_text(out->reason, sizeof out->reason, status, "reason");
    copy_text(out->version, sizeof out->version, status, "version");
    copy_text(out->server, sizeof out->server, status, "server");
    out->offset = knows_offset(status) ? number(status, "offset") : -1;
    out->lag = out->offset >= 0 ? number(status, "lag") : -1;
    out->age_ms = out->offset >= 0 ? number(status, "age_ms") : -1;
    out->in_flight = number(status, "in_flight");
    json_decref(status);
    return out->replica[0] != '\0' && out->program[0] != '\0' && out->state[0] != '\0';
}

/* ---- who is there ---- */

static bool has_key(const struct member *m, const char *key, size_t key_len)
{
    return m->key_len == key_len && memcmp(m->key, key, key_len) == 0;
}

static void drop(struct roster *r, size_t i)
{
    free(r->members[i]);
    r->members[i] = r->members[--r->count];
}

static void drop_key(struct roster *r, const char *key, size_t key_len)
{
    for (size_t i = r->count; i-- > 0;)
        if (has_key(r->members[i], key, key_len))
            drop(r, i);
}

/* Room for one more: of those that tell no more the one that did so first goes. Who still tells
 * never does, however many others come. */
static bool make_room(struct roster *r)
{
    size_t oldest = ROSTER_MAX;

    if (r->count < ROSTER_MAX)
        return true;
    for (size_t i = 0; i < r->count; i++)
        if (!tells(r, r->members[i], r->seen_ms) &&
            (oldest == ROSTER_MAX || r->members[i]->told_ms < r->members[oldest]->told_ms))
            oldest = i;
    if (oldest == ROSTER_MAX)
        return false;
    drop(r, oldest);
    return true;
}

/* The member, a new one if need be; NULL: there is no room. */
static struct member *find(struct roster *r, const char *key, size_t key_len, const char *instance)
{
    for (size_t i = 0; i < r->count; i++)
        if (has_key(r->members[i], key, key_len) &&
            strcmp(r->members[i]->now.instance, instance) == 0)
            return r->members[i];
    if (!make_room(r))
        return NULL;
    struct member *m = mem_alloc(1, sizeof *m);
    memcpy(m->key, key, key_len);
    m->key_len = key_len;
    r->members[r->count++] = m;
    return m;
}

/* Nobody could tell from the topic that they were there. */
static void forget_former(struct roster *r, int64_t now_ms)
{
    for (size_t i = r->count; i-- > 0;)
        if (!r->members[i]->owns_key && now_ms - r->members[i]->told_ms > HISTORY_MS)
            drop(r, i);
}

/* ---- taking one ---- */

static bool knows_error(const struct member *m, const struct status *next)
{
    for (size_t i = 0; i < m->error_count; i++)
        if (m->errors[i].at_ms >= m->state_ms && strcmp(m->errors[i].state, next->state) == 0 &&
            strcmp(m->errors[i].reason, next->reason) == 0)
            return true;
    return false;
}

/* Once for all the time that it lasts. A reason is not always an error: some say what is going on.
 */
static void keep_error(struct member *m, const struct status *next, int64_t at_ms)
{
    static const char *const fine[] = {"snapshot", "restoring", NULL};

    if (next->reason[0] == '\0' || is_one_of(next->state, fine) || knows_error(m, next))
        return;
    if (m->error_count < ERRORS)
        m->error_count++;
    memmove(m->errors + 1, m->errors, (m->error_count - 1) * sizeof *m->errors);
    m->errors[0].at_ms = at_ms;
    memcpy(m->errors[0].state, next->state, sizeof next->state);
    memcpy(m->errors[0].reason, next->reason, sizeof next->reason);
}

/* As those see it that tell at that time; -1: nobody does. */
static int64_t log_end(const struct roster *r, int64_t at_ms)
{
    int64_t end = -1;

    for (size_t i = 0; i < r->count; i++) {
        const struct member *m = r->members[i];
        if (tells(r, m, at_ms) && m->now.lag >= 0 && m->now.offset + m->now.lag > end)
            end = m->now.offset + m->now.lag;
    }
    return end;
}

void roster_take(struct roster *r, const char *key, size_t key_len, const char *value, size_t len,
                 int64_t at_ms)
{
    struct status next;

    if (key_len > 0 && key_len <= KEY_MAX && len == 0) {
        drop_key(r, key, key_len);
        return;
    }
    if (key_len == 0 || key_len > KEY_MAX || !utf8_is(key, key_len) ||
        !read_status(value, len, &next)) {
        r->unreadable++;
        return;
    }
    struct member *m = find(r, key, key_len, next.instance);
    if (m == NULL)
        r->left_out_ms = at_ms;
    if (m == NULL || at_ms < m->told_ms) /* or it is read again */
        return;
    for (size_t i = 0; i < r->count; i++)
        if (has_key(r->members[i], key, key_len))
            r->members[i]->owns_key = r->members[i] == m;
    if (strcmp(m->now.state, next.state) != 0)
        m->state_ms = at_ms;
    keep_error(m, &next, at_ms);
    m->now = next;
    m->told_ms = at_ms;
    track_take(&m->track, at_ms, next.offset);
    track_take(&r->log, at_ms, log_end(r, at_ms));
}

void roster_see(struct roster *r, int64_t now_ms)
{
    if (now_ms > r->seen_ms)
        r->seen_ms = now_ms;
}

/* ---- telling ---- */

static void add_text(struct buf *out, const char *name, const char *text)
{
    if (text[0] == '\0')
        return;
    buf_addf(out, ",\"%s\":", name);
    buf_add_json(out, text, strlen(text));
}

static void add_number(struct buf *out, const char *name, int64_t n)
{
    if (n >= 0)
        buf_addf(out, ",\"%s\":%" PRId64, name, n);
}

static void add_rate(struct buf *out, const struct track *t)
{
    int64_t tenths = track_rate(t);

    if (tenths >= 0)
        buf_addf(out, ",\"rate\":%" PRId64 ".%" PRId64, tenths / 10, tenths % 10);
}

static int64_t ago(int64_t now_ms, int64_t at_ms)
{
    return now_ms > at_ms ? now_ms - at_ms : 0;
}

static void add_member(const struct roster *r, const struct member *m, int64_t now_ms,
                       int64_t since, struct buf *out)
{
    const struct status *s = &m->now;

    buf_adds(out, "{\"key\":");
    buf_add_json(out, m->key, m->key_len);
    add_text(out, "replica", s->replica);
    add_text(out, "program", s->program);
    add_text(out, "instance", s->instance);
    add_text(out, "group", s->group);
    add_text(out, "state", s->state);
    add_text(out, "reason", s->reason);
    add_number(out, "offset", s->offset);
    add_number(out, "lag", s->lag);
    add_number(out, "age_ms", s->age_ms);
    add_number(out, "in_flight", s->in_flight);
    add_text(out, "version", s->version);
    add_text(out, "server", s->server);
    add_number(out, "told_ms", ago(now_ms, m->told_ms));
    add_number(out, "state_ms", ago(now_ms, m->state_ms));
    buf_addf(out, ",\"silent\":%s", is_silent(r, m) ? "true" : "false");
    buf_adds(out, ",\"errors\":[");
    for (size_t i = 0; i < m->error_count; i++) {
        buf_addf(out, "%s{\"ago_ms\":%" PRId64, i > 0 ? "," : "", ago(now_ms, m->errors[i].at_ms));
        add_text(out, "state", m->errors[i].state);
        add_text(out, "reason", m->errors[i].reason);
        buf_addc(out, '}');
    }
    buf_addc(out, ']');
    add_rate(out, &m->track);
    buf_addc(out, ',');
    track_add(&m->track, since, out);
    buf_addc(out, '}');
}

void roster_add(struct roster *r, int64_t now_ms, int64_t since, struct buf *out)
{
    int64_t end = log_end(r, r->seen_ms);
    bool left_out = r->left_out_ms > 0 && now_ms - r->left_out_ms < HISTORY_MS;

    forget_former(r, now_ms);
    buf_addf(out, "\"step_ms\":%d,\"steps\":%d,\"step\":%" PRId64 ",\"silent_after_ms\":%" PRId64,
             ROSTER_STEP_MS, ROSTER_STEPS, now_ms / ROSTER_STEP_MS, r->silent_after_ms);
    buf_addf(out, ",\"unreadable\":%" PRId64 ",\"left_out\":%s,\"log\":{", r->unreadable,
             left_out ? "true" : "false");
    track_add(&r->log, since, out);
    add_number(out, "offset", end);
    if (end >= 0)
        add_rate(out, &r->log);
    buf_adds(out, "},\"statuses\":[");
    for (size_t i = 0; i < r->count; i++) {
        if (i > 0)
            buf_addc(out, ',');
        add_member(r, r->members[i], now_ms, since, out);
    }
    buf_addc(out, ']');
}
