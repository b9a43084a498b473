/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "snapshot/manifest.h"

#include <stdlib.h>
#include <string.h>

#define HASH64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* without its check, which with_check adds */
static const char body[] =
    "{\"format\":\"1.0\",\"id\":\"0123456789abcdef0123456789abcdef\",\"layout\":\"typed\","
    "\"compressed\":true,\"part\":false,\"program\":{\"name\":\"db_sync\",\"version\":\"1\"},"
    "\"server\":{\"version\":\"5.26.30\"},\"database\":{\"name\":\"neo4j\",\"id\":\"AB\"},"
    "\"started\":\"2026-01-01T00:00:00.000Z\",\"ended\":\"2026-01-01T00:00:01.000Z\","
    "\"position\":{\"cluster_id\":null,\"topic\":\"command\",\"next_offset\":12,\"last_offset\":11,"
    "\"fingerprint\":\"" HASH64 "\",\"timestamp_ms\":null,"
    "\"outcome\":\"0123456789abcdef0123456789abcdef\",\"since\":0,\"replica\":\"a\"},"
    "\"counts\":{\"nodes\":1,\"relationships\":0,\"label_sets\":[{\"labels\":[\"A\"],\"count\":1}],"
    "\"types\":[]},\"digest\":\"0123456789abcdef0123456789abcdef\","
    "\"files\":[{\"name\":\"data/nodes_1.json.gz\",\"kind\":\"nodes\",\"rows\":1,\"raw_bytes\":10,"
    "\"stored_bytes\":5,\"sha256\":\"" HASH64 "\",\"raw_sha256\":\"" HASH64 "\"}]}";

/* The text as an object with the check that fits it; what is no JSON stays as it is. */
static void with_check(struct buf *out, const char *text)
{
    json_t *root = json_parse(text, strlen(text), NULL);
    struct hash *hash = hash_new();
    char hex[HASH_HEX_SIZE];
    char *sorted = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);

    buf_reset(out);
    if (sorted == NULL) {
        buf_adds(out, text);
    } else {
        hash_add(hash, sorted, strlen(sorted));
        hash_finish(hash, hex);
        buf_add(out, text, strlen(text) - 1);
        buf_addf(out, ",\"check\":\"%s\"}", hex);
    }
    hash_free(hash);
    free(sorted);
    json_decref(root);
}

static void what_is_written_is_read(void **state)
{
    struct manifest m, again;
    struct buf text = {0}, twice = {0};
    struct err err = {0};

    (void)state;
    with_check(&text, body);
    assert_int_equal(manifest_read(buf_str(&text), text.len, &m, &err), 0);
    buf_reset(&text);
    assert_true(m.has_position);
    assert_int_equal(m.position.next_offset, 12);
    assert_int_equal(m.position.timestamp_ms, -1);
    assert_int_equal(m.file_count, 1);
    assert_int_equal(manifest_file(&m, "data/nodes_1.json.gz")->rows, 1);
    assert_null(manifest_file(&m, "x"));
    manifest_write(&text, &m);
    assert_int_equal(manifest_read(buf_str(&text), text.len, &again, &err), 0);
    manifest_write(&twice, &again);
    assert_string_equal(buf_str(&text), buf_str(&twice));
    assert_null(strstr(buf_str(&text), "warning"));
    again.has_position = false;
    buf_reset(&twice);
    manifest_write(&twice, &again);
    assert_non_null(strstr(buf_str(&twice), "one moment only if nobody wrote"));
    manifest_fini(&m);
    manifest_fini(&again);
    buf_fini(&text);
    buf_fini(&twice);
}

static const struct {
    const char *name, *from, *to, *code; /* code NULL: still taken */
} changes[] = {
    {"a later minor version", "\"1.0\"", "\"1.7\"", NULL},
    {"an unknown member", "\"part\"", "\"later\":1,\"part\"", NULL},
    {"a later major version", "\"1.0\"", "\"2.0\"", "manifest.version"},
    {"no version", "\"1.0\"", "\"x\"", "manifest.content"},
    {"version with a tail", "\"1.0\"", "\"1.0a\"", "manifest.content"},
    {"unknown layout", "\"typed\"", "\"other\"", "manifest.content"},
    {"text for a boolean", "\"compressed\":true", "\"compressed\":\"true\"", "manifest.content"},
    {"negative rows", "\"rows\":1", "\"rows\":-1", "manifest.content"},
    {"rows as text", "\"rows\":1", "\"rows\":\"1\"", "manifest.content"},
    {"path up", "data/nodes_1", "data/../../nodes_1", "manifest.content"},
    {"path at the root", "\"data/nodes_1", "\"/data/nodes_1", "manifest.content"},
    {"hidden name", "data/nodes_1", "data/.nodes_1", "manifest.content"},
    {"backslash", "data/nodes_1", "data\\\\nodes_1", "manifest.content"},
    {"empty part", "data/nodes_1", "data//nodes_1", "manifest.content"},
    {"no name", "\"data/nodes_1.json.gz\"", "\"\"", "manifest.content"},
    {"unknown kind", "\"kind\":\"nodes\"", "\"kind\":\"x\"", "manifest.content"},
    {"short hash", "\"raw_sha256\":\"01", "\"raw_sha256\":\"0", "manifest.content"},
    {"hash in capitals", "\"raw_sha256\":\"01", "\"raw_sha256\":\"0A", "manifest.content"},
    {"digest that is none", "\"digest\":\"01", "\"digest\":\"xx", "manifest.content"},
    {"no offset", "\"next_offset\":12,", "", "manifest.content"},
    {"no files", "\"files\"", "\"filez\"", "manifest.content"},
    {"cut off", "]}", "]", "manifest.content"},
};

static void what_is_wrong_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(changes); i++) {
        struct buf text = {0};
        struct manifest m;
        struct err err = {0};
        const char *at = NULL, *next = body;
        while ((next = strstr(next, changes[i].from)) != NULL)
            at = next++; /* the last one */
        if (at == NULL)
            fail_msg("%s: nothing to change", changes[i].name);
        buf_add(&text, body, (size_t)(at - body));
        buf_adds(&text, changes[i].to);
        buf_adds(&text, at + strlen(changes[i].from));
        struct buf checked = {0};
        with_check(&checked, buf_str(&text));
        int rc = manifest_read(buf_str(&checked), checked.len, &m, &err);
        buf_fini(&checked);
        if ((rc == 0) != (changes[i].code == NULL) ||
            (rc < 0 && strcmp(err.code, changes[i].code) != 0))
            fail_msg("%s: %d %s %s", changes[i].name, rc, err.code, err.text);
        manifest_fini(&m);
        buf_fini(&text);
    }
}

static void a_change_anywhere_is_found(void **state)
{
    struct buf text = {0};
    struct manifest m;

    (void)state;
    with_check(&text, body);
    for (size_t i = 0; i < text.len; i++) {
        struct err err = {0};
        char was = text.data[i];
        text.data[i] = (char)(was ^ 1);
        if (manifest_read(text.data, text.len, &m, &err) == 0)
            fail_msg("byte %zu: %.20s", i, text.data + i);
        manifest_fini(&m);
        text.data[i] = was;
    }
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_is_wrong_is_refused),
        cmocka_unit_test(a_change_anywhere_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
