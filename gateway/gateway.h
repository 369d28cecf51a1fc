#pragma once
/* The parts of one gateway process; made by main.c, then only read. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct access_log;
struct addresses;
struct admit_transfers;
struct auth;
struct broker;
struct cors;
struct hosts;
struct http_server;
struct metrics;
struct probe;
struct proxies;
struct rate_table;
struct streams;

struct gateway {
    struct broker *broker;
    struct http_server *http;
    struct probe *probe; /* asks the one above */
    struct auth *auth;
    _Atomic(struct cors *) cors; /* a reload makes a new one */
    struct proxies *proxies;
    struct hosts *hosts;
    struct addresses *addresses;
    struct rate_table *rates; /* NULL: no limits */
    struct metrics *metrics;
    struct streams *streams;
    struct access_log *access_log; /* NULL: none */
    atomic_int_fast64_t request_wait_ms, chat_wait_ms, transfer_rate, slow_request_ms;
    unsigned threads;
    atomic_uint requests, chats; /* being served, see admit.c */
    struct admit_transfers *transfers;
    atomic_bool stopping; /* blocking chats answer now what they have */
};
