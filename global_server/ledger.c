/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/ledger.h"

#include "base/mem.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct partition {
    int32_t number;
    int64_t committed;
    int64_t next_sequence;                /* of the first request that is not settled */
    struct ledger_set beyond;             /* settled offsets above it */
    int64_t sequences[LEDGER_BEYOND_MAX]; /* of beyond; -1: a former owner's */
    bool changed;
};

struct ledger {
    struct partition *partitions;
    size_t count;
};

void ledger_set_read(struct ledger_set *set, int64_t committed, const char *metadata)
{
    int64_t offset = committed;

    set->count = 0;
    if (committed < 0 || strncmp(metadata, "1;", 2) != 0)
        return;
    for (const char *p = metadata + 2; *p != '\0';) {
        char *end;
        errno = 0;
        long long distance = isdigit((unsigned char)*p) ? strtoll(p, &end, 10) : 0;
        if (distance <= 0 || errno != 0 || __builtin_add_overflow(offset, distance, &offset) ||
            set->count == LEDGER_BEYOND_MAX || (*end != ',' && *end != '\0')) {
            set->count = 0;
            return;
        }
        set->offsets[set->count++] = offset;
        p = end + (*end == ',');
    }
}

bool ledger_set_has(const struct ledger_set *set, int64_t offset)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->offsets[i] == offset)
            return true;
    return false;
}

struct ledger *ledger_new(void)
{
    return mem_alloc(1, sizeof(struct ledger));
}

struct ledger *ledger_dup(const struct ledger *l)
{
    struct ledger *copy = ledger_new();

    copy->partitions = mem_alloc(l->count + 1, sizeof *copy->partitions);
    if (l->count > 0)
        memcpy(copy->partitions, l->partitions, l->count * sizeof *l->partitions);
    copy->count = l->count;
    return copy;
}

void ledger_free(struct ledger *l)
{
    if (l == NULL)
        return;
    free(l->partitions);
    free(l);
}

void ledger_add_partition(struct ledger *l, int32_t partition, int64_t committed,
                          const struct ledger_set *skip)
{
    l->partitions = mem_realloc(l->partitions, l->count + 1, sizeof *l->partitions);
    struct partition *p = &l->partitions[l->count++];
    *p = (struct partition){
        .number = partition, .committed = committed >= 0 ? committed : 0, .beyond = *skip};
    for (size_t i = 0; i < skip->count; i++)
        p->sequences[i] = -1;
}

static struct partition *find(const struct ledger *l, int32_t partition)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->partitions[i].number == partition)
            return &l->partitions[i];
    return NULL;
}

bool ledger_may_settle(const struct ledger *l, int32_t partition, int64_t sequence)
{
    const struct partition *p = find(l, partition);

    return p != NULL && (sequence == p->next_sequence || p->beyond.count < LEDGER_BEYOND_MAX);
}

static void drop(struct partition *p, size_t i)
{
    size_t after = --p->beyond.count - i;

    memmove(&p->beyond.offsets[i], &p->beyond.offsets[i + 1], after * sizeof(int64_t));
    memmove(&p->sequences[i], &p->sequences[i + 1], after * sizeof(int64_t));
}

static void insert(struct partition *p, int64_t sequence, int64_t offset)
{
    size_t i = p->beyond.count;

    assert(i < LEDGER_BEYOND_MAX);
    while (i > 0 && p->beyond.offsets[i - 1] > offset)
        i--;
    size_t after = p->beyond.count++ - i;
    memmove(&p->beyond.offsets[i + 1], &p->beyond.offsets[i], after * sizeof(int64_t));
    memmove(&p->sequences[i + 1], &p->sequences[i], after * sizeof(int64_t));
    p->beyond.offsets[i] = offset;
    p->sequences[i] = sequence;
}

/* Sequences tell that nothing lies between: offsets have gaps of control and aborted records. */
static void close_gap(struct partition *p)
{
    for (size_t i = 0; i < p->beyond.count;) {
        if (p->sequences[i] == p->next_sequence) {
            p->committed = p->beyond.offsets[i] + 1;
            p->next_sequence++;
            drop(p, i);
            i = 0;
        } else if (p->beyond.offsets[i] < p->committed) {
            drop(p, i);
            i = 0;
        } else if (p->beyond.offsets[i] == p->committed && p->sequences[i] < 0) {
            p->committed++;
            drop(p, i);
            i = 0;
        } else {
            i++;
        }
    }
}

/* The topic was made anew: what former owners settled was in another log. */
static void forget_former(struct partition *p)
{
    for (size_t i = p->beyond.count; i > 0; i--)
        if (p->sequences[i - 1] < 0)
            drop(p, i - 1);
    p->committed = 0;
}

void ledger_settle(struct ledger *l, int32_t partition, int64_t sequence, int64_t offset)
{
    struct partition *p = find(l, partition);

    assert(p != NULL && sequence >= p->next_sequence);
    p->changed = true;
    if (offset < p->committed)
        forget_former(p);
    if (sequence == p->next_sequence) { /* needs no place in the set */
        p->next_sequence++;
        p->committed = offset + 1;
    } else {
        insert(p, sequence, offset);
    }
    close_gap(p);
}

static void write_metadata(const struct partition *p, char *out, size_t size)
{
    int64_t before = p->committed;
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < p->beyond.count; i++) {
        int n = snprintf(out + len, size - len, "%s%" PRId64, i == 0 ? "1;" : ",",
                         p->beyond.offsets[i] - before);
        assert(n > 0 && (size_t)n < size - len);
        len += (size_t)n;
        before = p->beyond.offsets[i];
    }
}

size_t ledger_take_commits(struct ledger *l, struct ledger_commit *out, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < l->count && n < max; i++) {
        struct partition *p = &l->partitions[i];
        if (!p->changed)
            continue;
        p->changed = false;
        out[n].partition = p->number;
        out[n].offset = p->committed;
        write_metadata(p, out[n].metadata, sizeof out[n].metadata);
        n++;
    }
    return n;
}
