/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_TESTS_UNIT_H
#define CYPHERLOG_TESTS_UNIT_H

/* What cmocka wants before itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

#endif
