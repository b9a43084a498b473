/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/preset.h"

#include <string.h>

struct kafka_setting preset(const struct kafka_conf *conf, const char *name, const char *value)
{
    for (size_t i = 0; conf->extra != NULL && i < conf->extra->count; i++)
        if (strcmp(conf->extra->pairs[i].name, name) == 0)
            return (struct kafka_setting){0};
    return (struct kafka_setting){name, value};
}
