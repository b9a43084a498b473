/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_NEO4J_ENDPOINT_H
#define CYPHERLOG_NEO4J_ENDPOINT_H

/* neo4j/endpoint.h: where a Neo4j answers over HTTP, from the address that a person gave. Pure. */

#include "base/err.h"

#include <stdint.h>

struct endpoint {
    char *http;        /* "http://host:7474", without a slash at the end */
    int64_t bolt_port; /* GET / must name this port; 0: not asked */
};

/* uri: `http://` or `https://` as it stands; `bolt://` and `neo4j://` on port 7687 (or none) mean
 * that host's port 7474. http_uri, if not NULL, wins over uri. ERR_CONFIG with advice. */
MUST_CHECK int endpoint_init(struct endpoint *e, const char *uri, const char *http_uri,
                             struct err *err);
void endpoint_fini(struct endpoint *e);

#endif
