/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz/fuzz_rows.c: any bytes as a data file, the first of them telling whether it is gzip. A file
 * of text is taken only if it is one JSON array of objects, and has as many rows as that. */
#include "base/json.h"
#include "snapshot/rows.h"

#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "cypherlog-fuzz-rows"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int in_memory(const char *name, const uint8_t *data, size_t size)
{
    int folder = open("/dev/shm", O_RDONLY | O_DIRECTORY);
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert(folder >= 0 && fd >= 0);
    ssize_t n = write(fd, data, size);
    assert(n == (ssize_t)size);
    close(fd);
    return folder;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[64];
    struct rows_result got;
    struct err err = {0};

    if (size == 0)
        return 0;
    snprintf(name, sizeof name, NAME "-%d", (int)getpid());
    int folder = in_memory(name, data + 1, size - 1);
    struct rows_conf conf = {.folder = folder,
                             .name = name,
                             .compressed = data[0] == 'z',
                             .raw_limit = 1 << 20,
                             .stored_limit = -1};
    int rc = rows_read(&conf, &got, &err);
    assert(rc == 0 || err.class == ERR_DAMAGED);
    if (rc == 0 && !conf.compressed) {
        struct tape tape = {0};
        assert(tape_read(&tape, (const char *)data + 1, size - 1, TAPE_NONFINITE, &err) == 0);
        assert(tape.v[0].kind == TAPE_ARRAY && tape.v[0].count == (size_t)got.rows);
        tape_fini(&tape);
    }
    unlinkat(folder, name, 0);
    close(folder);
    return 0;
}
