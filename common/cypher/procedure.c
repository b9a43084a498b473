/* SPDX-License-Identifier: Apache-2.0 */
#include "cypher/procedure.h"

#include "cypher/word.h"

#include <stdbool.h>

/* The first row that fits counts; a * at the end stands for any rest. Lower case. */
static const struct {
    const char *name;
    enum procedure procedure;
} rows[] = {
    {"db.labels", PROCEDURE_READS},
    {"db.relationshiptypes", PROCEDURE_READS},
    {"db.propertykeys", PROCEDURE_READS},
    {"db.schema.*", PROCEDURE_READS},
    {"db.info", PROCEDURE_READS},
    {"db.ping", PROCEDURE_READS},
    {"db.indexes", PROCEDURE_READS}, /* 4.x */
    {"db.indexdetails", PROCEDURE_READS},
    {"db.constraints", PROCEDURE_READS},
    {"db.index.fulltext.query*", PROCEDURE_READS},
    {"db.index.fulltext.listavailableanalyzers", PROCEDURE_READS},
    {"db.index.vector.query*", PROCEDURE_READS},
    {"dbms.components", PROCEDURE_READS},
    {"dbms.functions", PROCEDURE_READS}, /* 4.x */
    {"dbms.procedures", PROCEDURE_READS},
    {"db.awaitindex", PROCEDURE_WRITES}, /* waits: for no request, harmless in a command */
    {"db.awaitindexes", PROCEDURE_WRITES},
    {"db.index.fulltext.awaiteventuallyconsistentindexrefresh", PROCEDURE_WRITES},
    {"db.createlabel", PROCEDURE_WRITES},
    {"db.createproperty", PROCEDURE_WRITES},
    {"db.createrelationshiptype", PROCEDURE_WRITES},
    {"db.create.setnodevectorproperty", PROCEDURE_WRITES},
    {"db.create.setrelationshipvectorproperty", PROCEDURE_WRITES},
    {"db.create.setvectorproperty", PROCEDURE_WRITES},
    {"db.createindex", PROCEDURE_SCHEMA},
    {"db.createnodekey", PROCEDURE_SCHEMA},
    {"db.createuniquepropertyconstraint", PROCEDURE_SCHEMA},
    {"db.index.fulltext.createnodeindex", PROCEDURE_SCHEMA},
    {"db.index.fulltext.createrelationshipindex", PROCEDURE_SCHEMA},
    {"db.index.fulltext.drop", PROCEDURE_SCHEMA},
    {"db.index.vector.create*", PROCEDURE_SCHEMA},
    {"apoc.schema.assert", PROCEDURE_SCHEMA},
    {"dbms.*", PROCEDURE_DENIED}, /* settings, users, kills: of the server, not of the graph */
    {"tx.*", PROCEDURE_DENIED},   /* metadata of our transaction */
    {"fleetmanagement.*", PROCEDURE_DENIED},
    {"internal.*", PROCEDURE_DENIED},
    {"db.checkpoint", PROCEDURE_DENIED},
    {"db.clearquerycaches", PROCEDURE_DENIED},
    {"db.prepareforreplanning", PROCEDURE_DENIED},
    {"db.resample*", PROCEDURE_DENIED},
    {"db.stats.*", PROCEDURE_DENIED},
    {"db.listlocks", PROCEDURE_DENIED},
    {"apoc.periodic.*", PROCEDURE_DENIED}, /* transactions of their own: never exactly once */
    {"apoc.nodes.delete", PROCEDURE_DENIED},
    {"apoc.import.*", PROCEDURE_DENIED},
    {"apoc.refactor.rename.*", PROCEDURE_DENIED},
    {"apoc.cypher.mapparallel*", PROCEDURE_DENIED},
    {"apoc.cypher.parallel*", PROCEDURE_DENIED},
    {"apoc.cypher.runfile*", PROCEDURE_DENIED},
    {"apoc.cypher.runmany*", PROCEDURE_DENIED},
    {"apoc.cypher.runschema*", PROCEDURE_DENIED},
    {"apoc.cypher.runtimeboxed*", PROCEDURE_DENIED},
    {"apoc.systemdb.*", PROCEDURE_DENIED},
    {"apoc.trigger.*", PROCEDURE_DENIED},
    {"apoc.uuid.*", PROCEDURE_DENIED},
    {"apoc.custom.*", PROCEDURE_DENIED},
};

enum procedure procedure_find(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (word_fits(name, len, rows[i].name))
            return rows[i].procedure;
    return PROCEDURE_UNKNOWN;
}
