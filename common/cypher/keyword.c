/* SPDX-License-Identifier: Apache-2.0 */
#include "cypher/keyword.h"

#include <string.h>

#define START (KEYWORD_CLAUSE | KEYWORD_START)
#define CHANGES (START | KEYWORD_CHANGES)
#define TAKES (KEYWORD_CLAUSE | KEYWORD_OPERAND)
#define SCHEMA_SHOWN (KEYWORD_SCHEMA_NOUN | KEYWORD_SHOWN)

enum { LONGEST = 14 };

/* Sorted: keyword_find halves it. */
static const struct {
    char name[LONGEST + 1];
    unsigned char keyword;
    unsigned short flags;
} words[] = {
    {"alias", KEYWORD_OTHER, KEYWORD_ADMIN_NOUN | KEYWORD_SHOWN},
    {"aliases", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"all", KEYWORD_OTHER, KEYWORD_SHOWN | KEYWORD_OPERAND},
    {"alter", KEYWORD_OTHER, KEYWORD_ADMIN},
    {"and", KEYWORD_OTHER, KEYWORD_BOOLEAN | KEYWORD_OPERAND},
    {"as", KEYWORD_AS, KEYWORD_OPERAND},
    {"auth", KEYWORD_OTHER, KEYWORD_ADMIN_NOUN | KEYWORD_SHOWN},
    {"btree", KEYWORD_OTHER, SCHEMA_SHOWN},
    {"built", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"by", KEYWORD_OTHER, KEYWORD_OPERAND},
    {"call", KEYWORD_CALL, CHANGES},
    {"case", KEYWORD_CASE, KEYWORD_OPERAND},
    {"catalog", KEYWORD_OTHER, KEYWORD_ADMIN},
    {"commit", KEYWORD_COMMIT, 0},
    {"composite", KEYWORD_OTHER, KEYWORD_ADMIN_NOUN},
    {"constraint", KEYWORD_OTHER, SCHEMA_SHOWN},
    {"constraints", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"contains", KEYWORD_OTHER, KEYWORD_OPERATOR | KEYWORD_OPERAND},
    {"create", KEYWORD_CREATE, CHANGES},
    {"csv", KEYWORD_CSV, 0},
    {"current", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"cypher", KEYWORD_CYPHER, 0},
    {"database", KEYWORD_OTHER, KEYWORD_ADMIN_NOUN | KEYWORD_SHOWN},
    {"databases", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"deallocate", KEYWORD_OTHER, KEYWORD_ADMIN},
    {"default", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"define", KEYWORD_DEFINE, START},
    {"delete", KEYWORD_DELETE, CHANGES | KEYWORD_OPERAND},
    {"deny", KEYWORD_OTHER, KEYWORD_ADMIN},
    {"detach", KEYWORD_DETACH, START},
    {"distinct", KEYWORD_OTHER, KEYWORD_OPERAND},
    {"drop", KEYWORD_DROP, START},
    {"dryrun", KEYWORD_OTHER, KEYWORD_ADMIN},
    {"else", KEYWORD_OTHER, TAKES | KEYWORD_BRANCH},
    {"enable", KEYWORD_OTHER, KEYWORD_ADMIN},
    {"end", KEYWORD_END, 0},
    {"ends", KEYWORD_OTHER, KEYWORD_OPERATOR},
    {"exist", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"existence", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"exists", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"explain", KEYWORD_EXPLAIN, 0},
    {"filter", KEYWORD_OTHER, START | KEYWORD_OPERAND},
    {"finish", KEYWORD_OTHER, START},
    {"for", KEYWORD_FOR, START | KEYWORD_OPERAND},
    {"foreach", KEYWORD_FOREACH, START},
    {"from", KEYWORD_OTHER, KEYWORD_OPERAND},
    {"fulltext", KEYWORD_OTHER, SCHEMA_SHOWN},
    {"function", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"functions", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"grant", KEYWORD_OTHER, KEYWORD_ADMIN},
    {"home", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"immutable", KEYWORD_IMMUTABLE, 0},
    {"in", KEYWORD_IN, KEYWORD_OPERATOR | KEYWORD_OPERAND},
    {"index", KEYWORD_OTHER, SCHEMA_SHOWN},
    {"indexes", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"insert", KEYWORD_OTHER, CHANGES | KEYWORD_OPERAND},
    {"is", KEYWORD_OTHER, KEYWORD_OPERATOR},
    {"key", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"let", KEYWORD_LET, START | KEYWORD_OPERAND},
    {"limit", KEYWORD_OTHER, START | KEYWORD_OPERAND},
    {"load", KEYWORD_LOAD, START},
    {"lookup", KEYWORD_OTHER, SCHEMA_SHOWN},
    {"match", KEYWORD_OTHER, START | KEYWORD_OPERAND},
    {"merge", KEYWORD_OTHER, CHANGES | KEYWORD_OPERAND},
    {"next", KEYWORD_NEXT, KEYWORD_CLAUSE},
    {"node", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"nodetach", KEYWORD_OTHER, START},
    {"not", KEYWORD_NOT, KEYWORD_OPERATOR | KEYWORD_OPERAND},
    {"of", KEYWORD_OTHER, KEYWORD_OPERAND},
    {"offset", KEYWORD_OTHER, START | KEYWORD_OPERAND},
    {"on", KEYWORD_OTHER, KEYWORD_CLAUSE},
    {"optional", KEYWORD_OTHER, START},
    {"or", KEYWORD_OR, KEYWORD_BOOLEAN | KEYWORD_OPERAND},
    {"order", KEYWORD_OTHER, START},
    {"periodic", KEYWORD_PERIODIC, 0},
    {"point", KEYWORD_OTHER, SCHEMA_SHOWN},
    {"populated", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"privilege", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"privileges", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"procedure", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"procedures", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"profile", KEYWORD_PROFILE, 0},
    {"property", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"range", KEYWORD_OTHER, SCHEMA_SHOWN},
    {"reallocate", KEYWORD_OTHER, KEYWORD_ADMIN},
    {"rel", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"relationship", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"remove", KEYWORD_OTHER, START | KEYWORD_OPERAND},
    {"rename", KEYWORD_OTHER, KEYWORD_ADMIN},
    {"replace", KEYWORD_REPLACE, 0},
    {"replica", KEYWORD_OTHER, KEYWORD_ADMIN_NOUN},
    {"return", KEYWORD_OTHER, START | KEYWORD_OPERAND},
    {"revoke", KEYWORD_OTHER, KEYWORD_ADMIN},
    {"role", KEYWORD_OTHER, KEYWORD_ADMIN_NOUN | KEYWORD_SHOWN},
    {"roles", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"server", KEYWORD_OTHER, KEYWORD_ADMIN_NOUN | KEYWORD_SHOWN},
    {"servers", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"set", KEYWORD_SET, START | KEYWORD_OPERAND},
    {"setting", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"settings", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"show", KEYWORD_SHOW, KEYWORD_ADMIN},
    {"skip", KEYWORD_OTHER, START | KEYWORD_OPERAND},
    {"start", KEYWORD_OTHER, KEYWORD_ADMIN},
    {"starts", KEYWORD_OTHER, KEYWORD_OPERATOR},
    {"stop", KEYWORD_OTHER, KEYWORD_ADMIN},
    {"supported", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"terminate", KEYWORD_TERMINATE, KEYWORD_ADMIN},
    {"text", KEYWORD_OTHER, SCHEMA_SHOWN},
    {"then", KEYWORD_OTHER, TAKES | KEYWORD_BRANCH},
    {"tofloat", KEYWORD_TO_FLOAT, 0},
    {"tofloatlist", KEYWORD_TO_FLOAT, 0},
    {"tofloatornull", KEYWORD_TO_FLOAT, 0},
    {"transaction", KEYWORD_TRANSACTIONS, KEYWORD_SHOWN},
    {"transactions", KEYWORD_TRANSACTIONS, KEYWORD_SHOWN},
    {"union", KEYWORD_UNION, KEYWORD_CLAUSE},
    {"unique", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"uniqueness", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"unwind", KEYWORD_OTHER, START | KEYWORD_OPERAND},
    {"use", KEYWORD_USE, KEYWORD_CLAUSE},
    {"user", KEYWORD_OTHER, KEYWORD_ADMIN_NOUN | KEYWORD_SHOWN},
    {"users", KEYWORD_OTHER, KEYWORD_SHOWN},
    {"using", KEYWORD_USING, START},
    {"vector", KEYWORD_OTHER, SCHEMA_SHOWN},
    {"when", KEYWORD_OTHER, START | KEYWORD_OPERAND | KEYWORD_BRANCH},
    {"where", KEYWORD_OTHER, TAKES},
    {"with", KEYWORD_WITH, START | KEYWORD_OPERAND},
    {"xor", KEYWORD_OTHER, KEYWORD_OPERATOR | KEYWORD_OPERAND},
    {"yield", KEYWORD_YIELD, TAKES},
};

struct keyword_info keyword_find(const char *p, size_t len)
{
    char folded[LONGEST + 1] = {0};
    size_t low = 0, high = sizeof words / sizeof words[0];

    if (len < 2 || len > LONGEST || p[len - 1] == '\0') /* names are padded with zeros */
        return (struct keyword_info){KEYWORD_NONE, 0};
    for (size_t i = 0; i < len; i++)
        folded[i] = (char)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] | 32 : p[i]);
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = memcmp(folded, words[middle].name, sizeof folded);
        if (order == 0)
            return (struct keyword_info){(enum keyword)words[middle].keyword, words[middle].flags};
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return (struct keyword_info){KEYWORD_NONE, 0};
}
