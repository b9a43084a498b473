/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_OPS_BACKUP_H
#define CYPHERLOG_OPS_BACKUP_H

/* ops/backup.h: the subcommands about snapshots, which both programs have: their options, snapshot,
 * restore and show; verify and export have files of their own. */

#include "ops/progress.h"
#include "ops/setup.h"

struct backup_options {
    int64_t layout; /* enum layout */
    int64_t gzip_level;
    char *labels, *types; /* comma lists; NULL: all */
    bool no_compress, yes;
    int64_t snapshot_timeout_ms;
    bool force, no_verify, allow_loss, dry_run; /* restore; export has one of them */
    bool against_replica;                       /* verify */
    int64_t progress;                           /* enum progress_mode */
};

/* Rows of an option table; member: where struct backup_options is in the program's struct;
 * the others: the bits of its subcommands. */
/* clang-format off */ /* a row an option */
#define BACKUP_ROWS(type, member, snapshot, restore, verify, script)                               \
    {"LAYOUT", CONF_ENUM, offsetof(type, member.layout), "typed", "typed|literal", NULL,           \
     CONF_FLAG_ONLY, snapshot, "Layout of the data files, after the versions of neo4j-backup that "\
     "read it: typed is 0.2, literal is 1.0; nothing is lost in either"},                          \
        {"GZIP_LEVEL", CONF_INT, offsetof(type, member.gzip_level), "1", "1", "9", CONF_FLAG_ONLY, \
         snapshot | script, "How hard to compress: 9 is smallest, 1 leaves Neo4j the processor"},  \
        {"NO_COMPRESS", CONF_BOOL, offsetof(type, member.no_compress), NULL, NULL, NULL,           \
         CONF_FLAG_ONLY, snapshot, "Write data files without gzip"},                               \
        {"LABELS", CONF_TEXT, offsetof(type, member.labels), NULL, NULL, NULL, CONF_FLAG_ONLY,     \
         snapshot | restore, "Only nodes with one of these labels, with commas between, and the "  \
         "relationships among them"},                                                              \
        {"TYPES", CONF_TEXT, offsetof(type, member.types), NULL, NULL, NULL, CONF_FLAG_ONLY,       \
         snapshot | restore, "Only relationships of these types, with commas between"},            \
        {"YES", CONF_BOOL, offsetof(type, member.yes), NULL, NULL, NULL, CONF_FLAG_ONLY,           \
         snapshot | restore | script, "Replace what is there without asking: a snapshot or script, once the new one "\
         "is whole; or, of restore with --force, what the database holds"},                        \
        {"FORCE", CONF_BOOL, offsetof(type, member.force), NULL, NULL, NULL, CONF_FLAG_ONLY,       \
         restore, "Remove what the database holds first; asks, unless --yes"},                     \
        {"NO_VERIFY", CONF_BOOL, offsetof(type, member.no_verify), NULL, NULL, NULL,               \
         CONF_FLAG_ONLY, restore, "Do not prove the snapshot before anything is written"},         \
        {"ALLOW_LOSS", CONF_BOOL, offsetof(type, member.allow_loss), NULL, NULL, NULL,             \
         CONF_FLAG_ONLY, restore | script, "Go on without values that cannot be carried, which are BYTES"},\
        {"DRY_RUN", CONF_BOOL, offsetof(type, member.dry_run), NULL, NULL, NULL, CONF_FLAG_ONLY,   \
         restore, "Prove the snapshot and look at the database, write nothing"},                   \
        {"SNAPSHOT_TIMEOUT", CONF_MS, offsetof(type, member.snapshot_timeout_ms), "24h", "1s",     \
         "168h", 0, snapshot | restore | verify | script,                                          \
         "Neo4j ends the scan of a snapshot, or a step of a restore, that takes longer"},          \
        {"AGAINST_REPLICA", CONF_BOOL, offsetof(type, member.against_replica), NULL, NULL, NULL,   \
         CONF_FLAG_ONLY, verify, "Compare the snapshot with the database of NEO4J_URI too; ends "  \
         "with 7 if they differ"},                                                                 \
        {"PROGRESS", CONF_ENUM, offsetof(type, member.progress), "auto", PROGRESS_MODES, NULL,     \
         CONF_FLAG_ONLY, snapshot | restore | verify | script,                                     \
         "How to tell on stderr how far it is: auto is a bar on a terminal; json a line a second"}
/* clang-format on */

struct backup_program {
    const struct conf_program *program;
    const struct setup *setup;
    const struct backup_options *options;
    const char *command_topic; /* without prefix */
    const char *replica;       /* name that a restored replica gets */
    bool json;
};

/* Each does its subcommand, whose words are given, and prints to stdout what came of it. They block
 * until then. */
MUST_CHECK int backup_snapshot(const struct backup_program *p, char *const *words, int count,
                               struct err *err);
MUST_CHECK int backup_restore(const struct backup_program *p, char *const *words, int count,
                              struct err *err);
MUST_CHECK int backup_show(const struct backup_program *p, char *const *words, int count,
                           struct err *err);

/* The one folder that the words of such a subcommand, called what, are. ERR_USAGE. */
MUST_CHECK int backup_one_word(char *const *words, int count, const char *what, const char **out,
                               struct err *err);

#endif
