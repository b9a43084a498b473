/* SPDX-License-Identifier: Apache-2.0 */
#include "base/conf.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct settings {
    char *text, *name;
    struct conf_secret secret;
    int64_t count, size, wait, level;
    bool on;
    struct conf_pairs pairs;
};

static const struct conf_option rows[] = {
    {"T_TEXT", CONF_TEXT, offsetof(struct settings, text), "plain", NULL, NULL, CONF_REQUIRED, 1,
     "text"},
    {"T_SECRET", CONF_SECRET, offsetof(struct settings, secret), NULL, NULL, NULL, 0, 1, "secret"},
    {"T_COUNT", CONF_INT, offsetof(struct settings, count), "3", "1", "10", 0, 1, "count"},
    {"T_SIZE", CONF_BYTES, offsetof(struct settings, size), "2KiB", "1", "1GiB", 0, 1, "size"},
    {"T_WAIT", CONF_MS, offsetof(struct settings, wait), "1s", "0", "1h", 0, 1, "wait"},
    {"T_LEVEL", CONF_ENUM, offsetof(struct settings, level), "info",
     "error,critical|warn,warning|info", NULL, 0, 1, "level"},
    {"T_NAME", CONF_TEXT, offsetof(struct settings, name), "$T_TEXT", NULL, NULL, 0, 1, "name"},
    {"T_ON", CONF_BOOL, offsetof(struct settings, on), NULL, NULL, NULL, 0, 1, "switch"},
    {"T_PAIR", CONF_PAIRS, offsetof(struct settings, pairs), NULL, NULL, NULL, 0, 1, "pairs"},
    {0},
};
static const struct conf_command commands[] = {
    {"run", "[WORD…]", "runs", 1}, {"other", "", "others", 2}, {0}};
static const struct conf_program program = {"prog", "tests", NULL, "1", rows, commands};

static enum conf_outcome read_words(const char *const *words, struct settings *s,
                                    struct conf_args *args, struct err *err)
{
    char *argv[16];
    int argc = 0;

    argv[argc++] = (char *)"prog";
    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = (char *)words[argc - 1];
    argv[argc] = NULL;
    return conf_read(&program, argc, argv, s, args, err);
}

static void clean(void)
{
    for (const struct conf_option *o = rows; o->name != NULL; o++)
        unsetenv(o->name);
    unsetenv("T_SECRET_FILE");
    unsetenv("T_PAIR_SSL_CA");
}

static void defaults_environment_flags(void **state)
{
    struct settings s = {0};
    struct conf_args args;
    struct err err = {0};
    const char *const words[] = {"run",     "--t-count",         "7", "word", "--t-on", "--t-pair",
                                 "a.b=c=d", "--t-level=warning", NULL};

    (void)state;
    clean();
    setenv("T_COUNT", "5", 1);
    setenv("T_SIZE", "8MiB", 1);
    setenv("T_PAIR_SSL_CA", "/x", 1);
    assert_int_equal(read_words(words, &s, &args, &err), CONF_GO);
    assert_string_equal(s.text, "plain");
    assert_string_equal(s.name, "plain");
    assert_int_equal(s.count, 7);
    assert_int_equal(s.size, 8 << 20);
    assert_int_equal(s.wait, 1000);
    assert_int_equal(s.level, 1);
    assert_true(s.on);
    assert_int_equal(s.pairs.count, 2);
    assert_string_equal(s.pairs.pairs[0].name, "ssl.ca");
    assert_string_equal(s.pairs.pairs[1].value, "c=d");
    assert_int_equal(args.word_count, 1);
    assert_string_equal(args.words[0], "word");
    conf_fini(&program, &s);
}

static void wrong_ones_name_option_value_and_range(void **state)
{
    static const struct {
        const char *words[4];
        const char *env, *value;
        enum err_class class;
        const char *says;
    } cases[] = {
        {{"run", "--t-count", "11", NULL}, NULL, NULL, ERR_USAGE, "T_COUNT: 11 is outside 1 to 10"},
        {{"run", "--t-count", "3x", NULL}, NULL, NULL, ERR_USAGE, "\"3x\" is not a whole number"},
        {{"run", "--t-size", "1TB", NULL}, NULL, NULL, ERR_USAGE, "64KiB"},
        {{"run", "--t-wait", "10 s", NULL}, NULL, NULL, ERR_USAGE, "10s"},
        {{"run", "--t-level", "loud", NULL}, NULL, NULL, ERR_USAGE, "none of"},
        {{"run", "--t-pair", "=x", NULL}, NULL, NULL, ERR_USAGE, "name=value"},
        {{"run", "--t-pair", "a.password=s3cret", NULL}, NULL, NULL, ERR_USAGE, "environment"},
        {{"run", "--t-pair", "a.key=s3cret", NULL}, NULL, NULL, ERR_USAGE, "a.key is a secret"},
        {{"run", "--nonsense", NULL}, NULL, NULL, ERR_USAGE, "--nonsense"},
        {{"run", "--t-count", NULL}, NULL, NULL, ERR_USAGE, "needs a value"},
        {{"run", "--t-secret", "x", NULL}, NULL, NULL, ERR_USAGE, "--t-secret"},
        {{"nosuch", NULL}, NULL, NULL, ERR_USAGE, "nosuch"},
        {{"run", NULL}, "T_COUNT", "many", ERR_CONFIG, "environment: T_COUNT"},
        {{"run", NULL}, "T_SECRET_FILE", "/nowhere/at/all", ERR_CONFIG, "/nowhere/at/all"},
        {{"run", "--t-text", "", NULL}, NULL, NULL, ERR_CONFIG, "T_TEXT is not set"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct settings s = {0};
        struct conf_args args;
        struct err err = {0};
        clean();
        if (cases[i].env != NULL)
            setenv(cases[i].env, cases[i].value, 1);
        if (read_words(cases[i].words, &s, &args, &err) != CONF_FAILED)
            fail_msg("case %zu was taken", i);
        if (err.class != cases[i].class || strstr(err.text, cases[i].says) == NULL)
            fail_msg("case %zu: %s: %s", i, err_class_name(err.class), err.text);
        if (strstr(err.text, "s3cret") != NULL)
            fail_msg("case %zu tells a secret: %s", i, err.text);
        conf_fini(&program, &s);
    }
    clean();
}

static void a_secret_is_read_again(void **state)
{
    struct settings s = {0};
    struct conf_args args;
    struct err err = {0};
    const char *const words[] = {NULL};
    char path[] = "/tmp/conf-test-XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    clean();
    assert_int_equal(write(fd, "one\nmore", 8), 8);
    setenv("T_SECRET_FILE", path, 1);
    assert_int_equal(read_words(words, &s, &args, &err), CONF_GO);
    assert_string_equal(s.secret.value, "one");
    assert_false(conf_secret_reload(&s.secret));
    assert_int_equal(pwrite(fd, "two", 3, 0), 3);
    assert_true(conf_secret_reload(&s.secret));
    assert_string_equal(s.secret.value, "two");
    unlink(path);
    close(fd);
    assert_false(conf_secret_reload(&s.secret)); /* gone: the old one stays */
    assert_string_equal(s.secret.value, "two");
    conf_fini(&program, &s);
    clean();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_environment_flags),
        cmocka_unit_test(wrong_ones_name_option_value_and_range),
        cmocka_unit_test(a_secret_is_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
