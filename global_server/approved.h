/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_APPROVED_H
#define GLOBAL_SERVER_APPROVED_H

/* global_server/approved.h: policy_judge_request, which reads a text to its end, but for texts that
 * it let pass a while ago: clients that use parameters send few. Belongs to one thread. */

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>

#define APPROVED_MAX 32     /* texts */
#define APPROVED_BYTES 2048 /* of each; a longer one is judged each time */

/* {0} is empty. */
struct approved {
    struct buf texts[APPROVED_MAX]; /* each at the place that its hash gives */
};

void approved_fini(struct approved *a);

/* text[0..len-1] as policy_judge_request takes it, which see for the errors. */
MUST_CHECK int approved_judge(struct approved *a, const char *text, size_t len, struct err *err);

#endif
