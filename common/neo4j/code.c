/* SPDX-License-Identifier: Apache-2.0 */
#include "neo4j/code.h"

#include <stdio.h>
#include <string.h>

/* The first row whose text begins the code decides. Rows are from the Neo4j status codes and from
 * real servers (4.4, 5.26, 2026); README.md beside this file names the test of each. */
static const struct {
    const char *prefix;
    enum err_class class;
} rows[] = {
    /* a limit of this replica: no verdict on the statement */
    {"Neo.TransientError.General.MemoryPoolOutOfMemoryError", ERR_SHRINK},
    {"Neo.TransientError.General.OutOfMemoryError", ERR_SHRINK},
    {"Neo.TransientError.General.StackOverFlowError", ERR_SHRINK},
    {"Neo.TransientError.General.TransactionOutOfMemoryError", ERR_SHRINK},
    {"Neo.TransientError.General.TransactionMemoryLimit", ERR_SHRINK},
    {"Neo.TransientError.Statement.ExecutionTimeout", ERR_SHRINK},
    {"Neo.ClientError.General.TransactionOutOfMemoryError", ERR_SHRINK},
    {"Neo.ClientError.Procedure.ProcedureTimedOut", ERR_SHRINK},
    {"Neo.ClientError.Transaction.TransactionTimedOut", ERR_SHRINK},
    /* ended from outside, or never begun: repeat */
    {"Neo.ClientError.Transaction.Terminated", ERR_RETRY},
    {"Neo.ClientError.Transaction.LockClientStopped", ERR_RETRY},
    {"Neo.ClientError.Transaction.TransactionNotFound", ERR_RETRY},
    {"Neo.ClientError.Transaction.TransactionAccessedConcurrently", ERR_RETRY},
    {"Neo.ClientError.Security.AuthenticationRateLimit", ERR_RETRY},
    {"Neo.ClientError.Routing.", ERR_RETRY},
    {"Neo.DatabaseError.Transaction.TransactionStartFailed", ERR_RETRY},
    {"Neo.TransientError.", ERR_RETRY},
    /* a person must act; the statement is not to blame */
    {"Neo.ClientError.Security.", ERR_CONFIG},
    {"Neo.ClientError.Database.", ERR_CONFIG},
    {"Neo.ClientError.Cluster.", ERR_CONFIG},
    {"Neo.ClientError.General.ForbiddenOnReadOnlyDatabase", ERR_CONFIG},
    {"Neo.ClientError.General.ReadOnly", ERR_CONFIG},
    {"Neo.ClientError.General.UpgradeRequired", ERR_CONFIG},
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

/* Where a server hides behind a code that is otherwise the statement's fault what is not: 4.4 an
 * end from outside, 5.26 that others have used its memory up while it read the request. Only here
 * is a message looked at; it only ever saves a statement from a verdict. */
static const struct {
    const char *code, *message;
    enum err_class class;
} hidden[] = {
    {"Neo.DatabaseError.Statement.ExecutionFailed", "The transaction has been terminated.",
     ERR_SHRINK},
    {"Neo.DatabaseError.Statement.ExecutionFailed",
     "Failed to upgrade shared lock to exclusive:", ERR_RETRY},
    {"Neo.ClientError.Request.", "org.neo4j.memory.MemoryLimitExceededException", ERR_SHRINK},
};

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

enum err_class code_class(const char *code, const char *message)
{
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (begins(code, hidden[i].code) && strstr(message, hidden[i].message) != NULL)
            return hidden[i].class;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (begins(code, rows[i].prefix))
            return rows[i].class;
    return ERR_SHRINK;
}

bool code_limit(const char *code, const char *message, const char *ours,
                char out[static CODE_LIMIT_SIZE])
{
    if (begins(code, "Neo.TransientError.Transaction.LockAcquisitionTimeout"))
        snprintf(out, CODE_LIMIT_SIZE, "Neo4j's db.lock.acquisition.timeout");
    else if (strstr(message, "Failed to upgrade shared lock to exclusive:") != NULL)
        snprintf(out, CODE_LIMIT_SIZE, "Neo4j's dbms.lock.acquisition.timeout");
    else if (strstr(message, "(dbms.transaction.timeout)") != NULL)
        snprintf(out, CODE_LIMIT_SIZE, "Neo4j's dbms.transaction.timeout, or %s,", ours);
    else if (begins(code, "Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration"))
        snprintf(out, CODE_LIMIT_SIZE, "%s", ours);
    else if (begins(code, "Neo.ClientError.Transaction.TransactionTimedOut"))
        snprintf(out, CODE_LIMIT_SIZE, "Neo4j's db.transaction.timeout");
    else if (strstr(code, ".Transaction.LockClientStopped") != NULL)
        snprintf(out, CODE_LIMIT_SIZE, "%s, a limit of Neo4j's for transactions, or a person,",
                 ours);
    else
        return false;
    return true;
}

bool code_is_limit(const char *code)
{
    return code_class(code, "") == ERR_SHRINK &&
           (begins(code, "Neo.TransientError.") || begins(code, "Neo.ClientError."));
}

bool code_wants_proof(const char *code)
{
    return begins(code, "Neo.DatabaseError.Statement.ExecutionFailed") ||
           begins(code, "Neo.ClientError.Statement.ExternalResourceFailed");
}

bool code_is_breakdown(const char *code)
{
    return strcmp(code, CODE_HTTP_500) == 0 ||
           strcmp(code, "Neo.DatabaseError.General.UnknownError") == 0;
}
