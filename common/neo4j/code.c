/* SPDX-License-Identifier: Apache-2.0 */
#include "neo4j/code.h"

#include <string.h>

/* The first row whose text begins the code decides. Rows are from the Neo4j status codes and from
 * real servers (4.4, 5.26, 2026): README, "What breaks, and what happens". */
static const struct {
    const char *prefix;
    enum err_class class;
} rows[] = {
    /* a limit of this replica: no verdict on the statement */
    {"Neo.TransientError.General.MemoryPoolOutOfMemoryError", ERR_SHRINK},
    {"Neo.TransientError.General.OutOfMemoryError", ERR_SHRINK},
    {"Neo.TransientError.General.StackOverFlowError", ERR_SHRINK},
    {"Neo.TransientError.General.TransactionOutOfMemoryError", ERR_SHRINK},
    {"Neo.ClientError.General.TransactionOutOfMemoryError", ERR_SHRINK},
    {"Neo.ClientError.Transaction.TransactionTimedOut", ERR_SHRINK},
    /* ended from outside: repeat */
    {"Neo.ClientError.Transaction.Terminated", ERR_RETRY},
    {"Neo.ClientError.Transaction.LockClientStopped", ERR_RETRY},
    {"Neo.ClientError.Transaction.TransactionNotFound", ERR_RETRY},
    {"Neo.ClientError.Transaction.TransactionAccessedConcurrently", ERR_RETRY},
    {"Neo.ClientError.Security.AuthenticationRateLimit", ERR_RETRY},
    {"Neo.TransientError.", ERR_RETRY},
    /* a person must act; the statement is not to blame */
    {"Neo.ClientError.Security.", ERR_CONFIG},
    {"Neo.ClientError.Database.", ERR_CONFIG},
    {"Neo.ClientError.Cluster.", ERR_CONFIG},
    {"Neo.ClientError.General.ForbiddenOnReadOnlyDatabase", ERR_CONFIG},
    {"Neo.ClientError.General.ReadOnly", ERR_CONFIG},
    {"Neo.ClientError.General.WriteOnReadOnlyAccessDatabase", ERR_CONFIG},
    /* the statement can never succeed */
    {"Neo.ClientError.", ERR_POISON},
    {"Neo.DatabaseError.Schema.ConstraintCreationFailed", ERR_POISON},
    {"Neo.DatabaseError.Schema.ConstraintDropFailed", ERR_POISON},
    {"Neo.DatabaseError.Schema.IndexDropFailed", ERR_POISON},
    {"Neo.DatabaseError.Schema.IndexCreationFailed", ERR_POISON},
    {"Neo.DatabaseError.Statement.ExecutionFailed", ERR_POISON},
    /* committed or not: ask the position */
    {"Neo.DatabaseError.Transaction.TransactionCommitFailed", ERR_UNKNOWN},
};

enum err_class code_class(const char *code)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strncmp(code, rows[i].prefix, strlen(rows[i].prefix)) == 0)
            return rows[i].class;
    return ERR_SHRINK;
}

static bool begins(const char *code, const char *with)
{
    return strncmp(code, with, strlen(with)) == 0;
}

bool code_is_limit(const char *code)
{
    return code_class(code) == ERR_SHRINK &&
           (begins(code, "Neo.TransientError.") || begins(code, "Neo.ClientError."));
}

bool code_wants_proof(const char *code)
{
    return begins(code, "Neo.DatabaseError.Statement.ExecutionFailed") ||
           begins(code, "Neo.ClientError.Statement.ExternalResourceFailed");
}
