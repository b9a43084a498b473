/* SPDX-License-Identifier: Apache-2.0 */
#include "base/conf.h"

#include "base/buf.h"
#include "base/conf_show.h"
#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

extern char **environ;

enum { FLAG_HELP = 256, FLAG_VERSION, FLAG_PRINT_CONFIG, FLAG_FIRST_OPTION };

static void *field(void *conf, const struct conf_option *option)
{
    return (char *)conf + option->offset;
}

void conf_flag_name(const struct conf_option *option, char *out, size_t size)
{
    size_t i = 0;

    for (const char *p = option->name; *p != '\0' && i + 1 < size; p++)
        out[i++] = *p == '_' ? '-' : (char)tolower((unsigned char)*p);
    out[i] = '\0';
}

static const struct {
    enum conf_type type;
    const char *unit;
    int64_t factor;
} units[] = {
    {CONF_BYTES, "B", 1},           {CONF_BYTES, "KiB", 1 << 10}, {CONF_BYTES, "MiB", 1 << 20},
    {CONF_BYTES, "GiB", 1 << 30},   {CONF_BYTES, "kB", 1000},     {CONF_BYTES, "MB", 1000000},
    {CONF_BYTES, "GB", 1000000000}, {CONF_MS, "ms", 1},           {CONF_MS, "s", 1000},
    {CONF_MS, "m", 60000},          {CONF_MS, "h", 3600000},
};

static bool unit_factor(enum conf_type type, const char *unit, int64_t *factor)
{
    *factor = 1;
    if (*unit == '\0')
        return true;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (units[i].type == type && strcasecmp(units[i].unit, unit) == 0) {
            *factor = units[i].factor;
            return true;
        }
    return false;
}

/* A number with its unit, no range. */
static bool read_number(enum conf_type type, const char *text, int64_t *out)
{
    char *end;
    int64_t factor;

    if (!isdigit((unsigned char)text[0]) && !(text[0] == '-' && isdigit((unsigned char)text[1])))
        return false;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno != 0 || !unit_factor(type, end, &factor))
        return false;
    return !__builtin_mul_overflow(n, factor, out);
}

/* What a bare number meant, for the text of an error. */
static const char *without_unit(const struct conf_option *option, const char *text)
{
    if (strspn(text, "-0123456789") < strlen(text) || option->type == CONF_INT)
        return "";
    return option->type == CONF_MS ? "; without a unit it is ms (units: ms, s, m, h)"
                                   : "; without a unit it is bytes (units: B, KiB, MiB, GiB, kB, "
                                     "MB, GB)";
}

int conf_parse_number(const struct conf_option *option, const char *text, int64_t *out,
                      struct err *err)
{
    static const char *const kinds[] = {[CONF_INT] = "a whole number",
                                        [CONF_BYTES] = "a size such as 64KiB or 8MiB (units: B, "
                                                       "KiB, MiB, GiB, kB, MB, GB)",
                                        [CONF_MS] = "a time such as 500ms, 10s or 5m (units: ms, "
                                                    "s, m, h)"};
    int64_t n, low = INT64_MIN, high = INT64_MAX;

    if (!read_number(option->type, text, &n))
        return err_set(err, ERR_USAGE, "option.value", "%s: \"%s\" is not %s", option->name, text,
                       kinds[option->type]);
    if (option->min != NULL)
        read_number(option->type, option->min, &low);
    if (option->max != NULL)
        read_number(option->type, option->max, &high);
    if (n < low || n > high)
        return err_set(err, ERR_USAGE, "option.range", "%s: %s is outside %s to %s%s", option->name,
                       text, option->min != NULL ? option->min : "any",
                       option->max != NULL ? option->max : "any", without_unit(option, text));
    *out = n;
    return 0;
}

static int parse_bool(const struct conf_option *option, const char *text, bool *out,
                      struct err *err)
{
    static const char *const words[] = {"false", "true", "no", "yes", "0", "1", "off", "on"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(words[i], text) == 0) {
            *out = i % 2 == 1;
            return 0;
        }
    return err_set(err, ERR_USAGE, "option.value", "%s: \"%s\" is neither true nor false",
                   option->name, text);
}

/* True when text is one of the comma-separated synonyms in names[0..len-1]. */
static bool is_synonym(const char *names, size_t len, const char *text)
{
    for (const char *p = names; p < names + len;) {
        size_t name = strcspn(p, ",|");
        if (strlen(text) == name && strncasecmp(p, text, name) == 0)
            return true;
        p += name + 1;
    }
    return false;
}

static int parse_enum(const struct conf_option *option, const char *text, int64_t *out,
                      struct err *err)
{
    int64_t index = 0;

    for (const char *p = option->min; *p != '\0'; index++) {
        size_t len = strcspn(p, "|");
        if (is_synonym(p, len, text)) {
            *out = index;
            return 0;
        }
        p += len + (p[len] == '|');
    }
    return err_set(err, ERR_USAGE, "option.value", "%s: \"%s\" is none of %s", option->name, text,
                   option->min);
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), n = strlen(end);

    return len >= n && strcmp(text + len - n, end) == 0;
}

bool conf_pair_is_secret(const char *name)
{
    static const char *const parts[] = {"password", "secret", ".pem", "jaas",
                                        "sasl.oauthbearer.config"};

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strstr(name, parts[i]) != NULL)
            return true;
    return ends_with(name, "key") || ends_with(name, "token");
}

void conf_pairs_add(struct conf_pairs *pairs, const char *name, const char *value)
{
    pairs->pairs = mem_realloc(pairs->pairs, pairs->count + 1, sizeof *pairs->pairs);
    pairs->pairs[pairs->count++] =
        (struct conf_pair){.name = mem_strdup(name), .value = mem_strdup(value)};
}

static int parse_pair(const struct conf_option *option, const char *text, struct conf_pairs *pairs,
                      struct err *err)
{
    const char *equals = strchr(text, '=');

    if (equals == NULL || equals == text)
        return err_set(err, ERR_USAGE, "option.value", "%s: \"%s\" is not name=value", option->name,
                       text);
    char *name = mem_strndup(text, (size_t)(equals - text));
    int rc = 0;
    if (conf_pair_is_secret(name))
        rc = err_set(err, ERR_USAGE, "option.secret",
                     "%s: process lists show flags, and %s is a secret; give it in the "
                     "environment, as %s_… with _ for each dot",
                     option->name, name, option->name);
    else
        conf_pairs_add(pairs, name, equals + 1);
    free(name);
    return rc;
}

static int set_value(const struct conf_option *option, const char *text, void *conf,
                     struct err *err)
{
    void *to = field(conf, option);

    switch (option->type) {
    case CONF_TEXT:
        free(*(char **)to);
        *(char **)to = *text != '\0' ? mem_strdup(text) : NULL;
        return 0;
    case CONF_SECRET:
        free(((struct conf_secret *)to)->value);
        ((struct conf_secret *)to)->value = *text != '\0' ? mem_strdup(text) : NULL;
        return 0;
    case CONF_INT:
    case CONF_BYTES:
    case CONF_MS:
        return conf_parse_number(option, text, to, err);
    case CONF_BOOL:
        return parse_bool(option, text, to, err);
    case CONF_ENUM:
        return parse_enum(option, text, to, err);
    case CONF_PAIRS:
        return parse_pair(option, text, to, err);
    }
    return 0;
}

/* The first line of a secret's file, which may be as long as a line can be. */
static char *read_secret(const char *path, struct err *err)
{
    char *line = NULL;
    size_t size = 0;
    FILE *f = fopen(path, "re");

    if (f == NULL) {
        err_set(err, ERR_CONFIG, "config.secret-file", "%s: %s", path, strerror(errno));
        return NULL;
    }
    ssize_t len = getline(&line, &size, f);
    fclose(f);
    if (len < 0) {
        free(line);
        err_set(err, ERR_CONFIG, "config.secret-file", "%s: the file is empty", path);
        return NULL;
    }
    line[strcspn(line, "\r\n")] = '\0';
    return line;
}

bool conf_secret_reload(struct conf_secret *secret)
{
    char *value = secret->file != NULL ? read_secret(secret->file, NULL) : NULL;

    if (value == NULL)
        return false;
    bool changed = secret->value == NULL || strcmp(value, secret->value) != 0;
    free(secret->value);
    secret->value = value;
    return changed;
}

static int secret_from_file(const struct conf_option *option, void *conf, struct err *err)
{
    struct conf_secret *secret = field(conf, option);
    struct buf name = {0};

    buf_addf(&name, "%s_FILE", option->name);
    const char *path = getenv(buf_str(&name));
    buf_fini(&name);
    if (path == NULL || *path == '\0')
        return 0;
    char *value = read_secret(path, err);
    if (value == NULL)
        return err_wrap(err, "%s_FILE", option->name);
    free(secret->value);
    free(secret->file);
    *secret = (struct conf_secret){.value = value, .file = mem_strdup(path)};
    return 0;
}

/* KAFKA_SSL_CA_LOCATION=… is --kafka ssl.ca.location=… */
static void pairs_from_environment(const struct conf_option *option, struct conf_pairs *pairs)
{
    struct buf prefix = {0};

    buf_addf(&prefix, "%s_", option->name);
    for (char **e = environ; *e != NULL; e++) {
        const char *equals = strchr(*e, '=');
        if (equals == NULL || strncmp(*e, buf_str(&prefix), prefix.len) != 0)
            continue;
        char *name = mem_strndup(*e + prefix.len, (size_t)(equals - *e) - prefix.len);
        for (char *p = name; *p != '\0'; p++)
            *p = *p == '_' ? '.' : (char)tolower((unsigned char)*p);
        conf_pairs_add(pairs, name, equals + 1);
        pairs->pairs[pairs->count - 1].from_environment = true;
        free(name);
    }
    buf_fini(&prefix);
}

static int read_environment(const struct conf_option *options, void *conf, struct err *err)
{
    for (const struct conf_option *o = options; o->name != NULL; o++) {
        const char *text = getenv(o->name);
        if (o->flags & CONF_FLAG_ONLY)
            continue;
        if (o->type == CONF_PAIRS) {
            pairs_from_environment(o, field(conf, o));
            continue;
        }
        if (text != NULL && *text != '\0' && set_value(o, text, conf, err) < 0) {
            err->class = ERR_CONFIG;
            return err_wrap(err, "environment");
        }
        if (o->type == CONF_SECRET && secret_from_file(o, conf, err) < 0)
            return -1;
    }
    return 0;
}

/* Where the default is the value of another option, once all that was said is read. */
static void follow_defaults(const struct conf_option *options, void *conf)
{
    for (const struct conf_option *o = options; o->name != NULL; o++) {
        char **to = field(conf, o);
        if (o->def == NULL || o->def[0] != '$' || *to != NULL)
            continue;
        for (const struct conf_option *other = options; other->name != NULL; other++)
            if (strcmp(other->name, o->def + 1) == 0)
                *to = mem_strdup(*(char **)field(conf, other));
    }
}

static int set_defaults(const struct conf_option *options, void *conf, struct err *err)
{
    for (const struct conf_option *o = options; o->name != NULL; o++)
        if (o->def != NULL && o->def[0] != '$' && !(o->flags & CONF_ALIAS) &&
            set_value(o, o->def, conf, err) < 0)
            return -1;
    return 0;
}

/* The table for getopt_long: our own switches, then each option that this subcommand takes. */
static struct option *flags_of(const struct conf_option *options, unsigned bit, char ***names)
{
    size_t n = 0;

    while (options[n].name != NULL)
        n++;
    struct option *flags = mem_alloc(n + 4, sizeof *flags);
    *names = mem_alloc(n + 1, sizeof **names);
    size_t used = 0;
    flags[used++] = (struct option){"help", no_argument, NULL, FLAG_HELP};
    flags[used++] = (struct option){"version", no_argument, NULL, FLAG_VERSION};
    flags[used++] = (struct option){"print-config", no_argument, NULL, FLAG_PRINT_CONFIG};
    for (size_t i = 0; i < n; i++) {
        char name[64];
        if (!(options[i].commands & bit) || options[i].type == CONF_SECRET)
            continue;
        conf_flag_name(&options[i], name, sizeof name);
        (*names)[i] = mem_strdup(name);
        flags[used++] = (struct option){
            (*names)[i], options[i].type == CONF_BOOL ? optional_argument : required_argument, NULL,
            FLAG_FIRST_OPTION + (int)i};
    }
    return flags;
}

static void free_flags(const struct conf_option *options, struct option *flags, char **names)
{
    for (size_t i = 0; options[i].name != NULL; i++)
        free(names[i]);
    free(names);
    free(flags);
}

static int usage_error(const struct conf_program *program, const struct conf_command *command,
                       int c, char **argv, struct err *err)
{
    const char *word = argv[optind - 1];

    if (c == ':')
        return err_set(err, ERR_USAGE, "usage.value", "%s needs a value; see %s %s --help", word,
                       program->name, command->name);
    if (optopt != 0 && strncmp(word, "--", 2) != 0)
        return err_set(err, ERR_USAGE, "usage.flag", "unknown flag -%c; see %s %s --help", optopt,
                       program->name, command->name);
    return err_set(err, ERR_USAGE, "usage.flag", "%s %s does not take %s; see %s %s --help",
                   program->name, command->name, word, program->name, command->name);
}

/* An empty setting is none; an empty switch is a variable of a script that was not set. */
static int set_flag(const struct conf_option *option, const char *text, void *conf, struct err *err)
{
    if (option->type == CONF_TEXT && (option->flags & CONF_FLAG_ONLY) && *text == '\0')
        return err_set(err, ERR_USAGE, "option.value", "%s is empty: give a value, or leave it out",
                       option->name);
    return set_value(option, text != NULL ? text : "true", conf, err);
}

static enum conf_outcome read_flags(const struct conf_program *program,
                                    const struct conf_command *command, int argc, char **argv,
                                    void *conf, bool *print, struct err *err)
{
    char **names;
    struct option *flags = flags_of(program->options, command->bit, &names);
    enum conf_outcome outcome = CONF_GO;
    int c;

    opterr = 0;
    optind = 0; /* afresh: 1 would go on within a word that was left half read */
    while (outcome == CONF_GO && (c = getopt_long(argc, argv, ":hV", flags, NULL)) != -1) {
        if (c == FLAG_HELP || c == 'h') {
            conf_show_help(program, command, stdout);
            outcome = CONF_SHOWN;
        } else if (c == FLAG_VERSION || c == 'V') {
            printf("%s %s\n", program->name, program->version);
            outcome = CONF_SHOWN;
        } else if (c == FLAG_PRINT_CONFIG) {
            *print = true;
        } else if (c < FLAG_FIRST_OPTION) {
            usage_error(program, command, c, argv, err);
            outcome = CONF_FAILED;
        } else if (set_flag(&program->options[c - FLAG_FIRST_OPTION], optarg, conf, err) < 0) {
            outcome = CONF_FAILED;
        }
    }
    free_flags(program->options, flags, names);
    return outcome;
}

static int check_required(const struct conf_program *program, const struct conf_command *command,
                          void *conf, struct err *err)
{
    for (const struct conf_option *o = program->options; o->name != NULL; o++) {
        char flag[64];
        if (!(o->flags & CONF_REQUIRED) || !(o->commands & command->bit))
            continue;
        const char *value = *(char **)field(conf, o); /* a secret's value comes first in it */
        conf_flag_name(o, flag, sizeof flag);
        if (value == NULL && o->type == CONF_SECRET)
            return err_set(err, ERR_CONFIG, "config.missing",
                           "%s is not set: %s (environment %s, or %s_FILE with a file's name)",
                           o->name, o->help, o->name, o->name);
        if (value == NULL)
            return err_set(err, ERR_CONFIG, "config.missing",
                           "%s is not set: %s (environment %s or --%s)", o->name, o->help, o->name,
                           flag);
    }
    return 0;
}

/* Takes the subcommand's name out of argv; without one it is the first of the table. */
static const struct conf_command *find_command(const struct conf_program *program, int *argc,
                                               char **argv, struct err *err)
{
    if (*argc < 2 || argv[1][0] == '-')
        return &program->commands[0];
    for (const struct conf_command *c = program->commands; c->name != NULL; c++)
        if (strcmp(c->name, argv[1]) == 0) {
            memmove(&argv[1], &argv[2], (size_t)(*argc - 1) * sizeof *argv);
            --*argc;
            return c;
        }
    err_set(err, ERR_USAGE, "usage.command", "there is no \"%s %s\"; see %s --help", program->name,
            argv[1], program->name);
    return NULL;
}

enum conf_outcome conf_read(const struct conf_program *program, int argc, char **argv, void *conf,
                            struct conf_args *args, struct err *err)
{
    bool print = false;
    const struct conf_command *command = find_command(program, &argc, argv, err);

    if (command == NULL || set_defaults(program->options, conf, err) < 0)
        return CONF_FAILED;
    /* The environment is judged after the flags, so that --help works with a wrong one. */
    struct err environment = {0};
    read_environment(program->options, conf, &environment);
    enum conf_outcome outcome = read_flags(program, command, argc, argv, conf, &print, err);
    if (outcome != CONF_GO)
        return outcome;
    if (err_is_set(&environment)) {
        *err = environment;
        return CONF_FAILED;
    }
    follow_defaults(program->options, conf);
    if (print) {
        conf_show_values(program, command, conf, stdout);
        return CONF_SHOWN;
    }
    if (optind < argc && *command->args == '\0') {
        err_set(err, ERR_USAGE, "usage.words", "%s %s takes no \"%s\"; see %s %s --help",
                program->name, command->name, argv[optind], program->name, command->name);
        return CONF_FAILED;
    }
    if (check_required(program, command, conf, err) < 0)
        return CONF_FAILED;
    *args = (struct conf_args){command, argv + optind, argc - optind};
    return CONF_GO;
}

void conf_fini(const struct conf_program *program, void *conf)
{
    for (const struct conf_option *o = program->options; o->name != NULL; o++) {
        void *at = field(conf, o);
        if (o->type == CONF_TEXT) {
            free(*(char **)at);
            *(char **)at = NULL;
        } else if (o->type == CONF_SECRET) {
            struct conf_secret *secret = at;
            free(secret->value);
            free(secret->file);
            *secret = (struct conf_secret){0};
        } else if (o->type == CONF_PAIRS) {
            struct conf_pairs *pairs = at;
            for (size_t i = 0; i < pairs->count; i++) {
                free(pairs->pairs[i].name);
                free(pairs->pairs[i].value);
            }
            free(pairs->pairs);
            *pairs = (struct conf_pairs){0};
        }
    }
}
