/*
 * A daemon's end of the bus without its thread and sockets: gateways that say anything at any time,
 * workers that serve what came in, ask other services, uploads, downloads, links that fail and are
 * forgotten.  Each request is answered once, as each question is, bytes arrive in order and only
 * within their windows, nothing is left.
 */
#include "common/bus.c"

#include "common/digest.h"
#include "common/serve.h"
#include "tests/fuzz/link_rig.h"

/* ---- gateways ---- */

static void request_make(struct envelope *e, uint8_t how)
{
    static const enum op_id ops[] = {OP_file_create, OP_file_content, OP_file_get, OP_project_get};
    enum op_id op = how >= 250 ? OP_file_meters : ops[how % 4];
    struct asked *a = &asked[ids % ASKED_MAX];

    e->id = ++ids;
    e->op = api_op(op)->name;
    e->deadline_ms = 1000;
    if (ids <= ASKED_MAX) /* the others are answered, too, but nobody counts */
        *a = (struct asked){
            .id = e->id, .link = in_link, .epoch = bus.links[in_link].epoch, .op = api_op(op)};
}

static void data_make(struct envelope *e, struct asked *a, uint8_t how)
{
    char bytes[PIECE_MAX];
    size_t size = how % PIECE_MAX;

    e->n = how >= 240 ? how : a ? a->came + 1 : 1;
    e->last = how % 16 == 7 ? how / 64 : DATA_MORE;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(e->n * 7 + i);
    text_add(&in_body, bytes, size);
    if (!a || e->n != a->came + 1 || a->last_came || e->last > DATA_LAST)
        return;
    a->came++;
    a->last_came = e->last == DATA_LAST;
    text_add(&a->bytes, bytes, size);
}

static void message_make(struct input *in, struct envelope *e)
{
    static const enum frame_kind kinds[] = {
        FRAME_REQUEST, FRAME_REQUEST, FRAME_DATA,     FRAME_DATA,  FRAME_WINDOW, FRAME_CANCEL,
        FRAME_PONG,    FRAME_FOLLOW,  FRAME_UNFOLLOW, FRAME_REPLY, FRAME_EVENT,  FRAME_READY};
    uint8_t kind = byte_take(in), which = byte_take(in), how = byte_take(in);
    struct asked *a = asked_find(in_link, which % 64);

    *e = (struct envelope){.kind = kinds[kind % 12],
                           .id = which % 64,
                           .topic = how & 1 ? "project" : "turn:1",
                           .status = how % 4 == 3   ? UNAVAILABLE
                                     : how % 4 == 2 ? NOT_FOUND
                                                    : DONE,
                           .generation = how / 2,
                           .known = how & 1};
    if (e->kind == FRAME_REQUEST)
        request_make(e, how);
    if (e->kind == FRAME_DATA)
        data_make(e, a, how);
    if (e->kind == FRAME_WINDOW) {
        e->n = how;
        if (a && e->n > a->window)
            a->window = e->n;
    }
    if (e->kind == FRAME_EVENT)
        event_append(&in_body, &(struct event){.topic = "project", .what = EVENT_CHANGED});
    if (e->kind == FRAME_REPLY)
        text_add(&in_body, "answer", how / 4 % 7);
}

/* What the worker that asks has to get. */
static void answer_note(void)
{
    struct envelope e;

    if (!question.work || question.answered || envelope_decode(in_head, in_size, &e) ||
        e.kind != FRAME_REPLY || e.id != bus.question_id || e.status == UNAVAILABLE)
        return;
    question.answered = true;
    question.status = e.status;
    text_add(&question.body, in_body.data, in_body.size);
}

static void event_see(void *state, const struct event *e)
{
    (void)state;
    must(strcmp(e->topic, "project") == 0 && e->what == EVENT_CHANGED);
}

static void message_come(struct input *in)
{
    uint8_t from = byte_take(in);
    struct envelope e;

    in_link = from % LINKS;
    text_clear(&in_body);
    if (from >= 240) {
        in_size = from % 16 * 4U < in->size ? from % 16 * 4U : in->size;
        memcpy(in_head, in->data, in_size);
        in->data += in_size;
        in->size -= in_size;
    } else {
        message_make(in, &e);
        in_size = envelope_encode(&e, in_head, sizeof in_head);
        must(in_size);
    }
    answer_note();
    in_parts = in_body.size > 0;
    if (from >= 224 && from < 240) /* parts that no message has */
        in_parts += from / 2 % 4;
    for (int i = 0; i < LINKS; i++)
        link_receive(&bus, &bus.links[i]);
    in_link = -1;
    must(in_parts == 0);
}

/* ---- workers ---- */

static void round_run(void)
{
    outbox_send(&bus);
    bulk_send(&bus);
}

/* Nobody waits: what is not there yet is too late.  But an answer may come meanwhile. */
int pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until)
{
    (void)until;
    if (c != &bus.answered || !question.turns || !input.size)
        return ETIMEDOUT;
    question.turns--;
    pthread_mutex_unlock(m);
    round_run();
    if (byte_take(&input) == 9)
        bus_end_questions(&bus);
    else
        message_come(&input);
    pthread_mutex_lock(m);
    return 0;
}

static void question_ask(struct work *w, uint8_t how)
{
    const struct params params = {0};
    const char *body;
    size_t size;
    int r;

    question.work = w;
    question.turns = how % 8;
    question.answered = false;
    text_clear(&question.body);
    w->call.deadline_us = clock_us() + 1000000;
    r = call_peer(&w->call, OP_project_get, &params, &body, &size);
    question.work = NULL;
    must(!bus.questions);
    if (!question.answered) {
        must(!body && r == (bus.no_questions ? UNAVAILABLE : TOO_LATE));
        return;
    }
    must(r == (int)question.status && size == question.body.size);
    must(size == 0 || memcmp(body, question.body.data, size) == 0);
}

static void work_take(struct work *w, uint8_t how)
{
    enum lane lane = how & 3 ? LANE_BULK : LANE_FAST;

    w->job = lane_queue_poll(&service_daemon.lanes[lane]);
    if (!w->job)
        return;
    w->call = (struct call){0};
    call_begin(&w->call, &service_daemon, w->job);
    w->asked = asked_find(w->job->gateway, w->job->head.id);
}

static void upload_read(struct work *w, uint8_t how)
{
    unsigned char sum[DIGEST_SIZE], read[DIGEST_SIZE];
    char bytes[256];
    size_t size;
    int r = call_read(&w->call, bytes, how + 1U, &size);

    must(r == DONE || r == UNAVAILABLE || r == TOO_LATE);
    if (r || !w->asked)
        return;
    must(size <= how + 1U && w->asked->read + size <= w->asked->bytes.size);
    must(!size || memcmp(w->asked->bytes.data + w->asked->read, bytes, size) == 0);
    must(size || (w->asked->last_came && w->asked->read == w->asked->bytes.size));
    w->asked->read += size;
    must(transfer_ended(w->call.transfer) ==
         (w->asked->last_came && w->asked->read == w->asked->bytes.size));
    digest_sha256(w->asked->bytes.data ? w->asked->bytes.data : "", w->asked->read, sum);
    must(call_digest(&w->call, read) == (int64_t)w->asked->read);
    must(memcmp(sum, read, DIGEST_SIZE) == 0);
}

static void work_do(struct work *w, uint8_t how)
{
    static const char bytes[2 * DATA_MAX];
    struct transfer *t = w->call.transfer;

    if (!t)
        question_ask(w, how);
    else if (w->call.op->stream == STREAM_UPLOAD)
        upload_read(w, how);
    else if (!transfer_streams(t))
        must((how & 1 ? call_stream_made(&w->call, "text/plain", "a") : call_stream(&w->call)) ==
             DONE);
    else
        (void)!call_write(&w->call, bytes, how == 255 ? sizeof bytes : how);
}

static void work_end(struct work *w, uint8_t how)
{
    static const int results[] = {DONE, NOT_FOUND, UNAVAILABLE, TOO_LATE};
    int r = results[how % 4];

    call_answer(&w->call, w->job, w->call.op ? r : NOT_FOUND, 0);
    atomic_fetch_sub(&service_daemon.busy, 1);
    text_drop(&w->call.out);
    arena_drop(&w->call.arena);
    *w = (struct work){0};
}

static void work_turn(struct input *in)
{
    uint8_t which = byte_take(in), how = byte_take(in);
    struct work *w = &work[which % WORKERS];

    if (!w->job)
        work_take(w, how);
    else if (which >= 208)
        work_end(w, how);
    else
        work_do(w, how);
}

static int runtime_apply(struct call *c, const void *in)
{
    (void)in;
    text_puts(&c->out, "{}");
    return DONE;
}

/* ---- one run ---- */

static void step(struct input *in)
{
    uint8_t n;

    switch (byte_take(in) % 6) {
    case 0:
    case 1:
    case 2:
        message_come(in);
        break;
    case 3:
    case 4:
        work_turn(in);
        break;
    case 5:
        n = byte_take(in);
        if (n >= 224)
            link_forget(&bus.links[n % LINKS]);
        else if (n >= 192)
            ready_send(&bus, &bus.links[n % LINKS]);
        else if (n == 9)
            bus_end_questions(&bus);
        else if (n == 7)
            atomic_store(&service_daemon.draining, true);
        else
            blocked[n % LINKS] = n % 8 >= 6;
        bulk_check(&bus);
        break;
    }
}

static void begin(void)
{
    log_limit((enum log_level)0);
    for (int i = 0; i < OP_COUNT; i++)
        handlers[i] = (struct handler){.apply = runtime_apply, .mine = api_op(i)->svc == SVC_FILE};
    bus = (struct bus){.daemon = &service_daemon,
                       .replies_last = &bus.replies,
                       .bulk_last = &bus.bulk,
                       .wake_fd = -1,
                       .link_count = LINKS};
    pthread_mutex_init(&bus.lock, NULL);
    service_daemon.service = &service;
    service_daemon.bus = &bus;
    atomic_store(&service_daemon.busy, 0);
    atomic_store(&service_daemon.draining, false);
    for (int lane = 0; lane < LANE_COUNT; lane++)
        lane_queue_init(&service_daemon.lanes[lane]);
    for (int i = 0; i < LINKS; i++)
        bus.links[i] = (struct gateway_link){.socket = &blocked[i], .ready = true};
    memset(blocked, 0, sizeof blocked);
    ids = 0;
}

/* The workers come to an end with everything, and it can be sent. */
static void finish(void)
{
    memset(blocked, 0, sizeof blocked);
    for (unsigned turn = 0; atomic_load(&service_daemon.busy); turn++) {
        struct work *w = &work[turn % WORKERS];
        if (w->job)
            work_end(w, (uint8_t)turn);
        else
            work_take(w, turn / WORKERS % 2);
        round_run();
    }
    do
        outbox_send(&bus);
    while (bulk_send(&bus));
}

static void end(void)
{
    finish();
    must(!bus.unsent && !bus.replies && !bus.bulk && !bus.transfers);
    for (int i = 0; i < ASKED_MAX; i++) {
        must(!asked[i].id || asked[i].replies == 1);
        must(!asked[i].streams || asked[i].last_sent ||
             asked[i].epoch != bus.links[asked[i].link].epoch);
        text_drop(&asked[i].bytes);
        asked[i] = (struct asked){0};
    }
    for (int i = 0; i < LINKS; i++)
        topic_set_drop(&bus.links[i].topics);
    text_drop(&bus.events);
    text_drop(&question.body);
    text_drop(&in_body);
    in_body = (struct text){0};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input = (struct input){data, size};
    begin();
    while (input.size) {
        step(&input);
        round_run();
    }
    end();
    return 0;
}
