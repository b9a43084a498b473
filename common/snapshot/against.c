/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/against.h"

#include "snapshot/hold.h"
#include "snapshot/survey.h"

void against_fini(struct against_result *r)
{
    json_decref(r->differences);
    r->differences = NULL;
}

/* How many of that label set, or type, a list of counts has. */
static int64_t count_in(const json_t *counts, const char *key, const json_t *name)
{
    const json_t *entry;
    size_t i;

    json_array_foreach (counts, i, entry)
        if (json_equal(json_object_get(entry, key), name))
            return json_int(entry, "count", 0);
    return 0;
}

/* Adds the entries of one list whose count in the other is another; those that the other lacks too,
 * or alone. */
static void add_differences(json_t *out, const char *key, const json_t *list, const json_t *other,
                            bool snapshot)
{
    const json_t *entry;
    size_t i;

    json_array_foreach (list, i, entry) {
        json_t *name = json_object_get(entry, key);
        int64_t here = json_int(entry, "count", 0), there = count_in(other, key, name);
        if (here == there || (!snapshot && there > 0)) /* told from the snapshot's side */
            continue;
        json_array_append_new(out, json_pack("{s:O,s:I,s:I}", key, name, "snapshot",
                                             (json_int_t)(snapshot ? here : there), "database",
                                             (json_int_t)(snapshot ? there : here)));
    }
}

static void compare(const struct manifest *m, const struct census_sums *sums,
                    struct against_result *out)
{
    json_t *sets = tally_json(sums->label_sets, false), *types = tally_json(sums->types, true);

    out->nodes = sums->nodes;
    out->relationships = sums->relationships;
    out->digest = sums->digest;
    add_differences(out->differences, "labels", m->label_sets, sets, true);
    add_differences(out->differences, "labels", sets, m->label_sets, false);
    add_differences(out->differences, "type", m->types, types, true);
    add_differences(out->differences, "type", types, m->types, false);
    out->equal = json_array_size(out->differences) == 0 && digest_equal(&m->digest, &out->digest);
    json_decref(sets);
    json_decref(types);
}

int against_database(const struct against_conf *conf, struct tx *hold, struct tx *scan,
                     struct against_result *out, struct err *err)
{
    struct survey_conf survey = {.tx = scan,
                                 .server_version = conf->server_version,
                                 .work = conf->work,
                                 .nodes = conf->manifest->nodes,
                                 .relationships = conf->manifest->relationships,
                                 .limit_ms = conf->limit_ms,
                                 .sink = conf->sink};
    struct census *census = NULL;
    struct hold *held = NULL;

    *out = (struct against_result){.differences = json_array()};
    int rc = hold_open(&held, hold, conf->topic, conf->limit_ms, &out->position, &out->has_position,
                       err);
    if (rc == 0)
        rc = survey_database(&survey, &census, err) < 0 ? hold_explain(err) : 0;
    if (rc == 0)
        rc = hold_check(held, err);
    if (rc == 0)
        compare(conf->manifest, census_sums(census), out);
    hold_close(held);
    census_close(census);
    return rc;
}

bool against_is_same_place(const struct manifest *m, const struct against_result *r)
{
    return m->has_position == r->has_position &&
           (!m->has_position || m->position.next_offset == r->position.next_offset);
}
