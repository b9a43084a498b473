/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_TABLE_H
#define GLOBAL_SERVER_TABLE_H

/* global_server/table.h: rows of a reply for a person's eyes or a spreadsheet. */

#include "base/json.h"

#include <stdio.h>

/* columns: array of names; pages: array of arrays of rows. Columns of numbers stand to the right.
 * ERR_FATAL: memory is exhausted. */
MUST_CHECK int table_print(const json_t *columns, const json_t *pages, FILE *out, struct err *err);

/* RFC 4180: a line of names, then the rows; null is an empty field. */
void table_print_csv(const json_t *columns, const json_t *pages, FILE *out);

#endif
