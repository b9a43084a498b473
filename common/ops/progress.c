/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/progress.h"

#include "base/clock.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FIRST_MS 1000
#define EVERY_MS 100
#define BAR_WIDTH 30

static void clear(void *arg)
{
    (void)arg;
    fputs("\r\033[K", stderr);
    fflush(stderr);
}

static void draw(void *arg)
{
    struct progress *p = arg;
    double seconds = (double)(clock_mono_ms() - p->start_ms) / 1000;
    double rate = seconds > 0 ? (double)p->done / seconds : 0;

    if (p->total > 0) {
        int filled = (int)(p->done * BAR_WIDTH / p->total);
        double left = rate > 0 ? (double)(p->total - p->done) / rate : 0;
        fprintf(stderr, "\r[%.*s%*s] %3d%%  %" PRId64 "/%" PRId64 " %s  %.0f/s  %.0f s left\033[K",
                filled, "##############################", BAR_WIDTH - filled, "",
                (int)(p->done * 100 / p->total), p->done, p->total, p->unit, rate, left);
    } else {
        fprintf(stderr, "\r%" PRId64 " %s  %.0f/s  %.0f s\033[K", p->done, p->unit, rate, seconds);
    }
    fflush(stderr);
}

void progress_start(struct progress *p, const char *unit, int64_t total)
{
    *p = (struct progress){.unit = unit,
                           .total = total,
                           .start_ms = clock_mono_ms(),
                           .terminal = isatty(STDERR_FILENO) == 1};
}

void progress_set(struct progress *p, int64_t done)
{
    int64_t now = clock_mono_ms();

    p->done = p->total > 0 && done > p->total ? p->total : done;
    if (!p->terminal || now - p->start_ms < FIRST_MS || now - p->drawn_ms < EVERY_MS)
        return;
    if (!p->shown)
        log_set_overlay(&(struct log_overlay){.clear = clear, .draw = draw, .arg = p});
    p->shown = true;
    p->drawn_ms = now;
    draw(p);
}

void progress_end(struct progress *p)
{
    if (!p->shown)
        return;
    log_set_overlay(NULL);
    clear(p);
    p->shown = false;
}
