/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/skip.h"

#include "base/clock.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define READ_TIMEOUT_MS 30000

static int read_next(const struct apply_parts *parts, struct reader *reader, int64_t offset,
                     struct record *record, struct err *err)
{
    int64_t next = parts->writer->position.next_offset;

    if (reader_assign(reader, next, err) < 0)
        return -1;
    switch (reader_await(reader, clock_mono_ms() + READ_TIMEOUT_MS, record, err)) {
    case READER_RECORD:
        break;
    case READER_END:
        return err_set(err, ERR_GUARD, "skip.nothing",
                       "there is nothing to skip: this replica contains the whole log, up to "
                       "offset %" PRId64,
                       next);
    default:
        return -1;
    }
    if (record->offset == offset)
        return 0;
    err_set(err, ERR_GUARD, "skip.elsewhere",
            "this replica stands at offset %" PRId64 ", not at %" PRId64
            ": only the command that comes next can be skipped",
            record->offset, offset);
    record_fini(record);
    return -1;
}

/* Its verdict from now on, whatever another would have been: so all replicas that skip it agree. */
static void condemn(struct command *c)
{
    struct err why = {0};

    if (c->verdict != NULL)
        err_set(&why, ERR_POISON, NOTICE_SKIPPED, "passed by with db_sync skip; it is no good: %s",
                c->verdict->text);
    else
        err_set(&why, ERR_POISON, NOTICE_SKIPPED, "passed by with db_sync skip");
    free(c->verdict);
    c->verdict = NULL;
    command_condemn(c, &why);
}

int skip_command(const struct apply_parts *parts, struct reader *reader, int64_t offset,
                 struct err *err)
{
    struct record record = {0};
    struct command_desk desk;
    struct writer_fault fault;

    if (read_next(parts, reader, offset, &record, err) < 0)
        return -1;
    command_desk_init(&desk);
    struct command *c = command_new_take(&record, (size_t)parts->options->max_command_bytes, &desk);
    command_desk_fini(&desk);
    condemn(c);
    int rc = apply_letters(parts, &c, 1, err);
    if (rc == 0) {
        struct position target = apply_target(&parts->writer->position, &c, 1, parts->notices);
        rc = writer_commit(parts->writer, NULL, &target, &fault, err);
    }
    if (rc == 0)
        printf("skipped the command at offset %" PRId64 "; the next offset is %" PRId64 "\n",
               offset, parts->writer->position.next_offset);
    if (rc == 0)
        rc = notices_send(parts->notices, &c, 1, err);
    if (rc == 0)
        rc = apply_settle_notices(parts, err);
    command_free(c);
    return rc;
}
