/* chatd/peers.h: who is dead, by beats seen on one's own clock. */
#include "chatd/peers.h"

#include <stdio.h>

#include "tests/unit/check_main.h"

#define LOOK_US  250000 /* between two rounds */
#define START_US 50000000

static struct peers peers;
static int64_t now_us;

static void begin(void)
{
    now_us = START_US;
    peers = (struct peers){0};
}

static void end(void)
{
    peers_forget(&peers);
}

/* One round in which only "a" is listed. */
static bool look(int64_t beat)
{
    bool dead;

    peers_begin(&peers, now_us);
    dead = peer_seen(&peers, "a", beat);
    peers_end(&peers);
    return dead;
}

/* Rounds with that beat until it is found dead; returns the microseconds that this took. */
static int64_t watch(int64_t beat)
{
    int64_t since = now_us;

    while (!look(beat)) {
        ck_assert_int_le(now_us - since, 10 * PEER_SILENT_US);
        now_us += LOOK_US;
    }
    return now_us - since;
}

START_TEST(a_beat_that_stands_still_is_dead_after_3_s)
{
    ck_assert_int_eq(watch(7), PEER_SILENT_US);
}
END_TEST

START_TEST(a_beat_that_moves_is_alive)
{
    for (int i = 0; i < 200; i++, now_us += LOOK_US)
        ck_assert(!look(i / 11)); /* each 2.75 s */
}
END_TEST

START_TEST(any_other_beat_is_a_sign_of_life)
{
    for (int i = 0; i < 11; i++, now_us += LOOK_US)
        ck_assert(!look(7));
    ck_assert_int_eq(watch(3), PEER_SILENT_US); /* the table was restored, say */
}
END_TEST

START_TEST(a_lost_connection_proves_nothing)
{
    for (int i = 0; i < 11; i++, now_us += LOOK_US)
        ck_assert(!look(7));
    peers_forget(&peers);
    ck_assert_int_eq(watch(7), PEER_SILENT_US);
}
END_TEST

/* Everything was stopped at once, say: nobody could have beaten meanwhile. */
START_TEST(a_long_gap_counts_as_a_short_one)
{
    for (int i = 0; i < 5; i++, now_us += LOOK_US)
        ck_assert(!look(7)); /* watched for a second */
    now_us += 100 * PEER_GAP_US - LOOK_US;
    ck_assert_int_eq(watch(7), PEER_SILENT_US - 1000000 - PEER_GAP_US);
}
END_TEST

/* On a busy machine a round may take longer than it should: who is dead is found all the same. */
START_TEST(slow_rounds_find_the_dead)
{
    int rounds = 0;

    for (; !look(7); rounds++)
        now_us += 3 * PEER_GAP_US / 2;
    ck_assert_int_eq(rounds, PEER_SILENT_US / PEER_GAP_US);
}
END_TEST

START_TEST(a_short_gap_is_no_gap)
{
    int64_t since = now_us;

    while (!look(7))
        now_us += PEER_GAP_US;
    ck_assert_int_eq(now_us - since, PEER_SILENT_US);
}
END_TEST

START_TEST(who_is_not_listed_is_forgotten)
{
    for (int i = 0; i < 11; i++, now_us += LOOK_US)
        ck_assert(!look(7));
    peers_begin(&peers, now_us);
    ck_assert(!peer_seen(&peers, "b", 1));
    peers_end(&peers);
    ck_assert_int_eq(peers.count, 1);
    ck_assert_str_eq(peers.list[0].id, "b");
    now_us += LOOK_US;
    ck_assert_int_eq(watch(7), PEER_SILENT_US);
}
END_TEST

START_TEST(each_by_itself)
{
    for (int i = 0; i < 12; i++, now_us += LOOK_US) {
        peers_begin(&peers, now_us);
        ck_assert(!peer_seen(&peers, "dead", 1));
        ck_assert(!peer_seen(&peers, "alive", i));
        peers_end(&peers);
    }
    peers_begin(&peers, now_us);
    ck_assert(peer_seen(&peers, "dead", 1));
    ck_assert(!peer_seen(&peers, "alive", 11));
    ck_assert(!peer_seen(&peers, "new", 0));
    peers_end(&peers);
    ck_assert_int_eq(peers.count, 3);
}
END_TEST

START_TEST(there_are_never_more_than_fit)
{
    char id[16];

    for (int round = 0; round < 20; round++, now_us += LOOK_US) {
        peers_begin(&peers, now_us);
        for (int i = 0; i < PEERS_MAX + 10; i++) {
            snprintf(id, sizeof id, "p%d", i);
            ck_assert(peer_seen(&peers, id, 1) == (i < PEERS_MAX && round >= 12));
        }
        peers_end(&peers);
        ck_assert_int_eq(peers.count, PEERS_MAX);
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("peers");

    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, a_beat_that_stands_still_is_dead_after_3_s);
    tcase_add_test(t, a_beat_that_moves_is_alive);
    tcase_add_test(t, any_other_beat_is_a_sign_of_life);
    tcase_add_test(t, a_lost_connection_proves_nothing);
    tcase_add_test(t, a_long_gap_counts_as_a_short_one);
    tcase_add_test(t, slow_rounds_find_the_dead);
    tcase_add_test(t, a_short_gap_is_no_gap);
    tcase_add_test(t, who_is_not_listed_is_forgotten);
    tcase_add_test(t, each_by_itself);
    tcase_add_test(t, there_are_never_more_than_fit);
    return check_run("peers", t);
}
