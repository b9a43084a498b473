/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/metrics.h"

#include "base/clock.h"

#include <assert.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

void metrics_add_family(struct buf *out, const char *name, enum metrics_type type, const char *help)
{
    buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
             type == METRICS_COUNTER ? "counter" : "gauge");
}

/* Within quotes: \\, \" and \n. */
static void add_escaped(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\' || *text == '"')
            buf_addc(out, '\\');
        if (*text == '\n')
            buf_adds(out, "\\n");
        else
            buf_addc(out, *text);
    }
}

/* scale: 1 or another power of ten. */
static void add_number(struct buf *out, int64_t value, int64_t scale)
{
    int digits = 0;

    for (int64_t s = scale; s > 1; s /= 10)
        digits++;
    if (digits == 0) {
        buf_addi(out, value);
        return;
    }
    if (value < 0)
        buf_addc(out, '-');
    uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value, whole = (uint64_t)scale;
    buf_addf(out, "%" PRIu64 ".%0*" PRIu64, size / whole, digits, size % whole);
}

void metrics_add_sample(struct buf *out, const char *name, const struct metrics_label *labels,
                        size_t count, int64_t value, int64_t scale)
{
    buf_adds(out, name);
    for (size_t i = 0; i < count; i++) {
        buf_addf(out, "%c%s=\"", i == 0 ? '{' : ',', labels[i].name);
        add_escaped(out, labels[i].value);
        buf_addc(out, '"');
    }
    buf_adds(out, count > 0 ? "} " : " ");
    add_number(out, value, scale);
    buf_addc(out, '\n');
}

void metrics_add_counter(struct buf *out, const char *name, const char *help, int64_t value)
{
    metrics_add_family(out, name, METRICS_COUNTER, help);
    metrics_add_sample(out, name, NULL, 0, value, 1);
}

void metrics_add_gauge(struct buf *out, const char *name, const char *help, int64_t value,
                       int64_t scale)
{
    metrics_add_family(out, name, METRICS_GAUGE, help);
    metrics_add_sample(out, name, NULL, 0, value, scale);
}

/* ---- histograms ---- */

void metrics_observe(struct metrics_histogram *h, int64_t value)
{
    size_t i = 0;

    assert(h->bound_count <= METRICS_BUCKETS);
    while (i < h->bound_count && value > h->bounds[i])
        i++;
    atomic_fetch_add(&h->counts[i], 1);
    atomic_fetch_add(&h->sum, value);
}

/* Each bucket holds what those before it hold. */
void metrics_add_histogram(struct buf *out, const char *name, const char *help,
                           struct metrics_histogram *h)
{
    int64_t seen = 0;

    buf_addf(out, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name);
    for (size_t i = 0; i <= h->bound_count; i++) {
        seen += atomic_load(&h->counts[i]);
        buf_addf(out, "%s_bucket{le=\"", name);
        if (i < h->bound_count)
            add_number(out, h->bounds[i], h->scale);
        else
            buf_adds(out, "+Inf");
        buf_addf(out, "\"} %" PRId64 "\n", seen);
    }
    buf_addf(out, "%s_sum ", name);
    add_number(out, atomic_load(&h->sum), h->scale);
    buf_addf(out, "\n%s_count %" PRId64 "\n", name, seen);
}

void metrics_histogram_init_ms(struct metrics_histogram *h)
{
    static const int64_t bounds[METRICS_BUCKETS] = {
        1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000, 300000};

    *h =
        (struct metrics_histogram){.bounds = bounds, .bound_count = METRICS_BUCKETS, .scale = 1000};
}

/* ---- one sample a state, or a class ---- */

void metrics_add_states(struct buf *out, const char *name, const char *help,
                        const char *const *states, size_t count, const char *now)
{
    metrics_add_family(out, name, METRICS_GAUGE, help);
    for (size_t i = 0; i < count; i++) {
        const struct metrics_label label = {"state", states[i]};
        metrics_add_sample(out, name, &label, 1, strcmp(now, states[i]) == 0, 1);
    }
}

void metrics_count_error(struct metrics_errors *e, enum err_class class)
{
    atomic_fetch_add(&e->counts[class], 1);
}

void metrics_add_errors(struct buf *out, const char *name, const char *help,
                        struct metrics_errors *e)
{
    metrics_add_family(out, name, METRICS_COUNTER, help);
    for (enum err_class c = ERR_NONE + 1; c < ERR_STOPPING; c++) {
        const struct metrics_label label = {"class", err_class_name(c)};
        metrics_add_sample(out, name, &label, 1, atomic_load(&e->counts[c]), 1);
    }
}

/* ---- the process ---- */

/* Of a file of a line or a few, as those in /proc. 0, or -1. */
static int read_small(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "re");

    if (f == NULL)
        return -1;
    size_t n = fread(out, 1, size - 1, f);
    fclose(f);
    out[n] = '\0';
    return n > 0 ? 0 : -1;
}

static void add_memory(struct buf *out)
{
    char text[128];
    int64_t all, resident, page = sysconf(_SC_PAGESIZE);

    if (read_small("/proc/self/statm", text, sizeof text) < 0 ||
        sscanf(text, "%" SCNd64 " %" SCNd64, &all, &resident) != 2)
        return;
    metrics_add_gauge(out, "process_resident_memory_bytes", "Resident memory size in bytes.",
                      resident * page, 1);
    metrics_add_gauge(out, "process_virtual_memory_bytes", "Virtual memory size in bytes.",
                      all * page, 1);
}

static void add_files(struct buf *out)
{
    struct rlimit limit;
    DIR *folder = opendir("/proc/self/fd");
    int64_t count = 0;

    if (folder != NULL) {
        for (struct dirent *e = readdir(folder); e != NULL; e = readdir(folder))
            count += e->d_name[0] != '.';
        closedir(folder);
        /* without the one that counts */
        metrics_add_gauge(out, "process_open_fds", "Number of open file descriptors.", count - 1,
                          1);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur <= INT64_MAX)
        metrics_add_gauge(out, "process_max_fds", "Maximum number of open file descriptors.",
                          (int64_t)limit.rlim_cur, 1);
}

/* The 22nd field of /proc/self/stat, in ticks since the machine started (proc(5)); the 2nd, a name,
 * may hold anything, so fields are counted behind its bracket. */
int64_t metrics_process_start_ms(void)
{
    char text[1024];
    struct timespec up;
    uint64_t ticks;

    if (read_small("/proc/self/stat", text, sizeof text) < 0)
        return -1;
    const char *p = strrchr(text, ')');
    for (int field = 2; p != NULL && field < 22; field++)
        p = strchr(p + 1, ' ');
    if (p == NULL || sscanf(p, "%" SCNu64, &ticks) != 1 || clock_gettime(CLOCK_BOOTTIME, &up) < 0)
        return -1;
    int64_t up_ms = (int64_t)up.tv_sec * 1000 + up.tv_nsec / 1000000;
    int64_t start_ms = (int64_t)(ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK));
    return clock_wall_ms() - up_ms + start_ms;
}

void metrics_add_process(struct buf *out, int64_t start_ms)
{
    struct timespec used;

    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0) {
        metrics_add_family(out, "process_cpu_seconds_total", METRICS_COUNTER,
                           "Total user and system CPU time spent in seconds.");
        metrics_add_sample(out, "process_cpu_seconds_total", NULL, 0,
                           (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000, 1000);
    }
    add_memory(out);
    add_files(out);
    if (start_ms >= 0)
        metrics_add_gauge(out, "process_start_time_seconds",
                          "Start time of the process since unix epoch in seconds.", start_ms, 1000);
}
