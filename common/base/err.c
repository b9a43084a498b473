/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

static const char cut_mark[] = "…";

static const struct {
    const char *name;
    int exit_code;
} classes[] = {
    [ERR_NONE] = {"none", 0},         [ERR_RETRY] = {"retry", 4},     [ERR_SHRINK] = {"shrink", 1},
    [ERR_POISON] = {"poison", 1},     [ERR_UNKNOWN] = {"unknown", 4}, [ERR_FENCED] = {"fenced", 5},
    [ERR_GUARD] = {"guard", 5},       [ERR_USAGE] = {"usage", 2},     [ERR_CONFIG] = {"config", 3},
    [ERR_DAMAGED] = {"damaged", 6},   [ERR_DIFFERS] = {"differs", 7}, [ERR_FATAL] = {"fatal", 1},
    [ERR_STOPPING] = {"stopping", 1},
};

/* Takes back a UTF-8 character that a fixed-size array cut in two: the text goes into JSON. */
static void cut_at_character(char *s)
{
    size_t len = strlen(s), start = len;

    while (start > 0 && ((unsigned char)s[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)s[start - 1];
    size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (len - (start - 1) < want)
        s[start - 1] = '\0';
}

/* text fills its array and something did not fit. */
static void mark_cut(char *text, size_t size)
{
    text[size - sizeof cut_mark] = '\0';
    cut_at_character(text);
    memcpy(text + strlen(text), cut_mark, sizeof cut_mark);
}

void err_copy_text(char *out, size_t size, const char *text)
{
    if ((size_t)snprintf(out, size, "%s", text) >= size)
        mark_cut(out, size);
}

int err_setv(struct err *err, enum err_class class, const char *code, const char *fmt, va_list ap)
{
    if (err == NULL || err->class != ERR_NONE)
        return -1;
    err->class = class;
    snprintf(err->code, sizeof err->code, "%s", code);
    if (vsnprintf(err->text, sizeof err->text, fmt, ap) >= (int)sizeof err->text)
        mark_cut(err->text, sizeof err->text);
    utf8_clean(err->text); /* libraries quote half a character, files have any name */
    return -1;
}

int err_set(struct err *err, enum err_class class, const char *code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    err_setv(err, class, code, fmt, ap);
    va_end(ap);
    return -1;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
    char before[sizeof err->text], both[2 * sizeof err->text + 2];
    va_list ap;

    if (err == NULL || err->class == ERR_NONE)
        return -1;
    va_start(ap, fmt);
    vsnprintf(before, sizeof before, fmt, ap);
    va_end(ap);
    utf8_clean(before);
    snprintf(both, sizeof both, "%s: %s", before, err->text);
    err_copy_text(err->text, sizeof err->text, both);
    return -1;
}

void err_clear(struct err *err)
{
    *err = (struct err){0};
}

bool err_is_set(const struct err *err)
{
    return err->class != ERR_NONE;
}

bool err_heals(const struct err *err)
{
    return err->class == ERR_RETRY || err->class == ERR_SHRINK || err->class == ERR_UNKNOWN;
}

const char *err_class_name(enum err_class class)
{
    return classes[class].name;
}

int err_exit_code(enum err_class class)
{
    return classes[class].exit_code;
}
