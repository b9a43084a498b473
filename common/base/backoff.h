/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_BASE_BACKOFF_H
#define CYPHERLOG_BASE_BACKOFF_H

/* base/backoff.h: how long to wait before the next try. Pure: the caller brings the randomness. */

#include <stdint.h>

struct backoff {
    int64_t first_ms, cap_ms;
    unsigned attempts; /* failures so far; 0 once it worked */
};

/* The wait before the next try, and counts the failure: uniform in [half, whole] of
 * min(cap, first * 2^attempts), so that replicas which failed together do not return together.
 * random: any 32 random bits. */
int64_t backoff_next_ms(struct backoff *b, uint32_t random);

/* It worked: the next failure begins with first_ms again. */
void backoff_reset(struct backoff *b);

#endif
