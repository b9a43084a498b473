/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz/fuzz_manifest.c: any bytes as manifest.json. What is read, written and read again is the
 * same; no name leads out of the snapshot. */
#include "snapshot/manifest.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A check that fits: no mutation finds one. */
static void with_check(struct buf *out, const char *p, size_t size)
{
    json_t *root = json_parse(p, size, NULL);
    struct hash *hash = hash_new();
    char hex[HASH_HEX_SIZE];

    json_object_del(root, "check");
    char *sorted = json_is_object(root) ? json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    if (sorted != NULL) {
        hash_add(hash, sorted, strlen(sorted));
        hash_finish(hash, hex);
        json_object_set_new(root, "check", json_string(hex));
        json_add(out, root);
    } else {
        buf_add(out, p, size);
    }
    free(sorted);
    hash_free(hash);
    json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct manifest m, again;
    struct buf given = {0}, text = {0}, twice = {0};
    struct err err = {0};

    with_check(&given, (const char *)data, size);
    if (manifest_read(buf_str(&given), given.len, &m, &err) == 0) {
        for (size_t i = 0; i < m.file_count; i++) {
            assert(m.files[i].name[0] != '/' && m.files[i].name[0] != '.');
            assert(strstr(m.files[i].name, "/.") == NULL && strstr(m.files[i].name, "//") == NULL);
            assert(strlen(m.files[i].raw_sha256) == 64);
        }
        manifest_write(&text, &m);
        int rc = manifest_read(buf_str(&text), text.len, &again, &err);
        assert(rc == 0);
        manifest_write(&twice, &again);
        assert(text.len == twice.len && memcmp(text.data, twice.data, text.len) == 0);
        manifest_fini(&again);
    } else {
        assert(err.class == ERR_DAMAGED || err.class == ERR_GUARD);
    }
    manifest_fini(&m);
    buf_fini(&given);
    buf_fini(&text);
    buf_fini(&twice);
    return 0;
}
