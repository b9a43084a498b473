/* SPDX-License-Identifier: Apache-2.0 */

/* global_server/answer.c: the store is a series of pages, each its length in 8 bytes and then its
 * rows as JSON with commas between; it is read as it was written. It begins in memory and moves to
 * a file when it grows. What stands around the rows is added when a page is sent. */
#include "global_server/answer.h"

#include "base/file.h"
#include "base/mem.h"
#include "neo4j/jolt.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD_NUMBERS 256 /* bytes for the numbers and names of a message */

struct answer {
    struct answer_limits limits;
    enum answer_format format;
    int64_t page_rows;
    size_t room;         /* for the rows of a page */
    size_t fields_bytes; /* as JSON */
    json_t *fields;
    struct buf page; /* rows of the page in the making */
    int64_t page_count, rows_in_page, rows;
    size_t bytes, largest;
    struct buf memory; /* the store, until fd holds it */
    int fd;            /* -1: in memory */
    off_t file_bytes;
    /* reading */
    int64_t next_page;
    off_t at;
    /* the error, if it is one */
    bool is_error;
    char code[96];
    char *text;
};

struct answer *answer_new(const struct answer_limits *limits, enum answer_format format,
                          int64_t page_rows)
{
    struct answer *a = mem_alloc(1, sizeof *a);

    a->limits = *limits;
    a->format = format;
    a->page_rows = format == ANSWER_ROWS ? 1 : page_rows;
    a->fd = -1;
    return a;
}

void answer_clear(struct answer *a)
{
    struct answer_stock *stock = a->limits.stock;

    json_decref(a->fields);
    a->fields = NULL;
    atomic_fetch_sub(&stock->memory, a->memory.len);
    atomic_fetch_sub(&stock->bytes, a->fd < 0 ? a->memory.len : (size_t)a->file_bytes);
    buf_fini(&a->page);
    buf_fini(&a->memory);
    if (a->fd >= 0)
        close(a->fd);
    a->fd = -1;
    a->file_bytes = a->at = 0;
    a->page_count = a->rows_in_page = a->rows = a->next_page = 0;
    a->bytes = a->largest = 0;
    a->is_error = false;
    free(a->text);
    a->text = NULL;
}

void answer_free(struct answer *a)
{
    if (a == NULL)
        return;
    answer_clear(a);
    free(a);
}

/* Each byte of text takes at most six in JSON. */
size_t answer_head_bytes(const struct answer_head *head)
{
    struct buf text = {0};

    buf_add_json(&text, head->id, head->id_len);
    buf_add_json(&text, head->key, head->key_len);
    buf_add_json(&text, head->replica, strlen(head->replica));
    if (head->request != NULL)
        json_add(&text, head->request);
    size_t bytes = text.len + HEAD_NUMBERS;
    buf_fini(&text);
    return bytes;
}

int answer_set_fields(struct answer *a, const json_t *fields, size_t head_bytes, struct err *err)
{
    struct buf text = {0};

    json_add(&text, fields);
    size_t taken = head_bytes + text.len;
    a->fields_bytes = text.len;
    buf_fini(&text);
    if (!json_is_array(fields))
        return err_set(err, ERR_FATAL, "jolt.shape", "Neo4j's answer: fields are no array");
    if (taken > a->limits.page_bytes / 2)
        return err_set(err, ERR_POISON, "answer.head-too-large",
                       "id, key and names of columns take %zu bytes of each message of at most %zu "
                       "(MAX_REPLY_BYTES); use AS for shorter names",
                       taken, a->limits.page_bytes);
    a->room = a->limits.page_bytes - taken;
    a->fields = json_incref((json_t *)(uintptr_t)fields);
    return 0;
}

static int spool_error(const struct answer *a, const char *what, struct err *err)
{
    return err_set(err, ERR_FATAL, "answer.spool", "%s (TMPDIR): cannot %s a large answer: %s",
                   a->limits.spool_dir, what, strerror(errno));
}

static int write_all(const struct answer *a, const char *p, size_t len, struct err *err)
{
    return file_write(a->fd, p, len) == 0 ? 0 : spool_error(a, "keep", err);
}

/* The file has no name from here on: it goes with the process, however that ends. */
static int open_spool(struct answer *a, struct err *err)
{
    struct buf path = {0};

    buf_addf(&path, "%s/global_server-XXXXXX", a->limits.spool_dir);
    char *name = buf_take(&path);
    a->fd = mkstemp(name);
    if (a->fd < 0) {
        free(name);
        return spool_error(a, "keep", err);
    }
    unlink(name);
    free(name);
    fcntl(a->fd, F_SETFD, FD_CLOEXEC);
    if (write_all(a, buf_str(&a->memory), a->memory.len, err) < 0)
        return -1;
    a->file_bytes = (off_t)a->memory.len;
    atomic_fetch_sub(&a->limits.stock->memory, a->memory.len);
    buf_fini(&a->memory);
    return 0;
}

static int store(struct answer *a, const char *p, size_t len, struct err *err)
{
    struct answer_stock *stock = a->limits.stock;
    uint64_t length = len;
    size_t whole = sizeof length + len;

    if (a->fd < 0 &&
        (a->memory.len + len > ANSWER_MEMORY ||
         atomic_load(&stock->memory) + len > ANSWER_MEMORY_ALL) &&
        open_spool(a, err) < 0)
        return -1;
    if (a->fd < 0) {
        buf_add(&a->memory, &length, sizeof length);
        buf_add(&a->memory, p, len);
        if (buf_check(&a->memory, "answer", err) < 0)
            return -1;
        atomic_fetch_add(&stock->memory, whole);
        atomic_fetch_add(&stock->bytes, whole);
        return 0;
    }
    if (write_all(a, (const char *)&length, sizeof length, err) < 0 ||
        write_all(a, p, len, err) < 0)
        return -1;
    a->file_bytes += (off_t)whole;
    atomic_fetch_add(&stock->bytes, whole);
    return 0;
}

/* Stores the first len bytes of the page in the making and keeps the rest for the next. */
static int close_page(struct answer *a, size_t len, struct err *err)
{
    if (store(a, buf_str(&a->page), len, err) < 0)
        return -1;
    a->page_count++;
    a->bytes += len;
    if (len > a->largest)
        a->largest = len;
    buf_consume(&a->page, a->page.len > len ? len + 1 : len); /* with the comma between */
    a->rows_in_page = 0;
    return 0;
}

static const json_t *entity_properties(const json_t *value)
{
    const json_t *node = json_object_get(value, "()");
    const json_t *relationship = json_object_get(value, "->");

    return node != NULL ? json_array_get(node, 2) : json_array_get(relationship, 4);
}

/* The older shape: properties of the one node or relationship, else the columns by name. */
static int add_properties(struct buf *out, const json_t *fields, const json_t *row, struct err *err)
{
    const json_t *only = json_array_size(row) == 1 ? json_array_get(row, 0) : NULL;
    const json_t *properties = only != NULL ? entity_properties(only) : NULL;
    json_t *by_name = json_object(), *map;
    size_t i;
    json_t *field;

    if (properties != NULL)
        json_object_update(by_name, (json_t *)(uintptr_t)properties);
    else
        json_array_foreach (fields, i, field)
            json_object_set(by_name, json_string_value(field), json_array_get(row, i));
    map = json_pack("{s:o}", "{}", by_name);
    buf_adds(out, "{\"properties\":");
    int rc = jolt_add(out, map, err);
    buf_addc(out, '}');
    json_decref(map);
    return rc;
}

static int add_columns(struct buf *out, const json_t *row, struct err *err)
{
    size_t i;
    json_t *value;

    buf_addc(out, '[');
    json_array_foreach (row, i, value) {
        if (i > 0)
            buf_addc(out, ',');
        if (jolt_add(out, value, err) < 0)
            return -1;
    }
    buf_addc(out, ']');
    return 0;
}

static int check_limits(const struct answer *a, size_t row_bytes, struct err *err)
{
    if (row_bytes > a->room)
        return err_set(err, ERR_POISON, "answer.row-too-large",
                       "row %" PRId64 " has %zu bytes, a reply message has room for %zu "
                       "(MAX_REPLY_BYTES); return less of it",
                       a->rows, row_bytes, a->room);
    if (a->rows + 1 > a->limits.max_rows)
        return err_set(err, ERR_POISON, "answer.too-many-rows",
                       "the answer has more than %" PRId64 " rows (MAX_ROWS); use LIMIT",
                       a->limits.max_rows);
    if (a->bytes + a->page.len > a->limits.max_bytes)
        return err_set(err, ERR_POISON, "answer.too-large",
                       "the answer has more than %zu bytes (MAX_ANSWER_BYTES); use LIMIT",
                       a->limits.max_bytes);
    return 0;
}

int answer_add_row(struct answer *a, const json_t *row, struct err *err)
{
    size_t before = a->page.len;

    assert(a->fields != NULL);
    if (before > 0)
        buf_addc(&a->page, ',');
    size_t start = a->page.len;
    if (a->format == ANSWER_ROWS ? add_properties(&a->page, a->fields, row, err) < 0
                                 : add_columns(&a->page, row, err) < 0)
        return -1;
    if (buf_check(&a->page, "page of a reply", err) < 0 ||
        check_limits(a, a->page.len - start, err) < 0)
        return -1;
    if (a->page.len > a->room && close_page(a, before, err) < 0)
        return -1;
    a->rows++;
    a->rows_in_page++;
    return a->rows_in_page >= a->page_rows ? close_page(a, a->page.len, err) : 0;
}

int answer_finish(struct answer *a, struct err *err)
{
    int rc = 0;

    if (a->rows_in_page > 0)
        rc = close_page(a, a->page.len, err);
    buf_fini(&a->page);
    answer_rewind(a);
    return rc;
}

/* ---- copies: numbers of rows and of bytes, the columns as JSON, the rows as a page has them ----
 */

struct copy_head {
    int64_t rows;
    size_t fields_bytes, page_bytes;
};

bool answer_add_copy(const struct answer *a, size_t most, struct buf *out)
{
    if (a->is_error || a->page_count > 1 || a->fd >= 0 || a->fields_bytes + a->bytes > most)
        return false;
    struct copy_head head = {
        .rows = a->rows, .fields_bytes = a->fields_bytes, .page_bytes = a->bytes};
    buf_add(out, &head, sizeof head);
    json_add(out, a->fields);
    if (a->page_count > 0)
        buf_add(out, buf_str(&a->memory) + sizeof(uint64_t), a->bytes);
    return true;
}

bool answer_read_copy(struct answer *a, const struct buf *copy, size_t head_bytes)
{
    const char *p = buf_str(copy);
    struct copy_head head;
    struct err err = {0};

    memcpy(&head, p, sizeof head);
    p += sizeof head;
    if (head.rows > a->page_rows || head.rows > a->limits.max_rows)
        return false;
    json_t *fields = json_loadb(p, head.fields_bytes, 0, NULL);
    bool fits = fields != NULL && answer_set_fields(a, fields, head_bytes, &err) == 0 &&
                head.page_bytes <= a->room;
    json_decref(fields);
    if (fits && head.rows > 0) {
        buf_add(&a->page, p + head.fields_bytes, head.page_bytes);
        a->rows = a->rows_in_page = head.rows;
    }
    if (fits && answer_finish(a, &err) == 0)
        return true;
    answer_clear(a);
    return false;
}

void answer_set_error(struct answer *a, const char *code, const char *text)
{
    char *copy = mem_strdup(text);

    answer_clear(a);
    a->is_error = true;
    snprintf(a->code, sizeof a->code, "%s", code);
    a->text = copy;
}

bool answer_is_error(const struct answer *a)
{
    return a->is_error;
}

int64_t answer_rows(const struct answer *a)
{
    return a->rows;
}

size_t answer_bytes(const struct answer *a)
{
    return a->bytes;
}

size_t answer_page_bytes(const struct answer *a)
{
    return a->page_count > 0 ? a->largest + a->fields_bytes : 0;
}

void answer_rewind(struct answer *a)
{
    a->next_page = 0;
    a->at = 0;
}

static int read_file(const struct answer *a, off_t at, char *p, size_t len, struct err *err)
{
    while (len > 0) {
        ssize_t n = pread(a->fd, p, len, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = EIO;
        if (n <= 0)
            return spool_error(a, "read back", err);
        p += n;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Appends the rows of the next page. */
static int add_page(struct answer *a, struct buf *out, struct err *err)
{
    uint64_t length;

    if (a->fd < 0) {
        memcpy(&length, buf_str(&a->memory) + a->at, sizeof length);
        buf_add(out, buf_str(&a->memory) + a->at + sizeof length, length);
    } else {
        if (read_file(a, a->at, (char *)&length, sizeof length, err) < 0)
            return -1;
        char *p = mem_try_alloc(1, length);
        if (p == NULL)
            return err_set(err, ERR_FATAL, "memory.exhausted", "page of a reply: memory exhausted");
        int rc = read_file(a, a->at + (off_t)sizeof length, p, length, err);
        buf_add(out, p, length);
        free(p);
        if (rc < 0)
            return -1;
    }
    a->at += (off_t)(sizeof length + length);
    return 0;
}

static void add_number(struct buf *out, const char *name, int64_t n)
{
    buf_addf(out, ",\"%s\":", name);
    if (n < 0)
        buf_adds(out, "null");
    else
        buf_addi(out, n);
}

/* The key may be a record's, which need not be text. */
static void add_key(struct buf *out, const struct answer_head *head)
{
    json_t *text = json_stringn(head->key, head->key_len);

    if (text != NULL)
        buf_add_json(out, head->key, head->key_len);
    else
        buf_adds(out, "null");
    json_decref(text);
}

static void add_head(struct buf *out, const struct answer_head *head)
{
    buf_adds(out, "{\"id\":");
    buf_add_json(out, head->id, head->id_len);
    buf_adds(out, ",\"with_key\":");
    add_key(out, head);
    buf_adds(out, ",\"replica\":");
    buf_add_json(out, head->replica, strlen(head->replica));
    add_number(out, "offset", head->offset);
    add_number(out, "age_ms", head->age_ms);
}

static void add_error(const struct answer *a, struct buf *out)
{
    buf_adds(out, ",\"error\":{\"code\":");
    buf_add_json(out, a->code, strlen(a->code));
    buf_adds(out, ",\"message\":");
    buf_add_json(out, a->text, strlen(a->text));
    buf_addc(out, '}');
}

size_t answer_error_bytes(const struct answer *a)
{
    struct buf text = {0};

    if (a->is_error)
        add_error(a, &text);
    size_t bytes = text.len;
    buf_fini(&text);
    return bytes;
}

static int add_rows_message(struct answer *a, const struct answer_head *head, struct buf *out,
                            struct err *err)
{
    json_add(out, head->request);
    buf_truncate(out, out->len - 1); /* its closing bracket */
    if (out->len > 1)
        buf_addc(out, ',');
    buf_adds(out, "\"result\":");
    if (a->is_error || a->page_count == 0)
        buf_adds(out, "null");
    else if (add_page(a, out, err) < 0)
        return -1;
    if (a->is_error)
        add_error(a, out);
    buf_addc(out, '}');
    return 0;
}

static int add_pages_message(struct answer *a, const struct answer_head *head, struct buf *out,
                             bool last, struct err *err)
{
    add_head(out, head);
    add_number(out, "seq", a->next_page);
    if (a->is_error) {
        add_error(a, out);
    } else {
        buf_adds(out, ",\"columns\":");
        json_add(out, a->fields);
        buf_adds(out, ",\"rows\":[");
        if (a->page_count > 0 && add_page(a, out, err) < 0)
            return -1;
        buf_addc(out, ']');
    }
    buf_addf(out, ",\"last\":%s", last ? "true" : "false");
    if (last && !a->is_error)
        add_number(out, "total", a->rows);
    buf_addc(out, '}');
    return 0;
}

int answer_next(struct answer *a, const struct answer_head *head, struct buf *out, bool *more,
                struct err *err)
{
    int64_t count = a->page_count > 0 ? a->page_count : 1; /* an empty answer is a message too */

    buf_reset(out);
    *more = a->next_page < count;
    if (!*more)
        return 0;
    bool last = a->next_page + 1 == count;
    bool rows = a->format == ANSWER_ROWS && head->request != NULL;
    if ((rows ? add_rows_message(a, head, out, err) : add_pages_message(a, head, out, last, err)) <
        0)
        return -1;
    a->next_page++;
    return buf_check(out, "reply", err);
}
