/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const level_names[] = {"error", "warn", "info", "debug"};

static struct {
    pthread_mutex_t lock;
    const char *program;
    enum log_level level;
    enum log_format format;
    struct log_overlay overlay;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER, .program = "", .level = LOG_LEVEL_INFO};

/* A descriptor that whoever started us closed would go to the next connection, and what is meant
 * for the terminal into it. Opened the wrong way round: reading or writing still says EBADF. */
static void fill_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            abort(); /* the lowest free one is what open gives */
}

void log_init(const char *program, enum log_level level, enum log_format format)
{
    fill_descriptors();
    state.program = program;
    state.level = level;
    state.format = format;
}

bool log_enabled(enum log_level level)
{
    return level <= state.level;
}

static void add_json_field(struct buf *line, const char *key, const char *text, int64_t number)
{
    buf_addc(line, line->len == 0 ? '{' : ',');
    buf_add_json(line, key, strlen(key));
    buf_addc(line, ':');
    if (text != NULL)
        buf_add_json(line, text, strlen(text));
    else
        buf_addi(line, number);
}

/* Bare where it reads without doubt, else as a JSON string. */
static void add_text_field(struct buf *line, const char *key, const char *text, int64_t number)
{
    if (line->len > 0)
        buf_addc(line, ' ');
    buf_adds(line, key);
    buf_addc(line, '=');
    if (text == NULL)
        buf_addi(line, number);
    else if (*text == '\0' || strpbrk(text, " \"\\=\n\r\t\b\f\v") != NULL)
        buf_add_json(line, text, strlen(text));
    else
        buf_adds(line, text);
}

void log_write(enum log_level level, const struct log_field *fields)
{
    struct buf line = {0};
    char now[CLOCK_TEXT_SIZE];

    if (!log_enabled(level))
        return;
    bool json = state.format == LOG_FORMAT_JSON;
    void (*add)(struct buf *, const char *, const char *, int64_t) =
        json ? add_json_field : add_text_field;
    add(&line, "time", clock_text(clock_wall_ms(), now, sizeof now), 0);
    add(&line, "level", level_names[level], 0);
    if (json)
        add(&line, "program", state.program, 0);
    for (const struct log_field *f = fields; f->key != NULL; f++) {
        if (f->code != NULL)
            add(&line, "code", f->code, 0);
        add(&line, f->key, f->text, f->number);
    }
    buf_adds(&line, json ? "}\n" : "\n");
    pthread_mutex_lock(&state.lock);
    if (state.overlay.clear != NULL)
        state.overlay.clear(state.overlay.arg);
    (void)!file_write(STDERR_FILENO, buf_str(&line), line.len); /* nobody else to tell */
    if (state.overlay.draw != NULL)
        state.overlay.draw(state.overlay.arg);
    pthread_mutex_unlock(&state.lock);
    buf_fini(&line);
}

void log_set_overlay(const struct log_overlay *overlay)
{
    pthread_mutex_lock(&state.lock);
    state.overlay = overlay != NULL ? *overlay : (struct log_overlay){0};
    pthread_mutex_unlock(&state.lock);
}
