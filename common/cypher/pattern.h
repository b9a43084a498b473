/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_PATTERN_H
#define CYPHERLOG_CYPHER_PATTERN_H

/* cypher/pattern.h: the relationships of a pattern. Pure. */

#include "cypher/view.h"

#include <stdbool.h>

/* Does a relationship without types begin here, for which a server may look at all there are:
 * `--`, `-[r]-`, `-[:!R]-`, `-[:$(x)]-`? In doubt true. */
bool pattern_is_untyped(const struct view *view);

#endif
