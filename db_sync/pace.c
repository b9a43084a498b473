/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/pace.h"

#define FIRST 500        /* commands, while nothing is known: a text may take 10 ms */
#define LESS 16          /* at most so many times less at once: it may have been a hiccup */
#define LEAST 100        /* commands whose time is worth a note */
#define COMPARE_TURNS 64 /* transactions between two looks at the form that is not in use */
#define COMPARE_US 60    /* a command that takes less is as quick as it can be */
#define BETTER(a, b) ((a)*5 < (b)*4)

void pace_init(struct pace *p, enum rewrite_form widest, size_t most, int64_t time_ms)
{
    *p = (struct pace){.widest = widest, .most = most, .time_ms = time_ms};
    p->limit = most < FIRST ? most : FIRST;
}

size_t pace_count(const struct pace *p)
{
    return p->careful > 0 && p->careful < p->limit ? p->careful : p->limit;
}

enum rewrite_form pace_form(const struct pace *p)
{
    const int64_t *cost = p->cost_us;

    if (p->widest != REWRITE_TOGETHER)
        return p->widest;
    bool worse = cost[REWRITE_SINGLY] > 0 && BETTER(cost[REWRITE_SINGLY], cost[REWRITE_TOGETHER]);
    bool look = p->careful == 0 && p->turn % COMPARE_TURNS == COMPARE_TURNS - 1 &&
                cost[REWRITE_TOGETHER] > COMPARE_US;
    return worse != look ? REWRITE_SINGLY : REWRITE_TOGETHER;
}

/* Of k that took too long, as many as would have taken three quarters of the time. */
static size_t fewer(const struct pace *p, size_t k, int64_t took_ms)
{
    size_t fit = (size_t)((int64_t)k * p->time_ms * 3 / 4 / took_ms);
    size_t least = k / LESS > 0 ? k / LESS : 1;

    return fit > least ? fit : least;
}

/* After as many as the limit allows: twice as many while they take less than half the time, then a
 * quarter more while they take less than three quarters. */
static size_t more(const struct pace *p, int64_t took_ms)
{
    size_t limit = p->limit;

    if (took_ms < p->time_ms / 2)
        limit *= 2;
    else if (took_ms < p->time_ms * 3 / 4)
        limit += limit / 4;
    return limit < p->most ? limit : p->most;
}

void pace_done(struct pace *p, size_t k, enum rewrite_form form, int64_t took_ms, bool telling)
{
    int64_t *cost = &p->cost_us[form], now = took_ms * 1000 / (int64_t)k;

    if (telling && k >= LEAST && p->careful == 0)
        *cost = *cost == 0 ? now : (3 * *cost + now) / 4;
    p->turn++;
    if (p->careful > 0) {
        p->careful += p->careful / 4 + 1;
        if (p->careful >= p->limit)
            p->careful = 0;
    }
    if (took_ms > p->time_ms && k > 1 && telling)
        p->limit = fewer(p, k, took_ms);
    else if (k >= p->limit)
        p->limit = more(p, took_ms);
}

void pace_narrow(struct pace *p, size_t count)
{
    p->careful = count > 0 ? count : 1;
}

void pace_shrink(struct pace *p, size_t k)
{
    p->limit = k > 1 ? k / 2 : 1;
    p->careful = p->limit;
}
