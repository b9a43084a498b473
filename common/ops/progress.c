/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/progress.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FIRST_MS 1000
#define DRAW_EVERY_MS 100
#define LINE_EVERY_MS 1000
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

/* Whole lines, each by one write. */
static void write_line(const struct progress *p, int64_t now)
{
    double seconds = (double)(now - p->start_ms) / 1000;
    double rate = seconds > 0 ? (double)p->done / seconds : 0;
    struct buf line = {0};

    buf_adds(&line, "{\"phase\":");
    buf_add_json(&line, p->unit, strlen(p->unit));
    buf_addf(&line, ",\"done\":%" PRId64, p->done);
    if (p->total > 0)
        buf_addf(&line, ",\"total\":%" PRId64, p->total);
    else
        buf_adds(&line, ",\"total\":null");
    buf_addf(&line, ",\"rate\":%.1f", rate);
    if (p->total > 0 && rate > 0)
        buf_addf(&line, ",\"eta_s\":%.1f}\n", (double)(p->total - p->done) / rate);
    else
        buf_adds(&line, ",\"eta_s\":null}\n");
    fputs(buf_str(&line), stderr);
    fflush(stderr);
    buf_fini(&line);
}

void progress_start(struct progress *p, enum progress_mode mode, const char *unit, int64_t total)
{
    bool hidden = mode == PROGRESS_AUTO && isatty(STDERR_FILENO) != 1;
    int64_t now = clock_mono_ms();

    *p = (struct progress){.unit = unit,
                           .total = total,
                           .start_ms = now,
                           .drawn_ms = now,
                           .mode = hidden ? PROGRESS_NONE : mode};
}

void progress_set(struct progress *p, int64_t done)
{
    int64_t now = clock_mono_ms();

    p->done = p->total > 0 && done > p->total ? p->total : done;
    if (p->mode == PROGRESS_NONE || now - p->start_ms < FIRST_MS ||
        now - p->drawn_ms < (p->mode == PROGRESS_JSON ? LINE_EVERY_MS : DRAW_EVERY_MS))
        return;
    p->drawn_ms = now;
    if (p->mode == PROGRESS_JSON) {
        write_line(p, now);
        return;
    }
    if (!p->shown)
        log_set_overlay(&(struct log_overlay){.clear = clear, .draw = draw, .arg = p});
    p->shown = true;
    draw(p);
}

void progress_end(struct progress *p)
{
    if (p->mode == PROGRESS_JSON)
        write_line(p, clock_mono_ms());
    p->mode = PROGRESS_NONE;
    if (!p->shown)
        return;
    log_set_overlay(NULL);
    clear(p);
    p->shown = false;
}

static void on_progress(void *arg, const char *phase, int64_t done, int64_t total)
{
    struct progress_phases *p = arg;

    if (p->phase == NULL || strcmp(p->phase, phase) != 0) {
        progress_end_phases(p);
        progress_start(&p->progress, p->mode, phase, total);
        p->phase = phase;
    }
    p->progress.total = total;
    progress_set(&p->progress, done);
}

struct phase_sink progress_sink(struct progress_phases *p)
{
    return (struct phase_sink){on_progress, p};
}

void progress_end_phases(struct progress_phases *p)
{
    if (p->phase != NULL)
        progress_end(&p->progress);
    p->phase = NULL;
}
