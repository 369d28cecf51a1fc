/* common/arena.h: what an allocation may rely on, and what a reset keeps. */
#include "common/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "tests/unit/check_main.h"

static bool is_all(const char *p, size_t n, int byte)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)p[i] != byte)
            return false;
    return true;
}

START_TEST(allocations_are_apart_aligned_and_zero)
{
    struct arena a = {0};
    char *p[500];
    size_t sizes[] = {0, 1, 15, 16, 17, 100, 4096, 5000, 16383, 16384, 70000};

    for (int i = 0; i < 500; i++) {
        size_t n = sizes[i % 11];
        p[i] = arena_alloc(&a, n);
        ck_assert_ptr_nonnull(p[i]);
        ck_assert_uint_eq((uintptr_t)p[i] % _Alignof(max_align_t), 0);
        ck_assert(is_all(p[i], n, 0));
        memset(p[i], i % 255 + 1, n);
    }
    for (int i = 0; i < 500; i++)
        ck_assert(is_all(p[i], sizes[i % 11], i % 255 + 1));
    arena_drop(&a);
    ck_assert_ptr_null(a.top);
}
END_TEST

START_TEST(reset_gives_zeroed_memory_again)
{
    struct arena a = {0};

    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 100; i++) {
            char *p = arena_alloc(&a, 1000);
            ck_assert(is_all(p, 1000, 0));
            memset(p, 0xff, 1000);
        }
        arena_reset(&a);
    }
    arena_reset(&a);
    arena_drop(&a);
    arena_reset(&a);
    arena_drop(&a);
}
END_TEST

START_TEST(reset_keeps_one_block_for_the_next_call)
{
    struct arena a = {0};
    void *block;

    arena_alloc(&a, 100);
    arena_reset(&a);
    block = a.top;
    ck_assert_ptr_nonnull(block);
    for (int i = 0; i < 100; i++) {
        arena_alloc(&a, 3000);
        ck_assert_ptr_eq(a.top, block);
        arena_reset(&a);
    }
    /* but nothing large */
    arena_drop(&a);
    arena_alloc(&a, 1 << 20);
    arena_reset(&a);
    ck_assert_ptr_null(a.top);
}
END_TEST

START_TEST(large_requests_leave_the_block_in_use)
{
    struct arena a = {0};
    char *small = arena_alloc(&a, 16), *next;

    arena_alloc(&a, 1 << 20);
    arena_alloc(&a, 1 << 20);
    next = arena_alloc(&a, 16);
    ck_assert_int_eq(next - small, 16);
    arena_drop(&a);
}
END_TEST

START_TEST(strings)
{
    struct arena a = {0};
    char *long_one = arena_printf(&a, "%0*d", 20000, 7);

    ck_assert_str_eq(arena_strndup(&a, "abcdef", 3), "abc");
    ck_assert_str_eq(arena_strndup(&a, NULL, 0), "");
    ck_assert_mem_eq(arena_strndup(&a, "a\0b", 3), "a\0b\0", 4);
    ck_assert_str_eq(arena_printf(&a, "%s-%d", "x", -5), "x--5");
    ck_assert_str_eq(arena_printf(&a, "%s", ""), "");
    ck_assert_uint_eq(strlen(long_one), 20000);
    ck_assert_int_eq(long_one[19999], '7');
    arena_drop(&a);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("arena");

    tcase_add_test(t, allocations_are_apart_aligned_and_zero);
    tcase_add_test(t, reset_gives_zeroed_memory_again);
    tcase_add_test(t, reset_keeps_one_block_for_the_next_call);
    tcase_add_test(t, large_requests_leave_the_block_in_use);
    tcase_add_test(t, strings);
    return check_run("arena", t);
}
