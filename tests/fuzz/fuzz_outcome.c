/* SPDX-License-Identifier: Apache-2.0 */
#include "neo4j/outcome.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In pieces it must find what it finds in the whole. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole = {0}, bytes = {0};

    outcome_feed(&whole, (const char *)data, size);
    for (size_t i = 0; i < size; i++)
        outcome_feed(&bytes, (const char *)data + i, 1);
    if (whole.results != bytes.results || whole.complete != bytes.complete ||
        strcmp(buf_str(&whole.errors), buf_str(&bytes.errors)) != 0)
        abort();
    outcome_fini(&whole);
    outcome_fini(&bytes);
    return 0;
}
