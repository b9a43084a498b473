/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_GROWTH_H
#define CYPHERLOG_CYPHER_GROWTH_H

/* cypher/growth.h: a reduce that puts its accumulator into a list or map, `reduce(x = [], i IN … |
 * [i, x])`, so that each step nests it one level deeper. Pure. */

#include "cypher/view.h"

#include <stdbool.h>

/* True when view stands at such a `reduce`. Seen on 5.26 and 2026: to return or compare a value
 * 2,000 levels deep answers 500 and leaves the transaction open with its locks, as over-deep texts
 * do; nothing else in Cypher nests values without a bound. Only the accumulator itself as an
 * element counts: an argument of a function, an index (`x[0]`), an operand (`x + [i]`) pass. */
bool growth_is_nested(const struct view *view);

#endif
