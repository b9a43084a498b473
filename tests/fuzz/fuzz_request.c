/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz/fuzz_request.c: any bytes as a record of the request topic. Where the reply goes is always
 * known and always allowed; what is taken has a text; what is refused has a reason. The bytes also
 * stand for metadata beside a committed offset. */
#include "global_server/ledger.h"
#include "global_server/request.h"

#include "base/mem.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_metadata(const uint8_t *data, size_t size)
{
    char *text = mem_strndup((const char *)data, size);
    struct ledger_set set;

    ledger_set_read(&set, 100, text);
    assert(set.count <= LEDGER_RUNS_MAX);
    for (size_t i = 0; i < set.count; i++)
        assert(set.runs[i].first > (i == 0 ? 100 : set.runs[i - 1].last) &&
               set.runs[i].last >= set.runs[i].first);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct request_rules rules = {.prefix = "",
                                               .request_topic = "request",
                                               .response_topic = "response",
                                               .command_topic = "command",
                                               .fail_topic = "fail",
                                               .status_topic = "status",
                                               .reply_topics = "a*",
                                               .timeout_ms = 30000,
                                               .timeout_max_ms = 60000,
                                               .page_rows = 1000};
    struct request_source source = {.key = (const char *)data,
                                    .key_len = size < 8 ? size : 8,
                                    .value = (const char *)data,
                                    .value_len = size};
    struct request request;
    struct err err = {0};

    static struct approved approved;
    struct approved none = {0};
    struct request alike;
    struct err why = {0};

    int rc = request_read(&request, &rules, &none, &source, &err);
    approved_fini(&none);
    for (int i = 0; i < 2; i++) { /* what was approved before says nothing of this one */
        assert(request_read(&alike, &rules, &approved, &source, &why) == rc &&
               strcmp(why.code, err.code) == 0);
        request_fini(&alike);
    }
    assert(strcmp(request.to, "response") == 0 || request.to[0] == 'a');
    assert(request.key != NULL && request.id != NULL && request.id_len <= REQUEST_ID_MAX);
    assert((rc < 0) == err_is_set(&err) && (rc < 0) == (request.text == NULL));
    if (rc == 0)
        assert(request.timeout_ms >= 1 && request.timeout_ms <= 60000 && request.page_rows >= 1);
    request_fini(&request);
    check_metadata(data, size);
    return 0;
}
