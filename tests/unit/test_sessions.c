/* Which tokens are trusted, and what takes the trust away. */
#include <string.h>

#include "common/cleanup.h"
#include "gateway/sessions.h"
#include "tests/unit/check_main.h"

#define MS   INT64_C(1000)
#define WALL INT64_C(1700000000)

static struct sessions *s;
static int64_t now; /* us */

static void setup(void)
{
    s = sessions_new(64);
    now = 1000000 * MS;
}

static void teardown(void)
{
    sessions_drop(&s);
}

static const unsigned char *digest(unsigned n)
{
    static unsigned char d[DIGEST_SIZE];

    digest_sha256(&n, sizeof n, d);
    return d;
}

static void event(uint64_t newest, uint32_t count, const uint64_t *ids)
{
    char data[80] = {0};

    for (uint32_t i = 0; i < count; i++)
        for (int b = 0; b < 8; b++)
            data[i * 8 + (uint32_t)b] = (char)(ids[i] >> (8 * b));
    sessions_event(s, newest, count, data, count * 8, now);
}

static void remember(unsigned token, int64_t session, int64_t seq)
{
    const struct session_entry e = {.account = 5, .session = session, .expires = WALL + 60};

    sessions_add(s, digest(token), &e, seq, sessions_ticket(s));
}

static enum session_trust find(unsigned token)
{
    struct session_entry e = {0};
    enum session_trust t = sessions_find(s, digest(token), now, WALL, &e);

    if (t != SESSION_UNKNOWN)
        ck_assert_int_eq(e.account, 5);
    return t;
}

START_TEST(trusted_while_events_come)
{
    ck_assert_int_eq(find(1), SESSION_UNKNOWN);
    event(0, 0, NULL);
    remember(1, 10, 0);
    ck_assert_int_eq(find(1), SESSION_TRUSTED);
    ck_assert_int_eq(find(2), SESSION_UNKNOWN);
    now += 900 * MS;
    ck_assert_int_eq(find(1), SESSION_TRUSTED);
    event(0, 0, NULL);
    now += 900 * MS;
    ck_assert_int_eq(find(1), SESSION_TRUSTED);
}
END_TEST

START_TEST(nothing_is_trusted_before_the_first_event)
{
    remember(1, 10, 0);
    ck_assert_int_eq(find(1), SESSION_DOUBTED);
    event(0, 0, NULL);
    ck_assert_int_eq(find(1), SESSION_DOUBTED);
    remember(1, 10, 0);
    ck_assert_int_eq(find(1), SESSION_TRUSTED);
}
END_TEST

START_TEST(silence_takes_the_trust_of_all)
{
    event(0, 0, NULL);
    remember(1, 10, 0);
    now += (SESSIONS_SILENCE_MS + 1) * MS;
    ck_assert_int_eq(find(1), SESSION_DOUBTED);
    /* checked again, and still silent: checked at each use */
    remember(1, 10, 0);
    ck_assert_int_eq(find(1), SESSION_DOUBTED);
    event(0, 0, NULL);
    ck_assert_int_eq(find(1), SESSION_DOUBTED);
    remember(1, 10, 0);
    ck_assert_int_eq(find(1), SESSION_TRUSTED);
}
END_TEST

START_TEST(a_revocation_removes_its_session_only)
{
    event(0, 0, NULL);
    remember(1, 10, 0);
    remember(2, 10, 0);
    remember(3, 11, 0);
    event(1, 1, (const uint64_t[]){10});
    ck_assert_int_eq(find(1), SESSION_UNKNOWN);
    ck_assert_int_eq(find(2), SESSION_UNKNOWN);
    ck_assert_int_eq(find(3), SESSION_TRUSTED);
    /* the same news again, and news of others */
    event(1, 1, (const uint64_t[]){10});
    event(3, 3, (const uint64_t[]){10, 98, 99});
    ck_assert_int_eq(find(3), SESSION_TRUSTED);
    event(4, 2, (const uint64_t[]){99, 11});
    ck_assert_int_eq(find(3), SESSION_UNKNOWN);
}
END_TEST

START_TEST(a_gap_takes_the_trust_of_all)
{
    event(0, 0, NULL);
    remember(1, 10, 0);
    event(5, 2, (const uint64_t[]){1, 2});
    ck_assert_int_eq(find(1), SESSION_DOUBTED);
    remember(1, 10, 5);
    ck_assert_int_eq(find(1), SESSION_TRUSTED);
    /* numbers that go back are another database, or an authd that looked earlier */
    event(4, 4, (const uint64_t[]){6, 7, 1, 2});
    ck_assert_int_eq(find(1), SESSION_DOUBTED);
}
END_TEST

START_TEST(an_answer_older_than_the_news_is_not_remembered)
{
    event(3, 0, NULL);
    remember(1, 10, 2);
    ck_assert_int_eq(find(1), SESSION_UNKNOWN);
    remember(1, 10, -1);
    ck_assert_int_eq(find(1), SESSION_UNKNOWN);
    remember(1, 10, 3);
    ck_assert_int_eq(find(1), SESSION_TRUSTED);
}
END_TEST

START_TEST(an_end_here_counts_at_once)
{
    const struct session_entry e = {.account = 5, .session = 10, .expires = WALL + 60};
    uint64_t ticket;

    event(0, 0, NULL);
    remember(1, 10, 0);
    ticket = sessions_ticket(s);
    sessions_ended(s, 10);
    ck_assert_int_eq(find(1), SESSION_UNKNOWN);
    /* a check that began before the end tells nothing */
    sessions_add(s, digest(1), &e, 0, ticket);
    ck_assert_int_eq(find(1), SESSION_UNKNOWN);
}
END_TEST

START_TEST(expiry)
{
    struct session_entry e;

    event(0, 0, NULL);
    remember(1, 10, 0);
    ck_assert_int_eq(sessions_find(s, digest(1), now, WALL + 59, &e), SESSION_TRUSTED);
    ck_assert_int_eq(sessions_find(s, digest(1), now, WALL + 60, &e), SESSION_UNKNOWN);
}
END_TEST

START_TEST(bounded)
{
    unsigned known = 0;

    event(0, 0, NULL);
    for (unsigned i = 0; i < 1000; i++)
        remember(i, 10 + i, 0);
    for (unsigned i = 0; i < 1000; i++)
        known += find(i) == SESSION_TRUSTED;
    ck_assert_uint_le(known, 64);
    ck_assert_uint_ge(known, 32);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("sessions");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, trusted_while_events_come);
    tcase_add_test(tests, nothing_is_trusted_before_the_first_event);
    tcase_add_test(tests, silence_takes_the_trust_of_all);
    tcase_add_test(tests, a_revocation_removes_its_session_only);
    tcase_add_test(tests, a_gap_takes_the_trust_of_all);
    tcase_add_test(tests, an_answer_older_than_the_news_is_not_remembered);
    tcase_add_test(tests, an_end_here_counts_at_once);
    tcase_add_test(tests, expiry);
    tcase_add_test(tests, bounded);
    return check_run("sessions", tests);
}
