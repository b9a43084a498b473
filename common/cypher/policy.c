/* SPDX-License-Identifier: Apache-2.0 */
/* cypher/policy.c: one walk over the tokens of the text as the server lexes it. Cypher reserves no
 * word, so a check looks at the neighbours of a word, and where those leave a doubt it takes the
 * worse reading: a refused odd text costs its sender a pair of backticks, a forbidden one that gets
 * through costs equality of the replicas. For the same reason a text that our lexer cannot read is
 * refused, although the server would refuse nearly all of them too: behind a token that we see and
 * the server does not, anything could hide. */
#include "cypher/policy.h"

#include "cypher/deletion.h"
#include "cypher/depth.h"
#include "cypher/growth.h"
#include "cypher/pattern.h"
#include "cypher/procedure.h"
#include "cypher/view.h"
#include "cypher/word.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

static const char reserved[] = "__db_sync";

enum importing { IMPORT_NO, IMPORT_OPEN, IMPORT_NAME };

struct judge {
    struct view view;
    struct depth depth;
    struct cypher_facts *facts;
    struct err *err;
    bool request;
    bool deletes; /* a DELETE without DETACH */
    bool untyped; /* a relationship without types is in a pattern */
    bool changes; /* it may make or delete some */
    bool to_float, minus_string;
    bool schema_call;         /* the text calls a procedure that changes the schema */
    enum importing importing; /* how far `{ WITH a, b` is read, behind which USE may stand */
    unsigned unions;
};

enum {
    SNIPPET_MAX = 24, /* bytes of the text that an error shows */
    UNIONS_MAX = 100, /* each is a step down the syntax tree: 2026.08 answers 500 to 400 */
};

static int refuse(struct judge *j, const char *code, const struct lexer_token *t,
                  const char *advice)
{
    const char *text = j->view.lexer.text + t->start;
    int shown = 0; /* plain characters only: it goes into logs and JSON */

    while ((size_t)shown < t->len && shown < SNIPPET_MAX && text[shown] >= ' ' && text[shown] < 127)
        shown++;
    return err_set(j->err, ERR_POISON, code, "%.*s at byte %zu: %s", shown, text, t->start, advice);
}

static int refuse_now(struct judge *j, const char *code, const char *advice)
{
    return refuse(j, code, &j->view.now.token, advice);
}

static const char administration[] =
    "administration of users, databases, servers and settings is not replicated; run it on each "
    "server by hand";

/* Passes `CYPHER 5 runtime=slotted …` and refuses EXPLAIN and PROFILE, in any order. */
static int pass_prefix(struct judge *j)
{
    struct view *v = &j->view;
    bool options = false;

    for (;; view_advance(v)) {
        enum keyword word = v->now.word.keyword;
        if (word == KEYWORD_EXPLAIN || word == KEYWORD_PROFILE)
            return refuse(j, word == KEYWORD_EXPLAIN ? "cypher.explain" : "cypher.profile",
                          &v->now.token, "it returns a plan; send the text without it");
        if (options && view_is_op(&v->next, '=')) {
            view_advance(v);
            if (v->next.word.keyword != KEYWORD_EXPLAIN && v->next.word.keyword != KEYWORD_PROFILE)
                view_advance(v);
            if (v->now.token.kind == LEXER_INVALID)
                return 0;
        } else if (word == KEYWORD_CYPHER) {
            options = true;
        } else if (!options || (v->now.token.kind != LEXER_INTEGER &&
                                v->now.token.kind != LEXER_FLOAT && !view_is_op(&v->now, '.'))) {
            return 0;
        }
    }
}

static int judge_schema(struct judge *j)
{
    if (j->request)
        return refuse_now(j, "cypher.schema", "a request only reads; send it as a command");
    j->facts->schema = true;
    return 0;
}

/* CREATE or DROP as the first word: of data, schema or administration, by what it names. */
static int judge_create(struct judge *j)
{
    struct view ahead = j->view;
    bool pattern = true;

    do {
        view_advance(&ahead);
        if (view_is_op(&ahead.next, '='))
            break; /* CREATE index = (a)-->(b) */
        pattern = ahead.now.token.kind != LEXER_WORD;
    } while (ahead.now.word.keyword == KEYWORD_OR || ahead.now.word.keyword == KEYWORD_REPLACE ||
             ahead.now.word.keyword == KEYWORD_IMMUTABLE);
    if (pattern)
        return 0;
    if (ahead.now.word.flags & KEYWORD_ADMIN_NOUN)
        return refuse_now(j, "cypher.administration", administration);
    if (ahead.now.word.flags & KEYWORD_SCHEMA_NOUN)
        return judge_schema(j);
    j->facts->ends_tx = j->facts->alone = true; /* no version we know has it */
    return 0;
}

static int judge_start(struct judge *j)
{
    struct view *v = &j->view;

    if (v->now.word.keyword == KEYWORD_SHOW)
        return refuse_now(j, "cypher.show", "SHOW tells about one server; ask that server");
    if (v->now.word.keyword == KEYWORD_TERMINATE)
        return refuse_now(j, "cypher.terminate", "transactions are ended on their own server");
    if (v->now.word.keyword == KEYWORD_USE)
        return refuse_now(j, "cypher.use", "the database is set by NEO4J_DATABASE; leave USE out");
    if (v->now.word.flags & KEYWORD_ADMIN)
        return refuse_now(j, "cypher.administration", administration);
    if (v->now.word.keyword == KEYWORD_CREATE || v->now.word.keyword == KEYWORD_DROP)
        return judge_create(j);
    if ((v->now.word.flags & KEYWORD_START) == 0 && !view_is_op(&v->now, '{'))
        j->facts->ends_tx = j->facts->alone = true; /* a syntax error, or newer than we are */
    return 0;
}

static bool is_reserved(const struct judge *j)
{
    const struct lexer_token *t = &j->view.now.token;
    size_t len, n = sizeof reserved - 1;
    const char *name = lexer_name(&j->view.lexer, t, &len);

    if (t->kind == LEXER_STRING)
        return len == n + 2 && memcmp(name + 1, reserved, n) == 0;
    return len >= n && memcmp(name, reserved, n) == 0;
}

static int judge_names(struct judge *j)
{
    const struct lexer_token *t = &j->view.now.token;
    bool named = t->kind == LEXER_WORD || t->kind == LEXER_QUOTED_NAME ||
                 t->kind == LEXER_PARAMETER || t->kind == LEXER_STRING;

    if (named && !j->request && is_reserved(j))
        return refuse_now(j, "cypher.reserved-name",
                          "names that begin with __db_sync belong to the replication");
    if (t->kind == LEXER_STRING) {
        const char *p = j->view.lexer.text + t->start + 1;
        while (*p == ' ' || (*p >= '\t' && *p <= '\r'))
            p++; /* ends at the closing quote */
        j->minus_string |= *p == '-' || t->escaped;
    } else if (t->kind == LEXER_QUOTED_NAME) {
        size_t len;
        const char *name = lexer_name(&j->view.lexer, t, &len);
        j->to_float |= keyword_find(name, len).keyword == KEYWORD_TO_FLOAT;
    }
    return 0;
}

/* Reads `a . b . c` behind CALL into name; its full length, also when it does not fit. */
static size_t read_procedure(struct view *ahead, char *name, size_t size)
{
    size_t used = 0;

    for (;;) {
        size_t len;
        const char *part = lexer_name(&ahead->lexer, &ahead->now.token, &len);
        for (size_t i = 0; i < len; i++, used++)
            if (used < size)
                name[used] = part[i];
        if (!view_is_op(&ahead->next, '.'))
            return used;
        if (used < size)
            name[used] = '.';
        used++;
        view_advance(ahead);
        view_advance(ahead);
        if (!view_is_name(&ahead->now))
            return used;
    }
}

/* `ORDER BY call DESC` */
static bool is_order(const char *name, size_t len)
{
    static const char *const words[] = {"asc", "desc", "ascending", "descending"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (word_is(name, len, words[i]))
            return true;
    return false;
}

static const char schema_call[] = "a procedure that changes the schema has a transaction of its "
                                  "own: the command may hold nothing "
                                  "else but YIELD and RETURN";

/* What may follow such a call, of the words that begin a clause. */
static bool only_reads(const struct judge *j)
{
    static const char *const words[] = {"return", "order", "skip", "offset", "limit", NULL};

    return view_reads_one_of(&j->view.now, j->view.lexer.text, words);
}

static int judge_call(struct judge *j)
{
    struct view ahead = j->view;
    char name[128];
    enum procedure procedure;

    if (!view_is_word(&j->view, KEYWORD_CALL) || !view_is_name(&j->view.next))
        return 0;
    view_advance(&ahead);
    struct keyword_info first = ahead.now.word;
    size_t len = read_procedure(&ahead, name, sizeof name);
    if (len == ahead.now.token.len && !view_is_op(&ahead.next, '(') &&
        (first.keyword == KEYWORD_AS || first.keyword == KEYWORD_END || is_order(name, len) ||
         (first.flags & (KEYWORD_CLAUSE | KEYWORD_OPERATOR | KEYWORD_BOOLEAN)) != 0))
        return 0; /* a variable of the name call: procedures have a namespace */
    procedure = procedure_find(name, len < sizeof name ? len : sizeof name);
    if (procedure == PROCEDURE_DENIED || (j->request && procedure != PROCEDURE_READS))
        return refuse(j, "cypher.procedure", &ahead.now.token,
                      j->request ? "this procedure is not on the list of those that only read"
                                 : "this procedure acts on the server or on other transactions, "
                                   "not on the graph; call it on each server by hand");
    if (procedure == PROCEDURE_SCHEMA) {
        if (j->view.last.token.kind != LEXER_END && !j->request)
            return refuse_now(j, "cypher.schema-call", schema_call);
        j->schema_call = true;
        return judge_schema(j);
    }
    if (procedure == PROCEDURE_UNKNOWN)
        j->facts->ends_tx = true; /* it may delete */
    return 0;
}

/* Functions that run a text as a query of its own, behind which anything could hide. The name of a
 * function needs its namespace; a property of a variable `apoc` looks the same. */
static int judge_function(struct judge *j)
{
    static const char runs[] = "apoc.cypher.";
    struct view ahead = j->view;
    char name[128];

    if (!j->request || !view_is_name(&j->view.now) || !view_is_op(&j->view.next, '.') ||
        view_is_op(&j->view.last, '.'))
        return 0;
    if (read_procedure(&ahead, name, sizeof name) >= sizeof runs - 1 &&
        strncasecmp(name, runs, sizeof runs - 1) == 0)
        return refuse_now(j, "cypher.function",
                          "functions that run another text are no part of a request");
    return 0;
}

/* DETACH DELETE where DETACH cannot be a variable or label: not so in `WITH n AS detach DELETE n`,
 * `WHERE true = detach DELETE n`, `WHERE n:A|detach DELETE n`. */
static bool is_detached(const struct judge *j)
{
    const struct view *v = &j->view;

    return v->last.word.keyword == KEYWORD_DETACH &&
           (v->before.token.kind == LEXER_END || view_is_op(&v->before, '{') ||
            view_ends_operand(&v->before) || j->depth.foreach_body == v->before.token.start);
}

/* `{ WITH a, b USE …`: between names and commas USE is a name, behind a name the clause. */
static bool is_use_clause(struct judge *j)
{
    const struct view *v = &j->view;
    enum keyword last = v->last.word.keyword;
    bool in_case = nesting_top(&j->depth.nesting)->open == 'C';

    if (v->now.word.keyword == KEYWORD_USE &&
        (view_is_name(&v->next) || (view_is_op(&v->next, '(') && view_is_op(&v->last, '{'))) &&
        (view_is_op(&v->last, '{') || j->importing == IMPORT_NAME || last == KEYWORD_UNION ||
         v->before.word.keyword == KEYWORD_UNION || last == KEYWORD_NEXT ||
         (!in_case && (v->last.word.flags & KEYWORD_BRANCH) != 0)))
        return true;
    if (v->now.word.keyword == KEYWORD_WITH && view_is_op(&v->last, '{'))
        j->importing = IMPORT_OPEN;
    else if (j->importing == IMPORT_NAME)
        j->importing = view_is_op(&v->now, ',') ? IMPORT_OPEN : IMPORT_NO;
    else if (j->importing == IMPORT_OPEN)
        j->importing = view_is_name(&v->now) || view_is_op(&v->now, '*') ? IMPORT_NAME : IMPORT_NO;
    return false;
}

static int judge_words(struct judge *j)
{
    const struct view *v = &j->view;
    enum keyword word = v->now.word.keyword, next = v->next.word.keyword;

    if (growth_is_nested(v))
        return refuse_now(j, "cypher.too-deep",
                          "each step puts the accumulator into a list or map and nests it deeper, "
                          "which Neo4j cannot end well; append to a list with + instead");
    if (is_use_clause(j))
        return refuse_now(j, "cypher.use", "the database is set by NEO4J_DATABASE; leave USE out");
    if (judge_function(j) < 0)
        return -1;
    if (word == KEYWORD_NONE)
        return 0;
    if (j->schema_call && (v->now.word.flags & KEYWORD_START) != 0 && view_is_word(v, word) &&
        !only_reads(j))
        return refuse_now(j, "cypher.schema-call", schema_call);
    if (word == KEYWORD_UNION && ++j->unions > UNIONS_MAX)
        return refuse_now(j, "cypher.too-deep", "too many UNIONs; send several texts instead");
    if (word == KEYWORD_SHOW && (v->next.word.flags & KEYWORD_SHOWN) != 0)
        return refuse_now(j, "cypher.show", "SHOW tells about one server; ask that server");
    if (word == KEYWORD_TERMINATE && next == KEYWORD_TRANSACTIONS)
        return refuse_now(j, "cypher.terminate", "transactions are ended on their own server");
    if (word == KEYWORD_PERIODIC && next == KEYWORD_COMMIT)
        return refuse_now(j, "cypher.periodic-commit",
                          "it commits in between; send several commands instead");
    if (j->request && word == KEYWORD_LOAD && next == KEYWORD_CSV)
        return refuse_now(j, "cypher.load-csv", "a request reads the graph only, no files");
    if (word == KEYWORD_DELETE && view_is_word(v, KEYWORD_DELETE) && !view_is_op(&v->next, ':') &&
        !is_detached(j))
        j->deletes = true;
    j->to_float |= word == KEYWORD_TO_FLOAT;
    j->changes |= (v->now.word.flags & KEYWORD_CHANGES) != 0;
    return judge_call(j);
}

static int judge_depth(struct judge *j)
{
    switch (depth_pass(&j->depth, &j->view)) {
    case DEPTH_FITS:
        return 0;
    case DEPTH_TOO_DEEP:
        return refuse_now(j, "cypher.too-deep",
                          "brackets or operators are nested too deep here; pass a list as "
                          "parameter, or split the command");
    case DEPTH_IN_TRANSACTIONS:
        break;
    }
    return refuse(j, "cypher.in-transactions", &j->view.next.token,
                  "CALL { … } IN TRANSACTIONS commits in between and cannot be applied exactly "
                  "once; send several commands instead");
}

/* A number that is zero, or so small that it becomes zero. */
static bool is_zero(const struct judge *j, const struct view_item *item)
{
    const char *p = j->view.lexer.text + item->token.start;
    size_t len = item->token.len;

    if (item->token.kind != LEXER_FLOAT && item->token.kind != LEXER_INTEGER)
        return false;
    if (len > 300 || memchr(p, 'x', len) != NULL || memchr(p, 'o', len) != NULL)
        return true;
    for (size_t i = 0; i < len && p[i] != 'e' && p[i] != 'E'; i++)
        if (p[i] >= '1' && p[i] <= '9')
            return memchr(p, '-', len) != NULL; /* 1e-400 */
    return true;
}

/* -0.0 and 0.0 are one key under a uniqueness constraint or two, depending on whether one
 * transaction holds both (seen on real servers). */
static void judge_minus_zero(struct judge *j)
{
    const struct view *v = &j->view;
    enum lexer_kind next = v->next.token.kind;
    bool minus = view_is_op(&v->now, '-');

    if (minus && next == LEXER_FLOAT && is_zero(j, &v->next))
        j->facts->alone = true;
    /* -(0.0), -$p, -n.p; not the dashes of a pattern, which stand behind ) ] or a dash */
    if (minus && !view_ends_operand(&v->last) && v->last.token.kind != LEXER_END &&
        (next == LEXER_WORD || next == LEXER_QUOTED_NAME || next == LEXER_PARAMETER ||
         (view_is_op(&v->next, '(') && !view_is_op(&v->last, '-'))))
        j->facts->alone = true;
    /* 0.0 * -1, but not the bounds in [*0..3] */
    if ((view_is_op(&v->now, '*') || view_is_op(&v->now, '/')) &&
        (is_zero(j, &v->last) ||
         (is_zero(j, &v->next) && !view_is_op(&v->last, '[') && view_ends_operand(&v->last))))
        j->facts->alone = true;
}

/* An integer that does not fit 31 bits. */
static bool is_beyond_int(const struct judge *j, const struct view_item *item)
{
    const char *p = j->view.lexer.text + item->token.start;
    int64_t n = 0;

    if (item->token.kind != LEXER_INTEGER)
        return false;
    for (size_t i = 0; i < item->token.len && n <= INT32_MAX; i++)
        n = p[i] >= '0' && p[i] <= '9' ? n * 10 + (p[i] - '0') : n;
    return n > INT32_MAX;
}

/* -[:R*1..3000000000]-: the servers hold the upper bound in 32 bits, and a negative one is a fault:
 * 4.4 answers ExecutionFailed; 5.26 UnknownError, and to the same text ever after nothing at all,
 * with its locks held. 2026 has no such bound. */
static int judge_bounds(struct judge *j)
{
    const struct view *v = &j->view;

    if (!view_is_op(&v->now, '[') || !view_is_dash(&v->last))
        return 0;
    struct view ahead = *v;
    while (ahead.now.token.kind != LEXER_END && ahead.now.token.kind != LEXER_INVALID &&
           !view_is_op(&ahead.now, ']') && !view_is_op(&ahead.now, '{') &&
           !view_reads(&ahead.now, ahead.lexer.text, "where")) {
        bool upper = view_is_op(&ahead.last, LEXER_OP_RANGE) ||
                     (view_is_op(&ahead.last, '*') && !view_is_op(&ahead.next, LEXER_OP_RANGE));
        if (upper && is_beyond_int(j, &ahead.now))
            return refuse(j, "cypher.bound", &ahead.now.token,
                          "the upper bound of a path is at most 2147483647; leave it out");
        view_advance(&ahead);
    }
    return 0;
}

static int judge_token(struct judge *j)
{
    const struct view *v = &j->view;

    if (v->now.token.kind == LEXER_INVALID)
        return refuse_now(j, "cypher.unreadable", v->now.token.why);
    if (view_is_op(&v->now, ';') && v->next.token.kind != LEXER_END)
        return refuse_now(j, "cypher.several-statements",
                          "one text is one statement; send a list of commands instead");
    if (judge_names(j) < 0 || judge_words(j) < 0 || judge_bounds(j) < 0 || judge_depth(j) < 0)
        return -1;
    if (v->now.token.kind == LEXER_PUNCTUATION) {
        judge_minus_zero(j);
        j->untyped |= pattern_is_untyped(v);
    }
    return 0;
}

static int judge_text(struct judge *j, const char *text, size_t len)
{
    struct view *v = &j->view;

    view_init(v, text, len);
    if (pass_prefix(j) < 0)
        return -1;
    if (v->now.token.kind == LEXER_END ||
        (view_is_op(&v->now, ';') && v->next.token.kind == LEXER_END))
        return err_set(j->err, ERR_POISON, "cypher.empty", "the text holds no statement");
    if (judge_start(j) < 0)
        return -1;
    for (; v->now.token.kind != LEXER_END; view_advance(v))
        if (judge_token(j) < 0)
            return -1;
    j->facts->alone |= j->to_float && j->minus_string;
    /* Where a transaction has made relationships, 5.26 (not 4.4 and 2026) loses its place in a scan
     * of all of them when some are made or deleted meanwhile: `MATCH ()-[r]->() DELETE r` leaves a
     * half of those, or it fails (seen on 5.26.30). */
    j->facts->starts_tx = j->untyped && j->changes;
    j->facts->ends_tx |= j->deletes && !deletion_is_certain(text, len);
    return 0;
}

/* Field by field: the levels of depth are too large to be zeroed for every text. */
static void judge_init(struct judge *j, bool request, struct cypher_facts *facts, struct err *err)
{
    j->facts = facts;
    j->err = err;
    j->request = request;
    j->deletes = j->untyped = j->changes = false;
    j->to_float = j->minus_string = j->schema_call = false;
    j->importing = IMPORT_NO;
    j->unions = 0;
    depth_init(&j->depth);
}

static int judge(bool request, const char *text, size_t len, struct cypher_facts *facts,
                 struct err *err)
{
    struct judge j;
    struct buf decoded = {0};
    int rc = -1;

    *facts = (struct cypher_facts){0};
    judge_init(&j, request, facts, err);
    switch (lexer_decode_unicode(text, len, &decoded)) {
    case LEXER_UNICODE_NONE:
        rc = judge_text(&j, text, len);
        break;
    case LEXER_UNICODE_DECODED:
        if (buf_check(&decoded, "command", err) == 0)
            rc = judge_text(&j, decoded.data, decoded.len);
        break;
    case LEXER_UNICODE_ODD:
        err_set(err, ERR_POISON, "cypher.unreadable",
                "a \\u without exactly four hexadecimal digits behind it; write \\\\u for a "
                "backslash and a u");
        break;
    }
    buf_fini(&decoded);
    return rc;
}

int policy_judge_command(const char *text, size_t len, struct cypher_facts *facts, struct err *err)
{
    return judge(false, text, len, facts, err);
}

int policy_judge_request(const char *text, size_t len, struct err *err)
{
    struct cypher_facts facts;

    return judge(true, text, len, &facts, err);
}
