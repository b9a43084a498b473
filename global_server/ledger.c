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
    int64_t next_sequence;                        /* of the first request that is not settled */
    struct ledger_set beyond;                     /* settled offsets above it */
    struct ledger_run sequences[LEDGER_RUNS_MAX]; /* of beyond; -1: a former owner's */
    bool changed;
};

struct ledger {
    struct partition *partitions;
    size_t count;
};

/* The number at *p, and passes the comma behind it; -1: there is none. */
static int64_t read_number(const char **p)
{
    char *end;

    if (!isdigit((unsigned char)**p))
        return -1;
    errno = 0;
    long long n = strtoll(*p, &end, 10);
    if (errno != 0 || (*end != ',' && *end != '\0'))
        return -1;
    *p = end + (*end == ',');
    return n;
}

/* One run behind the offset before. */
static bool read_run(const char **p, int64_t before, struct ledger_run *run)
{
    int64_t gap = read_number(p), length = read_number(p);

    return gap > 0 && length >= 0 && !__builtin_add_overflow(before, gap, &run->first) &&
           !__builtin_add_overflow(run->first, length, &run->last) && run->last < INT64_MAX;
}

void ledger_set_read(struct ledger_set *set, int64_t committed, const char *metadata)
{
    set->count = 0;
    if (committed < 0 || strncmp(metadata, "2;", 2) != 0)
        return;
    const char *p = metadata + 2;
    for (int64_t before = committed; *p != '\0'; before = set->runs[set->count++].last)
        if (set->count == LEDGER_RUNS_MAX || !read_run(&p, before, &set->runs[set->count])) {
            set->count = 0;
            return;
        }
}

bool ledger_set_has(const struct ledger_set *set, int64_t offset)
{
    for (size_t i = 0; i < set->count && set->runs[i].first <= offset; i++)
        if (offset <= set->runs[i].last)
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
        p->sequences[i] = (struct ledger_run){-1, -1};
}

static struct partition *find(const struct ledger *l, int32_t partition)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->partitions[i].number == partition)
            return &l->partitions[i];
    return NULL;
}

bool ledger_may_settle(const struct ledger *l, int32_t partition, int64_t sequence, size_t spare)
{
    const struct partition *p = find(l, partition);

    return p != NULL && (sequence == p->next_sequence || p->beyond.count + spare < LEDGER_RUNS_MAX);
}

/* count runs from i on. */
static void drop(struct partition *p, size_t i, size_t count)
{
    p->beyond.count -= count;
    size_t after = p->beyond.count - i;

    memmove(&p->beyond.runs[i], &p->beyond.runs[i + count], after * sizeof(struct ledger_run));
    memmove(&p->sequences[i], &p->sequences[i + count], after * sizeof(struct ledger_run));
}

static void insert(struct partition *p, int64_t sequence, int64_t offset)
{
    size_t i = p->beyond.count;

    assert(i < LEDGER_RUNS_MAX);
    while (i > 0 && p->beyond.runs[i - 1].first > offset)
        i--;
    size_t after = p->beyond.count++ - i;
    memmove(&p->beyond.runs[i + 1], &p->beyond.runs[i], after * sizeof(struct ledger_run));
    memmove(&p->sequences[i + 1], &p->sequences[i], after * sizeof(struct ledger_run));
    p->beyond.runs[i] = (struct ledger_run){offset, offset};
    p->sequences[i] = (struct ledger_run){sequence, sequence};
}

/* Sequences tell that nothing lies between but what a former owner settled, and records that are no
 * requests. */
static void join_runs(struct partition *p)
{
    for (size_t i = 0; i < p->beyond.count; i++) {
        if (p->sequences[i].first < 0)
            continue;
        size_t next = i + 1;
        while (next < p->beyond.count && p->sequences[next].first < 0)
            next++;
        if (next == p->beyond.count || p->sequences[next].first != p->sequences[i].last + 1)
            continue;
        p->beyond.runs[next].first = p->beyond.runs[i].first;
        p->sequences[next].first = p->sequences[i].first;
        drop(p, i, next - i);
        i--; /* it may join the next one too */
    }
}

/* A run may begin where all before it is settled. */
static void close_gap(struct partition *p)
{
    size_t own = 0;

    while (own < p->beyond.count && p->sequences[own].first != p->next_sequence)
        own++;
    if (own < p->beyond.count) {
        p->committed = p->beyond.runs[own].last + 1;
        p->next_sequence = p->sequences[own].last + 1;
    }
    while (p->beyond.count > 0 && p->beyond.runs[0].first <= p->committed) {
        if (p->beyond.runs[0].last >= p->committed)
            p->committed = p->beyond.runs[0].last + 1;
        drop(p, 0, 1);
    }
}

/* The topic was made anew: what former owners settled was in another log. */
static void forget_former(struct partition *p)
{
    for (size_t i = p->beyond.count; i > 0; i--)
        if (p->sequences[i - 1].first < 0)
            drop(p, i - 1, 1);
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
        join_runs(p);
    }
    close_gap(p);
}

static void write_metadata(const struct partition *p, char *out, size_t size)
{
    int64_t before = p->committed;
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < p->beyond.count; i++) {
        const struct ledger_run *run = &p->beyond.runs[i];
        int n = snprintf(out + len, size - len, "%s%" PRId64 ",%" PRId64, i == 0 ? "2;" : ",",
                         run->first - before, run->last - run->first);
        assert(n > 0 && (size_t)n < size - len);
        len += (size_t)n;
        before = run->last;
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
