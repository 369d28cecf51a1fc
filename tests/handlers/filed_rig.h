#pragma once
/* filed's handlers on a real database and a directory of their own: what their tests share. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/transfer.h"
#include "filed/filed.h"
#include "filed/mime.h"
#include "filed/queries.h"
#include "filed/store.h"
#include "tests/harness/harness.h"
#include "tests/unit/check_main.h"

#define ALICE   7000001
#define BOB     7000002
#define PROJECT 9000001
#define FOREIGN 9000002 /* Bob's */

static const struct query queries[] = {
#define QUERY(name, sql) {#name, sql},
#include "filed/queries.def"
    {0},
};

static char dir[] = "/tmp/chatbot-filed-XXXXXX";
static struct filed filed;
static struct transfer *transfer;
static struct call *c;

/* What projectd would say. */
static int access_fake(struct call *call, int64_t project_id)
{
    return project_id == (call->caller == ALICE ? PROJECT : FOREIGN) ? DONE : NOT_FOUND;
}

static void begin(void)
{
    memcpy(dir + sizeof dir - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(dir));
    filed = (struct filed){.storage_per_user = 1000, .access = access_fake, .mime = mime_new()};
    ck_assert_int_eq(store_open(dir, "me", 0, &filed.store), DONE);
    harness_open("filed", "file", queries, &filed);
    c = harness_call(OP_file_list, ALICE);
}

static void end(void)
{
    char command[80];

    harness_close();
    if (transfer)
        transfer_close(&transfer);
    store_drop(&filed.store);
    mime_drop(&filed.mime);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}

/* The first value of a statement, as a number; -1: none. */
static inline int64_t number(const char *fmt, int64_t value)
{
    char sql[512];
    const char *found;

    snprintf(sql, sizeof sql, fmt, value);
    found = harness_sql(c, sql);
    return found ? strtoll(found, NULL, 10) : -1;
}

/* ---- uploads ---- */

static void send_piece(uint32_t n, const char *text, size_t size, int last)
{
    zmq_msg_t payload;
    struct envelope e = {.kind = FRAME_DATA, .id = 1, .n = n, .last = (uint8_t)last};

    zmq_msg_init_size(&payload, size);
    memcpy(zmq_msg_data(&payload), text, size);
    transfer_data(transfer, &e, &payload);
    zmq_msg_close(&payload);
}

static inline void upload_begin(int64_t owner, const char *text, int last)
{
    uint32_t n = 1;

    if (transfer) {
        harness_call(OP_file_list, owner);
        transfer_close(&transfer);
    }
    transfer = transfer_open(NULL, 0, 0, 1);
    for (size_t left = strlen(text); left; n++) {
        size_t piece = left < DATA_MAX ? left : DATA_MAX;
        send_piece(n, text, piece, DATA_MORE);
        text += piece;
        left -= piece;
    }
    send_piece(n, "", 0, last);
    c = harness_call(OP_file_create, owner);
    c->transfer = transfer;
}

static inline int upload_run(const struct file_create_in *in)
{
    int r = file_create_prepare(c, in);

    return r ? r : file_create(c, in);
}

static inline int upload(int64_t owner, const char *name, const char *text)
{
    struct file_create_in in = {.project_id = owner == ALICE ? PROJECT : FOREIGN, .filename = name};

    upload_begin(owner, text, DATA_LAST);
    return upload_run(&in);
}

static inline int64_t uploaded(int64_t owner, const char *name, const char *text)
{
    int64_t id;

    ck_assert_int_eq(upload(owner, name, text), DONE);
    id = reply_i64(c, "id");
    c = harness_call(OP_file_list, owner); /* the runtime's end of the call */
    return id;
}

static inline int file_drop(int64_t caller, int64_t id)
{
    struct file_delete_in in = {.file_id = id};

    c = harness_call(OP_file_delete, caller);
    return file_delete(c, &in);
}
