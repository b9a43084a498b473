/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz/fuzz_jolt.c: any JSON as a Jolt value. What is taken is valid JSON again, has a text, and
 * the same value always gives the same bytes. */
#include "neo4j/jolt.h"
#include "neo4j/jolt_text.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out = {0}, again = {0}, text = {0};
    struct err err = {0};
    json_t *value = json_parse((const char *)data, size, NULL), *typed;

    if (value == NULL)
        return 0;
    if (jolt_add(&out, value, &err) == 0) {
        assert(jolt_add(&again, value, &err) == 0);
        assert(out.len == again.len && memcmp(out.data, again.data, out.len) == 0);
        typed = json_loadb(buf_str(&out), out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert(typed != NULL || strpbrk(buf_str(&out), ".eE") != NULL); /* 1.0E400 is no double */
        jolt_text_add(&text, typed);
        json_decref(typed);
    } else {
        assert(err.class == ERR_FATAL);
        assert(strcmp(err.code, "jolt.shape") == 0 || strcmp(err.code, JOLT_AMBIGUOUS) == 0);
    }
    typed = jolt_mark_floats(value);
    err_clear(&err);
    buf_reset(&again);
    assert(jolt_add(&again, typed, &err) == 0 || strcmp(err.code, JOLT_AMBIGUOUS) != 0);
    json_decref(typed);
    jolt_text_add(&text, value); /* any JSON has a text */
    json_decref(value);
    buf_fini(&out);
    buf_fini(&again);
    buf_fini(&text);
    return 0;
}
