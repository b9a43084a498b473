/* SPDX-License-Identifier: Apache-2.0 */

/* db_sync/apply.c: what the log says one command at a time, done many at a time. A batch either
 * commits with its position or leaves nothing. When one fails, what precedes the command at fault
 * is applied, then that command alone: what happens to it there is its verdict, as if every command
 * had always run alone. */
#include "db_sync/apply.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include "db_sync/ddl.h"
#include "db_sync/pace.h"
#include "neo4j/code.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS 500
#define FEW_SINGLY 100 /* statements of which Neo4j may tell which failed at no great cost */
#define DOUBT_MOST 250 /* commands that go one by one to find the one at fault */
#define PROOF_TRIES 3  /* of a verdict that may be none (code_wants_proof) */
#define PROOF_MS 50    /* between these when it was proven lately and the server works */
#define LIMIT_TRIES 3  /* for a command that alone exceeds a limit of this replica */
#define FAULT_TRIES 10 /* while the server says of one alone that it has a fault: some minutes */
#define ALONE_MS 1000  /* before the second try; then twice as long each time */
#define ALONE_CAP_MS 30000
#define TOTALS_MS 60000
#define LAST_NOTICES_MS 3000
#define CHECK_MS 2000 /* how often an idle one looks whether the replica is still its own */

/* Commands of which one is at fault: they go one by one, which tells. */
struct doubt {
    int64_t first; /* offset; -1: none */
    size_t count;
    bool together; /* they failed in a statement for many */
};

struct apply {
    struct apply_parts parts;
    struct command **waiting; /* taken from the queue, in order; the first ones are the batch */
    struct rewrite *rewrite;
    size_t count, room;
    size_t bytes; /* of waiting */
    struct pace pace;
    int64_t suspect; /* offset of the command that failed in a batch, to run alone; -1: none */
    struct doubt doubt;
    bool plain;           /* the first command failed rewritten: its text tells the outcome */
    int alone_failures;   /* of the first command */
    bool proven, healthy; /* a verdict was proven (PROOF_TRIES); commands took effect since then */
    int64_t applied, condemned, totals_at_ms; /* since the last log line */
    int64_t check_at_ms;
};

size_t apply_cut(struct command *const *commands, size_t n, size_t count, size_t bytes)
{
    size_t k = 0, sum = 0;

    while (k < n && k < count) {
        const struct command *c = commands[k];
        bool own = c->alone || c->schema;
        if (k > 0 && (own || c->starts_tx || sum + c->json_len > bytes))
            break;
        sum += c->json_len;
        k++;
        if (own || c->ends_tx)
            break;
    }
    return k;
}

struct position apply_target(const struct position *from, struct command *const *commands, size_t k,
                             const struct notices *notices)
{
    struct position p = *from;

    position_set_noticed(&p, notices_done(notices));
    for (size_t i = 0; i < k; i++) {
        const struct command *c = commands[i];
        position_add_outcome(&p, c->record.offset, c->verdict != NULL ? c->verdict->code : "");
        if (c->verdict != NULL)
            position_add_failure(&p, c->record.offset, c->verdict);
    }
    const struct command *last = commands[k - 1];
    p.next_offset = last->record.offset + 1;
    p.last_offset = last->record.offset;
    memcpy(p.fingerprint, last->fingerprint, sizeof p.fingerprint);
    p.intent_offset = -1;
    p.intent_schema[0] = '\0';
    return p;
}

/* Drops the first k, which are settled. Returns how many of them are dead letters. */
static size_t drop(struct apply *a, size_t k)
{
    size_t letters = 0;

    for (size_t i = 0; i < k; i++) {
        letters += a->waiting[i]->verdict != NULL;
        a->bytes -= command_bytes(a->waiting[i]);
        command_free(a->waiting[i]);
    }
    a->condemned += (int64_t)letters;
    a->applied += (int64_t)k;
    a->count -= k;
    memmove(a->waiting, a->waiting + k, a->count * sizeof *a->waiting);
    a->alone_failures = 0;
    report_applied(a->parts.report, &a->parts.writer->position);
    report_oldest(a->parts.report, a->count > 0 ? a->waiting[0]->record.timestamp_ms : 0);
    return letters;
}

int apply_letters(const struct apply_parts *parts, struct command **commands, size_t k,
                  struct err *err)
{
    struct backoff backoff = {.first_ms = 200, .cap_ms = 5000};
    struct err why = {0};

    while (letters_send(parts->letters, commands, k, &why) < 0) {
        if (backoff.attempts == 0)
            log_warn(log_event("dead_letter_waits"), log_err(&why));
        meters_error(report_meters(parts->report), why.class);
        report_kafka_down(parts->report, why.text);
        if (stop_wait(backoff_next_ms(&backoff, hash_random())))
            return stop_check(err);
        err_clear(&why);
    }
    if (backoff.attempts > 0)
        report_kafka_down(parts->report, NULL);
    return 0;
}

/* Before one command alone is tried again. */
static int wait_alone(const struct apply *a, struct err *err)
{
    int64_t wait_ms = ALONE_MS << (a->alone_failures < 6 ? a->alone_failures - 1 : 5);

    return stop_wait(wait_ms < ALONE_CAP_MS ? wait_ms : ALONE_CAP_MS) ? stop_check(err) : 0;
}

/* A log may hold many commands with such an error. The first waits, since the server may be in
 * trouble; while others take effect between them, it is not. */
static int wait_for_proof(const struct apply *a, struct err *err)
{
    if (a->proven && a->healthy)
        return stop_wait(PROOF_MS) ? stop_check(err) : 0;
    return wait_alone(a, err);
}

static void set_suspect(struct apply *a, int64_t offset)
{
    a->suspect = offset;
    a->doubt.first = -1;
}

/* One of the commands of fault failed: what precedes them goes first, then they go, and if they are
 * few one by one. */
static void narrow(struct apply *a, const struct rewrite_range *fault, bool together)
{
    bool few = fault->count <= DOUBT_MOST;

    a->doubt =
        (struct doubt){few ? a->waiting[fault->first]->record.offset : -1, fault->count, together};
    pace_narrow(&a->pace, fault->first > 0 ? fault->first : few ? fault->count : PACE_CAREFUL);
}

static bool is_in_doubt(const struct apply *a)
{
    return a->waiting[0]->record.offset == a->doubt.first;
}

/* A command, or the transaction as a whole, can never succeed. */
static int settle_poison(struct apply *a, size_t k, const struct writer_fault *fault,
                         const struct err *why, struct err *err)
{
    struct command *last = a->waiting[k - 1];

    if (k == 1 && code_wants_proof(why->code) && ++a->alone_failures < PROOF_TRIES)
        return wait_for_proof(a, err);
    if (k == 1) {
        command_condemn(a->waiting[0], why);
        if (code_wants_proof(why->code)) {
            a->proven = true;
            a->healthy = false;
        }
        a->suspect = -1;
        a->plain = false;
        pace_narrow(&a->pace, PACE_CAREFUL);
    } else if (fault->what == WRITER_COMMANDS && fault->commands.count > 1) {
        narrow(a, &fault->commands, true);
    } else if (fault->what == WRITER_COMMANDS) {
        set_suspect(a, a->waiting[fault->commands.first]->record.offset);
        pace_narrow(&a->pace, fault->commands.first); /* what precedes it, then it */
    } else if (fault->what == WRITER_COMMIT && last->ends_tx) {
        set_suspect(a, last->record.offset); /* for the sake of the commit it ends */
    } else {
        a->doubt.first = -1;
        pace_narrow(&a->pace, k / 2); /* the commit failed, or nothing tells: bisect */
    }
    return 0;
}

/* The batch of k left nothing. */
static int settle(struct apply *a, size_t k, const struct rewrite_batch *batch,
                  const struct writer_fault *fault, const struct err *why, struct err *err)
{
    struct command *first = a->waiting[0];
    bool fails = why->class == ERR_POISON || why->class == ERR_SHRINK;

    if (fails && fault->what == WRITER_UNKNOWN && !a->parts.writer->which) {
        struct rewrite_range unknown = {0, k < DOUBT_MOST ? k : DOUBT_MOST};
        narrow(a, &unknown, false); /* and now it tells */
        return 0;
    }
    if (fails && k == 1 && rewrite_is_rewritten(batch)) {
        a->plain = true;
        return 0;
    }
    switch (why->class) {
    case ERR_POISON:
        return settle_poison(a, k, fault, why, err);
    case ERR_SHRINK:
        log_warn(log_event("batch_too_large"), log_int("offset", first->record.offset),
                 log_int("commands", (int64_t)k), log_err(why));
        if (k > 1) {
            a->doubt.first = -1;
            pace_shrink(&a->pace, k);
            return 0;
        }
        if (++a->alone_failures < (code_is_limit(why->code) ? LIMIT_TRIES : FAULT_TRIES))
            return wait_alone(a, err);
        *err = *why;
        if (code_is_limit(why->code))
            return err_wrap(err,
                            "command at offset %" PRId64 " exceeds a limit of this replica even "
                            "alone, which is no verdict on it; raise the limit (Neo4j's memory or "
                            "transaction time-out, TRANSACTION_TIMEOUT) and start again, or pass "
                            "it by with: db_sync skip %" PRId64,
                            first->record.offset, first->record.offset);
        return err_wrap(err,
                        "command at offset %" PRId64 ": this Neo4j cannot do it and does not say "
                        "why, which is no verdict on it; its log may tell. Start again, or pass "
                        "the command by with: db_sync skip %" PRId64,
                        first->record.offset, first->record.offset);
    default:
        *err = *why;
        return -1;
    }
}

/* How many verdicts a batch may hold: those of two batches must fit the position. */
static size_t verdicts_most(const struct apply *a)
{
    if (a->parts.options->poison_policy == POISON_HALT)
        return 0;
    return a->parts.notices != NULL ? NOTICE_FAILURES : SIZE_MAX;
}

/* How many come next. A suspect, and commands in doubt, end the batch before them. */
static size_t next_size(const struct apply *a)
{
    size_t verdicts = 0, most = verdicts_most(a);

    if (a->plain)
        return 1;
    size_t count = is_in_doubt(a) ? a->doubt.count : pace_count(&a->pace);
    size_t k = apply_cut(a->waiting, a->count, count, (size_t)a->parts.options->batch_bytes);

    for (size_t i = 0; i < k; i++) {
        const struct command *c = a->waiting[i];
        verdicts += c->verdict != NULL;
        if (c->record.offset == a->suspect || verdicts > most)
            return i > 0 ? i : 1;
        if (i > 0 && c->record.offset == a->doubt.first)
            return i;
    }
    return k;
}

/* POISON_POLICY=halt: the first command can never succeed, and a person is to decide. */
static int halt(const struct command *first, struct err *err)
{
    *err = *first->verdict;
    return err_wrap(err,
                    "POISON_POLICY=halt: the command at offset %" PRId64 " can never succeed; "
                    "see to its cause and start again, or pass it by with: db_sync skip %" PRId64,
                    first->record.offset, first->record.offset);
}

/* The checkpoints that the first k, which are applied, passed on from `from`; one may fall into a
 * gap of the log, where transactional producers leave their marks. That at the end is
 * report_applied's.
 */
static void note_checkpoints(struct apply *a, const struct position *from, size_t k)
{
    struct position p = *from;

    for (size_t i = 0; i < k; i++) {
        const struct command *c = a->waiting[i];
        int64_t at = c->record.offset / COMPARE_EVERY * COMPARE_EVERY;
        if (at > p.next_offset || (at == p.next_offset && i > 0))
            report_checkpoint(a->parts.report, at, &p);
        position_add_outcome(&p, c->record.offset, c->verdict != NULL ? c->verdict->code : "");
        p.next_offset = c->record.offset + 1;
    }
}

/* A suspect runs as it was sent: what its own text does is its verdict. *start_ms: when it went,
 * which trials of templates put off. */
static int commit(struct apply *a, size_t k, const struct position *target,
                  struct rewrite_batch *batch, int64_t *start_ms, struct writer_fault *fault,
                  struct err *err)
{
    enum rewrite_form form = pace_form(&a->pace);
    bool doubt = is_in_doubt(a);

    a->plain = a->plain || a->waiting[0]->record.offset == a->suspect;
    if (doubt && form > REWRITE_SINGLY)
        form = REWRITE_SINGLY;
    rewrite_batch(a->rewrite, a->waiting, k, a->plain ? REWRITE_TEXTS : form, batch);
    a->parts.writer->which = doubt || batch->sent[REWRITE_SINGLY] < FEW_SINGLY;
    *start_ms = clock_mono_ms();
    return writer_commit(a->parts.writer, batch, target, fault, err);
}

/* The batch of k took effect within took_ms: what that says for the next ones. */
static void learn(struct apply *a, size_t k, const struct rewrite_batch *batch, int64_t took_ms)
{
    const struct command *first = a->waiting[0];

    if (a->plain && first->verdict == NULL)
        rewrite_distrust(a->rewrite, first);
    a->plain = false;
    a->healthy |= batch->count > 0;
    if (first->schema)
        rewrite_forget(a->rewrite);
    if (is_in_doubt(a)) {
        if (a->doubt.together && a->doubt.count <= k)
            rewrite_part(a->rewrite, a->waiting, a->doubt.count);
        a->doubt.first = -1;
    }
    if (a->suspect >= 0 && a->suspect <= a->waiting[k - 1]->record.offset)
        a->suspect = -1; /* it did not fail alone: then it is no poison */
    enum rewrite_form form = rewrite_most(batch);
    report_form(a->parts.report, rewrite_form_name(form));
    if (!a->parts.writer->held) /* else it says nothing about the size */
        pace_done(&a->pace, k, form, took_ms, !batch->fresh);
}

/* One transaction of the commands that wait. */
static int apply_batch(struct apply *a, struct err *err)
{
    size_t k = next_size(a);
    struct rewrite_batch batch = {0};
    struct writer_fault fault = {WRITER_COMMANDS, {0, 1}};
    struct err why = {0};
    int64_t start = clock_mono_ms();
    int rc;

    report_oldest(a->parts.report, a->waiting[0]->record.timestamp_ms);
    if (a->waiting[0]->verdict != NULL && a->parts.options->poison_policy == POISON_HALT)
        return halt(a->waiting[0], err);
    if (apply_letters(&a->parts, a->waiting, k, err) < 0)
        return -1;
    const struct position before = a->parts.writer->position;
    struct position target = apply_target(&before, a->waiting, k, a->parts.notices);
    if (a->waiting[0]->schema)
        rc = ddl_apply(a->parts.writer, a->waiting[0], &target, &why);
    else
        rc = commit(a, k, &target, &batch, &start, &fault, &why);
    if (rc < 0) {
        meters_error(report_meters(a->parts.report), why.class);
        return settle(a, k, &batch, &fault, &why, err);
    }
    int64_t took_ms = clock_mono_ms() - start;
    log_debug(log_event("applied"), log_int("next_offset", target.next_offset),
              log_int("commands", (int64_t)k), log_int("took_ms", took_ms),
              log_str("form", rewrite_form_name(rewrite_most(&batch))));
    learn(a, k, &batch, took_ms);
    rc = notices_send(a->parts.notices, a->waiting, k, err);
    note_checkpoints(a, &before, k);
    size_t letters = drop(a, k);
    meters_transaction(report_meters(a->parts.report), rewrite_most(&batch), k, letters, took_ms);
    return rc;
}

/* Takes what the queue holds, up to a batch; waits only when there is nothing to do. */
static bool fill(struct apply *a)
{
    bool closed = false;

    if (a->count < a->pace.limit && a->bytes < (size_t)a->parts.options->batch_bytes) {
        size_t n = queue_pop_many(a->parts.queue, (void **)(a->waiting + a->count),
                                  a->room - a->count, a->count == 0 ? WAIT_MS : 0, &closed);
        for (size_t i = 0; i < n; i++)
            a->bytes += command_bytes(a->waiting[a->count + i]);
        a->count += n;
    }
    return a->count > 0 || !closed;
}

/* Nothing to apply: a newer db_sync, or a Neo4j that went away, would show only with the next
 * command. */
static int check_idle(struct apply *a, struct err *err)
{
    if (clock_mono_ms() < a->check_at_ms)
        return 0;
    a->check_at_ms = clock_mono_ms() + CHECK_MS;
    return writer_check(a->parts.writer, err);
}

static void log_totals(struct apply *a)
{
    int64_t now = clock_mono_ms();

    if (now < a->totals_at_ms)
        return;
    if (a->applied > 0)
        log_info(log_event("totals"), log_int("settled", a->applied),
                 log_int("dead_letters", a->condemned),
                 log_int("next_offset", a->parts.writer->position.next_offset));
    a->applied = a->condemned = 0;
    a->totals_at_ms = now + TOTALS_MS;
}

int apply_settle_notices(const struct apply_parts *parts, struct err *err)
{
    struct position target = parts->writer->position;
    struct writer_fault fault;

    notices_flush(parts->notices, clock_mono_ms() + LAST_NOTICES_MS);
    if (target.noticed == notices_done(parts->notices))
        return 0;
    position_set_noticed(&target, notices_done(parts->notices));
    return writer_commit(parts->writer, NULL, &target, &fault, err);
}

int apply_run(const struct apply_parts *parts, struct err *err)
{
    struct apply a = {.parts = *parts,
                      .room = (size_t)parts->options->batch_count,
                      .suspect = -1,
                      .doubt = {.first = -1},
                      .totals_at_ms = clock_mono_ms() + TOTALS_MS};
    int rc = 0;

    pace_init(&a.pace, (enum rewrite_form)parts->options->command_form, a.room,
              parts->options->batch_time_ms);
    a.rewrite = rewrite_new(parts->writer->tx, parts->writer->timeout_ms);
    a.waiting = mem_alloc(a.room, sizeof *a.waiting);
    while (rc == 0 && !stop_requested() && fill(&a)) {
        rc = peers_check(parts->peers, err);
        if (rc < 0)
            break;
        if (a.count > 0)
            rc = apply_batch(&a, err);
        else
            rc = check_idle(&a, err);
        log_totals(&a);
    }
    if (rc == 0)
        rc = apply_settle_notices(parts, err);
    for (size_t i = 0; i < a.count; i++)
        command_free(a.waiting[i]);
    free(a.waiting);
    rewrite_free(a.rewrite);
    if (rc < 0 && err->class == ERR_STOPPING) {
        err_clear(err);
        rc = 0;
    }
    return rc;
}
