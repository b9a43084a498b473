/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_OPS_TABLE_H
#define CYPHERLOG_OPS_TABLE_H

/* ops/table.h: an aligned table for people, by libsmartcols. Cells are UTF-8, copied; what is not
 * printable is shown escaped. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct table; /* opaque */

struct table *table_new(void);
void table_free(struct table *t);

/* Columns come before rows; a number is aligned to the right. */
void table_add_column(struct table *t, const char *name, bool number);
void table_add_row(struct table *t);

/* Sets a cell of the last row. */
void table_set(struct table *t, size_t column, const char *text);

/* Prints heading and rows; as wide as the terminal at most, or as it needs when out is none. */
void table_print(struct table *t, FILE *out);

#endif
