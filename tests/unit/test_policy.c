/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "cypher/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* verdict: a code without "cypher.", or the facts: S schema, B starts_tx, E ends_tx, A alone, ""
 * none. */
struct row {
    const char *text, *verdict;
};

static const struct row commands[] = {
    /* passes */
    {"CREATE (:P {n: 'a'})", ""},
    {"create (a)-[:R]->(b);", ""},
    {"MATCH (n:P {id: 1}) SET n.x = $p, n += {y: -1, z: -2.5} RETURN n", ""},
    {"// c\n/* d */ MERGE (n {id: $id}) ON CREATE SET n.a = 1 ON MATCH SET n.b = 2", ""},
    {"CYPHER 5 runtime=slotted planner = cost MATCH (n) RETURN n", ""},
    {"CYPHER 25 CREATE (n)", ""},
    {"CYPHER 4.4 CREATE (n)", ""},
    {"UNWIND $rows AS r CALL (r) { CREATE (:P {id: r.id}) } RETURN count(*)", ""},
    {"FOREACH (x IN [1,2] | CREATE (:P {id: x}))", ""},
    {"LOAD CSV FROM 'file:///a.csv' AS l CREATE (:L {a: l[0]})", ""},
    {"{ CREATE (n) }", ""},
    {"MATCH (a)-[*0..3]-(b) SET b.x = 1", ""},
    /* the server refuses it; nothing may stand beside it until then */
    {"CRAETE (n)", "EA"},
    {"(n) RETURN n", "EA"},
    {"CREATE FANCY THING x", "EA"},

    /* empty */
    {"", "empty"},
    {" \n\t", "empty"},
    {";", "empty"},
    {"/* a */ // b", "empty"},
    {"CYPHER 5", "empty"},
    {"\\u0020", "empty"},

    /* several statements */
    {"CREATE (a); CREATE (b)", "several-statements"},
    {"CREATE (a);;", "several-statements"},
    {"; CREATE (a)", "several-statements"},
    {"CREATE (a); // done", ""},
    {"CREATE (:P {t: ';'})", ""},

    /* EXPLAIN and PROFILE */
    {"EXPLAIN CREATE (n)", "explain"},
    {"eXplain/**/CREATE (n)", "explain"},
    {"PROFILE MATCH (n) RETURN n", "profile"},
    {"/* a */ // b\n EXPLAIN CREATE (n)", "explain"},
    {"CYPHER 5 runtime=slotted EXPLAIN CREATE (n)", "explain"},
    {"CYPHER runtime = /* c */ slotted // d\n PROFILE CREATE (n)", "profile"},
    {"CYPHER 25 CYPHER runtime=slotted EXPLAIN CREATE (n)", "explain"},
    {"CYPHER 5. EXPLAIN CREATE (n)", "explain"},
    {"CYPHER runtime = EXPLAIN CREATE (n)", "explain"},
    {"CYPHER runtime = 'x CREATE (n)", "unreadable"},
    {"EXPLAIN CYPHER 5 CREATE (n)", "explain"},
    {"EXPLA\\u0049N CREATE (n)", "explain"},
    {"// \\u000a EXPLAIN CREATE (n)", "explain"},
    {"\xC2\xA0"
     "EXPLAIN CREATE (n)",
     "explain"},
    {"CREATE (explain:Profile {profile: 1})", ""},
    {"MATCH (n) WITH n AS explain SET explain.profile = 1", ""},

    /* administration */
    {"CREATE USER u SET PASSWORD 'x'", "administration"},
    {"create/**/user u SET PASSWORD 'x'", "administration"},
    {"CREATE OR REPLACE USER u SET PASSWORD 'x'", "administration"},
    {"CREATE OR /* */ REPLACE // \n DATABASE d", "administration"},
    {"CREATE ROLE r", "administration"},
    {"CREATE IMMUTABLE ROLE r", "administration"},
    {"CREATE OR REPLACE IMMUTABLE ROLE r", "administration"},
    {"CREATE DATABASE d", "administration"},
    {"CREATE COMPOSITE DATABASE d", "administration"},
    {"CREATE ALIAS a FOR DATABASE d", "administration"},
    {"CREATE AUTH RULE r", "administration"},
    {"CREATE REPLICA DATABASE d", "administration"},
    {"DROP USER u IF EXISTS", "administration"},
    {"DROP ROLE r", "administration"},
    {"DROP DATABASE d DUMP DATA", "administration"},
    {"DROP COMPOSITE DATABASE d", "administration"},
    {"DROP ALIAS a FOR DATABASE", "administration"},
    {"DROP SERVER 's'", "administration"},
    {"DROP AUTH RULE r", "administration"},
    {"ALTER USER u SET PASSWORD 'x'", "administration"},
    {"ALTER CURRENT USER SET PASSWORD FROM 'a' TO 'b'", "administration"},
    {"ALTER DATABASE d SET ACCESS READ ONLY", "administration"},
    {"ALTER SERVER 's' SET OPTIONS {}", "administration"},
    {"ALTER CURRENT GRAPH TYPE SET { }", "administration"},
    {"RENAME USER a TO b", "administration"},
    {"GRANT ROLE r TO u", "administration"},
    {"DENY READ {*} ON GRAPH * TO r", "administration"},
    {"REVOKE ROLE r FROM u", "administration"},
    {"START DATABASE d", "administration"},
    {"STOP DATABASE d", "administration"},
    {"ENABLE SERVER 's'", "administration"},
    {"DEALLOCATE DATABASES FROM SERVER 's'", "administration"},
    {"REALLOCATE DATABASES", "administration"},
    {"DRYRUN REALLOCATE DATABASES", "administration"},
    {"CATALOG CREATE DATABASE d", "administration"},
    {"CYPHER 5 CREATE USER u SET PASSWORD 'x'", "administration"},
    {"CYPHER runtime=slotted DROP USER u", "administration"},
    {"CR\\u0045ATE USER u SET PASSWORD 'x'", "administration"},
    {"// \\u000a CREATE USER u SET PASSWORD 'x'", "administration"},
    {"/* \\u002a\\u002f CREATE USER u SET PASSWORD 'x' // */", "administration"},
    {"CREATE (user:Role {database: 1})", ""},
    {"CREATE user = (a)-[:R]->(b)", ""},
    {"MATCH (grant:Deny) SET grant.alter = 1", ""},

    /* SHOW, TERMINATE, USE */
    {"SHOW INDEXES", "show"},
    {"SHOW USERS", "show"},
    {"show /**/ transactions", "show"},
    {"SHOW ALL CONSTRAINTS YIELD name", "show"},
    {"MATCH (n) SHOW INDEXES YIELD name RETURN name", "show"},
    {"CALL { SHOW DATABASES YIELD name RETURN name } RETURN 1", "show"},
    {"UNWIND [1] AS x SHOW CURRENT USER", "show"},
    {"TERMINATE TRANSACTIONS 'a'", "terminate"},
    {"TERMINATE TRANSACTION $id", "terminate"},
    {"WITH 'a' AS id TERMINATE TRANSACTIONS id YIELD message RETURN 1", "terminate"},
    {"MATCH (show:Show {show: 1}) WHERE show.show = 1 SET show.terminate = 2", ""},
    {"USE neo4j CREATE (n)", "use"},
    {"USE graph.byName('x') MATCH (n) SET n.a = 1", "use"},
    {"USE `neo4j` MATCH (n) SET n.a = 1", "use"},
    {"CYPHER 5 USE neo4j CREATE (n)", "use"},
    {"CALL { USE neo4j CREATE (n) } RETURN 1", "use"},
    {"CALL { WITH x USE neo4j CREATE (n) } RETURN 1", "use"},
    {"CALL { WITH x, y USE neo4j CREATE (n) } RETURN 1", "use"},
    {"CALL { WITH * USE neo4j CREATE (n) } RETURN 1", "use"},
    {"CALL { WITH with USE neo4j CREATE (n) } RETURN 1", "use"},
    {"CYPHER 25 RETURN 1 AS x NEXT USE neo4j CREATE (n)", "use"},
    {"CYPHER 25 WHEN true THEN USE neo4j CREATE (n) ELSE CREATE (m)", "use"},
    {"CREATE (n) RETURN 1 AS x UNION USE neo4j CREATE (n) RETURN 1 AS x", "use"},
    {"CREATE (n) RETURN 1 AS x UNION /**/ ALL USE neo4j CREATE (n) RETURN 1 AS x", "use"},
    {"MATCH (use:Use {use: 1}) SET use.use = 2 WITH use MATCH (use) SET use.a = 1", ""},
    {"MATCH (use) SET use.a = CASE WHEN true THEN use ELSE use END", ""},
    {"CALL { WITH use MATCH (use) SET use.a = 1 } RETURN 1", ""},
    {"CALL { WITH a, use MATCH (use) SET use.a = 1 } RETURN 1", ""},

    /* IN TRANSACTIONS, PERIODIC COMMIT */
    {"CALL { CREATE (n) } IN TRANSACTIONS", "in-transactions"},
    {"MATCH (n) CALL { WITH n SET n.a = 1 } IN TRANSACTIONS OF 10 ROWS", "in-transactions"},
    {"MATCH (n) CALL (n) { SET n.a = 1 } IN 3 CONCURRENT TRANSACTIONS", "in-transactions"},
    {"MATCH (n) CALL (*) { SET n.a = 1 } IN $p CONCURRENT TRANSACTIONS", "in-transactions"},
    {"MATCH (n) CALL () { CREATE (m) } in/**/CONCURRENT TRANSACTIONS", "in-transactions"},
    {"MATCH (n) OPTIONAL CALL (n) { SET n.a = 1 } IN TRANSACTIONS", "in-transactions"},
    {"MATCH (n) CALL /**/ ( n /*)*/ ) /**/ { SET n.a = 1 } // }\n IN TRANSACTIONS",
     "in-transactions"},
    {"CALL { CALL { CREATE (n {a: {b: 1}}) } IN TRANSACTIONS }", "in-transactions"},
    {"CALL { CREATE (:A {t: '}'}) } IN (1 + 2) CONCURRENT TRANSACTIONS", "in-transactions"},
    {"CALL { CREATE (n) } \\u0049N TRANSACTIONS", "in-transactions"},
    {"CALL { CREATE (n) \\u007d IN TRANSACTIONS", "in-transactions"},
    {"WITH [1] AS transactions MATCH (n) WHERE n.id IN transactions SET n.a = 1", ""},
    {"MATCH (n) WHERE {a: 1} IN $maps SET n.a = 1", ""},
    {"MATCH (n) WHERE COUNT { (n)--() } IN [1, 2] SET n.a = 1", ""},
    {"MATCH (n) WHERE n {.a} IN transactions SET n.a = 1", ""},
    {"USING PERIODIC COMMIT LOAD CSV FROM 'a' AS l CREATE (n)", "periodic-commit"},
    {"USING /**/ periodic /**/ commit 500 LOAD CSV FROM 'a' AS l CREATE (n)", "periodic-commit"},
    {"MATCH (periodic:Commit) SET periodic.commit = 1", ""},

    /* reserved names */
    {"MATCH (n:__db_sync) DETACH DELETE n", "reserved-name"},
    {"MATCH (n:`__db_sync`) SET n.a = 1", "reserved-name"},
    {"CREATE (n:__db_sync_2)", "reserved-name"},
    {"CREATE (n:\\u005f_db_sync)", "reserved-name"},
    {"CREATE (n:`\\u005f\\u005fdb_sync`)", "reserved-name"},
    {"CREATE (n:$('__db_sync'))", "reserved-name"},
    {"MATCH (n) WHERE \"__db_sync\" IN labels(n) SET n.a = 1", "reserved-name"},
    {"CREATE (n:$(\"\\u005f_db_sync\"))", "reserved-name"},
    {"CREATE (n {a: $__db_sync})", "reserved-name"},
    {"CREATE (n {a: $`__db_sync`})", "reserved-name"},
    {"MATCH (__db_sync) SET __db_sync.a = 1", "reserved-name"},
    {"CREATE (n {text: 'about __db_sync'})", ""},
    {"CREATE (n:__DB_SYNC {a: $__offset})", ""}, /* labels mind the case */
    {"CREATE (n) // __db_sync", ""},

    /* unreadable */
    {"CREATE (n {a: 'x)", "unreadable"},
    {"CREATE (n:`x)", "unreadable"},
    {"CREATE (n) /* x", "unreadable"},
    {"CREATE (n) # x", "unreadable"},
    {"CREATE (n {a: \\u00})", "unreadable"},
    {"CREATE (n {a: '\\uuu0041'})", "unreadable"},
    {"CREATE (n {a: '\\u+041'})", "unreadable"},
    {"WITH 1 AS x$ SHOW INDEXES", "unreadable"},
    {"CREATE (n {a: s'{CALL}'})", "unreadable"},
    {"CREATE (n)\xC2\x85RETURN 1", "unreadable"},
    {"CREATE (n {a: '\xC2\x85\x01'})", ""},

    /* schema */
    {"CREATE INDEX i FOR (n:L) ON (n.p)", "S"},
    {"CREATE INDEX ON :L(p)", "S"},
    {"create /**/ index IF NOT EXISTS FOR (n:L) ON (n.p)", "S"},
    {"CREATE INDEX $name FOR (n:L) ON (n.p)", "S"},
    {"CREATE INDEX FOR (n:L) ON (n.p)", "S"},
    {"CREATE BTREE INDEX FOR (n:L) ON (n.p)", "S"},
    {"CREATE RANGE INDEX FOR (n:L) ON (n.p)", "S"},
    {"CREATE TEXT INDEX i FOR (n:L) ON (n.p)", "S"},
    {"CREATE POINT INDEX i FOR (n:L) ON (n.p)", "S"},
    {"CREATE LOOKUP INDEX FOR (n) ON EACH labels(n)", "S"},
    {"CREATE FULLTEXT INDEX f FOR (n:A|B) ON EACH [n.p]", "S"},
    {"CREATE VECTOR INDEX v FOR (n:L) ON (n.p) OPTIONS {indexConfig: {a: 1}}", "S"},
    {"CREATE CONSTRAINT c FOR (n:L) REQUIRE n.p IS UNIQUE", "S"},
    {"CREATE CONSTRAINT ON (n:L) ASSERT n.p IS UNIQUE", "S"},
    {"CREATE OR REPLACE INDEX i FOR (n:L) ON (n.p)", "S"},
    {"DROP INDEX i IF EXISTS", "S"},
    {"DROP INDEX ON :L(p)", "S"},
    {"DROP CONSTRAINT c", "S"},
    {"CYPHER 5 CREATE INDEX i FOR (n:L) ON (n.p)", "S"},
    {"CREATE IND\\u0045X i FOR (n:L) ON (n.p)", "S"},
    {"CALL db.index.fulltext.createNodeIndex('i', ['L'], ['p'])", "S"},
    {"CALL db . index /**/ . `fulltext`.createRelationshipIndex('i', ['L'], ['p'])", "S"},
    {"CALL db.index.fulltext.drop('i')", "S"},
    {"CALL db.createIndex('i', ['L'], ['p'], 'x')", "S"},
    {"CALL db.index.vector.createNodeIndex('i', 'L', 'p', 3, 'cosine')", "S"},
    {"CREATE (index:Foo)", ""},
    {"CREATE (constraint)", ""},
    {"CREATE index = (a)-[:R]->(b)", ""},
    {"CREATE (:Index {constraint: 1})", ""},
    {"MATCH (n:L) USING INDEX n:L(p) WHERE n.p = 1 SET n.a = 1", ""},

    /* ends_tx: DELETE */
    {"MATCH (n) DELETE n", "E"},
    {"MATCH (n) DETACH DELETE n", ""},
    {"MATCH (n) detach /**/ delete n", ""},
    {"MATCH (n) NODETACH DELETE n", "E"},
    {"MATCH ()-[r:R]->() DELETE r", ""},
    {"MATCH (a)<-[r]-(b), (a)-[s:S|T {x: 1}]->(c) DELETE r, s RETURN 1", "B"},
    {"MATCH ()-[r:R]->() WHERE r.x = 1 AND type(r) = 'R' WITH r, r.x AS x DELETE r;", ""},
    {"MATCH ()-[r]->() CALL { WITH r DELETE r } RETURN 1", "B"},
    {"MATCH ()-[r*1..3]->() DELETE r", "BE"},
    {"MATCH ()-[r:R*]->() DELETE r", "E"},
    {"MATCH ()-[r]->() MATCH (r) DELETE r", "BE"},
    {"MATCH (n)-[r]->() DELETE r, n", "BE"},
    {"MATCH (n)-[r]->() DELETE n, r", "BE"},
    {"MATCH p = ()-[r]->() DELETE p", "BE"},
    {"MATCH ()-[r]->() WITH r AS s DELETE s", "BE"},
    {"MATCH (n) WITH n AS r MATCH ()-[r]->() DELETE r", "BE"},
    {"MATCH ()-[r]->() UNWIND $x AS r DELETE r", "BE"},
    {"MATCH ()-[r]->(), r = (x) DELETE r", "BE"},
    {"CALL db.labels() YIELD label AS r WITH 1 AS x MATCH ()-[r]->() DELETE r", "BE"},
    {"MATCH ()-[r]-() FOREACH (r IN [1] | DELETE r)", "BE"},
    {"MATCH ()-[r]-() FOREACH (x IN [1] | DELETE r)", "B"},
    {"MATCH ()-[r]-() FOREACH (x IN nodes | DELETE x)", "BE"},
    {"MATCH (n) FOREACH (x IN [n] | DETACH DELETE x)", ""},
    {"MATCH (n) FOREACH (x IN [n] | SET x.a = 1 DETACH DELETE x)", ""},
    {"CALL (n) { DETACH DELETE n }", ""},
    {"DETACH DELETE n", ""},
    {"WITH true AS detach MATCH (n) WHERE true = detach DELETE n", "E"},
    {"MATCH (n) WHERE n:A|detach DELETE n", "E"},
    {"MATCH (n) WHERE n:detach DELETE n", "E"},
    {"MATCH (n) WHERE n.detach DELETE n", "E"},
    {"MATCH (n) ORDER BY 2 * detach DELETE n", "E"},
    {"MATCH (n) WHERE NOT detach DELETE n", "E"},
    {"x detach DELETE n", "EA"},
    {"MATCH ()-[r]-() DELETE r.x", "BE"},
    {"MATCH ()-[r]-() DELETE startNode(r)", "BE"},
    {"MATCH ()-[r]-() DELETE `r`", "BE"},
    {"MATCH ()-[r]-(), (`r`) DELETE r", "BE"},
    {"MATCH ()-[r]-() DELETE r DELETE n", "BE"},
    {"MATCH (n) DELETE[n][0]", "E"},
    {"MATCH (n) DELETE (n)", "E"},
    {"MATCH (n) CALL { WITH n DELETE n }", "E"},
    {"MATCH (n) WITH n AS detach DELETE detach", "E"},
    {"MATCH (detach) WITH 1 AS x, detach DELETE detach", "E"},
    {"MATCH (n) WITH n, 1 AS detach DELETE n", "E"},
    {"MATCH (n) DEL\\u0045TE n", "E"},
    {"MATCH (n) D\\u0045TACH DELETE n", ""},
    {"MATCH (n {delete: 1}) WHERE n.delete = 2 SET n:Delete", ""},
    {"CREATE (n {t: 'DELETE n'}) // DELETE n", ""},

    /* starts_tx: relationships of any type are looked for, and some are made or deleted */
    {"MATCH (a)-->(b) CREATE (a)-[:R]->(b)", "B"},
    {"MATCH (a)<--(b) MERGE (a)-[:R]->(b)", "B"},
    {"MATCH (a)--(b) INSERT (a)-[:R]->(b)", "B"},
    {"MATCH (a)- /* c */ -(b) DETACH DELETE b", "B"},
    {"MATCH (a)-[]-(b) DETACH DELETE b", "B"},
    {"MATCH (a)-[r*1..2]-(b) DETACH DELETE b", "B"},
    {"MATCH (a)<-[r {x: 1}]-(b) CREATE (:L)", "B"},
    {"MATCH (a)-[r WHERE r:R]-(b) CREATE (:L)", "B"},
    {"MATCH (a)-[r:!R]-(b) CREATE (:L)", "B"},
    {"MATCH (a)-[:%]-(b) CREATE (:L)", "B"},
    {"MATCH (a)-[IS !R]-(b) CREATE (:L)", "B"},
    {"MATCH (a)-[:(R|!S)]-(b) CREATE (:L)", "B"},
    {"MATCH (a)-[:$('R')]-(b) CREATE (:L)", "B"},
    {"MATCH (a)-[is]-(b) CREATE (:L)", "B"},
    {"MATCH (a)\xE2\x80\x90\xE2\x80\x90(b) CREATE (:L)", "B"},
    {"MATCH (a) WHERE EXISTS { (a)-->() } CALL my.proc(a)", "BE"},
    {"MATCH (a)-[r:R]-(b) MATCH (b)--(c) CREATE (:L)", "B"},
    {"MATCH (a)-->(b) SET a.x = 1 REMOVE b:L", ""},
    {"MATCH (a)-[:R]->(b)-[s:S|T]-(c)<-[:`U V`|:W {x: 1}]-() CREATE (a)-[:R]->(b)", ""},
    {"MATCH (a)-[is:R]-(b)-[IS S&T]-(c)-[x IS U*1..2]-(d)-[:R WHERE 1 = 1]-() CREATE (:L)", ""},
    {"MATCH (a)-[:R $props]-(b) CREATE (:L {x: 3 - 1, y: -2})", ""},

    /* bounds of a path, in 32 bits on the servers */
    {"MATCH (n)-[r:R*2147483648]->() SET n.v = 1", "bound"},
    {"MATCH (n)-[*1..2147483648]->() SET n.v = 1", "bound"},
    {"MATCH (n)<-[:R|S*../* c */4294967295]-() SET n.v = 1", "bound"},
    {"MATCH (n)-[* 3 .. 99999999999999999999 {x: 1}]-() SET n.v = 1", "bound"},
    {"MATCH p = shortestPath((a)-[*..3000000000]->(b)) SET a.v = 1", "bound"},
    {"MATCH (n)-[*2147483647]->() SET n.v = 1", ""},
    {"MATCH (n)-[*2147483648..]->() SET n.v = 1", ""},
    {"MATCH (n)-[r:R WHERE r.x * 3000000000 > 1]->() SET n.v = 1", ""},
    {"MATCH (n)-[:R*2 {x: 3000000000}]->() SET n.v = 1", ""},
    {"MATCH (n) SET n.v = [2 * 3000000000]", ""},
    {"MATCH (n) SET n.v = n.l[3000000000..4000000000]", ""},
    /* procedures */
    {"CALL db.labels() YIELD label CREATE (:L {l: label})", ""},
    {"CALL DB.LABELS", ""},
    {"CALL db.createLabel('x')", ""},
    {"CALL my.proc()", "E"},
    {"CALL apoc.nodes.delete($n, 10)", "procedure"}, /* commits in between */
    {"CALL apoc.schema.assert({}, {}) YIELD label RETURN label ORDER BY label", "S"},
    {"CALL apoc.schema.assert({}, {}) YIELD label MERGE (n:L)", "schema-call"},
    {"MATCH (c) SET c.n = 1 WITH c CALL apoc.schema.assert({}, {}) YIELD label RETURN 1",
     "schema-call"},
    {"MATCH (n) CALL `my`.`proc`(n) YIELD x RETURN x", "E"},
    {"CALL dbms.killQuery('x')", "procedure"},
    {"CALL dbms . /*c*/ `killQuery` ()", "procedure"},
    {"CALL `dbms.killQuery`()", "procedure"},
    {"CALL /**/ DBMS.SetConfigValue('a', 'b')", "procedure"},
    {"CALL dbms.security.createUser('a', 'b', false)", "procedure"},
    {"CALL tx.setMetaData({})", "procedure"},
    {"CALL db.clearQueryCaches()", "procedure"},
    {"CALL db.checKpoint()", "procedure"},
    {"CALL apoc.periodic.iterate('a', 'b', {})", "procedure"},
    {"CALL { CALL dbms.killConnection('x') YIELD a RETURN a } RETURN 1", "procedure"},
    {"CA\\u004cL dbms.killQuery('x')", "procedure"},
    {"MATCH (call:Call {call: 1}) SET call.call = 2 WITH call RETURN call AS x", ""},
    {"MATCH (call) RETURN call ORDER BY call DESC", ""},
    {"MATCH (call) RETURN CASE WHEN true THEN call END AS x", ""},

    /* reduce that nests its accumulator */
    {"RETURN reduce(x = [], i IN range(1, 9) | [x])", "too-deep"},
    {"RETURN reduce(x = null, i IN $l | [i, x]) AS x", "too-deep"},
    {"RETURN REDUCE /**/ ( `x` = 0, i IN $l | {v: i, next: x}) AS x", "too-deep"},
    {"RETURN r\\u0065duce(x = [], i IN $l | CASE WHEN i > 1 THEN [x] ELSE x END)", "too-deep"},
    {"RETURN `reduce`(x = [], i IN $l | ([[x]])) AS x", "too-deep"},
    {"RETURN reduce(x = [], i IN [1] | reduce(y = x, j IN [2] | [y]))", "too-deep"},
    {"RETURN reduce(x = [], i IN $l | x + [i])", ""},
    {"RETURN reduce(x = [], i IN $l | x + i)", ""},
    {"RETURN reduce(x = [0, 1], i IN $l | [x[0] + i, x[1] * i])", ""},
    {"RETURN reduce(x = {a: 0}, i IN $l | {a: x.a + i})", ""},
    {"RETURN reduce(x = 0, i IN $l | head(apoc.coll.sort([i, x])))", ""},
    {"RETURN reduce(x = 0, i IN $l | CASE WHEN i IN [1, x] THEN i ELSE x END)", ""},
    {"RETURN reduce(x = [], i IN [[1]] | [y IN x WHERE y = i | y])", ""},
    {"RETURN [reduce(x = 0, i IN $l | x + i), 1]", ""},
    {"MATCH (reduce) SET reduce.x = [reduce.y] WITH reduce AS x RETURN [x]", ""},

    /* alone: minus zero */
    {"CREATE (n {x: -0.0})", "A"},
    {"CREATE (n {x: - /*c*/ 0e5})", "A"},
    {"CREATE (n {x: -.0})", "A"},
    {"CREATE (n {x: -0.0f})", "A"},
    {"CREATE (n {x: -0.000_0})", "A"},
    {"CREATE (n {x: -1e-400})", "A"},
    {"CREATE (n {x: -\\u0030.0})", "A"},
    {"CREATE (n {x: -(0.0)})", "A"},
    {"CREATE (n {x: -$p})", "A"},
    {"CREATE (n {x: 0.0 * -1})", "A"},
    {"CREATE (n {x: -1.0 * 0})", "A"},
    {"CREATE (n {x: 0 / -1.0})", "A"},
    {"CREATE (n {x: toFloat('-0')})", "A"},
    {"CREATE (n {x: TOFLOATORNULL(' -0')})", "A"},
    {"CREATE (n {x: `toFloat`('-0.0')})", "A"},
    {"CREATE (n {x: toFloat('\\t-0')})", "A"},
    {"CREATE (n {x: 0.0, y: -1, z: -1.5, t: '-0'})", ""},
    {"MATCH (a)-->(b)<--(c), (a)-[:R]-(c)--(d) SET a.x = 0.0", ""},
    {"MATCH (a) SET a.x = a.x - 1, a.y = toFloat('0')", ""},
    {"UNWIND range(-3, 0) AS x CREATE (:P {x: x})", ""},
};

static const struct row requests[] = {
    {"MATCH (n) RETURN n", ""},
    {"MATCH (n) DELETE n", ""}, /* READ mode refuses it */
    {"MATCH (n:__db_sync) RETURN n.offset", ""},
    {"CYPHER 5 MATCH (n) RETURN n LIMIT $n", ""},
    {"RETURN 1 AS load, 2 AS csv", ""},
    {"MATCH (n) WITH n AS call RETURN call", ""},
    {"MATCH (n) WITH n AS call WHERE call.x = 1 RETURN call AS y", ""},
    {"MATCH (call) RETURN call ORDER BY call.x", ""},
    {"RETURN datetime(), apoc.text.join(['a'], ',')", ""},
    {"CALL db.labels()", ""},
    {"CALL db.labels", ""},
    {"CALL db.labels YIELD label RETURN label", ""},
    {"CALL Db.RelationshipTypes() YIELD relationshipType RETURN 1", ""},
    {"CALL db.propertyKeys", ""},
    {"CALL db.schema.visualization()", ""},
    {"CALL db.schema.nodeTypeProperties()", ""},
    {"CALL db.index.fulltext.queryNodes('i', 'x') YIELD node RETURN node", ""},
    {"CALL `db`.index . fulltext /**/ .queryRelationships('i', 'x')", ""},
    {"CALL db.index.vector.queryNodes('i', 5, $v)", ""},
    {"CALL dbms.components()", ""},
    {"CALL dbms.procedures()", ""},
    {"MATCH (n) CALL { WITH n RETURN 1 AS x } RETURN x", ""},

    {"", "empty"},
    {"RETURN 1; RETURN 2", "several-statements"},
    {"RETURN 'a", "unreadable"},
    {"EXPLAIN MATCH (n) RETURN n", "explain"},
    {"cypher 5 profile MATCH (n) RETURN n", "profile"},
    {"LOAD CSV FROM 'file:///etc/passwd' AS l RETURN l", "load-csv"},
    {"load/**/csv WITH HEADERS FROM 'a' AS l RETURN l", "load-csv"},
    {"L\\u004fAD CSV FROM 'a' AS l RETURN l", "load-csv"},
    {"CALL { LOAD CSV FROM 'a' AS l RETURN l } RETURN l", "load-csv"},
    {"MATCH (n) WHERE EXISTS { CALL { LOAD CSV FROM 'a' AS l RETURN l } RETURN l } RETURN n",
     "load-csv"},
    {"RETURN COLLECT { LOAD CSV FROM 'a' AS l RETURN l }", "load-csv"},
    {"RETURN 1 AS load LOAD CSV FROM 'a' AS l RETURN l", "load-csv"},
    {"SHOW USERS", "show"},
    {"SHOW TRANSACTIONS YIELD *", "show"},
    {"TERMINATE TRANSACTIONS 'x'", "terminate"},
    {"CREATE USER u SET PASSWORD 'x'", "administration"},
    {"ALTER CURRENT USER SET PASSWORD FROM 'a' TO 'b'", "administration"},
    {"USE system MATCH (n) RETURN n", "use"},
    {"CREATE INDEX i FOR (n:L) ON (n.p)", "schema"},
    {"DROP CONSTRAINT c", "schema"},
    {"CALL { RETURN 1 AS x } IN TRANSACTIONS RETURN x", "in-transactions"},
    {"USING PERIODIC COMMIT LOAD CSV FROM 'a' AS l RETURN l", "periodic-commit"},
    {"CALL dbms.killConnection('x')", "procedure"},
    {"CALL dbms . /*c*/ `killQuery` ()", "procedure"},
    {"CALL `dbms`.\n`listConfig`()", "procedure"},
    {"CALL dbms.listConfig", "procedure"},
    {"CALL dbms.killTransactions(['x'])", "procedure"},
    {"CALL fleetManagement.status()", "procedure"},
    {"CALL db.clearQueryCaches()", "procedure"},
    {"CALL db.awaitIndexes(10)", "procedure"},
    {"CALL db.createLabel('x')", "procedure"},
    {"CALL db.index.fulltext.createNodeIndex('i', ['L'], ['p'])", "procedure"},
    {"CALL apoc.load.json('file:///x')", "procedure"},
    {"RETURN apoc.cypher.runFirstColumnSingle('LOAD CSV FROM $x AS l RETURN l', {})", "function"},
    {"MATCH (n) WHERE n.x = `apoc` . Cypher. `runFirstColumn`('x', {}) RETURN n", "function"},
    {"RETURN n.apoc.cypher.x, apoc.text.join(['a'], ',')", ""},
    {"CALL my.own()", "procedure"},
    {"CALL db.labels.x()", "procedure"},
    {"CALL db.\\u006cabels()", ""},
    {"CALL dbms.\\u006cistConfig()", "procedure"},
    {"MATCH (n) CALL dbms.listConfig() YIELD name RETURN name", "procedure"},
    {"RETURN 1 AS AS CALL dbms.listConfig() YIELD name RETURN name", "procedure"},
    {"OPTIONAL CALL dbms.listConfig() YIELD name RETURN name", "procedure"},
};

static void check(const struct row *row, bool request)
{
    struct cypher_facts facts = {0};
    struct err err = {0};
    size_t len = strlen(row->text);
    char got[128], *copy = malloc(len > 0 ? len : 1); /* of its exact size, for the sanitizer */
    int rc;

    assert_non_null(copy);
    memcpy(copy, row->text, len);
    rc = request ? policy_judge_request(copy, len, &err)
                 : policy_judge_command(copy, len, &facts, &err);
    free(copy);
    if (rc < 0) {
        assert_int_equal(err.class, ERR_POISON);
        assert_memory_equal(err.code, "cypher.", 7);
        assert_true(err.text[0] != '\0');
        snprintf(got, sizeof got, "%.100s", err.code + 7);
    } else {
        snprintf(got, sizeof got, "%s%s%s%s", facts.schema ? "S" : "", facts.starts_tx ? "B" : "",
                 facts.ends_tx ? "E" : "", facts.alone ? "A" : "");
    }
    if (strcmp(got, row->verdict) != 0)
        fail_msg("%s\n  expected '%s', got '%s' %s", row->text, row->verdict, got, err.text);
}

static void commands_are_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        check(&commands[i], false);
}

static void requests_are_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        check(&requests[i], true);
}

/* head, then n times repeated, then middle, then n times closing, then tail. */
static const struct {
    const char *name, *head, *repeated, *middle, *closing, *tail;
    size_t passes, fails; /* times */
} deep[] = {
    {"parentheses", "RETURN ", "(", "1", ")", "", 100, 101},
    {"lists", "RETURN ", "[", "1", "]", "", 80, 81},
    {"maps", "RETURN ", "{a:", "1", "}", "", 80, 81},
    {"subqueries", "", "CALL {", "RETURN 1 AS x", "} RETURN x", "", 80, 81},
    {"functions", "RETURN ", "abs(", "1", ")", "", 50, 51},
    {"quoted functions", "RETURN ", "`abs` (", "1", ")", "", 50, 51},
    {"case", "RETURN ", "CASE WHEN true THEN ", "1", " END", "", 50, 51},
    {"case with brackets", "RETURN ", "CASE WHEN true THEN (", "1", ") END", "", 33, 34},
    {"case in a map", "RETURN ", "{a: CASE WHEN true THEN ", "1", " END}", "", 30, 31},
    {"not", "RETURN ", "NOT ", "true", "", "", 100, 101},
    {"minus", "RETURN ", "- ", "1", "", "", 100, 101},
    {"plus", "RETURN 1", "+1", "", "", "", 100, 101},
    {"and", "RETURN a", " AND a", "", "", "", 200, 201},
    {"xor", "RETURN a", " XOR a", "", "", "", 100, 101},
    {"or of comparisons", "MATCH (n) WHERE n.a = 1", " OR n.a = 1", "", "", " RETURN n", 195, 196},
    {"or in brackets", "RETURN (a=1)", " OR (a=1)", "", "", "", 192, 193},
    {"sums of properties", "RETURN a.b", " + a.b", "", "", "", 98, 99},
    {"comparisons", "RETURN a", " < a", "", "", "", 100, 101},
    {"dots", "RETURN a", ".a", "", "", "", 66, 67},
    {"indexes", "RETURN a", "[0]", "", "", "", 65, 66},
    {"is null", "RETURN a", " IS NULL", "", "", "", 100, 101},
    {"starts with", "RETURN a", " STARTS WITH with", "", "", "", 100, 101},
    {"labels", "MATCH (a", ":A", "", "", ") RETURN a", 132, 133},
    {"label alternatives", "MATCH (a:A", "|A", "", "", ") RETURN a", 131, 132},
    {"label negations", "MATCH (a:", "!", "A", "", ") RETURN a", 65, 66},
    {"hops", "CREATE (a)", "-[:R]->(b)", "", "", "", 192, 193},
    {"hops of MATCH", "MATCH (a)", "-[:R]->(b)", "", "", " RETURN a", 47, 51},
    {"hops of MERGE", "CREATE (a) MERGE (a)", "-[:R]->(b)", "", "", "", 47, 51},
    {"minus behind CREATE", "CREATE (a)-[:R]->(b) SET a.x = 1", "-1", "", "", "", 95, 101},
    {"lists subtracted behind create", "RETURN 1, create (a)", "-[1]", "", "", "", 40, 101},
    {"keywords as operands", "WITH 1 AS match RETURN match", "+match", "", "", "", 100, 101},
    {"case as operand", "WITH 1 AS case RETURN case", "-case", "", "", "", 33, 34},
    {"end as operand", "WITH 1 AS end RETURN end", "+end", "", "", "", 100, 101},
    {"when as operand", "WITH 1 AS when RETURN CASE WHEN true THEN when", "+when", "", "", " END",
     98, 99},
    {"cases added", "RETURN 1", "+CASE WHEN true THEN 1 END", "", "", "", 96, 97},
    {"cases that hold clause words", "RETURN 1", "+CASE match WHEN with THEN set END", "", "", "",
     33, 34},
    {"operands called with", "RETURN a", " ENDS WITH with", "", "", "", 100, 101},
    {"cases with a sign added", "RETURN 1", "+CASE -x WHEN 1 THEN 1 END", "", "", "", 94, 95},
    {"cases with NOT added", "RETURN 1", "+CASE NOT x WHEN 1 THEN 1 END", "", "", "", 94, 95},
    {"cases that end in end", "RETURN 1", "+CASE WHEN 1 THEN end WHEN 2 THEN 1 END", "", "", "", 96,
     97},
    {"chains inside brackets", "RETURN ", "(", "1", "+1+1+1)", "", 25, 26},
    {"chains around brackets", "RETURN ", "1+1+1+(", "1", ")", "", 25, 26},
    {"chains behind arguments", "RETURN ", "f(", "1", "+1+1+1, 1)", "", 20, 21},
    {"concatenation", "RETURN 'a'", "||'a'", "", "", "", 100, 101},
    {"unicode", "RETURN ", "\\u0028", "1", "\\u0029", "", 100, 101},
    {"comments between", "RETURN 1", "/**/+/*(*/1", "", "", "", 100, 101},
    {"type predicates", "RETURN a", " :: INT", "", "", "", 100, 101},
    {"union", "RETURN 1 AS x", " UNION ALL RETURN 1 AS x", "", "", "", 100, 101},
    {"foreach", "", "FOREACH (x IN [1] | ", "CREATE (a)", ")", "", 48, 49},
};

static void depth_is_bounded(void **state)
{
    static const char *const verdicts[] = {"", "too-deep"};

    (void)state;
    for (size_t i = 0; i < sizeof deep / sizeof deep[0]; i++)
        for (size_t fails = 0; fails < 2; fails++) {
            struct buf text = {0};
            struct err err = {0};
            size_t n = fails ? deep[i].fails : deep[i].passes;
            buf_adds(&text, deep[i].head);
            for (size_t k = 0; k < n; k++)
                buf_adds(&text, deep[i].repeated);
            buf_adds(&text, deep[i].middle);
            for (size_t k = 0; k < n; k++)
                buf_adds(&text, deep[i].closing);
            buf_adds(&text, deep[i].tail);
            int rc = policy_judge_request(text.data, text.len, &err);
            const char *got = rc < 0 ? err.code + 7 : "";
            if (strcmp(got, verdicts[fails]) != 0)
                fail_msg("%s, %zu times: got '%s' %s", deep[i].name, n, got, err.text);
            buf_fini(&text);
        }
}

/* What people do write at length. */
static const struct {
    const char *name, *head, *repeated, *tail;
} wide[] = {
    {"list", "RETURN [1", ",1", "]"},
    {"list of maps", "UNWIND [{a:1}", ",{a: 1 + 2, b: n.c}", "] AS r CREATE (:P {a: r.a})"},
    {"when", "RETURN CASE x", " WHEN 1 THEN a.b + 2", " ELSE 3 END"},
    {"pattern list", "CREATE (a:P {n: 1})", ", (:P {n: 1})-[:R]->(a)", ""},
    {"set", "MATCH (n) SET n.a = 1", ", n.b = n.a + 1", ""},
    {"case variables", "MATCH (case) RETURN case.a", ", case, case.b", ""},
};

static void width_is_free(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++) {
        struct buf text = {0};
        struct err err = {0};
        struct cypher_facts facts;
        buf_adds(&text, wide[i].head);
        for (size_t k = 0; k < 10000; k++)
            buf_adds(&text, wide[i].repeated);
        buf_adds(&text, wide[i].tail);
        if (policy_judge_command(text.data, text.len, &facts, &err) < 0)
            fail_msg("%s: %s %s", wide[i].name, err.code, err.text);
        buf_fini(&text);
    }
}

/* Any cut of any text gets a verdict, and the sanitizer sees no read beyond it. */
static void any_cut_is_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        for (size_t len = 0; len < strlen(commands[i].text); len++) {
            struct cypher_facts facts;
            struct err err = {0};
            char *copy = malloc(len > 0 ? len : 1);
            assert_non_null(copy);
            memcpy(copy, commands[i].text, len);
            if (policy_judge_command(copy, len, &facts, &err) < 0)
                assert_int_equal(err.class, ERR_POISON);
            err_clear(&err);
            if (policy_judge_request(copy, len, &err) < 0)
                assert_int_equal(err.class, ERR_POISON);
            free(copy);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_judged), cmocka_unit_test(requests_are_judged),
        cmocka_unit_test(depth_is_bounded),    cmocka_unit_test(width_is_free),
        cmocka_unit_test(any_cut_is_judged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
