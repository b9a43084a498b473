/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/show.h"

#include "neo4j/jolt_text.h"
#include "ops/table.h"

#include <string.h>

static bool is_numeric(const json_t *pages, size_t column)
{
    size_t i, k;
    json_t *page, *row;
    bool some = false;

    json_array_foreach (pages, i, page)
        json_array_foreach (page, k, row) {
            const json_t *value = json_array_get(row, column);
            if (!json_is_number(value) && !json_is_null(value))
                return false;
            some = some || json_is_number(value);
        }
    return some;
}

/* For the table, whose cells end at a NUL; the other control characters it escapes itself. */
static void add_cell(struct buf *out, const json_t *value)
{
    struct buf text = {0};

    jolt_text_add(&text, value);
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] == '\0')
            buf_adds(out, "\\x00");
        else
            buf_addc(out, text.data[i]);
    buf_fini(&text);
}

static void add_row(struct table *table, const json_t *row)
{
    struct buf text = {0};
    size_t i;
    json_t *value;

    table_add_row(table);
    json_array_foreach (row, i, value) {
        buf_reset(&text);
        add_cell(&text, value);
        table_set(table, i, buf_str(&text));
    }
    buf_fini(&text);
}

void show_table(const json_t *columns, const json_t *pages, FILE *out)
{
    struct table *table = table_new();
    size_t i, k;
    json_t *name, *page, *row;

    json_array_foreach (columns, i, name)
        table_add_column(table, json_string_value(name), is_numeric(pages, i));
    json_array_foreach (pages, i, page)
        json_array_foreach (page, k, row)
            add_row(table, row);
    table_print(table, out);
    table_free(table);
}

static void print_field(const char *text, size_t len, FILE *out)
{
    bool quoted = false;

    for (size_t i = 0; i < len; i++)
        quoted = quoted || strchr(",\"\r\n", text[i]) != NULL;
    if (quoted)
        fputc('"', out);
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"')
            fputc('"', out);
        fputc(text[i], out);
    }
    if (quoted)
        fputc('"', out);
}

static void print_line(const json_t *values, FILE *out)
{
    struct buf text = {0};
    size_t i;
    json_t *value;

    json_array_foreach (values, i, value) {
        buf_reset(&text);
        if (!json_is_null(value))
            jolt_text_add(&text, value);
        if (i > 0)
            fputc(',', out);
        print_field(buf_str(&text), text.len, out);
    }
    fputs("\r\n", out);
    buf_fini(&text);
}

void show_csv(const json_t *columns, const json_t *pages, FILE *out)
{
    size_t i, k;
    json_t *page, *row;

    print_line(columns, out);
    json_array_foreach (pages, i, page)
        json_array_foreach (page, k, row)
            print_line(row, out);
}
