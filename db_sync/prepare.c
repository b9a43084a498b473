/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/prepare.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include "db_sync/command.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define TURN_MS 100
#define GROUP_COMMIT_MS 5000
#define CHECK_TIMEOUT_MS 30000
#define RETRY_WAIT_MS 500
#define WARN_EVERY_MS 60000

struct prepare {
    struct reader *reader;
    const struct options *options;
    struct queue *queue;
    struct report *report;
    char *topic;
    struct position read; /* next and last offset, and fingerprint, of what was read so far */
    struct command_desk desk;
    int64_t next_commit_ms;
    struct warned {
        int64_t next_ms, count; /* when the next line may be written, and for how many */
    } warned[CHANCE_KINDS];
    int64_t to_offset; /* where to end; -1: not known, or nowhere */
    bool reached;
    pthread_t thread;
    struct err err;
};

static int check_bounds(const char *topic, const struct position *p, int64_t low, int64_t high,
                        struct err *err)
{
    if (low > p->next_offset)
        return err_set(err, ERR_GUARD, "log.starts-after",
                       "%s[0]: the log starts at %" PRId64 ", this replica needs %" PRId64
                       ": what lies between is lost to it; wipe it and start it from a newer state",
                       topic, low, p->next_offset);
    if (high < p->next_offset)
        return err_set(err, ERR_GUARD, "log.ends-before",
                       "%s[0]: the log ends at %" PRId64 ", this replica already contains %" PRId64
                       ": the topic was truncated or made anew; if the new log is right, wipe this "
                       "replica, or set COMMAND_TOPIC to the old one",
                       topic, high, p->next_offset);
    return 0;
}

int prepare_check_log(struct reader *reader, const char *topic, const struct position *position,
                      struct err *err)
{
    int64_t low, high;
    struct reader_look look;

    if (reader_watermarks(reader, &low, &high, err) < 0 ||
        check_bounds(topic, position, low, high, err) < 0)
        return -1;
    if (position->last_offset < low) /* none applied, or retention took it: nothing to compare */
        return 0;
    if (reader_look_at(reader, position->last_offset, clock_mono_ms() + CHECK_TIMEOUT_MS, &look,
                       err) < 0)
        return -1;
    if (strcmp(look.fingerprint, position->fingerprint) != 0)
        return err_set(
            err, ERR_GUARD, "log.another",
            "%s[0]: the record at %" PRId64 " is not the one that this replica applied: "
            "the topic was deleted and made anew, or belongs to another graph; wipe this "
            "replica if the new log is right",
            topic, position->last_offset);
    return 0;
}

/* Brokers or topic went away: waits for them. librdkafka would then go on at the old offset,
 * whatever log is there, so the log is checked as at a start. */
static int wait_and_check(struct prepare *p, const struct err *cause, struct err *err)
{
    int64_t since = clock_mono_ms(), attempts = 1;
    struct err why = {0};

    log_warn(log_event("kafka_down"), log_err(cause));
    report_kafka_down(p->report, cause->text);
    for (;; attempts++) {
        if (reader_check_topic(p->reader, clock_mono_ms(), &why) == 0 &&
            prepare_check_log(p->reader, p->topic, &p->read, &why) == 0)
            break;
        /* Brokers that are just back may not know the topic yet; a refused login or authorization
         * is a person's to mend, as with Neo4j. */
        bool early = why.class == ERR_CONFIG && (clock_mono_ms() - since < CHECK_TIMEOUT_MS ||
                                                 strcmp(why.code, "topic.missing") != 0);
        if (why.class != ERR_RETRY && !early) {
            *err = why;
            return -1;
        }
        err_clear(&why);
        if (stop_wait(RETRY_WAIT_MS))
            return stop_check(err);
    }
    log_info(log_event("kafka_up"), log_int("after_ms", clock_mono_ms() - since),
             log_int("attempts", attempts));
    report_kafka_down(p->report, NULL);
    return reader_assign(p->reader, p->read.next_offset, err);
}

int prepare_check_target(struct reader *reader, const char *topic, const struct options *options,
                         const struct position *position, struct err *err)
{
    char time[CLOCK_TEXT_SIZE];
    struct reader_look look;
    int64_t low, high;

    if (options->to_offset >= 0 && position->next_offset > options->to_offset)
        return err_set(err, ERR_GUARD, "target.passed",
                       "%s[0]: --to-offset %" PRId64 ": this replica already contains all before "
                       "%" PRId64 ", and nothing is ever undone; start from an empty database or "
                       "an older snapshot",
                       topic, options->to_offset, position->next_offset);
    if (options->to_time == NULL)
        return 0;
    if (reader_watermarks(reader, &low, &high, err) < 0)
        return -1;
    if (position->last_offset < low) /* none applied, or retention took it */
        return 0;
    if (reader_look_at(reader, position->last_offset, clock_mono_ms() + CHECK_TIMEOUT_MS, &look,
                       err) < 0)
        return -1;
    if (look.timestamp_ms <= options->to_time_ms)
        return 0;
    return err_set(err, ERR_GUARD, "target.passed",
                   "%s[0]: --to-time %s: this replica already contains the command at %" PRId64
                   ", which was written at %s, and nothing is ever undone; start from an empty "
                   "database or an older snapshot",
                   topic, options->to_time, position->last_offset,
                   clock_text(look.timestamp_ms, time, sizeof time));
}

/* The end of the log counts once the moment has passed: whatever comes behind it came later. */
static int find_end(struct prepare *p, struct err *err)
{
    int64_t low, high;

    if (p->options->to_time == NULL || p->to_offset >= 0 ||
        clock_wall_ms() <= p->options->to_time_ms)
        return 0;
    if (reader_watermarks(p->reader, &low, &high, err) < 0)
        return err->class == ERR_RETRY ? (err_clear(err), 0) : -1;
    p->to_offset = high;
    return 0;
}

static bool is_reached(const struct prepare *p)
{
    int64_t end = reader_end_offset(p->reader); /* behind control records */
    int64_t at = end > p->read.next_offset ? end : p->read.next_offset;

    return p->reached || (p->to_offset >= 0 && at >= p->to_offset);
}

static bool is_beyond(const struct prepare *p, const struct record *record)
{
    return (p->options->to_offset >= 0 && record->offset >= p->options->to_offset) ||
           (p->options->to_time != NULL && record->timestamp_ms > p->options->to_time_ms);
}

/* At most a line a minute for each kind: a stream of such commands is one piece of news. */
static void warn(struct prepare *p, const struct command *c)
{
    for (int kind = 0; kind < CHANCE_KINDS; kind++) {
        struct warned *w = &p->warned[kind];
        if ((c->warnings & 1U << kind) == 0)
            continue;
        w->count++;
        if (clock_mono_ms() < w->next_ms)
            continue;
        const struct chance_info *info = chance_info((enum chance)kind);
        log_warn(log_event("nondeterministic"), log_int("offset", c->record.offset),
                 log_str("kind", info->name), log_int("commands", w->count),
                 log_str("advice", info->advice));
        *w = (struct warned){.next_ms = clock_mono_ms() + WARN_EVERY_MS};
    }
}

static int take_record(struct prepare *p, struct record *record, struct err *err)
{
    struct command *c = command_new_take(record, (size_t)p->options->max_command_bytes, &p->desk);
    size_t bytes = command_bytes(c);

    if (c->warnings != 0)
        warn(p, c);
    p->read.last_offset = c->record.offset;
    p->read.next_offset = c->record.offset + 1;
    memcpy(p->read.fingerprint, c->fingerprint, sizeof p->read.fingerprint);
    /* Under a steady trickle librdkafka never tells of the end: it does so only when a fetch comes
     * back empty. */
    int64_t end = reader_log_end(p->reader);
    report_read(p->report, p->read.next_offset, end, end >= 0 && p->read.next_offset >= end);
    return queue_push_take(p->queue, c, bytes, err);
}

static int turn(struct prepare *p, struct err *err)
{
    struct record record = {0};
    struct err why = {0};

    switch (reader_next(p->reader, TURN_MS, &record, &why)) {
    case READER_RECORD:
        if (!is_beyond(p, &record))
            return take_record(p, &record, err);
        record_fini(&record);
        p->reached = true;
        return 0;
    case READER_END:
        report_read(p->report, p->read.next_offset, reader_log_end(p->reader), true);
        return 0;
    case READER_OUTAGE:
        return wait_and_check(p, &why, err);
    case READER_FAILED:
        /* What the log says now explains it better than librdkafka's code. */
        if (prepare_check_log(p->reader, p->topic, &p->read, err) == 0 || err->class == ERR_RETRY)
            *err = why;
        return -1;
    case READER_NOTHING:
        break;
    }
    return 0;
}

static void *prepare_main(void *arg)
{
    struct prepare *p = arg;

    while (stop_check(&p->err) == 0 && find_end(p, &p->err) == 0 && !(p->reached = is_reached(p)) &&
           turn(p, &p->err) == 0)
        if (clock_mono_ms() >= p->next_commit_ms) {
            reader_commit(p->reader, report_applied_offset(p->report));
            p->next_commit_ms = clock_mono_ms() + GROUP_COMMIT_MS;
        }
    queue_close(p->queue); /* the apply thread settles what is inside, then ends */
    return NULL;
}

int prepare_start(struct prepare **out, struct reader *reader, const struct options *options,
                  const struct position *from, struct queue *queue, struct report *report,
                  struct err *err)
{
    struct prepare *p = mem_alloc(1, sizeof *p);

    *p = (struct prepare){.reader = reader,
                          .options = options,
                          .queue = queue,
                          .report = report,
                          .topic = setup_topic(&options->setup, options->command_topic),
                          .read = *from,
                          .to_offset = options->to_offset};
    command_desk_init(&p->desk);
    p->desk.rules = options_rules(options);
    report_read(report, from->next_offset, -1, false);
    if (reader_assign(reader, from->next_offset, err) == 0) {
        if (pthread_create(&p->thread, NULL, prepare_main, p) == 0) {
            *out = p;
            return 0;
        }
        err_set(err, ERR_FATAL, "thread", "the thread `prepare` cannot be started");
    }
    command_desk_fini(&p->desk);
    free(p->topic);
    free(p);
    return -1;
}

bool prepare_reached(const struct prepare *p)
{
    return p->reached;
}

void prepare_finish(struct prepare *p, struct err *err)
{
    if (p == NULL)
        return;
    pthread_join(p->thread, NULL);
    if (p->err.class != ERR_STOPPING)
        *err = p->err;
    reader_commit(p->reader, report_applied_offset(p->report));
    command_desk_fini(&p->desk);
    free(p->topic);
    free(p);
}
