/* SPDX-License-Identifier: Apache-2.0 */
/* Files through the threads of pack, and back through rows. */
#include "unit.h"

#include "snapshot/idmap.h"
#include "snapshot/pack.h"
#include "snapshot/pool.h"
#include "snapshot/rows.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/cypherlog-pack-XXXXXX";

static int make_folder(void **state)
{
    char data[64];

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(data, sizeof data, "%s/data", folder);
    return mkdir(data, 0700);
}

static int remove_folder(void **state)
{
    char command[96];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static const char *path_of(const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", folder, name);
    return out;
}

struct seen {
    int64_t rows, sum;
};

static int on_row(void *arg, const struct tape *row, struct err *err)
{
    struct seen *seen = arg;
    int64_t n = 0;

    (void)err;
    assert_true(tape_int(tape_member(row, 0, "n"), &n));
    assert_int_equal(n, seen->rows); /* in order */
    seen->rows++;
    seen->sum += n;
    return 0;
}

static int read_back(const char *name, bool compressed, int64_t limit, struct seen *seen,
                     struct rows_result *got, struct err *err)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    struct rows_conf conf = {.folder = fd,
                             .name = name,
                             .compressed = compressed,
                             .raw_limit = limit,
                             .stored_limit = -1,
                             .on_row = on_row,
                             .arg = seen};

    *seen = (struct seen){0};
    int rc = rows_read(&conf, got, err);
    close(fd);
    return rc;
}

static void write_rows(struct pack *pack, const char *name, int64_t rows)
{
    char path[128], temporary[128];
    struct buf text = {0};
    struct err err = {0};

    assert_int_equal(pack_begin(pack, path_of("data/.writing", temporary, sizeof temporary), &err),
                     0);
    buf_addc(&text, '[');
    for (int64_t i = 0; i < rows; i++) {
        buf_addf(&text, "%s\n{\"n\": %" PRId64 ", \"s\": \"]}\\\"[{\", \"l\": [1, {\"a\": []}]}",
                 i > 0 ? "," : "", i);
        if (text.len > 5000)
            assert_int_equal(pack_add_take(pack, &text, &err), 0);
    }
    buf_adds(&text, "\n]");
    assert_int_equal(pack_add_take(pack, &text, &err), 0);
    assert_int_equal(pack_end(pack, path_of(name, path, sizeof path), name, &err), 0);
    buf_fini(&text);
}

static void files_come_back(void **state)
{
    struct pack_file *files;
    size_t count;
    struct err err = {0};

    (void)state;
    for (int level = 0; level <= 9; level += 3) {
        struct pack_conf conf = {.level = level, .workers = (size_t)level + 1};
        struct pack *pack;
        struct seen seen;
        struct rows_result got;
        assert_int_equal(pack_open(&pack, &conf, &err), 0);
        write_rows(pack, "data/a", 0);
        write_rows(pack, "data/b", 20000);
        assert_int_equal(pack_finish(pack, &files, &count, &err), 0);
        pack_close(pack);
        assert_int_equal(count, 2);
        assert_string_equal(files[1].name, "data/b");
        assert_int_equal(read_back("data/a", level > 0, -1, &seen, &got, &err), 0);
        assert_int_equal(got.rows, 0);
        assert_int_equal(read_back("data/b", level > 0, files[1].raw_bytes, &seen, &got, &err), 0);
        assert_int_equal(seen.rows, 20000);
        assert_int_equal(got.raw_bytes, files[1].raw_bytes);
        assert_int_equal(got.stored_bytes, files[1].stored_bytes);
        assert_string_equal(got.raw_sha256, files[1].raw_sha256);
        assert_string_equal(got.stored_sha256, files[1].stored_sha256);
        /* more text than was said: a bomb ends there */
        assert_int_equal(read_back("data/b", level > 0, 1000, &seen, &got, &err), -1);
        assert_string_equal(err.code, "snapshot.file");
        err_clear(&err);
        pack_free_files(files, count);
    }
}

/* The writer thread fails; the giver hears of it and nothing hangs. */
static void a_file_that_cannot_be_made_is_told(void **state)
{
    struct pack_conf conf = {.level = 1, .workers = 2};
    struct pack *pack;
    struct pack_file *files;
    size_t count;
    struct err err = {0};
    int rc = 0;

    (void)state;
    assert_int_equal(pack_open(&pack, &conf, &err), 0);
    rc = pack_begin(pack, "/nowhere/at/all", &err);
    for (int i = 0; rc == 0 && i < 1000; i++) {
        struct buf text = {0};
        buf_adds(&text, "[]");
        rc = pack_add_take(pack, &text, &err);
        buf_fini(&text);
    }
    if (rc == 0)
        rc = pack_finish(pack, &files, &count, &err);
    assert_int_equal(rc, -1);
    assert_string_equal(err.code, "io");
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
    pack_close(pack);
}

static void write_file(const char *name, const void *p, size_t len)
{
    char path[128];
    FILE *f = fopen(path_of(name, path, sizeof path), "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void damaged_text_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "{}",
        "[{\"n\":0}",
        "[{\"n\":0},]",
        "[{\"n\":0}] x",
        "[{\"n\":0} {\"n\":1}]",
        "[{\"n\":0,}]",
        "[1]",
        "[{\"n\":0}]]",
        "[,]",
        "[{\"n\":\"}]",
        "[{\"n\":0]}]",
    };
    struct seen seen;
    struct rows_result got;

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct err err = {0};
        write_file("data/w", wrong[i], strlen(wrong[i]));
        if (read_back("data/w", false, -1, &seen, &got, &err) == 0 || err.class != ERR_DAMAGED ||
            strstr(err.text, "data/w") == NULL)
            fail_msg("%s: %s", wrong[i], err.text);
    }
}

/* Each byte of a compressed file changed, and each beginning of it: never taken for the whole. */
static void damaged_gzip_is_refused(void **state)
{
    struct pack_conf conf = {.level = 6, .workers = 1};
    struct pack *pack;
    struct pack_file *files;
    size_t count, len;
    char path[128], bytes[4096];
    struct seen seen;
    struct rows_result got;
    struct err err = {0};

    (void)state;
    assert_int_equal(pack_open(&pack, &conf, &err), 0);
    write_rows(pack, "data/g", 20);
    assert_int_equal(pack_finish(pack, &files, &count, &err), 0);
    pack_close(pack);
    FILE *f = fopen(path_of("data/g", path, sizeof path), "rb");
    assert_non_null(f);
    len = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    for (size_t i = 0; i < len; i++) {
        err_clear(&err);
        write_file("data/x", bytes, i);
        if (read_back("data/x", true, -1, &seen, &got, &err) == 0)
            fail_msg("the first %zu bytes", i);
    }
    for (size_t i = 10; i < len; i++) { /* the header has a time and a flag that nothing checks */
        char was = bytes[i];
        err_clear(&err);
        bytes[i] = (char)(was ^ 0x20);
        write_file("data/x", bytes, len);
        if (read_back("data/x", true, -1, &seen, &got, &err) == 0 &&
            strcmp(got.stored_sha256, files[0].stored_sha256) == 0)
            fail_msg("byte %zu", i);
        bytes[i] = was;
    }
    pack_free_files(files, count);
}

static void links_and_folders_are_not_followed(void **state)
{
    char from[128], to[128];
    struct seen seen;
    struct rows_result got;
    struct err err = {0};

    (void)state;
    write_file("data/t", "[]", 2);
    assert_int_equal(
        symlink(path_of("data/t", from, sizeof from), path_of("data/l", to, sizeof to)), 0);
    assert_int_equal(read_back("data/l", false, -1, &seen, &got, &err), -1);
    assert_int_equal(err.class, ERR_DAMAGED);
    err_clear(&err);
    assert_int_equal(symlink(path_of("data", from, sizeof from), path_of("link", to, sizeof to)),
                     0);
    assert_int_equal(read_back("link/t", false, -1, &seen, &got, &err), -1);
    err_clear(&err);
    assert_int_equal(read_back("data", false, -1, &seen, &got, &err), -1);
    err_clear(&err);
    assert_int_equal(read_back("data/none", false, -1, &seen, &got, &err), -1);
    assert_non_null(strstr(err.text, "missing"));
}

static void ids_are_found_again(void **state)
{
    struct idmap *map;
    struct err err = {0};
    struct idmap_node node = {.tag = 0};

    (void)state;
    assert_int_equal(idmap_open(&map, folder, 10, &err), 0);
    for (int64_t i = 0; i < 5000; i++) {
        node.tag = (uint64_t)i;
        assert_int_equal(idmap_add(map, i * i * 7919 - 100, &node, &err), 0);
    }
    assert_int_equal(idmap_add(map, INT64_MIN, &node, &err), 0);
    assert_int_equal(idmap_add(map, INT64_MIN, &node, &err), 1);
    for (int64_t i = 0; i < 5000; i++)
        assert_int_equal(idmap_find(map, i * i * 7919 - 100)->tag, i);
    assert_null(idmap_find(map, 5));
    assert_int_equal(idmap_count(map), 5001);
    idmap_close(map);
    assert_int_equal(idmap_open(&map, "/nowhere", 10, &err), -1);
    assert_string_equal(err.code, "io");
}

/* A map with a name is there for the next process, whole, at any size; what is no map counts as
 * none.
 */
static void named_ids_outlive_their_process(void **state)
{
    struct idmap *map;
    struct err err = {0};
    struct idmap_node node = {.tag = 7};
    char path[300];
    FILE *file;

    (void)state;
    for (int64_t i = 0; i < 3000; i++) {
        assert_int_equal(idmap_open_named(&map, folder, "ids", &err), 0);
        assert_int_equal(idmap_count(map), i);
        assert_int_equal(idmap_add(map, -i, &node, &err), 0);
        assert_int_equal(idmap_add(map, -i, &node, &err), 1);
        idmap_close(map); /* as a process that is killed leaves it */
    }
    assert_int_equal(idmap_open_named(&map, folder, "ids", &err), 0);
    assert_int_equal(idmap_find(map, -2999)->tag, 7);
    idmap_remove_name(map);
    idmap_close(map);
    path_of("ids", path, sizeof path);
    assert_int_equal(access(path, F_OK), -1);
    file = fopen(path, "w");
    fputs("something else", file);
    fclose(file);
    assert_int_equal(idmap_open_named(&map, folder, "ids", &err), 0);
    assert_int_equal(idmap_count(map), 0);
    idmap_close(map);
    idmap_forget(folder, "ids");
    assert_int_equal(access(path, F_OK), -1);
}

static void a_pool_gives_each_node_once(void **state)
{
    struct digest one = {.low = 1, .high = 1}, two = {.low = 2, .high = 1},
                  like_one = {.low = 1, .high = 2};
    bool seen[3000] = {false};
    struct pool *pool;
    struct err err = {0};
    int64_t id;

    (void)state;
    assert_int_equal(pool_open(&pool, folder, &err), 0);
    for (int64_t i = 0; i < 3000; i++)
        assert_int_equal(pool_put(pool, i == 1234 ? &two : &one, i, &err), 0);
    assert_false(pool_take(pool, &like_one, &id)); /* half of the hash is the same */
    assert_true(pool_take(pool, &two, &id));
    assert_int_equal(id, 1234);
    assert_false(pool_take(pool, &two, &id));
    seen[1234] = true;
    for (int64_t i = 0; i < 2999; i++) {
        assert_true(pool_take(pool, &one, &id));
        assert_in_range(id, 0, 2999);
        assert_false(seen[id]);
        seen[id] = true;
    }
    assert_false(pool_take(pool, &one, &id));
    pool_close(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_come_back),
        cmocka_unit_test(a_file_that_cannot_be_made_is_told),
        cmocka_unit_test(damaged_text_is_refused),
        cmocka_unit_test(damaged_gzip_is_refused),
        cmocka_unit_test(links_and_folders_are_not_followed),
        cmocka_unit_test(ids_are_found_again),
        cmocka_unit_test(named_ids_outlive_their_process),
        cmocka_unit_test(a_pool_gives_each_node_once),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
