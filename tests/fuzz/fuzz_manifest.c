/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz/fuzz_manifest.c: any bytes as manifest.json. What is read, written and read again is the
 * same; no name leads out of the snapshot. */
#include "snapshot/manifest.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct manifest m, again;
    struct buf text = {0}, twice = {0};
    struct err err = {0};

    if (manifest_read((const char *)data, size, &m, &err) == 0) {
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
    buf_fini(&text);
    buf_fini(&twice);
    return 0;
}
