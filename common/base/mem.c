/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void exhausted(size_t n, size_t size)
{
    fprintf(stderr, "memory exhausted: %zu x %zu bytes\n", n, size);
    abort();
}

void *mem_alloc(size_t n, size_t size)
{
    void *p = calloc(n > 0 ? n : 1, size > 0 ? size : 1);

    if (p == NULL)
        exhausted(n, size);
    return p;
}

void *mem_realloc(void *p, size_t n, size_t size)
{
    size_t bytes;

    if (!mem_mul(n, size, &bytes))
        exhausted(n, size);
    p = realloc(p, bytes > 0 ? bytes : 1);
    if (p == NULL)
        exhausted(n, size);
    return p;
}

void *mem_try_alloc(size_t n, size_t size)
{
    size_t bytes;

    return mem_mul(n, size, &bytes) ? calloc(n > 0 ? n : 1, size > 0 ? size : 1) : NULL;
}

char *mem_strdup(const char *s)
{
    return s == NULL ? NULL : mem_strndup(s, strlen(s));
}

char *mem_strndup(const char *p, size_t len)
{
    char *copy = mem_alloc(len + 1, 1);

    if (len > 0)
        memcpy(copy, p, len);
    return copy;
}

bool mem_add(size_t a, size_t b, size_t *out)
{
    if (a > SIZE_MAX - b)
        return false;
    *out = a + b;
    return true;
}

bool mem_mul(size_t a, size_t b, size_t *out)
{
    if (b != 0 && a > SIZE_MAX / b)
        return false;
    *out = a * b;
    return true;
}
