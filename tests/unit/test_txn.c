/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/txn.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

static const char *const names[] = {"retry.backoff.ms", "socket.timeout.ms",
                                    "transaction.timeout.ms"};

static char made[COUNT(names)][32]; /* with these values the handle would have been made */

/* In librdkafka's place: looks at the configuration and makes no handle. */
rd_kafka_t *rd_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, char *why, size_t why_size)
{
    assert_int_equal(type, RD_KAFKA_PRODUCER);
    for (size_t i = 0; i < COUNT(names); i++) {
        size_t size = sizeof made[i];
        assert_int_equal(rd_kafka_conf_get(conf, names[i], made[i], &size), RD_KAFKA_CONF_OK);
    }
    snprintf(why, why_size, "seen");
    return NULL;
}

static void what_a_person_sets_leaves_the_other_presets(void **state)
{
    static const struct {
        const char *name, *value; /* the person's; NULL: nothing */
        int64_t timeout_ms;
        const char *expected[COUNT(names)];
    } cases[] = {
        {NULL, NULL, 60000, {"10", "10000", "60000"}},
        /* librdkafka makes no handle whose socket time-out is longer than its transaction's */
        {NULL, NULL, 2000, {"10", "2000", "2000"}},
        {"retry.backoff.ms", "50", 2000, {"50", "2000", "2000"}},
        {"socket.timeout.ms", "1500", 2000, {"10", "1500", "2000"}},
        {"linger.ms", "7", 2000, {"10", "2000", "2000"}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct conf_pairs pairs = {0};
        struct kafka_conf kafka = {.brokers = "127.0.0.1:1", .client_id = "a", .extra = &pairs};
        struct txn_conf conf = {.kafka = &kafka,
                                .transactional_id = "id",
                                .id_setting = "INSTANCE_ID",
                                .timeout_ms = cases[i].timeout_ms,
                                .message_max_bytes = 1000000,
                                .queue_bytes = 1000000};
        struct txn *txn = NULL;
        struct err err = {0};
        struct conf_pair pair = {(char *)(uintptr_t)cases[i].name,
                                 (char *)(uintptr_t)cases[i].value, true};

        if (cases[i].name != NULL)
            pairs = (struct conf_pairs){&pair, 1};
        assert_int_equal(txn_open(&txn, &conf, &err), -1);
        assert_string_equal(err.text, "librdkafka: seen");
        for (size_t k = 0; k < COUNT(names); k++)
            if (strcmp(made[k], cases[i].expected[k]) != 0)
                fail_msg("%s=%s beside a transaction of %d ms: %s is %s, not %s",
                         cases[i].name != NULL ? cases[i].name : "nothing",
                         cases[i].value != NULL ? cases[i].value : "", (int)cases[i].timeout_ms,
                         names[k], made[k], cases[i].expected[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_person_sets_leaves_the_other_presets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
