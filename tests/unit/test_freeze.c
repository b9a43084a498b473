/* SPDX-License-Identifier: Apache-2.0 */
#include "cypher/freeze.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define MILLIS "epochMillis: $__timestamp, "
#define MAP "{" MILLIS "timezone: 'Z'}"
#define NOW "datetime(" MAP ")"
#define TEXT(x) "coalesce(toStringOrNull(" x "), '')"
#define MOMENT(zone, open, close)                                                                  \
    "([__zone IN [" zone "] WHERE __zone IS NOT NULL | " open "datetime({" MILLIS                  \
    "timezone: " TEXT("__zone") "})" close "][0])"
#define AT_ZONE(x) "datetime({" MILLIS "timezone: " x "})"

/* What clocks become; NULL: the text stays. */
static const struct {
    const char *text, *frozen;
} clocks[] = {
    {"CREATE (:P {t: timestamp()})", "CREATE (:P {t: $__timestamp})"},
    {"SET n.t = TimeStamp /* c */ ( // d\n)", "SET n.t = $__timestamp"},
    {"SET n.t = `timestamp`()", "SET n.t = $__timestamp"},
    {"RETURN`timestamp`()AS x", "RETURN $__timestamp AS x"},
    {"SET n.t = timestamp()+1, n.u=timestamp()", "SET n.t = $__timestamp+1, n.u=$__timestamp"},
    {"SET n.t = datetime()", "SET n.t = " NOW},
    {"SET n.t = DateTime ( )", "SET n.t = DateTime (" MAP " )"},
    {"SET n.t = date()", "SET n.t = date(" NOW ")"},
    {"SET n.t = time()", "SET n.t = time(" NOW ")"},
    {"SET n.t = localtime()", "SET n.t = localtime(" NOW ")"},
    {"SET n.t = localdatetime()", "SET n.t = localdatetime(" NOW ")"},
    {"SET n.t = `date`()", "SET n.t = `date`(" NOW ")"},
    {"SET n.t = local_time()", "SET n.t = local_time(" NOW ")"},
    {"SET n.t = zoned_time()", "SET n.t = zoned_time(" NOW ")"},
    {"SET n.t = local_datetime()", "SET n.t = local_datetime(" NOW ")"},
    {"SET n.t = zoned_datetime()", "SET n.t = zoned_datetime(" MAP ")"},
    {"SET n.t = datetime.statement()", "SET n.t = datetime(" MAP ")"},
    {"SET n.t = datetime . /* c */ Transaction ()", "SET n.t = datetime(" MAP ")"},
    {"SET n.t = `date`.`realtime`()", "SET n.t = `date`(" NOW ")"},
    {"SET n.t = localdatetime.realtime()", "SET n.t = localdatetime(" NOW ")"},
    {"SET n.y = date().year, n.s = toString(datetime())",
     "SET n.y = date(" NOW ").year, n.s = toString(" NOW ")"},
    {"SET n.d = duration.between(date(), date('2020-01-01'))",
     "SET n.d = duration.between(date(" NOW "), date('2020-01-01'))"},
    {"MATCH (n) WHERE n.t<datetime()DELETE n", "MATCH (n) WHERE n.t<" NOW "DELETE n"},
    {"CREATE ({a:date(),b:[x IN [1]|time()]})",
     "CREATE ({a:date(" NOW "),b:[x IN [1]|time(" NOW ")]})"},
    {"SET n.t = timestamp()$=1", "SET n.t = $__timestamp $=1"}, /* no Cypher: the server's to say */
    {"SET n.l = l[0..timestamp()]", "SET n.l = l[0..$__timestamp]"},
    /* the zone stays */
    {"SET n.t = datetime({timezone: 'Europe/Paris'})",
     "SET n.t = datetime({" MILLIS "timezone: 'Europe/Paris'})"},
    {"SET n.t = datetime( { `TimeZone` : \"Z\" } )",
     "SET n.t = datetime( {" MILLIS " `TimeZone` : \"Z\" } )"},
    {"SET n.t = date({timezone: 'Asia/Tokyo'})",
     "SET n.t = date(datetime({" MILLIS "timezone: 'Asia/Tokyo'}))"},
    {"SET n.t = localtime({timezone: n.tz})",
     "SET n.t = localtime(datetime({" MILLIS "timezone: " TEXT("n.tz") "}))"},
    {"SET n.t = datetime({timezone: $zone})",
     "SET n.t = datetime({" MILLIS "timezone: " TEXT("$zone") "})"},
    {"SET n.t = datetime({timezone: null})",
     "SET n.t = datetime({" MILLIS "timezone: " TEXT("null") "})"},
    {"SET n.t = datetime({timezone: 'Europe/' + toString(date())})",
     "SET n.t = datetime({" MILLIS "timezone: " TEXT("'Europe/' + toString(date(" NOW "))") "})"},
    {"SET n.t = datetime.statement('Europe/Paris')",
     "SET n.t = datetime({" MILLIS "timezone: 'Europe/Paris'})"},
    {"SET n.t = date.transaction( $zone )", "SET n.t = " MOMENT(" $zone ", "date(", ")")},
    {"RETURN`localdatetime` . transaction(null).year",
     "RETURN" MOMENT("null", "localdatetime(", ")") ".year"},
    {"SET n.t = time.statement(toString(date.realtime(n.z)))",
     "SET n.t = " MOMENT("toString(" MOMENT("n.z", "date(", ")") ")", "time(", ")")},
    {"SET n.t = time.realtime('Z')", "SET n.t = time(datetime({" MILLIS "timezone: 'Z'}))"},
    {"SET n.t = datetime.realtime(n.a + n.b)", "SET n.t = " MOMENT("n.a + n.b", "", "")},
    /* truncate */
    {"SET n.t = date.truncate('day')", "SET n.t = date.truncate('day', " NOW ")"},
    {"SET n.t = datetime . truncate ( n.unit )",
     "SET n.t = datetime . truncate ( n.unit , " NOW ")"},
    {"SET n.t = date.truncate(['day', 'week'][0])",
     "SET n.t = date.truncate(['day', 'week'][0], " NOW ")"},
    {"SET n.t = date.truncate('day', date())", "SET n.t = date.truncate('day', date(" NOW "))"},
    {"SET n.t = datetime.truncate('day', n.t, {timezone: 'Europe/Paris'})", NULL},
    /* a time of day in a zone by name has the offset of now */
    {"SET n.t = time({hour: 12, timezone: 'Europe/Paris'})",
     "SET n.t = time({hour: 12, timezone: " AT_ZONE("'Europe/Paris'") ".offset})"},
    {"SET n.t = time({timezone: r.z, time: localtime(r.t)})",
     "SET n.t = time({timezone: " AT_ZONE(TEXT("r.z")) ".offset, time: localtime(r.t)})"},
    {"SET n.t = time({hour: 12, timezone: '+01:00'}), n.u = time({hour: 12, timezone: 'Z'})", NULL},
    {"SET n.t = time.truncate('hour', n.t, {timezone: 'Europe/Paris'})",
     "SET n.t = time.truncate('hour', n.t, {timezone: " AT_ZONE("'Europe/Paris'") ".offset})"},
    /* no clocks */
    {"SET n.d = date('2020-01-01'), n.e = datetime({year: 2020, timezone: 'Europe/Paris'})", NULL},
    {"SET n.d = date({year: 2020}), n.e = localtime({hour: 1}), n.f = date({})", NULL},
    {"SET n.d = date(null), n.e = datetime($p), n.f = date(r.day), n.g = time(n.a + n.b)", NULL},
    {"SET n.d = datetime.fromEpoch(1, 2), n.e = datetime.fromEpochMillis(3)", NULL},
    {"SET n.d = datetime({epochMillis: $__timestamp})", NULL},
    {"SET n.date = 1, n.timestamp = n.datetime", NULL},
    {"SET n.s = 'date()', n.t = \"timestamp()\" // datetime()\n", NULL},
    {"CREATE (date:date {date: 1})-[:timestamp {time: 2}]->(:time) /* date() */", NULL},
    {"WITH 1 AS date MATCH (timestamp) RETURN date, (timestamp), [date]", NULL},
    {"SET n.d = my.date(), n.e = my.datetime.statement(), n.f = n.timestamp", NULL},
    {"SET n.d = `datetime.statement`(), n.e = `date `(), n.f = dates(), n.g = local_date()", NULL},
    {"SET n.d = timestamp(1), n.e = date.truncate()", NULL},
    {"SET n.d = date(", NULL},
    {"SET n.d = date())", NULL},
    {"SET n.d = date(]", NULL},
    /* \uXXXX is read first, as servers do */
    {"SET n.d = d\\u0061te(), n.s = '\\u00f6'", "SET n.d = date(" NOW "), n.s = '\xc3\xb6'"},
    {"SET n.s = '\\u00f6'", NULL},
    {"SET n.s = '\\\\u00f6', n.t = timestamp()", "SET n.s = '\\\\u00f6', n.t = $__timestamp"},
};

/* What is refused, and what is told, in texts. */
static const struct {
    const char *text, *code; /* NULL: passes */
    unsigned warnings;
    const char *params; /* NULL: none */
} findings[] = {
#define W(kind) (1U << CHANCE_##kind)
    /* time zones that may be all of a map */
    {"SET n.d = date($p)", "cypher.clock", 0, "{\"p\":{\"timezone\":\"Z\"}}"},
    {"SET n.d = date($p)", "cypher.clock", 0,
     "{\"p\":{\"$type\":\"Map\",\"_value\":{\"timezone\":\"Z\"}}}"},
    {"SET n.d = date($p)", NULL, 0, "{\"p\":{\"year\":2020,\"timezone\":\"Z\"}}"},
    {"SET n.d = date($p)", NULL, 0, "{\"p\":\"2020-01-01\",\"q\":{\"timezone\":\"Z\"}}"},
    {"SET n.d = time($p)", "cypher.clock", 0, "{\"p\":{\"hour\":1,\"timezone\":\"Europe/Paris\"}}"},
    {"SET n.d = time($p)", NULL, 0, "{\"p\":{\"hour\":1,\"timezone\":\"+01:00\"}}"},
    {"UNWIND $p AS r SET n.d = date(r.d)", "cypher.clock", 0,
     "{\"p\":[{\"d\":{\"TimeZone\":\"Z\"}}]}"},
    {"UNWIND $p AS r SET n.d = date(r.d)", NULL, 0,
     "{\"p\":[{\"d\":{\"timezone\":\"Z\",\"year\":1}}]}"},
    {"UNWIND $p AS r SET n.d = time(r.d)", "cypher.clock", 0,
     "{\"p\":[{\"d\":{\"timezone\":\"Europe/Paris\",\"hour\":1}}]}"},
    {"WITH {timezone: 'Z'} AS m SET n.d = date(m)", "cypher.clock", 0, NULL},
    {"WITH {timezone: 'Z'} AS m SET n.d = date(m.d + 1)", "cypher.clock", 0, NULL},
    {"SET n.d = date({timezone: 'Z'}.x)", "cypher.clock", 0, NULL},
    {"SET n.d = date(n {.timezone})", "cypher.clock", 0, NULL},
    {"SET n.d = date(n {.*})", NULL, W(CLOCK), NULL},
    {"SET n.d = date(properties(n))", NULL, W(CLOCK), NULL},
    {"SET n.d = date(apoc.convert.fromJsonMap('{\"timezone\":\"Z\"}'))", "cypher.clock", 0, NULL},
    {"SET n.d = date({timezone: 'Z', timezone: 'Z'})", "cypher.clock", 0, NULL},
    {"SET n.d = datetime({datetime: r.d, timezone: r.timezone}), n.e = date(r.d)", NULL, 0, NULL},
    {"SET n.d = apoc.date.currentTimestamp()", "cypher.clock", 0, NULL},
    {"SET n.d = '\\ud800', n.e = date()", "cypher.clock", 0, NULL},
    {"SET n.d = '\\u005cu0041', n.e = date()", "cypher.clock", 0, NULL},
    /* random */
    {"SET n.r = rand()", "cypher.random", 0, NULL},
    {"SET n.r = RAND /* c */ ( )", "cypher.random", 0, NULL},
    {"MATCH (n) WITH n ORDER BY `rand`() LIMIT 1 DELETE n", "cypher.random", 0, NULL},
    {"CREATE (:P {id: randomUUID()})", "cypher.random", 0, NULL},
    {"CREATE (:P {id: uuid()})", "cypher.random", 0, NULL},
    {"CREATE (:P {id: apoc.create.uuid()})", "cypher.random", 0, NULL},
    {"CALL apoc . create . uuids(3) YIELD uuid CREATE (:P {id: uuid})", "cypher.random", 0, NULL},
    {"CREATE (:P {id: apoc.coll.shuffle([1, 2])})", "cypher.random", 0, NULL},
    {"CREATE (rand:uuid {rand: 'rand()', uuid: n.rand, x: my.rand()})", NULL, 0, NULL},
    /* outside */
    {"LOAD CSV FROM 'file:///a.csv' AS l CREATE (:P {l: l[0]})", "cypher.outside", 0, NULL},
    {"load /* c */ csv WITH HEADERS FROM $u AS l CREATE (:P)", "cypher.outside", 0, NULL},
    {"CREATE (:P {f: file()})", "cypher.outside", 0, NULL},
    {"CALL apoc.load.json('http://x') YIELD value CREATE (:P)", "cypher.outside", 0, NULL},
    {"CREATE (:P {v: genai.vector.encode('x', 'y')})", "cypher.outside", 0, NULL},
    {"CREATE (load:csv {file: 1})", NULL, 0, NULL},
    {"CALL apoc.cypher.doIt('CREATE (:P {t: timestamp()})', {}) YIELD value RETURN 1", NULL,
     W(HIDDEN), NULL},
    /* ids */
    {"MATCH (n) SET n.i = id(n)", "cypher.stored-id", 0, NULL},
    {"MATCH (n) SET n += {i: elementId(n)}", "cypher.stored-id", 0, NULL},
    {"MATCH (n) SET n.i = toString([id(n)][0])", "cypher.stored-id", 0, NULL},
    {"MATCH (n) CREATE (:P {i: ID(n)})", "cypher.stored-id", 0, NULL},
    {"MATCH (n) MERGE (m:P {i: `id`(n)}) ON CREATE SET m.x = 1", "cypher.stored-id", 0, NULL},
    {"MATCH (n) FOREACH (x IN [1] | SET n.i = id(n))", "cypher.stored-id", 0, NULL},
    {"MATCH (n) SET n.a = n.s STARTS WITH toString(id(n))", "cypher.stored-id", 0, NULL},
    {"MATCH (n) WHERE id(n) = 5 SET n.x = 1", NULL, W(ID), NULL},
    {"MATCH (n) SET n.x = 1 WITH n WHERE elementId(n) = 'a' DELETE n", NULL, W(ID), NULL},
    {"MATCH (n) WITH id(n) AS set CREATE (:P {i: set})", NULL, W(ID), NULL},
    {"CREATE (n:P {id: 1}) RETURN id(n)", NULL, 0, NULL},
    {"MATCH (n) WHERE id(n) = 5 RETURN n", NULL, 0, NULL},
    /* order: LIMIT and SKIP */
    {"MATCH (n:P) WITH n LIMIT 3 SET n.x = 1", NULL, W(LIMIT), NULL},
    {"MATCH (n:P) WITH * LIMIT $n DETACH DELETE n", NULL, W(LIMIT), NULL},
    {"MATCH (n:P) WITH n SKIP toInteger(1) SET n.x = 1", NULL, W(LIMIT), NULL},
    {"MATCH (n:P) WITH n OFFSET 1 SET n.x = 1", NULL, W(LIMIT), NULL},
    {"MATCH (n:P) WITH n ORDER BY n.id SKIP 1 LIMIT 3 SET n.x = 1", NULL, 0, NULL},
    {"MATCH (n:P) WITH n ORDER BY n.id WITH n LIMIT 3 SET n.x = 1", NULL, 0, NULL},
    {"MATCH (n:P) WITH n ORDER BY n.id MATCH (n)--(m) WITH m LIMIT 3 SET m.x = 1", NULL, W(LIMIT),
     NULL},
    {"CALL { MATCH (n:P) RETURN n LIMIT 3 } SET n.x = 1", NULL, W(LIMIT), NULL},
    {"CALL { MATCH (n:P) RETURN n ORDER BY n.id LIMIT 3 } SET n.x = 1", NULL, 0, NULL},
    {"MATCH (n:P) SET n.x = 1 RETURN n LIMIT 3", NULL, 0, NULL},
    {"MATCH (n:P) RETURN n LIMIT 3 NEXT SET n.x = 1", NULL, W(LIMIT), NULL},
    {"MATCH (n:P) WITH n LIMIT 3 RETURN n", NULL, 0, NULL},
    {"CREATE (limit:skip {limit: 1, skip: n.limit})", NULL, 0, NULL},
    {"MATCH (limit) SET limit.skip = 1", NULL, 0, NULL},
    /* lists */
    {"MATCH (n) WITH collect(n) AS l FOREACH (x IN l | SET x.a = 1)", NULL, W(COLLECT), NULL},
    {"MATCH (n) WITH head(collect(n)) AS x SET x.a = 1", NULL, W(COLLECT), NULL},
    {"MATCH (n) WITH n ORDER BY n.id WITH collect(n.id) AS l CREATE (:P {l: l})", NULL, 0, NULL},
    {"UNWIND $rows AS r WITH collect(r) AS l CREATE (:P {l: l})", NULL, 0, NULL},
    {"MATCH (n) WITH size(collect(n)) AS c CREATE (:P {c: c})", NULL, 0, NULL},
    {"MATCH (n) SET n.c = COLLECT { MATCH (n)--(m) RETURN m.x }", NULL, W(COLLECT), NULL},
    {"MATCH (n) SET n.c = COLLECT { MATCH (n)--(m) RETURN m.x ORDER BY m.x }", NULL, 0, NULL},
    {"CREATE (collect {a: 1}), (:collect {a: 1})", NULL, 0, NULL},
    {"MATCH (n) SET n.k = keys(n)", NULL, W(LIST), NULL},
    {"MATCH (n) SET n.k = labels(n)[0]", NULL, W(LIST), NULL},
    {"MATCH (n) SET n.k = [x IN labels(n) | x + 'a']", NULL, W(LIST), NULL},
    {"MATCH (n) WHERE 'A' IN labels(n) AND size(keys(n)) = 2 SET n.k = 1", NULL, 0, NULL},
    {"MATCH (n) SET n.k = [(n)--(m) | m.x]", NULL, W(LIST), NULL},
    {"MATCH (n) SET n.k = [p = (n)--(m) | m.x][0]", NULL, W(LIST), NULL},
    {"MATCH (n) SET n.k = size([(n)--(m) | m.x]), n.l = [(1), 2]", NULL, 0, NULL},
    {"MATCH (n) WITH sum(n.x) AS s CREATE (:P {s: s})", NULL, W(SUM), NULL},
    /* paths */
    {"MATCH p = shortestPath((a)-[*]-(b)) SET a.l = length(p)", NULL, W(PATH), NULL},
    {"MATCH p = allShortestPaths((a)-[*]-(b)) SET a.l = length(p)", NULL, 0, NULL},
    {"MATCH p = ANY SHORTEST (a)-[*]-(b) SET a.l = 1", NULL, W(PATH), NULL},
    {"MATCH p = SHORTEST 2 (a)-[*]-(b) SET a.l = 1", NULL, W(PATH), NULL},
    {"MATCH p = ALL SHORTEST (a)-[*]-(b) SET a.l = 1", NULL, 0, NULL},
    {"MATCH p = SHORTEST 2 PATHS (a)-[*]-(b) SET a.l = 1", NULL, W(PATH), NULL},
    {"MATCH p = SHORTEST $k PATH GROUPS (a)-[*]-(b) SET a.l = 1", NULL, 0, NULL},
    {"MATCH p = SHORTEST GROUP (a)-[*]-(b) SET a.l = 1", NULL, 0, NULL},
    {"MATCH ANY 2 PATHS (a)-[*]-(b) SET a.l = 1", NULL, W(PATH), NULL},
    {"MATCH ANY (a)-[*]-(b) SET a.l = 1", NULL, W(PATH), NULL},
    {"MATCH (a) WHERE any(x IN a.l WHERE x = 1) SET a.any = 1, a.shortest = 2", NULL, 0, NULL},
};

static int run(struct freeze *f, const char *text, const char *params,
               const struct freeze_rules *rules, struct err *err)
{
    size_t len = strlen(text);
    char *copy = malloc(len); /* of its exact size, for the sanitizer */
    json_t *object = params != NULL ? json_loads(params, 0, NULL) : NULL;

    assert_non_null(copy);
    memcpy(copy, text, len);
    int rc = freeze_text(f, copy, len, object, rules, err);

    json_decref(object);
    free(copy);
    return rc;
}

static void clocks_are_bound(void **state)
{
    const struct freeze_rules rules = {0};
    struct freeze f = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(clocks); i++) {
        const char *want = clocks[i].frozen;
        struct err err = {0};
        if (run(&f, clocks[i].text, NULL, &rules, &err) < 0)
            fail_msg("%s: %s: %s", clocks[i].text, err.code, err.text);
        if (f.frozen != (want != NULL) || strcmp(buf_str(&f.text), want != NULL ? want : "") != 0)
            fail_msg("%s: became %s", clocks[i].text, buf_str(&f.text));
        if (f.warnings != 0)
            fail_msg("%s: warnings %x", clocks[i].text, f.warnings);
        if (want == NULL)
            continue;
        if (run(&f, want, NULL, &rules, &err) < 0 || f.frozen)
            fail_msg("%s: again: %s%s", want, err.text, buf_str(&f.text));
    }
    freeze_fini(&f);
}

static void findings_are_refused_or_told(void **state)
{
    const struct freeze_rules rules = {0};
    struct freeze f = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(findings); i++) {
        const char *text = findings[i].text, *code = findings[i].code;
        struct err err = {0};
        int rc = run(&f, text, findings[i].params, &rules, &err);
        if ((rc < 0) != (code != NULL) || strcmp(err.code, code != NULL ? code : "") != 0)
            fail_msg("%s: %s: %s", text, err.code, err.text);
        if (f.warnings != findings[i].warnings)
            fail_msg("%s: warnings %x, not %x", text, f.warnings, findings[i].warnings);
    }
    freeze_fini(&f);
}

/* The same tables under the other rules: nothing is changed, and what was refused or bound is told,
 * or nothing at all; what was told of order is refused. */
static void rules_decide(void **state)
{
    const struct freeze_rules warn = {NONDETERMINISM_WARN, ORDER_DEPENDENCE_WARN};
    const struct freeze_rules allow = {NONDETERMINISM_ALLOW, ORDER_DEPENDENCE_ALLOW};
    const struct freeze_rules strict = {NONDETERMINISM_FREEZE, ORDER_DEPENDENCE_REFUSE};
    const unsigned order = W(LIMIT) | W(COLLECT) | W(LIST) | W(PATH);
    struct freeze f = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(clocks); i++) {
        struct err err = {0};
        assert_int_equal(run(&f, clocks[i].text, NULL, &warn, &err), 0);
        if (f.frozen || f.warnings != (clocks[i].frozen != NULL ? W(CLOCK) : 0))
            fail_msg("%s: warnings %x", clocks[i].text, f.warnings);
        assert_int_equal(run(&f, clocks[i].text, NULL, &allow, &err), 0);
        assert_true(!f.frozen && f.warnings == 0);
    }
    for (size_t i = 0; i < COUNT(findings); i++) {
        const char *text = findings[i].text, *code = findings[i].code;
        struct err err = {0};
        assert_int_equal(run(&f, text, findings[i].params, &allow, &err), 0);
        assert_true(!f.frozen && f.warnings == 0);
        assert_int_equal(run(&f, text, findings[i].params, &warn, &err), 0);
        if (f.frozen || (f.warnings != 0) != (code != NULL || findings[i].warnings != 0))
            if (strstr(text, "\\u") == NULL)
                fail_msg("%s: warnings %x", text, f.warnings);
        int rc = run(&f, text, findings[i].params, &strict, &err);
        const char *want = code != NULL ? code : findings[i].warnings & order ? "cypher.order" : "";
        if ((rc < 0) != (*want != '\0') || strcmp(err.code, want) != 0)
            fail_msg("%s: strictly %s", text, err.code);
    }
    freeze_fini(&f);
}

static void kinds_have_words(void **state)
{
    (void)state;
    for (int kind = 0; kind < CHANCE_KINDS; kind++) {
        const struct chance_info *info = chance_info((enum chance)kind);
        assert_true(info->name[0] != '\0' && strlen(info->advice) > 20);
        assert_true(info->code == NULL || strncmp(info->code, "cypher.", 7) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_are_bound),
        cmocka_unit_test(findings_are_refused_or_told),
        cmocka_unit_test(rules_decide),
        cmocka_unit_test(kinds_have_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
