/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_FREEZE_H
#define CYPHERLOG_CYPHER_FREEZE_H

/* cypher/freeze.h: makes a command's text mean the same on every replica. Calls that read the clock
 * are bound to $__timestamp, the moment of the record, in UTC whatever the server's time zone is:
 *
 *   timestamp()                        $__timestamp
 *   datetime()                         datetime({epochMillis: $__timestamp, timezone: 'Z'})
 *   date.statement()                   date(datetime({epochMillis: $__timestamp, timezone: 'Z'}))
 *   date.statement(x)                  ([__zone IN [x] WHERE … | date(datetime({…}))][0])
 *   localtime({timezone: x})           localtime(datetime({epochMillis: …, timezone: …}))
 *   date.truncate('day')               date.truncate('day', datetime({…}))
 *   time({hour: 1, timezone: 'A/B'})   the offset that the zone has at $__timestamp
 *
 * so also time, localdatetime, the forms .transaction and .realtime, names of 2026. What cannot be
 * bound, and other things that are each server's own (chance.h), are refused or told. Pure; the
 * same text, parameters and rules always get the same verdict. */

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "cypher/chance.h"
#include "cypher/view.h"

#define FREEZE_PARAMETER "__timestamp"

enum nondeterminism { NONDETERMINISM_FREEZE, NONDETERMINISM_WARN, NONDETERMINISM_ALLOW };
enum order_dependence { ORDER_DEPENDENCE_WARN, ORDER_DEPENDENCE_REFUSE, ORDER_DEPENDENCE_ALLOW };

struct freeze_rules { /* {0}: the defaults */
    enum nondeterminism nondeterminism;
    enum order_dependence order_dependence;
};

/* Kept from text to text: its memory is used again. */
struct freeze {
    bool possible;     /* chance_is_possible: false, and there was nothing to look at */
    bool frozen;       /* a clock was bound: text is to be sent */
    struct buf text;   /* valid until the next call; empty unless frozen */
    unsigned warnings; /* a bit 1 << enum chance for each kind that was found and let pass */
    /* private */
    struct view_list tokens;
    struct buf decoded, again;
};

void freeze_fini(struct freeze *f);

/* Judges and freezes text[0..len-1], a command that policy lets pass and no schema command; params
 * is a JSON object or NULL. 0; or -1 with ERR_POISON, the code of chance.h or cypher.unreadable and
 * a text that says what to do instead; or with ERR_FATAL when memory is exhausted.
 *
 * A map that is nothing but a time zone makes date() and its kind read the clock. Where their
 * argument is an expression it could be one: refused, if the text or its parameters have such a map
 * anywhere, and let pass if not. Order counts in texts that write; not behind a last RETURN, whose
 * rows nobody gets. LIMIT and its kind behind any ORDER BY count as ordered: whether it is total,
 * the text does not say. */
MUST_CHECK int freeze_text(struct freeze *f, const char *text, size_t len, const json_t *params,
                           const struct freeze_rules *rules, struct err *err);

#endif
