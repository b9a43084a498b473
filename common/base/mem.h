/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_BASE_MEM_H
#define CYPHERLOG_BASE_MEM_H

/* base/mem.h: allocation. When memory is exhausted the process ends, with a line that says so: that
 * costs a replay and no more (P1), while a failure taken for a verdict on a message would lose it.
 * What one request of many may ask for in one piece uses mem_try_alloc instead, so that only it
 * fails. */

#include <stdbool.h>
#include <stddef.h>

/* Zeroed memory for n items of size bytes; never NULL. free() releases it. */
void *mem_alloc(size_t n, size_t size) __attribute__((returns_nonnull, malloc));

/* Grows or shrinks p to n items of size bytes; new bytes are not zeroed; never NULL. */
void *mem_realloc(void *p, size_t n, size_t size) __attribute__((returns_nonnull));

/* Zeroed memory, or NULL when n * size overflows or memory is exhausted. */
void *mem_try_alloc(size_t n, size_t size) __attribute__((malloc));

/* A copy of s, NULL for NULL. free() releases it. */
char *mem_strdup(const char *s);

/* A copy of p[0..len-1] with a NUL after it; never NULL. free() releases it. */
char *mem_strndup(const char *p, size_t len) __attribute__((returns_nonnull));

/* *out = a + b or a * b; false when that overflows, *out is then unchanged. */
bool mem_add(size_t a, size_t b, size_t *out) __attribute__((warn_unused_result));
bool mem_mul(size_t a, size_t b, size_t *out) __attribute__((warn_unused_result));

#endif
