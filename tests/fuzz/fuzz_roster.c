/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz/fuzz_roster.c: any records of the status topic. A line is one: its first byte says how much
 * later it came, then key, TAB, value. What is told of them is JSON, of bounded size. */
#include "base/json.h"
#include "ops/roster.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_answer(struct roster *r, int64_t now_ms, int64_t since)
{
    struct buf out = {0};

    buf_addc(&out, '{');
    roster_add(r, now_ms, since, &out);
    buf_addc(&out, '}');
    json_t *answer = json_parse(out.data, out.len, NULL);
    assert(answer != NULL);
    assert(json_array_size(json_object_get(answer, "statuses")) <= ROSTER_MAX);
    json_decref(answer);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data, *end = p + size;
    struct roster *r = roster_new(15000);
    int64_t at_ms = INT64_C(1800000000000);

    while (p < end) {
        const char *line_end = memchr(p, '\n', (size_t)(end - p));
        if (line_end == NULL)
            line_end = end;
        at_ms += p < line_end ? ((int64_t)(unsigned char)*p - 64) * 700 : 0; /* back, too */
        const char *key = p < line_end ? p + 1 : p;
        const char *tab = memchr(key, '\t', (size_t)(line_end - key));
        const char *value = tab != NULL ? tab + 1 : line_end;
        roster_take(r, key, (size_t)((tab != NULL ? tab : line_end) - key), value,
                    (size_t)(line_end - value), at_ms);
        roster_see(r, at_ms);
        p = line_end + 1;
    }
    check_answer(r, at_ms, -1);
    check_answer(r, at_ms + 3600000, at_ms / ROSTER_STEP_MS);
    roster_free(r);
    return 0;
}
