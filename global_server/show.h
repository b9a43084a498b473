/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_SHOW_H
#define GLOBAL_SERVER_SHOW_H

/* global_server/show.h: rows of a reply for a person's eyes or a spreadsheet. */

#include "base/json.h"

#include <stdio.h>

/* columns: array of names; pages: array of arrays of rows. Columns of numbers stand to the right.
 */
void show_table(const json_t *columns, const json_t *pages, FILE *out);

/* RFC 4180: a line of names, then the rows; null is an empty field. */
void show_csv(const json_t *columns, const json_t *pages, FILE *out);

#endif
