/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/table.h"

#include "neo4j/jolt_text.h"

#include <libsmartcols/libsmartcols.h>
#include <string.h>
#include <unistd.h>

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

static int add_columns(struct libscols_table *table, const json_t *columns, const json_t *pages)
{
    size_t i;
    json_t *name;

    json_array_foreach (columns, i, name)
        if (scols_table_new_column(table, json_string_value(name), 0,
                                   is_numeric(pages, i) ? SCOLS_FL_RIGHT : 0) == NULL)
            return -1;
    return 0;
}

static int add_row(struct libscols_table *table, const json_t *row)
{
    struct libscols_line *line = scols_table_new_line(table, NULL);
    struct buf text = {0};
    size_t i;
    json_t *value;
    int rc = line != NULL ? 0 : -1;

    json_array_foreach (row, i, value) {
        buf_reset(&text);
        jolt_text_add(&text, value);
        if (rc == 0)
            rc = scols_line_set_data(line, i, buf_str(&text));
    }
    buf_fini(&text);
    return rc;
}

int table_print(const json_t *columns, const json_t *pages, FILE *out, struct err *err)
{
    struct libscols_table *table = scols_new_table();
    size_t i, k;
    json_t *page, *row;
    int rc = table != NULL ? add_columns(table, columns, pages) : -1;

    json_array_foreach (pages, i, page)
        json_array_foreach (page, k, row)
            if (rc == 0)
                rc = add_row(table, row);
    if (rc == 0) {
        scols_table_set_stream(table, out);
        if (!isatty(fileno(out))) /* never cut for a file or a pipe */
            scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
        rc = scols_print_table(table);
    }
    scols_unref_table(table);
    return rc == 0 ? 0 : err_set(err, ERR_FATAL, "table", "the table cannot be printed");
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

void table_print_csv(const json_t *columns, const json_t *pages, FILE *out)
{
    size_t i, k;
    json_t *page, *row;

    print_line(columns, out);
    json_array_foreach (pages, i, page)
        json_array_foreach (page, k, row)
            print_line(row, out);
}
