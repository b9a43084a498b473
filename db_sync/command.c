/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/command.h"

#include "base/json.h"
#include "base/mem.h"
#include "cypher/limit.h"
#include "cypher/policy.h"
#include "cypher/word.h"
#include "neo4j/param.h"
#include "neo4j/tx.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STATEMENTS_MAX 10000

/* A parameter may be a name: DROP CONSTRAINT $name, CREATE (:$($label)). */
static const char reserved[] = "__db_sync";

static bool is_minus_zero(const json_t *value)
{
    return json_is_real(value) && json_real_value(value) == 0 && signbit(json_real_value(value));
}

/* A text may leave a label, the name of a constraint or a procedure's argument to a parameter. */
static int refuse_reserved(const json_t *value, struct err *err)
{
    if (json_string_length(value) < sizeof reserved - 1 ||
        memcmp(json_string_value(value), reserved, sizeof reserved - 1) != 0)
        return 0;
    return err_set(err, ERR_POISON, "cypher.reserved-name",
                   "names that begin with %s belong to the replication, also in a parameter",
                   reserved);
}

/* Walks parameters: refuses what cannot be carried, and names of the replication; notes a minus
 * zero. JSON depth is bounded. */
static int judge_value(const json_t *value, bool *minus_zero, struct err *err)
{
    json_t *map = (json_t *)(uintptr_t)value; /* jansson iterates over non-const ones only */
    const json_t *member;
    size_t i;

    if (is_minus_zero(value))
        *minus_zero = true;
    if (refuse_reserved(value, err) < 0)
        return -1;
    if (json_is_string(value) && json_string_length(value) > LIMIT_STRING_BYTES)
        return err_set(err, ERR_POISON, "command.string-too-long",
                       "a parameter is a string of %zu bytes; Neo4j takes at most %d",
                       json_string_length(value), LIMIT_STRING_BYTES);
    if (json_is_array(value))
        json_array_foreach (value, i, member)
            if (judge_value(member, minus_zero, err) < 0)
                return -1;
    for (void *at = json_object_iter(map); at != NULL; at = json_object_iter_next(map, at)) {
        if (json_object_iter_key_len(at) > LIMIT_NAME_BYTES)
            return err_set(err, ERR_POISON, "command.name-too-long",
                           "a name in \"params\" has %zu bytes; Neo4j takes at most %d",
                           json_object_iter_key_len(at), LIMIT_NAME_BYTES);
        if (judge_value(json_object_iter_value(at), minus_zero, err) < 0)
            return -1;
    }
    return 0;
}

/* The names that a command may use without bringing them: where and when it stands in the log. */
static const char *const own_params[] = {"__offset", "__timestamp", "__key"};

/* A text of Cypher, as it is sent. */
struct text {
    const char *p;
    size_t len;
};

static json_t *own_param(const struct command *c, const json_t *root, size_t i)
{
    json_t *key;

    switch (i) {
    case 0:
        return json_integer(c->record.offset);
    case 1:
        return c->record.timestamp_ms >= 0 ? json_integer(c->record.timestamp_ms) : json_null();
    default:
        key = json_object_get(root, "with_key");
        if (!json_is_string(key))
            key = json_object_get(root, "id");
        return json_is_string(key) ? json_incref(key) : json_null();
    }
}

/* Binds what the text names of them; Neo4j ignores a parameter too many, so a mention in a string
 * does no harm. *params is replaced where one is added. */
static int bind_own(const struct command *c, const json_t *root, struct text text, json_t **params,
                    struct err *err)
{
    json_t *bound = NULL;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof own_params / sizeof *own_params; i++) {
        if (json_object_get(*params, own_params[i]) != NULL)
            return err_set(err, ERR_POISON, "command.params",
                           "the parameter $%s is bound by db_sync and cannot be given",
                           own_params[i]);
        if (!word_occurs(text.p, text.len, own_params[i]))
            continue;
        if (bound == NULL)
            bound = *params != NULL ? json_copy(*params) : json_object();
        json_t *own = own_param(c, root, i);
        rc = refuse_reserved(own, err); /* $__key is the sender's text */
        json_object_set_new(bound, own_params[i], own);
    }
    if (bound != NULL) {
        json_decref(*params);
        *params = bound;
    }
    return rc;
}

/* A statement as Neo4j gets it. */
struct sent {
    struct text text; /* the command's, or the one in carried */
    struct param_sent carried;
};

/* What is sent for text, the "command" of object, frozen, which policy lets pass; *out is for
 * param_fini, empty after a failure. */
static int read_sent(const struct command *c, const json_t *root, const json_t *object,
                     struct text text, struct sent *out, bool *minus_zero, struct err *err)
{
    json_t *params = json_member(object, "params");
    struct param_sent *carried = &out->carried;

    *out = (struct sent){.text = text};
    if (params != NULL && !json_is_object(params))
        return err_set(err, ERR_POISON, "command.params", "\"params\" must be a JSON object");
    if (param_carry(text.p, text.len, params, carried, err) < 0)
        return -1;
    if ((carried->params != NULL && judge_value(carried->params, minus_zero, err) < 0) ||
        bind_own(c, root, text, &carried->params, err) < 0) {
        param_fini(carried);
        return -1;
    }
    if (carried->rewritten)
        out->text = (struct text){buf_str(&carried->text), carried->text.len};
    return 0;
}

/* Notes where in desk->bytes something ends, counted from `from` on. */
static void add_end(struct command_desk *desk, size_t from)
{
    if (desk->end_count == desk->end_room) {
        desk->end_room = desk->end_room > 0 ? desk->end_room * 2 : 16;
        desk->ends = mem_realloc(desk->ends, desk->end_room, sizeof *desk->ends);
    }
    desk->ends[desk->end_count++] = desk->bytes.len - from;
}

static void add_stmt(struct command *c, struct command_desk *desk, struct text text,
                     const json_t *params)
{
    tx_add_stmt(&desk->bytes, text.p, text.len, params);
    add_end(desk, 0);
    c->stmt_count++;
    c->json_len = desk->bytes.len;
}

/* Notes its template and values, if its text has any; and notes it for its twins, if that decides
 * all. */
static void lift(struct command *c, struct command_desk *desk, const struct sent *sent)
{
    const char *text = sent->text.p;
    const json_t *params = sent->carried.params;
    struct lift *l = &desk->lift;
    size_t from = desk->bytes.len;

    if (!lift_text(l, text, sent->text.len) || !lift_bind(l, text, params))
        return;
    const char *key = lift_key(l, text, &c->lifted.key_len);
    if (params == NULL && !desk->freeze.possible)
        twins_add(desk->twins, text, sent->text.len, l,
                  &(struct twin){.starts_tx = c->starts_tx,
                                 .ends_tx = c->ends_tx,
                                 .key = key,
                                 .key_len = c->lifted.key_len,
                                 .count = l->hole_count});
    c->lifted.count = l->hole_count;
    buf_add(&desk->bytes, key, c->lifted.key_len);
    for (size_t i = 0; i < l->hole_count; i++) {
        lift_add_value(l, i, text, params, &desk->bytes);
        add_end(desk, from);
    }
}

/* Judges what is sent once more where it is another text: it is nested deeper. */
static int judge_sent(const struct sent *sent, struct cypher_facts *facts, struct err *err)
{
    if (!sent->carried.rewritten)
        return 0;
    if (facts->schema)
        return err_set(err, ERR_POISON, "param.place",
                       "typed parameters cannot stand in a schema command; send plain JSON, or "
                       "write the value into the text");
    if (policy_judge_command(sent->text.p, sent->text.len, facts, err) < 0)
        return err_wrap(err, "with its typed parameters built in the text");
    return 0;
}

/* Whether Neo4j takes the text. */
static int judge_text(struct text text, struct cypher_facts *facts, struct err *err)
{
    if (text.len > LIMIT_STRING_BYTES)
        return err_set(err, ERR_POISON, "command.string-too-long",
                       "the command's text has %zu bytes; Neo4j takes at most %d", text.len,
                       LIMIT_STRING_BYTES);
    return policy_judge_command(text.p, text.len, facts, err);
}

/* Binds clocks of *text, which then is the desk's. What was put in is judged again: it counts as
 * nesting and length. */
static int freeze(struct command *c, struct command_desk *desk, const json_t *params,
                  struct text *text, struct cypher_facts *facts, struct err *err)
{
    struct freeze *f = &desk->freeze;

    if (facts->schema)
        return 0;
    if (freeze_text(f, text->p, text->len, params, &desk->rules, err) < 0)
        return -1;
    c->warnings |= f->warnings;
    if (!f->frozen)
        return 0;
    if (c->record.timestamp_ms < 0)
        return err_set(err, ERR_POISON, "command.no-timestamp",
                       "the text reads the clock, and its record has no timestamp to put in its "
                       "place; the topic's message.timestamp.type should be LogAppendTime");
    c->frozen = true;
    *text = (struct text){f->text.data, f->text.len};
    return judge_text(*text, facts, err);
}

/* A text that has a twin which was judged before. False: it has none. */
static bool add_known(struct command *c, struct command_desk *desk, struct text text)
{
    struct twin_value values[TWIN_VALUES];
    const struct twin *twin = twins_find(desk->twins, text.p, text.len, values);

    if (twin == NULL)
        return false;
    add_stmt(c, desk, text, NULL);
    c->starts_tx = twin->starts_tx;
    c->ends_tx = twin->ends_tx;
    c->lifted.key_len = twin->key_len;
    c->lifted.count = twin->count;
    buf_add(&desk->bytes, twin->key, twin->key_len);
    for (size_t i = 0; i < twin->count; i++) {
        twin_add_value(text.p, &values[i], &desk->bytes);
        add_end(desk, c->json_len);
    }
    return true;
}

/* Adds the statement that object describes, {"command", "params"}; root is the whole message. */
static int add_statement(struct command *c, struct command_desk *desk, const json_t *root,
                         const json_t *object, struct err *err)
{
    const json_t *command = json_object_get(object, "command");
    struct text text = {json_string_value(command), json_string_length(command)};
    struct cypher_facts facts = {0};
    struct sent sent;
    bool minus_zero = false;
    int rc = -1;

    if (!json_is_string(command))
        return err_set(err, ERR_POISON, command == NULL ? "command.missing" : "command.type",
                       "\"command\" must be there and a string of Cypher");
    if (root == object && json_member(object, "params") == NULL && add_known(c, desk, text))
        return 0;
    if (judge_text(text, &facts, err) < 0 ||
        freeze(c, desk, json_object_get(object, "params"), &text, &facts, err) < 0)
        return -1;
    if (c->stmt_count > 0 && c->schema != facts.schema)
        return err_set(err, ERR_POISON, "command.mixed-schema",
                       "schema commands and others cannot be one transaction in Neo4j; send them "
                       "as commands of their own");
    if (read_sent(c, root, object, text, &sent, &minus_zero, err) < 0)
        return -1;
    if (judge_sent(&sent, &facts, err) < 0)
        goto out;
    c->schema = facts.schema;
    c->starts_tx |= facts.starts_tx;
    c->ends_tx |= facts.ends_tx;
    c->alone |= facts.alone || minus_zero;
    add_stmt(c, desk, sent.text, sent.carried.params);
    if (root == object && !c->schema && !c->alone)
        lift(c, desk, &sent);
    rc = 0;
out:
    param_fini(&sent.carried);
    return rc;
}

static int add_statements(struct command *c, struct command_desk *desk, const json_t *root,
                          const json_t *list, struct err *err)
{
    size_t i;
    const json_t *object;

    if (!json_is_array(list) || json_array_size(list) == 0 ||
        json_array_size(list) > STATEMENTS_MAX)
        return err_set(err, ERR_POISON, "command.commands",
                       "\"commands\" must be a list of 1 to %d objects {\"command\", \"params\"}",
                       STATEMENTS_MAX);
    json_array_foreach (list, i, object)
        if (add_statement(c, desk, root, object, err) < 0)
            return err_wrap(err, "commands[%zu]", i);
    return 0;
}

static int decode_object(struct command *c, struct command_desk *desk, const json_t *root,
                         struct err *err)
{
    const json_t *list = json_member(root, "commands");
    const json_t *key = json_member(root, "with_key"), *id = json_member(root, "id");

    if (!json_is_object(root))
        return err_set(err, ERR_POISON, "command.no-object", "the message is no JSON object");
    if ((key != NULL && !json_is_string(key)) || (id != NULL && !json_is_string(id)))
        return err_set(err, ERR_POISON, "command.type",
                       "\"with_key\" and \"id\" must be strings where they are given");
    if (list != NULL && json_member(root, "command") != NULL)
        return err_set(err, ERR_POISON, "command.both",
                       "\"command\" and \"commands\" are given; one of them is one transaction");
    if (list != NULL)
        return add_statements(c, desk, root, list, err);
    return add_statement(c, desk, root, root, err);
}

static void clear(struct command_desk *desk)
{
    buf_reset(&desk->bytes);
    desk->end_count = 0;
}

/* What c is to view stays in the desk. */
static int decode(struct command *c, struct command_desk *desk, const char *value, size_t len,
                  size_t limit_bytes, struct err *err)
{
    clear(desk);
    if (value == NULL || len == 0)
        return err_set(err, ERR_POISON, "command.empty", "the message is empty");
    if (len > limit_bytes)
        return err_set(err, ERR_POISON, "command.too-large",
                       "the message has %zu bytes, MAX_COMMAND_BYTES allows %zu", len, limit_bytes);
    json_t *root = json_parse(value, len, err);
    int rc = root != NULL ? decode_object(c, desk, root, err) : -1;
    json_decref(root);
    if (rc == 0)
        rc = buf_check(&desk->bytes, "command", err);
    return rc;
}

/* A copy with what the desk holds of it, in one piece: another thread will free it, and pieces that
 * move between threads are what malloc does worst. */
static struct command *gather(const struct command *decoded, const struct command_desk *desk)
{
    size_t ends_size = desk->end_count * sizeof *desk->ends, more = ends_size + desk->bytes.len;
    struct command *c = mem_realloc(NULL, 1, sizeof *c + more);
    size_t *ends = (size_t *)(c + 1);
    char *bytes = (char *)(ends + desk->end_count);

    *c = *decoded;
    c->more = more;
    if (more > 0) {
        memcpy(ends, desk->ends, ends_size);
        memcpy(bytes, desk->bytes.data, desk->bytes.len);
    }
    c->json = bytes;
    c->stmt_ends = ends;
    c->lifted.bytes = bytes + c->json_len;
    c->lifted.ends = ends + c->stmt_count;
    return c;
}

void command_condemn(struct command *c, const struct err *why)
{
    if (c->verdict == NULL) {
        c->verdict = mem_alloc(1, sizeof *c->verdict);
        *c->verdict = *why;
    }
    c->stmt_count = c->json_len = 0;
    c->lifted = (struct command_lifted){0};
    c->schema = c->starts_tx = c->ends_tx = c->alone = false;
}

void command_desk_init(struct command_desk *desk)
{
    *desk = (struct command_desk){.hash = hash_new(), .twins = twins_new()};
}

void command_desk_fini(struct command_desk *desk)
{
    hash_free(desk->hash);
    twins_free(desk->twins);
    lift_fini(&desk->lift);
    freeze_fini(&desk->freeze);
    buf_fini(&desk->bytes);
    free(desk->ends);
    *desk = (struct command_desk){0};
}

struct command *command_new_take(struct record *record, size_t limit_bytes,
                                 struct command_desk *desk)
{
    struct command c = {.record = *record};
    struct err why = {0};

    *record = (struct record){0};
    record_fingerprint(&c.record, desk->hash, c.fingerprint);
    if (decode(&c, desk, c.record.value, c.record.value_len, limit_bytes, &why) < 0) {
        command_condemn(&c, &why);
        clear(desk);
    }
    return gather(&c, desk);
}

void command_free(struct command *c)
{
    if (c == NULL)
        return;
    record_fini(&c->record);
    free(c->verdict);
    free(c);
}

size_t command_bytes(const struct command *c)
{
    /* librdkafka's message and our allocations cost about half a kilobyte */
    return c->record.value_len + sizeof *c + c->more + 512;
}

/* The text of a command that was frozen, once more; whatever the rules were, it becomes the same.
 */
static bool freeze_again(struct command_desk *desk, const json_t *params, struct text *text)
{
    static const struct freeze_rules rules = {.order_dependence = ORDER_DEPENDENCE_ALLOW};
    struct freeze *f = &desk->freeze;

    if (freeze_text(f, text->p, text->len, params, &rules, NULL) < 0 || !f->frozen)
        return false;
    *text = (struct text){f->text.data, f->text.len};
    return true;
}

bool command_lift(const struct command *c, struct command_desk *desk, struct buf *text,
                  json_t **params)
{
    json_t *root = json_parse(c->record.value, c->record.value_len, NULL);
    const json_t *command = json_object_get(root, "command");
    struct text own = {json_string_value(command), json_string_length(command)};
    bool minus_zero, lifted = false;
    struct sent sent;

    *params = NULL;
    if (c->lifted.key_len > 0 && json_is_string(command) &&
        (!c->frozen || freeze_again(desk, json_object_get(root, "params"), &own)) &&
        read_sent(c, root, root, own, &sent, &minus_zero, NULL) == 0) {
        buf_add(text, sent.text.p, sent.text.len);
        *params = json_incref(sent.carried.params);
        lifted = lift_text(&desk->lift, buf_str(text), text->len) &&
                 lift_bind(&desk->lift, buf_str(text), *params);
        param_fini(&sent.carried);
    }
    json_decref(root);
    return lifted;
}

int command_check(const char *value, size_t len, size_t limit_bytes,
                  const struct freeze_rules *rules, unsigned *warnings, struct err *err)
{
    struct command c = {0};
    struct command_desk desk;

    command_desk_init(&desk);
    desk.rules = *rules;
    int rc = decode(&c, &desk, value, len, limit_bytes, err);
    *warnings = c.warnings;
    command_desk_fini(&desk);
    return rc;
}

/* The member when it can name a message, else NULL. */
static const json_t *name_of(const json_t *root, const char *member)
{
    const json_t *name = json_object_get(root, member);

    return json_is_string(name) && json_string_length(name) <= COMMAND_NAME_MAX ? name : NULL;
}

void command_names_init(struct command_names *names, const struct record *record, const char *topic)
{
    json_t *root =
        record->value != NULL ? json_parse(record->value, record->value_len, NULL) : NULL;
    const json_t *id = name_of(root, "id"), *with_key = name_of(root, "with_key");

    *names = (struct command_names){0};
    if (id != NULL)
        buf_add(&names->id, json_string_value(id), json_string_length(id));
    else
        buf_addf(&names->id, "%s/%" PRId32 "/%" PRId64, topic, record->partition, record->offset);
    if (with_key != NULL)
        buf_add(&names->key, json_string_value(with_key), json_string_length(with_key));
    else
        buf_add(&names->key, buf_str(&names->id), names->id.len);
    json_decref(root);
}

void command_names_fini(struct command_names *names)
{
    buf_fini(&names->id);
    buf_fini(&names->key);
}
