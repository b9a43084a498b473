/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_KAFKA_PRESET_H
#define CYPHERLOG_KAFKA_PRESET_H

/* kafka/preset.h: a setting that differs from librdkafka's default and that a person may change, in
 * the list of those that nobody may. Pure. */

#include "kafka/client.h"

/* {name, value}, or the end of a list when the person's own settings hold name: so presets stand
 * last in their list, at most one. */
struct kafka_setting preset(const struct kafka_conf *conf, const char *name, const char *value);

#endif
