/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz/fuzz_command.c: any bytes as a record of the command topic. It becomes statements or a
 * verdict, never both; its dead letter and its notice are JSON whatever it holds; each statement is
 * a JSON object. */
#include "db_sync/letter.h"
#include "db_sync/notice.h"

#include <assert.h>
#include <stdint.h>

#define LIMIT 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_json(const char *p, size_t len)
{
    struct err err = {0};
    json_t *value = json_parse(p, len, &err);

    /* A message that is as deep as may be gets no deeper by the "error" beside it. */
    assert(json_is_object(value));
    json_decref(value);
}

static void check_statements(const struct command *c)
{
    const char *json = c->json;

    for (size_t i = 0, start = 0; i < c->stmt_count; start = c->stmt_ends[i++])
        check_json(json + start, c->stmt_ends[i] - start);
}

static void check_letters(const struct command *c, const struct err *why)
{
    static const size_t limits[] = {LIMIT * 2, 200};
    struct command_names names;
    struct buf body = {0};

    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        letter_add_body(&body, &c->record, why, limits[i]);
        check_json(buf_str(&body), body.len);
        buf_reset(&body);
    }
    command_names_init(&names, &c->record, "topic");
    assert(names.key.len <= COMMAND_NAME_MAX && names.id.len <= COMMAND_NAME_MAX);
    notice_add_body(&body, &c->record, &names, "replica", why->code, why->text);
    check_json(buf_str(&body), body.len);
    command_names_fini(&names);
    buf_fini(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct command_desk desk;
    struct record record = {.offset = 7, .value = (const char *)data, .value_len = size};
    command_desk_init(&desk);
    struct command *c = command_new_take(&record, LIMIT, &desk);
    struct err good = {.class = ERR_POISON, .code = "fuzz", .text = "none"};

    command_desk_fini(&desk);
    assert((c->verdict != NULL) == (c->stmt_count == 0));
    assert(c->verdict == NULL || (c->verdict->class == ERR_POISON && c->verdict->code[0] != '\0'));
    check_statements(c);
    check_letters(c, c->verdict != NULL ? c->verdict : &good);
    command_free(c);
    return 0;
}
