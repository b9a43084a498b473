/* SPDX-License-Identifier: Apache-2.0 */

/* code, endpoint and the pure parts of tx and position. */
#include "neo4j/code.h"
#include "neo4j/endpoint.h"
#include "neo4j/position.h"
#include "neo4j/tx.h"

#include "unit.h"

#include <string.h>

static void every_code_has_its_class(void **state)
{
    static const struct {
        const char *code;
        enum err_class class;
        const char *message;
    } cases[] = {
        {"Neo.TransientError.Transaction.DeadlockDetected", ERR_RETRY, ""},
        {"Neo.TransientError.Database.DatabaseUnavailable", ERR_RETRY, ""},
        {"Neo.TransientError.General.MemoryPoolOutOfMemoryError", ERR_SHRINK, ""},
        {"Neo.ClientError.General.TransactionOutOfMemoryError", ERR_SHRINK, ""},
        {"Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration", ERR_SHRINK, ""},
        {"Neo.ClientError.Transaction.LockClientStopped", ERR_RETRY, ""},
        {"Neo.TransientError.Transaction.LockClientStopped", ERR_RETRY, ""},
        {"Neo.ClientError.Transaction.TransactionNotFound", ERR_RETRY, ""},
        {"Neo.ClientError.Security.Unauthorized", ERR_CONFIG, ""},
        {"Neo.ClientError.Security.AuthenticationRateLimit", ERR_RETRY, ""},
        {"Neo.ClientError.Database.DatabaseNotFound", ERR_CONFIG, ""},
        {"Neo.ClientError.Statement.SyntaxError", ERR_POISON, ""},
        {"Neo.ClientError.Schema.ConstraintValidationFailed", ERR_POISON, ""},
        {"Neo.ClientError.Procedure.ProcedureNotFound", ERR_POISON, ""},
        {"Neo.ClientError.Request.InvalidFormat", ERR_POISON, ""},
        {"Neo.DatabaseError.Schema.ConstraintCreationFailed", ERR_POISON, ""},
        {"Neo.DatabaseError.Statement.ExecutionFailed", ERR_POISON, ""},
        {"Neo.DatabaseError.Transaction.TransactionCommitFailed", ERR_UNKNOWN, ""},
        {"Neo.DatabaseError.Schema.ConstraintDropFailed", ERR_POISON, ""},
        {"Neo.DatabaseError.Schema.IndexDropFailed", ERR_POISON, ""},
        {"Neo.DatabaseError.Schema.IndexCreationFailed", ERR_POISON, ""},
        {"Neo.DatabaseError.Transaction.TransactionStartFailed", ERR_RETRY, ""},
        {"Neo.TransientError.General.OutOfMemoryError", ERR_SHRINK, ""},
        {"Neo.TransientError.General.StackOverFlowError", ERR_SHRINK, ""},
        {"Neo.TransientError.General.TransactionOutOfMemoryError", ERR_SHRINK, ""},
        {"Neo.TransientError.General.TransactionMemoryLimit", ERR_SHRINK, ""},
        {"Neo.TransientError.Statement.ExecutionTimeout", ERR_SHRINK, ""},
        {"Neo.ClientError.Procedure.ProcedureTimedOut", ERR_SHRINK, ""},
        {"Neo.ClientError.Transaction.Terminated", ERR_RETRY, ""},
        {"Neo.ClientError.Transaction.TransactionAccessedConcurrently", ERR_RETRY, ""},
        {"Neo.ClientError.Routing.DbmsInPanic", ERR_RETRY, ""},
        {"Neo.ClientError.Cluster.NotALeader", ERR_CONFIG, ""},
        {"Neo.ClientError.General.ForbiddenOnReadOnlyDatabase", ERR_CONFIG, ""},
        {"Neo.ClientError.General.ReadOnly", ERR_CONFIG, ""},
        {"Neo.ClientError.General.UpgradeRequired", ERR_CONFIG, ""},
        {"Neo.ClientError.General.WriteOnReadOnlyAccessDatabase", ERR_CONFIG, ""},
        {"Neo.DatabaseError.General.UnknownError", ERR_SHRINK, ""},
        {"Neo.ClientError.Request.Invalid", ERR_POISON, "Routing WRITE queries is not supported"},
        {"Neo.ClientError.Request.Invalid", ERR_SHRINK,
         "org.neo4j.memory.MemoryLimitExceededException: The allocation of an extra 2.0 MiB"},
        {"Neo.DatabaseError.Statement.ExecutionFailed", ERR_SHRINK,
         "The transaction has been terminated. Retry your operation in a new transaction"},
        {"Neo.DatabaseError.Statement.ExecutionFailed", ERR_RETRY,
         "Failed to upgrade shared lock to exclusive: x"},
        {"something else", ERR_SHRINK, ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (code_class(cases[i].code, cases[i].message) != cases[i].class)
            fail_msg("%s: %s", cases[i].code,
                     err_class_name(code_class(cases[i].code, cases[i].message)));
}

static void limits_have_names(void **state)
{
    static const struct {
        const char *code, *message, *name;
    } cases[] = {
        {"Neo.TransientError.Transaction.LockAcquisitionTimeout",
         "Failed to upgrade shared lock to exclusive: SharedLock", "db.lock.acquisition.timeout"},
        {"Neo.DatabaseError.Statement.ExecutionFailed",
         "writing: Failed to upgrade shared lock to exclusive: SharedLock",
         "dbms.lock.acquisition.timeout"},
        {"Neo.DatabaseError.Statement.ExecutionFailed",
         "not within the specified timeout (dbms.transaction.timeout).", "OURS"},
        {"Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration", "", "OURS"},
        {"Neo.ClientError.Transaction.TransactionTimedOut", "", "db.transaction.timeout"},
        {"Neo.ClientError.Transaction.LockClientStopped", "", "a person"},
        {"Neo.ClientError.Statement.SyntaxError", "", NULL},
        {"Neo.DatabaseError.Statement.ExecutionFailed", "The transaction has been terminated.",
         NULL},
        {"neo4j.answer-lost", "", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[CODE_LIMIT_SIZE] = "";
        bool found = code_limit(cases[i].code, cases[i].message, "OURS", name);
        if (found != (cases[i].name != NULL) || (found && strstr(name, cases[i].name) == NULL))
            fail_msg("%s: got %s", cases[i].code, name);
    }
}

static void addresses(void **state)
{
    static const struct {
        const char *uri, *http_uri, *http;
        int64_t bolt_port;
    } cases[] = {
        {"http://localhost:7474", NULL, "http://localhost:7474", 0},
        {"https://db:7473/", NULL, "https://db:7473", 0},
        {"bolt://db", NULL, "http://db:7474", 7687},
        {"neo4j://db:7687", NULL, "http://db:7474", 7687},
        {"neo4j://[::1]:7687", NULL, "http://[::1]:7474", 7687},
        {"bolt://db:9999", "http://db:8888", "http://db:8888", 0},
        {"bolt://db:9999", NULL, NULL, 0},
        {"bolt+s://db", NULL, NULL, 0},
        {"bolt+s://neo4j:secret@db", NULL, NULL, 0},
        {"neo4j:secret@db:7474", NULL, NULL, 0},
        {"bolt://neo4j:secret@db:x", NULL, NULL, 0},
        {"bolt://db", "ftp://neo4j:secret@db", NULL, 0},
        {"bolt://neo4j:secret@db:7687", NULL, NULL, 0},
        {"http://neo4j:secret@db", NULL, NULL, 0},
        {"db:7474", NULL, NULL, 0},
        {"http://user@db:7474", NULL, NULL, 0},
        {"bolt://user:pw@db", NULL, NULL, 0},
        {"bolt://db:x", NULL, NULL, 0},
        {"bolt://", NULL, NULL, 0},
        {"http://", NULL, NULL, 0},
        {"bolt://db", "db:7474", NULL, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct endpoint e;
        struct err err = {0};
        int rc = endpoint_init(&e, cases[i].uri, cases[i].http_uri, &err);
        if ((rc == 0) != (cases[i].http != NULL) || (rc < 0 && err.class != ERR_CONFIG))
            fail_msg("%s: %d %s", cases[i].uri, rc, err.text);
        if (strstr(err.text, "secret") != NULL)
            fail_msg("%s: the password is told: %s", cases[i].uri, err.text);
        if (rc == 0 && (strcmp(e.http, cases[i].http) != 0 || e.bolt_port != cases[i].bolt_port))
            fail_msg("%s: %s", cases[i].uri, e.http);
        endpoint_fini(&e);
    }
}

static void statements_are_json(void **state)
{
    struct buf b = {0};
    json_t *params = json_pack("{s:i}", "n", 1), *none = json_object();

    (void)state;
    tx_add_stmt(&b, "RETURN \"a\"\n$n", 13, params);
    assert_string_equal(buf_str(&b),
                        "{\"statement\":\"RETURN \\\"a\\\"\\n$n\",\"parameters\":{\"n\":1}}");
    buf_reset(&b);
    tx_add_stmt(&b, "RETURN 1", 8, none);
    assert_string_equal(buf_str(&b), "{\"statement\":\"RETURN 1\"}");
    json_decref(params);
    json_decref(none);
    buf_fini(&b);
}

static void outcome_depends_on_each_offset_and_code(void **state)
{
    struct position a, b;
    char text[HASH_ID_SIZE], other[HASH_ID_SIZE];

    (void)state;
    position_init(&a, 0, "r");
    position_init(&b, 0, "r");
    position_add_outcome(&a, 1, "");
    position_add_outcome(&b, 1, "");
    assert_true(position_equal(&a, &b));
    position_add_outcome(&a, 2, "");
    position_add_outcome(&b, 2, "Neo.X");
    assert_false(position_equal(&a, &b));
    position_outcome_text(&a, text);
    position_outcome_text(&b, other);
    assert_int_equal(strlen(text), 32);
    assert_string_not_equal(text, other);
    /* order counts */
    position_init(&a, 0, "r");
    position_init(&b, 0, "r");
    position_add_outcome(&a, 1, "x");
    position_add_outcome(&a, 2, "y");
    position_add_outcome(&b, 2, "y");
    position_add_outcome(&b, 1, "x");
    assert_false(position_equal(&a, &b));
}

/* What one version wrote the next one goes on with, and compares with what others wrote. */
static void outcome_is_the_same_for_ever(void **state)
{
    struct position p;
    char text[HASH_ID_SIZE];

    (void)state;
    position_init(&p, 0, "r");
    position_add_outcome(&p, 7, "");
    position_add_outcome(&p, 8, "Neo.X");
    position_outcome_text(&p, text);
    assert_string_equal(text, "ac44b4ad9e902a061eca0a424fd6008e");
}

static void versions_that_scope_calls(void **state)
{
    (void)state;
    assert_true(tx_scopes_calls("5.23.0") && tx_scopes_calls("5.26.30") &&
                tx_scopes_calls("2025.01.0") && tx_scopes_calls("2026.08.1"));
    assert_false(tx_scopes_calls("5.22.0") || tx_scopes_calls("4.4.48") || tx_scopes_calls(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_that_scope_calls),
        cmocka_unit_test(every_code_has_its_class),
        cmocka_unit_test(limits_have_names),
        cmocka_unit_test(addresses),
        cmocka_unit_test(statements_are_json),
        cmocka_unit_test(outcome_depends_on_each_offset_and_code),
        cmocka_unit_test(outcome_is_the_same_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
