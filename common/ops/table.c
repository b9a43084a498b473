/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/table.h"

#include "base/mem.h"

#include <langinfo.h>
#include <libsmartcols/libsmartcols.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct table {
    struct libscols_table *scols;
    struct libscols_line *line; /* the last row */
};

struct table *table_new(void)
{
    struct table *t = mem_alloc(1, sizeof *t);

    /* libsmartcols escapes what the locale calls unprintable; our cells are always UTF-8. */
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
    scols_init_debug(0);
    t->scols = scols_new_table();
    if (t->scols == NULL)
        abort(); /* memory exhausted */
    scols_table_set_column_separator(t->scols, "  ");
    return t;
}

void table_free(struct table *t)
{
    if (t == NULL)
        return;
    scols_unref_table(t->scols);
    free(t);
}

void table_add_column(struct table *t, const char *name, bool number)
{
    scols_table_new_column(t->scols, name, 0, number ? SCOLS_FL_RIGHT : 0);
}

void table_add_row(struct table *t)
{
    t->line = scols_table_new_line(t->scols, NULL);
}

void table_set(struct table *t, size_t column, const char *text)
{
    scols_line_set_data(t->line, column, text);
}

void table_print(struct table *t, FILE *out)
{
    scols_table_set_stream(t->scols, out);
    if (isatty(fileno(out)) != 1) /* never cut for a file or a pipe */
        scols_table_set_termforce(t->scols, SCOLS_TERMFORCE_NEVER);
    scols_print_table(t->scols);
}
