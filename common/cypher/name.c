/* SPDX-License-Identifier: Apache-2.0 */
#include "cypher/name.h"

void name_add_quoted(struct buf *out, const char *name, size_t len)
{
    buf_addc(out, '`');
    for (size_t i = 0; i < len; i++) {
        if (name[i] == '\\') {
            buf_adds(out, "\\u005c");
            continue;
        }
        if (name[i] == '`')
            buf_addc(out, '`');
        buf_addc(out, name[i]);
    }
    buf_addc(out, '`');
}
