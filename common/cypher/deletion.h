/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_DELETION_H
#define CYPHERLOG_CYPHER_DELETION_H

/* cypher/deletion.h: whether the outcome of a command's DELETEs is known before the commit. */

#include <stdbool.h>
#include <stddef.h>

/* True when every DELETE of the text deletes plain variables only that certainly are relationships.
 * Deleting those never fails at the commit, deleting a node that still has some does. False when in
 * doubt: that costs speed only. */
bool deletion_is_certain(const char *text, size_t len);

#endif
