/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static void *allocate(size_t size)
{
    return mem_realloc(NULL, size, 1);
}

void json_init(void)
{
    json_set_alloc_funcs(allocate, free);
    json_object_seed(0);
}

/* jansson's own limit is 2048 deep; ours is checked on the bytes first, so that a parse never
 * recurses deeper than it may on a small stack. */
static int check_depth(const char *p, size_t len, struct err *err)
{
    size_t depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < len; i++) {
        char c = p[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > JSON_DEPTH_MAX)
                return err_set(err, ERR_POISON, "json.too-deep",
                               "JSON nested deeper than %d at byte %zu", JSON_DEPTH_MAX, i);
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return 0;
}

json_t *json_parse(const char *p, size_t len, struct err *err)
{
    json_error_t why;

    if (check_depth(p, len, err) < 0)
        return NULL;
    json_t *value =
        json_loadb(p, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &why);
    if (value == NULL) {
        const char *code =
            json_error_code(&why) == json_error_numeric_overflow ? "json.number-range"
            : json_error_code(&why) == json_error_duplicate_key  ? "json.duplicate-key"
            : json_error_code(&why) == json_error_invalid_utf8   ? "json.not-utf8"
                                                                 : "json.invalid";
        err_set(err, ERR_POISON, code, "not valid JSON: %s (line %d, column %d)", why.text,
                why.line, why.column);
    }
    return value;
}

json_t *json_member(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);

    return json_is_null(value) ? NULL : value;
}

const char *json_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

int64_t json_int(const json_t *object, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(object, key);

    return json_is_integer(value) ? (int64_t)json_integer_value(value) : otherwise;
}

static int add_bytes(const char *p, size_t len, void *arg)
{
    buf_add(arg, p, len);
    return 0;
}

void json_add(struct buf *out, const json_t *value)
{
    json_add_as(out, value, JSON_COMPACT);
}

void json_add_as(struct buf *out, const json_t *value, size_t flags)
{
    json_dump_callback(value, add_bytes, out, flags | JSON_ENCODE_ANY);
}
