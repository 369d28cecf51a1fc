/* common/conf.h: what SIGHUP takes over, what it leaves alone, and settings that contradict. */
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/conf.h"
#include "common/conf_table.h"
#include "common/log.h"
#include "tests/unit/check_main.h"

static char dir[64], said[65536];
static char *argv[] = {(char[]){"prog"}, (char[]){"--set"}, (char[]){"HISTORY_TOKENS=7"}, NULL};

static const char *path_of(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void write_conf(const char *content)
{
    FILE *f = fopen(path_of("chatbot.conf"), "w");

    ck_assert_ptr_nonnull(f);
    fputs(content, f);
    fclose(f);
}

static void setup(void)
{
    snprintf(dir, sizeof dir, "/tmp/test_conf_reload.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    for (int s = 0; s < SET_COUNT; s++)
        unsetenv(setting_rows[s].name);
    unsetenv("CREDENTIALS_DIRECTORY");
    unsetenv("CHATBOT_ENV_FILE");
    setenv("CHATBOT_CONF_DIR", dir, 1);
    ck_assert_ptr_nonnull(freopen(path_of("said"), "w+", stderr));
    setvbuf(stderr, NULL, _IONBF, 0);
    log_name("prog");
}

static void teardown(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    ck_assert_int_eq(system(command), 0);
}

static const char *said_so_far(void)
{
    FILE *f = fopen(path_of("said"), "r");
    size_t n;

    ck_assert_ptr_nonnull(f);
    n = fread(said, 1, sizeof said - 1, f);
    said[n] = '\0';
    fclose(f);
    return said;
}

static struct conf *loaded(const char *content)
{
    struct conf *c = NULL;

    write_conf(content);
    ck_assert_int_eq(conf_load(SVC_CHAT, "prog", 3, argv, &c), 0);
    return c;
}

START_TEST(live_ones_change)
{
    cleanup(conf_drop) struct conf *c = loaded("OPENAI_MODEL=one\nTIMEOUT_TURN=10\n");
    const char *before = conf_str(c, SET_OPENAI_MODEL);

    write_conf("OPENAI_MODEL=two\nQUEUE_MAX=5\n");
    ck_assert_int_eq(conf_reload(c), 0);
    ck_assert_str_eq(conf_str(c, SET_OPENAI_MODEL), "two");
    ck_assert_int_eq(conf_i64(c, SET_QUEUE_MAX), 5);
    ck_assert_int_eq(conf_i64(c, SET_TIMEOUT_TURN), 600); /* the default again */
    ck_assert_str_eq(before, "one");                      /* a thread may still be reading it */
    ck_assert(conf_given(c, SET_QUEUE_MAX) && !conf_given(c, SET_TIMEOUT_TURN));
    ck_assert_ptr_nonnull(strstr(said_so_far(), "event=setting name=OPENAI_MODEL value=\"two\""));
    ck_assert_ptr_nonnull(strstr(said, "name=TIMEOUT_TURN value=\"600\""));
}
END_TEST

START_TEST(those_of_conversations_change)
{
    cleanup(conf_drop) struct conf *c = loaded("RETENTION_DAYS=30\n");

    write_conf("TITLES=off\nTITLE_MODEL=small\nSEARCH_LANGUAGE=german\nSEARCH_TIMEOUT=500\n");
    ck_assert_int_eq(conf_reload(c), 0);
    ck_assert(!conf_bool(c, SET_TITLES));
    ck_assert_str_eq(conf_str(c, SET_TITLE_MODEL), "small");
    ck_assert_str_eq(conf_str(c, SET_SEARCH_LANGUAGE), "german");
    ck_assert_int_eq(conf_i64(c, SET_SEARCH_TIMEOUT), 500);
    ck_assert_int_eq(conf_i64(c, SET_RETENTION_DAYS), 0);
    ck_assert_ptr_null(strstr(said_so_far(), "needs_restart"));
}
END_TEST

START_TEST(others_wait_for_a_restart)
{
    cleanup(conf_drop) struct conf *c = loaded("MAX_TURNS=8\n");

    write_conf("MAX_TURNS=9\nQUEUE_MAX=5\n");
    ck_assert_int_eq(conf_reload(c), 0);
    ck_assert_int_eq(conf_i64(c, SET_MAX_TURNS), 8);
    ck_assert_int_eq(conf_i64(c, SET_QUEUE_MAX), 5);
    ck_assert_ptr_nonnull(
        strstr(said_so_far(), "<4>svc=prog event=setting_needs_restart name=MAX_TURNS\n"));
}
END_TEST

START_TEST(nothing_new_says_nothing)
{
    cleanup(conf_drop) struct conf *c = loaded("QUEUE_MAX=5\n");

    ck_assert_int_eq(conf_reload(c), 0);
    ck_assert_str_eq(said_so_far(), "");
}
END_TEST

START_TEST(the_command_line_still_wins)
{
    cleanup(conf_drop) struct conf *c = loaded("");

    write_conf("HISTORY_TOKENS=99\n");
    ck_assert_int_eq(conf_reload(c), 0);
    ck_assert_int_eq(conf_i64(c, SET_HISTORY_TOKENS), 7);
}
END_TEST

START_TEST(wrong_ones_change_nothing)
{
    static const char *const wrong[] = {
        "QUEUE_MAX=5\nQUEUE_MX=1\n", "QUEUE_MAX=0\n", "QUEUE_MAX=5\nHISTORY_TOKENS\n",
        "QUEUE_MAX=5\nQUEUE_MAX=6\n", "MAX_TURNS=3\nMAX_TURNS_PER_USER=4\n"};
    cleanup(conf_drop) struct conf *c = loaded("QUEUE_MAX=77\n");
    char line[128];

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        write_conf(wrong[i]);
        ck_assert_int_eq(conf_reload(c), CONF_EXIT_SETTINGS);
        ck_assert_int_eq(conf_i64(c, SET_QUEUE_MAX), 77);
    }
    snprintf(line, sizeof line, "at=%s/chatbot.conf:2 name=\"QUEUE_MX\"", dir);
    ck_assert_ptr_nonnull(strstr(said_so_far(), line));
    ck_assert_ptr_null(strstr(said, "event=setting name"));
}
END_TEST

/* Each replaced text is kept, so there is an end to it. */
START_TEST(texts_have_a_bound)
{
    cleanup(conf_drop) struct conf *c = loaded("");
    char text[64];

    for (int i = 0; i < 300; i++) {
        snprintf(text, sizeof text, "OPENAI_MODEL=m%d\n", i);
        write_conf(text);
        ck_assert_int_eq(conf_reload(c), 0);
    }
    ck_assert_str_eq(conf_str(c, SET_OPENAI_MODEL), "m255");
    ck_assert_ptr_nonnull(strstr(said_so_far(), "event=setting_needs_restart name=OPENAI_MODEL"));
}
END_TEST

START_TEST(contradictions)
{
    struct conf *c = NULL;
    char line[256];

    write_conf("MAX_TURNS=3\n\nMAX_TURNS_PER_USER=4\n");
    ck_assert_int_eq(conf_load(SVC_CHAT, "prog", 1, argv, &c), CONF_EXIT_SETTINGS);
    snprintf(line, sizeof line,
             "%s/chatbot.conf:3: \"MAX_TURNS_PER_USER\": must not be more than MAX_TURNS "
             "(%s/chatbot.conf:1)",
             dir, dir);
    ck_assert_msg(strstr(said_so_far(), line) != NULL, "%s", said);
    write_conf("MAX_TOKENS_PER_USER_DAY=10\nMAX_TOKENS_PER_DAY=9\n");
    ck_assert_int_eq(conf_load(SVC_CHAT, "prog", 1, argv, &c), CONF_EXIT_SETTINGS);
    /* 0 is no limit; a default bows to what was given */
    write_conf("MAX_TOKENS_PER_USER_DAY=10\nMAX_TOKENS_PER_DAY=0\nTIMEOUT_TURN=6\nMAX_TURNS=1\n");
    ck_assert_int_eq(conf_load(SVC_CHAT, "prog", 1, argv, &c), 0);
    conf_drop(&c);
}
END_TEST

START_TEST(one_without_the_other)
{
    struct conf *c = NULL;
    char line[160];

    write_conf("\nBUS_LISTEN=10.0.0.1\n");
    ck_assert_int_eq(conf_load(SVC_GATEWAY, "prog", 1, argv, &c), CONF_EXIT_SETTINGS);
    snprintf(line, sizeof line, "%s/chatbot.conf:2: \"BUS_LISTEN\": needs BUS_PEERS", dir);
    ck_assert_msg(strstr(said_so_far(), line) != NULL, "%s", said);
    /* a key alone: of a daemon, and of a gateway */
    setenv("BUS_KEY", "0123456789012345678901234567890123456789012345678901234567890123", 1);
    write_conf("");
    ck_assert_int_eq(conf_load(SVC_CHAT, "prog", 1, argv, &c), CONF_EXIT_SETTINGS);
    ck_assert_ptr_nonnull(strstr(said_so_far(), "environment: \"BUS_KEY\": needs BUS_GATEWAYS"));
    ck_assert_int_eq(conf_load(SVC_GATEWAY, "prog", 1, argv, &c), CONF_EXIT_SETTINGS);
    ck_assert_ptr_nonnull(strstr(said_so_far(), "environment: \"BUS_KEY\": needs BUS_LISTEN"));
    /* what is of another process says nothing here */
    write_conf("BUS_GATEWAYS=x\nBUS_PEERS=\n");
    ck_assert_int_eq(conf_load(SVC_CHAT, "prog", 1, argv, &c), 0);
    conf_drop(&c);
}
END_TEST

START_TEST(defaults_agree)
{
    int64_t less, more;

    for (const struct setting_order *o = setting_orders; o->less != o->more; o++) {
        ck_assert_int_eq(setting_rows[o->less].type, SETTING_I64);
        ck_assert_int_eq(setting_rows[o->more].type, SETTING_I64);
        ck_assert(setting_read(o->less, setting_rows[o->less].otherwise, &less));
        ck_assert(setting_read(o->more, setting_rows[o->more].otherwise, &more));
        ck_assert_msg(more == 0 || less <= more, "%s", setting_rows[o->less].name);
    }
}
END_TEST

static enum setting no_echo(const struct conf *c, const char **reterr_why)
{
    *reterr_why = "must not be echo";
    return strcmp(conf_str(c, SET_OPENAI_MODEL), "echo") == 0 ? SET_OPENAI_MODEL : SET_COUNT;
}

START_TEST(the_process_has_a_say)
{
    struct conf *c = NULL;
    char line[128];

    conf_check_with(no_echo);
    write_conf("\nOPENAI_MODEL=echo\n");
    ck_assert_int_eq(conf_load(SVC_CHAT, "prog", 1, argv, &c), CONF_EXIT_SETTINGS);
    snprintf(line, sizeof line, "%s/chatbot.conf:2: \"OPENAI_MODEL\": must not be echo", dir);
    ck_assert_msg(strstr(said_so_far(), line) != NULL, "%s", said);
    c = loaded("OPENAI_MODEL=other\n");
    write_conf("OPENAI_MODEL=echo\nQUEUE_MAX=5\n");
    ck_assert_int_eq(conf_reload(c), CONF_EXIT_SETTINGS);
    ck_assert_str_eq(conf_str(c, SET_OPENAI_MODEL), "other");
    conf_drop(&c);
}
END_TEST

/* No descriptor is left, for as long as this says so. */
static void descriptors(bool none)
{
    static struct rlimit before;
    struct rlimit now;

    if (none) {
        ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
        now = (struct rlimit){.rlim_cur = 3, .rlim_max = before.rlim_max};
    }
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, none ? &now : &before), 0);
}

/* Where settings may be: each names the directory with chatbot.conf and conf.d. */
static const char *const places[] = {"CHATBOT_CONF_DIR", "CREDENTIALS_DIRECTORY",
                                     "CHATBOT_ENV_FILE"};

START_TEST(no_descriptor_is_no_wrong_setting)
{
    struct conf *c = NULL;
    int r;

    write_conf("EXECUTION=none\n"); /* what is wrong here is not known yet */
    unsetenv("CHATBOT_CONF_DIR");
    setenv(places[_i], _i == 2 ? path_of("chatbot.conf") : dir, 1);
    descriptors(true);
    r = conf_load(SVC_CHAT, "prog", 1, argv, &c);
    descriptors(false);
    unsetenv(places[_i]);
    ck_assert_int_eq(r, EXIT_FAILURE);
    ck_assert_ptr_null(c);
    said_so_far();
    ck_assert_ptr_nonnull(strstr(said, ": cannot be read now: Too many open files\n"));
    ck_assert_ptr_eq(strchr(said, '\n'), strrchr(said, '\n')); /* one line of it */
}
END_TEST

START_TEST(no_descriptor_changes_nothing)
{
    cleanup(conf_drop) struct conf *c = loaded("QUEUE_MAX=5\nMAIL_URL=\n");
    int r;

    write_conf("QUEUE_MAX=6\n");
    descriptors(true);
    r = conf_reload(c);
    descriptors(false);
    ck_assert_int_eq(r, EXIT_FAILURE);
    ck_assert_int_eq(conf_i64(c, SET_QUEUE_MAX), 5);
    ck_assert_ptr_nonnull(strstr(said_so_far(), "<3>svc=prog event=settings_unread at="));
    ck_assert_ptr_null(strstr(said, "setting_refused"));
    ck_assert_int_eq(conf_reload(c), 0);
    ck_assert_int_eq(conf_i64(c, SET_QUEUE_MAX), 6);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("conf_reload");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, live_ones_change);
    tcase_add_test(t, those_of_conversations_change);
    tcase_add_test(t, others_wait_for_a_restart);
    tcase_add_test(t, nothing_new_says_nothing);
    tcase_add_test(t, the_command_line_still_wins);
    tcase_add_test(t, wrong_ones_change_nothing);
    tcase_add_test(t, texts_have_a_bound);
    tcase_add_test(t, contradictions);
    tcase_add_test(t, defaults_agree);
    tcase_add_test(t, one_without_the_other);
    tcase_add_test(t, the_process_has_a_say);
    tcase_add_loop_test(t, no_descriptor_is_no_wrong_setting, 0, 3);
    tcase_add_test(t, no_descriptor_changes_nothing);
    return check_run("conf_reload", t);
}
