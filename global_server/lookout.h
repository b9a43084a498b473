/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_LOOKOUT_H
#define GLOBAL_SERVER_LOOKOUT_H

/* global_server/lookout.h: what STATUS_LISTEN serves of global_server. */

#include "global_server/cache.h"
#include "global_server/lanes.h"
#include "global_server/standing.h"
#include "ops/httpd.h"

struct lookout {
    const struct server_conf *conf;
    struct standing *standing;
    const struct flight *flight;
    struct cache *cache; /* NULL: none */
    struct lanes *lanes;
    const char *instance, *group_id;
};

/* httpd_stop ends it; what lookout points to outlives it. *out is NULL without STATUS_LISTEN.
 * ERR_CONFIG as httpd_start. */
MUST_CHECK int lookout_start(struct httpd **out, struct lookout *lookout, struct err *err);

#endif
