/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/report.h"

#include "base/clock.h"
#include "base/mem.h"

void report_send(struct queue *reports, enum report_kind kind, const struct err *err)
{
    struct report *report = mem_alloc(1, sizeof *report);

    *report = (struct report){.kind = kind, .at_ms = clock_mono_ms(), .err = *err};
    if (queue_push_take(reports, report, 1, NULL) < 0)
        return; /* closed: the program ends already */
}
