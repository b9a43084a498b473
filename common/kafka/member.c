/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/member.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

void member_free(rd_kafka_consumer_group_metadata_t *member)
{
    if (member != NULL)
        rd_kafka_consumer_group_metadata_destroy(member);
}

bool member_is_same(const rd_kafka_consumer_group_metadata_t *a,
                    const rd_kafka_consumer_group_metadata_t *b)
{
    void *text[2] = {NULL, NULL};
    size_t len[2] = {0, 0};
    rd_kafka_error_t *error = rd_kafka_consumer_group_metadata_write(a, &text[0], &len[0]);

    if (error == NULL)
        error = rd_kafka_consumer_group_metadata_write(b, &text[1], &len[1]);
    bool same = error == NULL && len[0] == len[1] && memcmp(text[0], text[1], len[0]) == 0;
    if (error != NULL)
        rd_kafka_error_destroy(error);
    rd_kafka_mem_free(NULL, text[0]);
    rd_kafka_mem_free(NULL, text[1]);
    return same;
}

/* Trap: what librdkafka gives where it is no member has neither generation nor member id, and Kafka
 * takes offsets with such of anybody. */
rd_kafka_consumer_group_metadata_t *member_read(rd_kafka_t *rk, const char *group_id,
                                                const char *instance_id)
{
    rd_kafka_consumer_group_metadata_t *member = rd_kafka_consumer_group_metadata(rk);
    rd_kafka_consumer_group_metadata_t *nobody =
        rd_kafka_consumer_group_metadata_new_with_genid(group_id, -1, "", instance_id);

    if (member != NULL && member_is_same(member, nobody)) {
        member_free(member);
        member = NULL;
    }
    member_free(nobody);
    return member;
}

rd_kafka_consumer_group_metadata_t *member_dup(const rd_kafka_consumer_group_metadata_t *member)
{
    rd_kafka_consumer_group_metadata_t *copy = NULL;
    void *text = NULL;
    size_t len = 0;
    rd_kafka_error_t *error = rd_kafka_consumer_group_metadata_write(member, &text, &len);

    if (error == NULL)
        error = rd_kafka_consumer_group_metadata_read(&copy, text, len);
    assert(error == NULL); /* what it wrote itself */
    rd_kafka_mem_free(NULL, text);
    return copy;
}
