/* What daemons count, as text, and how the gateway puts several of them together. */
#include "common/meters.h"

#include <string.h>

#include "common/text.h"
#include "gateway/meters.h"
#include "tests/unit/check_main.h"

enum { M_ends_total = RUNTIME_METERS, M_running, M_wait_seconds };
static const struct meter table[] = {
    {"ends_total", METER_COUNTER, "how", "well|badly", "Ends"},
    {"running", METER_GAUGE, NULL, NULL, "What runs"},
    {"wait_seconds", METER_HISTOGRAM, NULL, "0.1|2", "How long it took"},
    {0},
};

static struct meters *meters;
static struct text out;

static void begin(void)
{
    meters = meters_new("chat", "abc", table);
}

static void end(void)
{
    meters_drop(&meters);
    text_drop(&out);
}

static void has(const char *line)
{
    ck_assert_msg(out.data && strstr(out.data, line), "no %s in %s", line, out.data);
}

START_TEST(all_begin_at_zero)
{
    meters_write(meters, &out);
    has("# HELP chatbot_chat_events_dropped_total ");
    has("# TYPE chatbot_chat_ends_total counter\n"
        "chatbot_chat_ends_total{instance=\"abc\",how=\"well\"} 0\n"
        "chatbot_chat_ends_total{instance=\"abc\",how=\"badly\"} 0\n");
    has("# TYPE chatbot_chat_running gauge\nchatbot_chat_running{instance=\"abc\"} 0\n");
    has("chatbot_chat_wait_seconds_count{instance=\"abc\"} 0\n");
}
END_TEST

START_TEST(numbers)
{
    meter_add(meters, M_ends_total, "badly", 2);
    meter_add(meters, M_ends_total, "badly", 1);
    meter_set(meters, M_running, NULL, 7);
    meter_set(meters, M_running, NULL, 5);
    meters_write(meters, &out);
    has("{instance=\"abc\",how=\"well\"} 0\n");
    has("{instance=\"abc\",how=\"badly\"} 3\n");
    has("chatbot_chat_running{instance=\"abc\"} 5\n");
}
END_TEST

START_TEST(spread)
{
    meter_observe(meters, M_wait_seconds, 100000); /* on the bound */
    meter_observe(meters, M_wait_seconds, 100001);
    meter_observe(meters, M_wait_seconds, 9000000);
    meters_write(meters, &out);
    has("_bucket{instance=\"abc\",le=\"0.1\"} 1\n");
    has("_bucket{instance=\"abc\",le=\"2\"} 2\n");
    has("_bucket{instance=\"abc\",le=\"+Inf\"} 3\n");
    has("_sum{instance=\"abc\"} 9.200001\n");
    has("_count{instance=\"abc\"} 3\n");
}
END_TEST

START_TEST(nobody_counts)
{
    meter_add(NULL, M_ends_total, "well", 1);
    meter_set(NULL, M_running, NULL, 1);
    meter_observe(NULL, M_wait_seconds, 1);
}
END_TEST

START_TEST(merged)
{
    struct text texts[3] = {0};

    text_puts(&texts[0], "# HELP a A\n# TYPE a gauge\na{i=\"0\"} 1\n"
                         "# HELP b B\n# TYPE b gauge\nb{i=\"0\"} 2\n");
    text_puts(&texts[2], "# HELP b B\n# TYPE b gauge\nb{i=\"2\"} 3\n"
                         "# HELP ab C\n# TYPE ab gauge\nab{i=\"2\"} 4\n"
                         "# HELP a A\n# TYPE a gauge\na{i=\"2\"} 5\n");
    meters_merge(texts, 3, &out);
    ck_assert_str_eq(out.data, "# HELP a A\n# TYPE a gauge\na{i=\"0\"} 1\na{i=\"2\"} 5\n"
                               "# HELP b B\n# TYPE b gauge\nb{i=\"0\"} 2\nb{i=\"2\"} 3\n"
                               "# HELP ab C\n# TYPE ab gauge\nab{i=\"2\"} 4\n");
    text_drop(&texts[0]);
    text_drop(&texts[2]);
}
END_TEST

START_TEST(nonsense_is_left_out)
{
    struct text texts[2] = {0};

    text_puts(&texts[0], "a 1\n");
    text_puts(&texts[1], "# HELP");
    meters_merge(texts, 2, &out);
    ck_assert_uint_eq(out.size, 0);
    text_drop(&texts[0]);
    text_drop(&texts[1]);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("meters");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, all_begin_at_zero);
    tcase_add_test(t, numbers);
    tcase_add_test(t, spread);
    tcase_add_test(t, nobody_counts);
    tcase_add_test(t, merged);
    tcase_add_test(t, nonsense_is_left_out);
    return check_run("meters", t);
}
