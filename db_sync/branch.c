/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/branch.h"

#define TEMPLATE "__clt"
#define COUNT "__clx"
#define TOLD "RETURN -1 AS " COUNT /* no count is that */

/* A subquery that sees the variables named. */
static void add_call(struct buf *out, const char *variables, bool scoped)
{
    buf_addf(out, scoped ? "CALL (%s) { " : "CALL { WITH %s ", variables);
}

static void add_union(struct buf *out, bool scoped)
{
    buf_adds(out, scoped ? "UNION ALL " : "UNION ALL WITH " TEMPLATE ", " BRANCH_ROW " ");
}

static void add_branch(struct buf *out, const struct branch *b, size_t number, bool scoped)
{
    if (number > 0)
        add_union(out, scoped);
    buf_addf(out, "WITH " TEMPLATE ", " BRANCH_ROW " WHERE " TEMPLATE " = %zu ", number);
    if (b->yields)
        add_call(out, BRANCH_ROW, scoped);
    buf_add(out, b->text, b->len);
    buf_addf(out, "%s RETURN count(*) AS " COUNT " ", b->yields ? " }" : "");
}

void branch_add_text(struct buf *out, const struct branch *branches, size_t n, bool scoped)
{
    buf_adds(out,
             "CYPHER runtime=slotted UNWIND $" BRANCH_ROW "." BRANCH_ROWS " AS " BRANCH_ROW " ");
    if (n == 1 && !branches->yields) { /* one row for a row: no guard and no union are needed */
        add_call(out, BRANCH_ROW, scoped);
        buf_add(out, branches->text, branches->len);
        buf_adds(out, " } WITH " BRANCH_ROW " WHERE " BRANCH_ROW "[0] >= 1 " TOLD);
        return;
    }
    buf_addf(out, "WITH " BRANCH_ROW ", " BRANCH_ROW "[0] %% %zu AS " TEMPLATE " ", n);
    add_call(out, TEMPLATE ", " BRANCH_ROW, scoped);
    for (size_t i = 0; i < n; i++)
        add_branch(out, &branches[i], i, scoped);
    add_union(out, scoped);
    buf_addf(out, "WITH " BRANCH_ROW " WHERE " BRANCH_ROW "[0] >= %zu " TOLD " ", n);
    buf_adds(out, "} WITH " COUNT " WHERE " COUNT " < 0 RETURN " COUNT);
}
