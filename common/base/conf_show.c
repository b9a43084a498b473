/* SPDX-License-Identifier: Apache-2.0 */
#include "base/conf_show.h"

#include "base/buf.h"

#include <inttypes.h>
#include <string.h>

#define PAGE_WIDTH 100

/* Prints text in lines of at most PAGE_WIDTH, each but the first one indented. */
static void print_wrapped(FILE *out, const char *text, size_t indent, size_t column)
{
    while (*text != '\0') {
        size_t word = strcspn(text, " \n");
        if (column > indent && column + word + 1 > PAGE_WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", (int)word, text);
        column += word;
        text += word;
        text += *text == ' ' || *text == '\n';
    }
    fputc('\n', out);
}

static const char *placeholder(enum conf_type type)
{
    static const char *const names[] = {
        [CONF_TEXT] = "TEXT", [CONF_SECRET] = "", [CONF_INT] = "N", [CONF_BYTES] = "SIZE",
        [CONF_MS] = "TIME",   [CONF_BOOL] = "",   [CONF_ENUM] = "", [CONF_PAIRS] = "NAME=VALUE"};
    return names[type];
}

static void show_option(const struct conf_option *o, FILE *out)
{
    struct buf left = {0}, right = {0};
    char flag[64];

    conf_flag_name(o, flag, sizeof flag);
    if (o->type == CONF_SECRET)
        buf_addf(&left, "  (environment only)");
    else if (o->type == CONF_ENUM)
        buf_addf(&left, "  --%s %s", flag, o->min);
    else
        buf_addf(&left, "  --%s %s", flag, placeholder(o->type));
    buf_adds(&right, o->help);
    if (o->def != NULL && o->type != CONF_BOOL)
        buf_addf(&right, "; default %s", o->def + (o->def[0] == '$'));
    if (o->min != NULL && o->max != NULL)
        buf_addf(&right, " (%s to %s)", o->min, o->max);
    if (o->type == CONF_SECRET)
        buf_addf(&right, " [%s, %s_FILE]", o->name, o->name);
    else if (o->type == CONF_PAIRS)
        buf_addf(&right, " [%s_…]", o->name);
    else if (!(o->flags & CONF_FLAG_ONLY))
        buf_addf(&right, " [%s]", o->name);
    size_t column = left.len;
    fputs(buf_str(&left), out);
    if (column > 33) {
        fputc('\n', out);
        column = 0;
    }
    fprintf(out, "%*s", (int)(34 - column), "");
    print_wrapped(out, buf_str(&right), 34, 34);
    buf_fini(&left);
    buf_fini(&right);
}

void conf_show_help(const struct conf_program *program, const struct conf_command *command,
                    FILE *out)
{
    bool all = command == &program->commands[0];

    if (all) {
        fprintf(out, "%s %s: ", program->name, program->version);
        print_wrapped(out, program->summary, 0, strlen(program->name) + 9);
        fputs("\nUsage:\n", out);
        for (const struct conf_command *c = program->commands; c->name != NULL; c++)
            fprintf(out, "  %s %s%s%s%s%s\n", program->name, c == program->commands ? "[" : "",
                    c->name, c == program->commands ? "]" : "", *c->args != '\0' ? " " : "",
                    c->args);
        fprintf(out, "  %s SUBCOMMAND --help\n", program->name);
        if (program->examples != NULL)
            fprintf(out, "\nExamples:\n%s", program->examples);
    } else {
        fprintf(out, "Usage: %s %s [FLAGS] %s\n", program->name, command->name, command->args);
    }
    fputc('\n', out);
    print_wrapped(out, command->help, 0, 0);
    fputs("\nOptions, with the name in the environment in brackets; a flag wins over it:\n", out);
    for (const struct conf_option *o = program->options; o->name != NULL; o++)
        if (o->commands & command->bit)
            show_option(o, out);
    fputs("  --print-config                  Show the settings as they would be used, secrets "
          "masked, and end\n"
          "  --help, --version               Show this text or the version, and end\n",
          out);
    fputs("\nTIME: a number with ms, s, m or h; alone it means ms.\n"
          "SIZE: a number with B, KiB, MiB, GiB, kB, MB or GB; alone it means B.\n"
          "\nExit codes: 0 done, 1 failed, 2 usage, 3 configuration, 4 dependency unreachable,\n"
          "5 refused by a guard, 6 data damaged, 7 differs.\n",
          out);
}

/* An address as it may be shown: a password that somebody put into it is masked. */
static void show_text(const char *name, const char *text, FILE *out)
{
    const char *from = strstr(text, "://"), *at = strrchr(text, '@');

    if (from != NULL && at != NULL && at > from)
        fprintf(out, "%s=%.*s********%s\n", name, (int)(from + 3 - text), text, at);
    else
        fprintf(out, "%s=%s\n", name, text);
}

static void show_value(const struct conf_option *o, const void *at, FILE *out)
{
    switch (o->type) {
    case CONF_TEXT:
        show_text(o->name, *(char *const *)at != NULL ? *(char *const *)at : "", out);
        break;
    case CONF_SECRET: {
        const struct conf_secret *secret = at;
        fprintf(out, "%s=%s\n", o->name, secret->value != NULL ? "********" : "");
        if (secret->file != NULL)
            fprintf(out, "%s_FILE=%s\n", o->name, secret->file);
        break;
    }
    case CONF_INT:
    case CONF_BYTES:
        fprintf(out, "%s=%" PRId64 "\n", o->name, *(const int64_t *)at);
        break;
    case CONF_MS:
        fprintf(out, "%s=%" PRId64 "ms\n", o->name, *(const int64_t *)at);
        break;
    case CONF_BOOL:
        fprintf(out, "%s=%s\n", o->name, *(const bool *)at ? "true" : "false");
        break;
    case CONF_ENUM: {
        const char *p = o->min;
        for (int64_t i = *(const int64_t *)at; i > 0; i--)
            p += strcspn(p, "|") + 1;
        fprintf(out, "%s=%.*s\n", o->name, (int)strcspn(p, ",|"), p);
        break;
    }
    case CONF_PAIRS: {
        const struct conf_pairs *pairs = at;
        for (size_t i = 0; i < pairs->count; i++) {
            const struct conf_pair *pair = &pairs->pairs[i];
            fprintf(out, "--kafka %s=%s\n", pair->name,
                    conf_pair_is_secret(pair->name) ? "********" : pair->value);
        }
        break;
    }
    }
}

void conf_show_values(const struct conf_program *program, const struct conf_command *command,
                      const void *conf, FILE *out)
{
    for (const struct conf_option *o = program->options; o->name != NULL; o++)
        if ((o->commands & command->bit) && !(o->flags & CONF_ALIAS))
            show_value(o, (const char *)conf + o->offset, out);
}
