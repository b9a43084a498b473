/* SPDX-License-Identifier: Apache-2.0 */
#include "base/backoff.h"

int64_t backoff_next_ms(struct backoff *b, uint32_t random)
{
    int64_t wait = b->first_ms;

    for (unsigned i = 0; i < b->attempts && wait < b->cap_ms; i++)
        wait *= 2;
    if (wait > b->cap_ms)
        wait = b->cap_ms;
    b->attempts++;
    return wait / 2 + (int64_t)(random % (uint32_t)(wait / 2 + 1));
}

void backoff_reset(struct backoff *b)
{
    b->attempts = 0;
}
