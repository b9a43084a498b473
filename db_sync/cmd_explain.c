/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/cmd_explain.h"

#include "base/clock.h"
#include "base/json.h"
#include "cypher/line.h"
#include "db_sync/sender.h"
#include "db_sync/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INDENT "            "

struct explain {
    const struct options *options;
    const json_t *params;
    struct tx *tx; /* NULL: Neo4j is not asked */
    bool scoped;
    struct command_desk desk;
};

/* ---- what is told ---- */

/* As a table of two columns whose cells may have lines. */
static void print_part(const char *name, const char *text)
{
    printf("%-*s", (int)sizeof INDENT - 1, name);
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\n')
            printf("\n" INDENT);
        else
            putchar((unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p);
    }
    putchar('\n');
}

static void print_told(const json_t *told, bool json)
{
    const char *name;
    json_t *value;

    if (json) {
        char *line = json_dumps(told, JSON_COMPACT);
        puts(line != NULL ? line : "");
        free(line);
        return;
    }
    json_object_foreach ((json_t *)told, name, value) {
        char *text =
            json_is_string(value) ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        print_part(name, text != NULL ? text : json_string_value(value));
        free(text);
    }
}

static void tell(json_t *told, const char *name, const char *text)
{
    json_object_set_new(told, name, json_string(text));
}

/* The first line: behind it Neo4j points into the text, which is not the one that was given. */
static void tell_error(json_t *told, const struct err *why)
{
    json_object_set_new(told, "why", json_stringn(why->text, strcspn(why->text, "\n")));
    tell(told, "code", why->code);
}

/* ---- commands ---- */

static const char *form_of(const struct trial *trial, bool asked)
{
    bool branch = trial->reason == NULL;

    switch (trial->verdict) {
    case TRIAL_BRANCH:
        return "coalesced: with the commands beside it in one statement";
    case TRIAL_ALONE:
        return "parameters: a statement of its own, which Neo4j parses once for its template";
    case TRIAL_UNKNOWN:
        if (asked)
            return "not known: Neo4j cannot be asked now";
        return branch ? "coalesced, if Neo4j compiles it so; NEO4J_PASS is not set, so it was not "
                        "asked"
                      : "parameters, if Neo4j compiles it so; NEO4J_PASS is not set, so it was not "
                        "asked";
    case TRIAL_FAILS:
        return "none: Neo4j refuses it, it becomes a dead letter";
    default:
        return "text: as it was sent, which Neo4j parses each time";
    }
}

static void tell_trial(const struct explain *e, const struct trial *trial, json_t *told)
{
    tell(told, "form", form_of(trial, e->tx != NULL));
    if (trial->verdict == TRIAL_UNLIFTED)
        tell(told, "why",
             "it has \\uXXXX or another part that is never taken apart, or lacks a parameter");
    if (trial->reason != NULL)
        tell(told, "why", trial->reason);
    if (trial->why.code[0] != '\0')
        tell_error(told, &trial->why);
    if (trial->verdict == TRIAL_UNLIFTED || trial->verdict == TRIAL_FAILS)
        return;
    tell(told, "template", buf_str(&trial->with_parameters));
    json_object_set_new(told, "parameters",
                        json_parse(buf_str(&trial->values), trial->values.len, NULL));
    if (trial->verdict == TRIAL_BRANCH)
        tell(told, "statement", buf_str(&trial->statement));
}

static void tell_command(struct explain *e, const struct command *c, json_t *told)
{
    struct trial trial;

    for (int kind = 0; kind < CHANCE_KINDS; kind++)
        if (c->warnings & 1U << kind)
            tell(told, chance_info((enum chance)kind)->name,
                 chance_info((enum chance)kind)->advice);
    if (c->verdict != NULL) {
        tell(told, "form", "none: every db_sync refuses it, it becomes a dead letter");
        tell_error(told, c->verdict);
    } else if (c->schema) {
        tell(told, "form", "text: a schema command has a transaction of its own");
    } else if (c->alone) {
        tell(told, "form",
             "text: in a transaction of its own, since beside others it would not do "
             "what it does alone");
    } else if (c->stmt_count > 1) {
        tell(told, "form", "text: a list of statements, in one transaction");
    } else {
        trial_run(&trial, e->tx, e->scoped, e->options->transaction_timeout_ms, c, &e->desk);
        tell_trial(e, &trial, told);
        trial_fini(&trial);
        if (c->starts_tx)
            tell(told, "begins",
                 "a transaction, since it may look at relationships of any type; with their types "
                 "named it goes behind others");
    }
}

static int explain_word(struct explain *e, const char *line, bool first, struct err *err)
{
    struct buf message = {0};
    struct record record = {.timestamp_ms = clock_wall_ms()};
    size_t len = strlen(line);
    enum line_kind kind;
    char *key = NULL;

    if (line_read(&line, &len, &kind, err) < 0)
        return -1;
    if (kind == LINE_NOTHING)
        return err_set(err, ERR_USAGE, "usage.input", "the command is empty");
    if (sender_message(&message, &key, line, len, NULL, e->params, err) == 0) {
        record.value = buf_str(&message);
        record.value_len = message.len;
        struct command *c =
            command_new_take(&record, (size_t)e->options->max_command_bytes, &e->desk);
        json_t *told = json_object();
        if (!first && !e->options->json)
            putchar('\n');
        tell_command(e, c, told);
        print_told(told, e->options->json);
        json_decref(told);
        command_free(c);
    }
    buf_fini(&message);
    free(key);
    return err_is_set(err) ? -1 : 0;
}

static int open_neo4j(struct explain *e, struct err *err)
{
    const struct setup *setup = &e->options->setup;
    struct tx_server server;

    e->scoped = true;
    if (setup->neo4j_password.value == NULL)
        return 0;
    if (setup_tx_open(setup, &e->tx, err) < 0 || setup_tx_await(setup, e->tx, &server, err) < 0)
        return -1;
    e->scoped = tx_scopes_calls(server.version);
    return 0;
}

int cmd_explain(const struct options *options, char *const *words, int n, struct err *err)
{
    struct explain e = {.options = options};
    json_t *params = NULL;
    int rc = -1;

    if (n == 0)
        return err_set(err, ERR_USAGE, "usage.input",
                       "no command: db_sync explain \"MERGE (n:Person {id: 1})\"");
    command_desk_init(&e.desk);
    e.desk.rules = options_rules(options);
    if (options_params(options, &params, err) == 0 && open_neo4j(&e, err) == 0) {
        e.params = params;
        rc = 0;
        for (int i = 0; rc == 0 && i < n; i++)
            rc = explain_word(&e, words[i], i == 0, err);
    }
    tx_close(e.tx);
    command_desk_fini(&e.desk);
    json_decref(params);
    return rc;
}
