/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_BASE_CONF_SHOW_H
#define CYPHERLOG_BASE_CONF_SHOW_H

/* base/conf_show.h: what conf.h's table looks like to a person. Used by conf.c alone. */

#include "base/conf.h"

/* The whole manual: usage, subcommands, options of this one with default and environment name. */
void conf_show_help(const struct conf_program *program, const struct conf_command *command,
                    FILE *out);

/* NAME=value of each option this subcommand takes, secrets masked. */
void conf_show_values(const struct conf_program *program, const struct conf_command *command,
                      const void *conf, FILE *out);

/* BROKERS -> brokers, MAX_COMMAND_BYTES -> max-command-bytes. */
void conf_flag_name(const struct conf_option *option, char *out, size_t size);

#endif
