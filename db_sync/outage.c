/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/outage.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/stop.h"

#include <string.h>

#define FIRST_MS 100
#define CAP_MS 5000

void outage_init(struct outage *o, struct setup *setup, struct tx *tx, struct report *report)
{
    *o = (struct outage){.setup = setup,
                         .tx = tx,
                         .report = report,
                         .backoff = {.first_ms = FIRST_MS, .cap_ms = CAP_MS}};
}

/* A deadlock, a lock that somebody holds: Neo4j is there, and asks to come again. */
static bool answers(const struct err *why)
{
    return (why->class == ERR_RETRY || why->class == ERR_SHRINK) &&
           strncmp(why->code, "Neo.", 4) == 0;
}

bool outage_heals(const struct outage *o, const struct err *why)
{
    return why->class == ERR_RETRY || why->class == ERR_UNKNOWN ||
           (why->class == ERR_CONFIG && !o->strict);
}

int outage_wait(struct outage *o, const struct err *why, struct err *err)
{
    if (o->attempts++ == 0) {
        o->since_ms = clock_mono_ms();
        o->answers = answers(why);
        if (why->class != ERR_CONFIG)
            log_warn(log_event(answers(why) ? "neo4j_busy" : "neo4j_down"), log_err(why));
    }
    if (why->class == ERR_CONFIG && !o->refused) { /* perhaps it was away at first */
        log_error(log_event("neo4j_refuses"), log_err(why));
        o->refused = true;
    }
    meters_error(report_meters(o->report), why->class);
    report_neo4j_down(o->report, why->text);
    struct conf_secret *password = &o->setup->neo4j_password;
    bool changed;
    if (setup_login_refused(why)) {
        changed = setup_await_password(password);
    } else {
        stop_wait(backoff_next_ms(&o->backoff, hash_random()));
        changed = conf_secret_reload(password); /* the user may be locked out for the old one */
    }
    if (changed)
        tx_set_password(o->tx, password->value);
    return stop_check(err);
}

int outage_again(struct outage *o, struct err *why, struct err *err)
{
    if (!outage_heals(o, why) && why->class != ERR_SHRINK) {
        *err = *why;
        return -1;
    }
    if (outage_wait(o, why, err) < 0)
        return -1;
    err_clear(why);
    return 0;
}

void outage_over(struct outage *o)
{
    if (o->attempts == 0)
        return;
    log_info(log_event(o->answers ? "neo4j_free" : "neo4j_up"),
             log_int("after_ms", clock_mono_ms() - o->since_ms), log_int("attempts", o->attempts));
    report_neo4j_down(o->report, NULL);
    backoff_reset(&o->backoff);
    o->attempts = 0;
    o->refused = false;
}
