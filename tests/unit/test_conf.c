/* common/conf.h: who wins, what is refused and said, and what is never said. */
#include "common/conf.h"

#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/conf_table.h"
#include "tests/unit/check_main.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static char dir[64], said[65536];

static const char *path_of(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void file_make(const char *name, const char *content, mode_t mode)
{
    FILE *f = fopen(path_of(name), "w");

    ck_assert_ptr_nonnull(f);
    fputs(content, f);
    fclose(f);
    ck_assert_int_eq(chmod(path_of(name), mode), 0);
}

/* A directory of its own, no settings in the environment, stderr and stdout into a file. */
static void setup(void)
{
    snprintf(dir, sizeof dir, "/tmp/test_conf.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    for (int s = 0; s < SET_COUNT; s++)
        unsetenv(setting_rows[s].name);
    unsetenv("CREDENTIALS_DIRECTORY");
    unsetenv("CHATBOT_ENV_FILE");
    unsetenv("CHATBOT_CONF_DIR");
    ck_assert_ptr_nonnull(freopen(path_of("said"), "w", stderr));
    ck_assert_ptr_nonnull(freopen(path_of("printed"), "w", stdout));
    setvbuf(stderr, NULL, _IONBF, 0);
}

static void teardown(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    ck_assert_int_eq(system(command), 0);
}

static const char *content_of(const char *name)
{
    FILE *f = fopen(path_of(name), "r");
    size_t n;

    ck_assert_ptr_nonnull(f);
    n = fread(said, 1, sizeof said - 1, f);
    said[n] = '\0';
    fclose(f);
    return said;
}

/* conf_load() with these options, up to NULL. */
static int load(enum svc process, struct conf **ret, ...)
{
    char *argv[16] = {(char[]){"prog"}};
    int argc = 1, result;
    va_list args;

    va_start(args, ret);
    for (char *arg; (arg = va_arg(args, char *));)
        argv[argc++] = strdup(arg);
    va_end(args);
    result = conf_load(process, "prog", argc, argv, ret);
    while (argc > 1)
        free(argv[--argc]);
    return result;
}

/* The exit status of a conf_load() that ends the process, or 1000 + its result. */
static int load_ends(enum svc process, const char *option, const char *more)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        struct conf *c = NULL;
        int result = load(process, &c, option, more, NULL);
        conf_drop(&c);
        _exit(result ? result : 99);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* ---- the table ---------------------------------------------------------------------------- */

START_TEST(rows_make_sense)
{
    for (int s = 0; s < SET_COUNT; s++) {
        const struct setting_row *row = &setting_rows[s];
        int64_t number;
        ck_assert_int_eq(setting_named(row->name), s);
        ck_assert_msg(row->min <= row->max, "%s", row->name);
        ck_assert_msg(row->readers != 0 && row->readers < 2U << SVC_TRACE, "%s", row->name);
        ck_assert_msg(*row->doc && strlen(row->name) < 40, "%s", row->name);
        ck_assert_msg(setting_read((enum setting)s, row->otherwise, &number) || !*row->otherwise,
                      "%s has a default that it does not allow", row->name);
        if (row->type == SETTING_SECRET)
            ck_assert_msg(!*row->otherwise, "%s", row->name);
    }
    ck_assert_int_eq(setting_named("NOPE"), -1);
    ck_assert_int_eq(setting_named("port"), -1);
    ck_assert_int_eq(setting_named(""), -1);
}
END_TEST

START_TEST(secrets_have_their_readers_only)
{
    ck_assert_uint_eq(setting_rows[SET_SECRET_KEY].readers, 1U << SVC_AUTH);
    ck_assert_uint_eq(setting_rows[SET_OPENAI_API_KEY].readers, 1U << SVC_CHAT | 1U << SVC_FILE);
}
END_TEST

START_TEST(values_and_bounds)
{
    static const struct {
        enum setting s;
        const char *text;
        bool good;
    } rows[] = {
        {SET_PORT, "1", true},
        {SET_PORT, "65535", true},
        {SET_PORT, "0", false},
        {SET_PORT, "65536", false},
        {SET_PORT, "", false},
        {SET_PORT, "08", false},
        {SET_PORT, "+8", false},
        {SET_PORT, " 8", false},
        {SET_PORT, "8 ", false},
        {SET_PORT, "8.0", false},
        {SET_PORT, "0x8", false},
        {SET_PORT, "-", false},
        {SET_PORT, "99999999999999999999", false},
        {SET_MAX_TOKENS_PER_DAY, "9223372036854775807", true},
        {SET_MAX_TOKENS_PER_DAY, "9223372036854775808", false},
        {SET_MAX_TOKENS_PER_DAY, "-1", false},
        {SET_RATE_LIMIT, "on", true},
        {SET_RATE_LIMIT, "off", true},
        {SET_RATE_LIMIT, "ON", false},
        {SET_RATE_LIMIT, "", false},
        {SET_LOG_LEVEL, "debug", true},
        {SET_LOG_LEVEL, "err", true},
        {SET_LOG_LEVEL, "info|debug", false},
        {SET_LOG_LEVEL, "inf", false},
        {SET_LOG_LEVEL, "", false},
        {SET_LOG_LEVEL, "|", false},
        {SET_CORS_ORIGINS, "", true},
        {SET_LISTEN, "", false},
        {SET_GATEWAY_NAME, "0123456789012345678901234567890", true},
        {SET_GATEWAY_NAME, "012345678901234567890123456789012", false},
        {SET_DEFAULT_SYSTEM_PROMPT, "gr\xc3\xbc\xc3\x9f", true},
        {SET_DEFAULT_SYSTEM_PROMPT, "\xff", false},
        {SET_SECRET_KEY, "0123456789012345678901234567890", false},
        {SET_SECRET_KEY, "01234567890123456789012345678901", true},
    };
    int64_t number;

    for (size_t i = 0; i < COUNT(rows); i++)
        ck_assert_msg(setting_read(rows[i].s, rows[i].text, &number) == rows[i].good, "%s=%s",
                      setting_rows[rows[i].s].name, rows[i].text);
}
END_TEST

/* ---- loading ------------------------------------------------------------------------------ */

START_TEST(defaults)
{
    cleanup(conf_drop) struct conf *c = NULL;

    ck_assert_int_eq(load(SVC_GATEWAY, &c, NULL), 0);
    ck_assert_str_eq(conf_str(c, SET_LISTEN), "127.0.0.1");
    ck_assert_int_eq(conf_i64(c, SET_PORT), 8000);
    ck_assert(conf_bool(c, SET_RATE_LIMIT));
    ck_assert_str_eq(conf_str(c, SET_LOG_LEVEL), "info");
    ck_assert_str_eq(conf_str(c, SET_CORS_ORIGINS), "");
    ck_assert(!conf_given(c, SET_PORT));
    ck_assert_str_eq(content_of("said"), "");
}
END_TEST

START_TEST(unset_secrets_are_empty)
{
    cleanup(conf_drop) struct conf *c = NULL;

    setenv("SECRET_KEY", "", 1);
    file_make("env", "SECRET_KEY=\n", 0600);
    setenv("CHATBOT_ENV_FILE", path_of("env"), 1);
    ck_assert_int_eq(load(SVC_AUTH, &c, NULL), 0);
    ck_assert_str_eq(conf_str(c, SET_SECRET_KEY), "");
    ck_assert(!conf_given(c, SET_SECRET_KEY));
}
END_TEST

/* Each source alone over the ones below it. */
START_TEST(the_first_source_wins)
{
    static const char *const want[] = {"1001", "1002", "1003", "1004", "1006", "1007", "8000"};

    ck_assert_int_eq(mkdir(path_of("cred"), 0700), 0);
    ck_assert_int_eq(mkdir(path_of("conf.d"), 0700), 0);
    file_make("cred/port", "1002\n", 0600);
    setenv("CREDENTIALS_DIRECTORY", path_of("cred"), 1);
    setenv("PORT", "1003", 1);
    file_make("env", "PORT=1004\n", 0600);
    setenv("CHATBOT_ENV_FILE", path_of("env"), 1);
    setenv("CHATBOT_CONF_DIR", dir, 1);
    file_make("conf.d/10.conf", "PORT=1005\n", 0600);
    file_make("conf.d/20.conf", "PORT=1006\n", 0600);
    file_make("conf.d/30.conf.bak", "PORT=1\nNOPE=1\n", 0600);
    file_make("conf.d/.40.conf", "PORT=2\nNOPE=1\n", 0600);
    file_make("chatbot.conf", "PORT=1007\n", 0600);
    for (size_t i = 0; i < COUNT(want); i++) {
        cleanup(conf_drop) struct conf *c = NULL;
        char set[] = "--set";
        if (i == 0)
            ck_assert_int_eq(load(SVC_GATEWAY, &c, set, "PORT=1000", set, "PORT=1001", NULL), 0);
        else
            ck_assert_int_eq(load(SVC_GATEWAY, &c, NULL), 0);
        ck_assert_int_eq(conf_i64(c, SET_PORT), strtoll(want[i], NULL, 10));
        ck_assert(conf_given(c, SET_PORT) == (i < COUNT(want) - 1));
        if (i == 1)
            ck_assert_int_eq(unlink(path_of("cred/port")), 0);
        if (i == 2)
            unsetenv("PORT");
        if (i == 3)
            ck_assert_int_eq(unlink(path_of("env")), 0);
        if (i == 4)
            ck_assert_int_eq(unlink(path_of("conf.d/20.conf")) | unlink(path_of("conf.d/10.conf")),
                             0);
        if (i == 5)
            ck_assert_int_eq(unlink(path_of("chatbot.conf")), 0);
    }
    ck_assert_str_eq(content_of("said"), "");
}
END_TEST

START_TEST(other_processes_settings_are_not_kept)
{
    cleanup(conf_drop) struct conf *c = NULL;
    cleanup(free_drop) char *out = NULL;
    size_t size;
    FILE *f = open_memstream(&out, &size);

    /* not even checked: their owner does that */
    file_make("env", "PORT=99999\nOPENAI_API_KEY=sk-hidden\nHISTORY_TOKENS=x\n", 0600);
    setenv("CHATBOT_ENV_FILE", path_of("env"), 1);
    ck_assert_int_eq(load(SVC_PROJECT, &c, NULL), 0);
    conf_print(c, f);
    fclose(f);
    ck_assert_ptr_null(strstr(out, "OPENAI"));
    ck_assert_ptr_null(strstr(out, "\nPORT"));
    ck_assert_ptr_nonnull(strstr(out, "LOG_LEVEL=info\n"));
    ck_assert_str_eq(content_of("said"), "");
}
END_TEST

START_TEST(wrong_settings_name_file_and_line)
{
    struct conf *c = NULL;
    char want[512];

    file_make(
        "env",
        "# settings\nPORT=99999\nGATEWAY=2\nwhat is this\nRATE_LIMIT=\"on\nLISTEN=a\nLISTEN=b\n",
        0600);
    setenv("CHATBOT_ENV_FILE", path_of("env"), 1);
    setenv("GATEWAYS", "0", 1);
    setenv("NOT_A_SETTING", "1", 1);
    ck_assert_int_eq(load(SVC_GATEWAY, &c, NULL), CONF_EXIT_SETTINGS);
    ck_assert_ptr_null(c);
    content_of("said");
    snprintf(want, sizeof want,
             "prog: %s:2: \"PORT\": must be a whole number, 1-65535 (port), not "
             "\"99999\"\n",
             path_of("env"));
    ck_assert_ptr_nonnull(strstr(said, want));
    snprintf(want, sizeof want, "prog: %s:3: \"GATEWAY\": no such setting\n", path_of("env"));
    ck_assert_ptr_nonnull(strstr(said, want));
    snprintf(want, sizeof want, "prog: %s:4: NAME=VALUE was expected\n", path_of("env"));
    ck_assert_ptr_nonnull(strstr(said, want));
    snprintf(want, sizeof want, "prog: %s:5: the quote is not closed\n", path_of("env"));
    ck_assert_ptr_nonnull(strstr(said, want));
    snprintf(want, sizeof want, "prog: %s:7: \"LISTEN\": given twice in this file\n",
             path_of("env"));
    ck_assert_ptr_nonnull(strstr(said, want));
    ck_assert_ptr_nonnull(strstr(said, "prog: environment: \"GATEWAYS\": must be a whole number, "
                                       "1-64 (count), not \"0\"\n"));
    ck_assert_ptr_null(strstr(said, "what is"));
    ck_assert_ptr_null(strstr(said, "NOT_A"));
}
END_TEST

START_TEST(secrets_are_never_said)
{
    struct conf *c = NULL;

    setenv("SECRET_KEY", "hunter2", 1);
    file_make("env", "SECRET_KEYS=hunter2\nhunter2\nhunter2=1\"\nSECRET_KEY=\"hunter2\n", 0600);
    setenv("CHATBOT_ENV_FILE", path_of("env"), 1);
    ck_assert_int_eq(load(SVC_AUTH, &c, NULL), CONF_EXIT_SETTINGS);
    content_of("said");
    ck_assert_ptr_nonnull(strstr(said, "\"SECRET_KEY\": must be 32-512 bytes of UTF-8 (secret)\n"));
    ck_assert_ptr_nonnull(strstr(said, ":1: \"SECRET_KEYS\": no such setting\n"));
    ck_assert_ptr_nonnull(strstr(said, ":2: NAME=VALUE was expected\n"));
    ck_assert_ptr_null(strstr(said, "KEY=hunter2"));
    ck_assert_ptr_null(strstr(said, "not \"hunter2"));
    ck_assert_int_eq(load(SVC_AUTH, &c, "--set", "SECRET_KEY=topsecret", NULL), CONF_EXIT_USAGE);
    ck_assert_ptr_nonnull(strstr(content_of("said"), "secrets are not given"));
    ck_assert_ptr_null(strstr(said, "topsecret"));
}
END_TEST

START_TEST(secrets_from_a_credential)
{
    cleanup(conf_drop) struct conf *c = NULL;
    cleanup(free_drop) char *out = NULL;
    size_t size;
    FILE *f = open_memstream(&out, &size);

    file_make("secret_key", "0123456789abcdef0123456789abcdef\r\n", 0400);
    setenv("CREDENTIALS_DIRECTORY", dir, 1);
    ck_assert_int_eq(load(SVC_AUTH, &c, NULL), 0);
    ck_assert_str_eq(conf_str(c, SET_SECRET_KEY), "0123456789abcdef0123456789abcdef");
    ck_assert(conf_given(c, SET_SECRET_KEY));
    conf_print(c, f);
    fclose(f);
    ck_assert_ptr_nonnull(strstr(out, "SECRET_KEY=(set)\n"));
    ck_assert_ptr_null(strstr(out, "0123"));
}
END_TEST

START_TEST(readable_files_with_secrets_are_named)
{
    static const struct {
        enum svc process;
        mode_t mode;
        const char *content;
        bool warned;
    } rows[] = {{SVC_CHAT, 0644, "OPENAI_API_KEY=sk-1\n", true},
                {SVC_CHAT, 0604, "OPENAI_API_KEY=sk-1\n", true},
                {SVC_CHAT, 0640, "OPENAI_API_KEY=sk-1\n", false},
                {SVC_CHAT, 0644, "OPENAI_API_KEY=\n", false},
                {SVC_CHAT, 0644, "OPENAI_MODEL=m\n", false},
                {SVC_PROJECT, 0644, "OPENAI_API_KEY=sk-1\n", false}};

    setenv("CHATBOT_ENV_FILE", path_of("env"), 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        cleanup(conf_drop) struct conf *c = NULL;
        ck_assert_int_eq(truncate(path_of("said"), 0), 0);
        rewind(stderr);
        file_make("env", rows[i].content, rows[i].mode);
        ck_assert_int_eq(load(rows[i].process, &c, NULL), 0);
        content_of("said");
        ck_assert_msg((strstr(said, "everybody can read") != NULL) == rows[i].warned, "row %zu", i);
        ck_assert_ptr_null(strstr(said, "sk-1"));
    }
}
END_TEST

START_TEST(files_that_are_none)
{
    struct conf *c = NULL;

    setenv("CHATBOT_CONF_DIR", path_of("nowhere"), 1);
    setenv("CHATBOT_ENV_FILE", path_of("missing"), 1);
    ck_assert_int_eq(load(SVC_FILE, &c, NULL), 0);
    conf_drop(&c);
    setenv("CHATBOT_ENV_FILE", dir, 1);
    ck_assert_int_eq(load(SVC_FILE, &c, NULL), CONF_EXIT_SETTINGS);
    ck_assert_ptr_nonnull(strstr(content_of("said"), "not a regular file"));
    setenv("CHATBOT_ENV_FILE", "/dev/zero", 1);
    ck_assert_int_eq(load(SVC_FILE, &c, NULL), CONF_EXIT_SETTINGS);
    file_make("big", "", 0600);
    ck_assert_int_eq(truncate(path_of("big"), 300000), 0);
    setenv("CHATBOT_ENV_FILE", path_of("big"), 1);
    ck_assert_int_eq(load(SVC_FILE, &c, NULL), CONF_EXIT_SETTINGS);
    ck_assert_ptr_nonnull(strstr(content_of("said"), "too large"));
}
END_TEST

/* ---- the command line --------------------------------------------------------------------- */

START_TEST(command_lines)
{
    static const struct {
        const char *option, *more;
        int ends;
    } rows[] = {
        {NULL, NULL, 99},
        {"--set", "PORT=1", 99},
        {"--set=PORT=1", NULL, 99},
        {"--set=CORS_ORIGINS=", NULL, 99},
        {"--set", "PORT=x", CONF_EXIT_SETTINGS},
        {"--set", "PORT", CONF_EXIT_USAGE},
        {"--set", "=1", CONF_EXIT_USAGE},
        {"--set", "NOPE=1", CONF_EXIT_USAGE},
        {"--set", NULL, CONF_EXIT_USAGE},
        {"--nope", NULL, CONF_EXIT_USAGE},
        {"word", NULL, CONF_EXIT_USAGE},
        {"--help", NULL, 0},
        {"-h", NULL, 0},
        {"--check-config", NULL, 0},
        {"--print-config", NULL, 0},
        {"--check-config", "--set=PORT=0", CONF_EXIT_SETTINGS},
        {"--print-config", "--set=PORT=0", CONF_EXIT_SETTINGS},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        ck_assert_msg(load_ends(SVC_GATEWAY, rows[i].option, rows[i].more) == rows[i].ends,
                      "row %zu", i);
}
END_TEST

START_TEST(help_lists_the_process_settings)
{
    ck_assert_int_eq(load_ends(SVC_GATEWAY, "--help", NULL), 0);
    content_of("printed");
    ck_assert_ptr_nonnull(strstr(said, "usage: prog "));
    for (int s = 0; s < SET_COUNT; s++) {
        char heading[64];
        bool listed;
        snprintf(heading, sizeof heading, "\n  %s\n", setting_rows[s].name);
        listed = strstr(said, heading) && strstr(said, setting_rows[s].doc);
        ck_assert_msg(listed == setting_is_of((enum setting)s, SVC_GATEWAY), "%s", heading);
    }
    ck_assert_ptr_nonnull(strstr(said, "a whole number, 1-65535 (port); default: 8000\n"));
}
END_TEST

START_TEST(print_config_prints)
{
    setenv("DATABASE", "host=/x\ndbname=y", 1);
    ck_assert_int_eq(load_ends(SVC_AUTH, "--print-config", "--set=HASH_THREADS=1"), 0);
    content_of("printed");
    ck_assert_ptr_nonnull(strstr(said, "HASH_THREADS=1\n"));
    ck_assert_ptr_nonnull(strstr(said, "SECRET_KEY=(unset)\n"));
    ck_assert_ptr_nonnull(strstr(said, "DATABASE=host=/x?dbname=y\n"));
    ck_assert_ptr_null(strstr(said, "PORT="));
}
END_TEST

/* the wrong type, and a setting of another process */
static const enum setting mistakes[] = {SET_PORT, SET_SECRET_KEY};

START_TEST(asking_wrongly_is_our_mistake)
{
    struct conf *c = NULL;

    ck_assert_int_eq(load(SVC_GATEWAY, &c, NULL), 0);
    conf_str(c, mistakes[_i]);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("conf");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, rows_make_sense);
    tcase_add_test(t, secrets_have_their_readers_only);
    tcase_add_test(t, values_and_bounds);
    tcase_add_test(t, defaults);
    tcase_add_test(t, unset_secrets_are_empty);
    tcase_add_test(t, the_first_source_wins);
    tcase_add_test(t, other_processes_settings_are_not_kept);
    tcase_add_test(t, wrong_settings_name_file_and_line);
    tcase_add_test(t, secrets_are_never_said);
    tcase_add_test(t, secrets_from_a_credential);
    tcase_add_test(t, readable_files_with_secrets_are_named);
    tcase_add_test(t, files_that_are_none);
    tcase_add_test(t, command_lines);
    tcase_add_test(t, help_lists_the_process_settings);
    tcase_add_test(t, print_config_prints);
    tcase_add_loop_test_raise_signal(t, asking_wrongly_is_our_mistake, SIGABRT, 0, 2);
    return check_run("conf", t);
}
