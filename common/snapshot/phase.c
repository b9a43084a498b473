/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/phase.h"

#include <stddef.h>

#define TELL_EVERY 256

void phase_tell(const struct phase_sink *sink, const char *phase, int64_t done, int64_t total)
{
    if (sink->on_progress != NULL && done % TELL_EVERY == 0)
        sink->on_progress(sink->arg, phase, done, total);
}

void phase_end(const struct phase_sink *sink, const char *phase, int64_t done)
{
    if (sink->on_progress != NULL)
        sink->on_progress(sink->arg, phase, done, done);
}
