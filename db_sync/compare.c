/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/compare.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void copy(char *out, size_t size, const json_t *text)
{
    snprintf(out, size, "%s", json_is_string(text) ? json_string_value(text) : "");
}

void compare_add_point(struct compare_side *side, int64_t offset, const char *outcome)
{
    for (size_t i = 0; i < side->point_count; i++)
        if (side->points[i].offset == offset)
            return;
    if (side->point_count == COMPARE_POINTS) {
        side->point_count--;
        memmove(side->points, side->points + 1, side->point_count * sizeof *side->points);
    }
    struct compare_point *point = &side->points[side->point_count++];
    point->offset = offset;
    snprintf(point->outcome, sizeof point->outcome, "%s", outcome);
}

static void add_failure(struct compare_side *side, int64_t offset, const char *code)
{
    if (side->failure_count == POSITION_FAILURES)
        return;
    struct compare_failure *f = &side->failures[side->failure_count++];
    f->offset = offset;
    snprintf(f->code, sizeof f->code, "%s", code);
}

bool compare_read(struct compare_side *side, const json_t *status)
{
    const char *outcome = json_text(status, "outcome");
    const json_t *pair;
    size_t i;

    *side = (struct compare_side){.since = json_int(status, "since", -1),
                                  .offset = json_int(status, "offset", -1),
                                  .failures_from = json_int(status, "failures_from", -1)};
    if (side->since < 0 || side->offset < side->since || side->failures_from < 0 || outcome == NULL)
        return false;
    json_array_foreach (json_object_get(status, "checkpoints"), i, pair) {
        char text[HASH_ID_SIZE];
        copy(text, sizeof text, json_array_get(pair, 1));
        compare_add_point(side, json_integer_value(json_array_get(pair, 0)), text);
    }
    compare_add_point(side, side->offset, outcome);
    json_array_foreach (json_object_get(status, "failures"), i, pair) {
        char code[64];
        copy(code, sizeof code, json_array_get(pair, 1));
        add_failure(side, json_integer_value(json_array_get(pair, 0)), code);
    }
    return true;
}

void compare_init(struct compare_side *side, const struct position *p)
{
    *side = (struct compare_side){
        .since = p->since, .offset = p->next_offset, .failures_from = position_failures_from(p)};
    for (size_t i = 0; i < p->failure_count; i++)
        add_failure(side, p->failures[i].offset, p->failures[i].code);
}

void compare_add_to(json_t *status, const struct compare_side *side)
{
    json_t *points = json_array(), *failures = json_array();

    for (size_t i = 0; i < side->point_count; i++)
        if (side->points[i].offset % COMPARE_EVERY == 0 && side->points[i].offset > side->since)
            json_array_append_new(points, json_pack("[I,s]", (json_int_t)side->points[i].offset,
                                                    side->points[i].outcome));
    for (size_t i = 0; i < side->failure_count; i++)
        json_array_append_new(failures, json_pack("[I,s]", (json_int_t)side->failures[i].offset,
                                                  side->failures[i].code));
    json_object_set_new(status, "since", json_integer(side->since));
    json_object_set_new(status, "checkpoints", points);
    json_object_set_new(status, "failures_from", json_integer(side->failures_from));
    json_object_set_new(status, "failures", failures);
}

const char *compare_outcome_of(const struct compare_side *side, int64_t offset)
{
    if (offset < side->failures_from || offset >= side->offset)
        return NULL;
    for (size_t i = 0; i < side->failure_count; i++)
        if (side->failures[i].offset == offset)
            return side->failures[i].code;
    return "";
}

/* The first offset in [from, before) at which one failed and the other did not, or, with codes, at
 * which both failed with two codes; -1: none. */
static int64_t first_difference(const struct compare_side *a, const struct compare_side *b,
                                int64_t from, int64_t before, bool codes)
{
    const struct compare_side *const sides[] = {a, b};
    int64_t first = -1;

    for (size_t s = 0; s < 2; s++)
        for (size_t i = 0; i < sides[s]->failure_count; i++) {
            const struct compare_failure *f = &sides[s]->failures[i];
            const char *other = compare_outcome_of(sides[1 - s], f->offset);
            if (f->offset >= from && f->offset < before && (first < 0 || f->offset < first) &&
                other != NULL && (codes ? strcmp(other, f->code) != 0 : *other == '\0'))
                first = f->offset;
        }
    return first;
}

static const struct compare_point *point_at(const struct compare_side *side, int64_t offset)
{
    for (size_t i = 0; i < side->point_count; i++)
        if (side->points[i].offset == offset)
            return &side->points[i];
    return NULL;
}

enum compare_result compare_sides(const struct compare_side *a, const struct compare_side *b,
                                  int64_t *offset, int64_t *before)
{
    int64_t equal = -1, different = -1;

    if (a->since != b->since)
        return COMPARE_NOTHING;
    for (size_t i = 0; i < a->point_count; i++) {
        const struct compare_point *mine = &a->points[i], *theirs = point_at(b, mine->offset);
        if (theirs == NULL)
            continue;
        if (strcmp(mine->outcome, theirs->outcome) != 0) {
            if (different < 0 || mine->offset < different)
                different = mine->offset;
        } else if (mine->offset > equal) {
            equal = mine->offset;
        }
    }
    if (different < 0)
        return equal < 0 ? COMPARE_NOTHING : COMPARE_EQUAL;
    *before = different;
    /* Two codes for one failure change no graph, but every hash from there on: what changes one is
     * looked for first, also behind it. */
    int64_t from = equal < different ? equal : -1;
    int64_t common = a->offset < b->offset ? a->offset : b->offset;
    *offset = first_difference(a, b, from, common, false);
    if (*offset < 0)
        *offset = first_difference(a, b, from, different, true);
    return COMPARE_DIFFERENT;
}
