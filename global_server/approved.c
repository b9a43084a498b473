/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/approved.h"

#include "base/hash.h"
#include "cypher/policy.h"

#include <string.h>

void approved_fini(struct approved *a)
{
    for (size_t i = 0; i < APPROVED_MAX; i++)
        buf_fini(&a->texts[i]);
}

int approved_judge(struct approved *a, const char *text, size_t len, struct err *err)
{
    if (len == 0 || len > APPROVED_BYTES)
        return policy_judge_request(text, len, err);
    struct buf *place = &a->texts[hash_quick(0, text, len) % APPROVED_MAX];
    if (place->len == len && memcmp(place->data, text, len) == 0)
        return 0;
    int rc = policy_judge_request(text, len, err);
    if (rc == 0) {
        buf_reset(place);
        buf_add(place, text, len);
    }
    return rc;
}
