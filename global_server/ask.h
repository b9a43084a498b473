/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_ASK_H
#define GLOBAL_SERVER_ASK_H

/* global_server/ask.h: `ask`: sends queries as requests and prints their replies. */

#include "global_server/options.h"

/* words[0..n-1]: queries; none: they come from FILE or stdin. 0: every query had an answer. -1 with
 * ERR_POISON: a reply was an error; ERR_RETRY: no reply in time. */
MUST_CHECK int ask_run(const struct server_conf *conf, char **words, int n, struct err *err);

#endif
