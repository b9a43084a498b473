/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/survey.h"

#include "base/stop.h"
#include "snapshot/scan.h"

struct survey {
    const struct survey_conf *conf;
    struct census *census;
};

static int refuse(struct err *err)
{
    return err_set(err, ERR_DIFFERS, "survey.changed",
                   "the database changed while it was read: somebody else writes to it");
}

static int on_node(void *arg, const struct entity *e, struct err *err)
{
    struct survey *s = arg;
    int rc = census_add_node(s->census, e, NULL, err);

    phase_tell(&s->conf->sink, "nodes read", census_sums(s->census)->nodes, s->conf->nodes);
    return rc == 1 ? refuse(err) : rc;
}

static int on_relationship(void *arg, const struct entity *e, struct err *err)
{
    struct survey *s = arg;

    phase_tell(&s->conf->sink, "relationships read", census_sums(s->census)->relationships,
               s->conf->relationships);
    return census_add_relationship(s->census, e, NULL) ? stop_check(err) : refuse(err);
}

int survey_database(const struct survey_conf *conf, struct census **out, struct err *err)
{
    struct survey s = {.conf = conf};
    struct scan_conf scan = {.tx = conf->tx,
                             .prefix = tx_cypher_5(conf->server_version),
                             .limit_ms = conf->limit_ms,
                             .on_entity = on_node,
                             .arg = &s};

    *out = NULL;
    if (census_open(&s.census, conf->work, (size_t)conf->nodes, err) < 0)
        return -1;
    int rc = scan_nodes(&scan, NULL, err);
    scan.on_entity = on_relationship;
    if (rc == 0) {
        phase_end(&conf->sink, "nodes read", census_sums(s.census)->nodes);
        rc = scan_relationships(&scan, NULL, err);
    }
    if (rc == 0) {
        phase_end(&conf->sink, "relationships read", census_sums(s.census)->relationships);
        *out = s.census;
    }
    if (rc < 0)
        census_close(s.census);
    return rc;
}
