/* A model call: waits, holds, fails or produces deltas as its behaviour says. */
#include "call.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "connection.h"
#include "reply.h"
#include "script.h"

static int pace_ms;

static struct call *call_of(struct timer *timer)
{
    return (struct call *)((char *)timer - offsetof(struct call, timer));
}

/* The connection of a foreground call, or of a background call that is not yet accepted. */
static struct connection *call_connection(const struct call *call)
{
    return call->followers ? call->followers->connection : NULL;
}

void call_drop(struct call **at)
{
    struct call *call = *at;

    *at = NULL;
    if (!call || --call->references)
        return;
    assert(!call->timer.place && call->outcome != OUTCOME_RUNNING);
    question_free(&call->question);
    answer_free(&call->answer);
    free(call->error);
    free(call);
}

void call_outcome(struct call *call, enum outcome outcome)
{
    if (call->outcome != OUTCOME_RUNNING)
        return;
    call->outcome = outcome;
    call->state = CALL_ENDED;
    call->ended_us = clock_us();
    timer_clear(&call->timer);
    if (outcome == OUTCOME_CLIENT_CLOSED || outcome == OUTCOME_CANCELLED)
        call->ending = ENDING_CANCELLED;
    call_counts.closed_by_client += outcome == OUTCOME_CLIENT_CLOSED;
    calls_settled(call);
}

static enum ending call_ending(const struct call *call)
{
    const struct knobs *k = &call->knobs;
    const struct {
        bool asked;
        enum ending ending;
    } endings[] = {
        {k->cut, ENDING_CUT},
        {k->hang_after >= 0, ENDING_HANG},
        {k->error_event == 1, ENDING_ERROR},
        {k->error_event == 2, ENDING_ERROR_FLAT},
        {k->failed_event, ENDING_FAILED},
        {k->incomplete, ENDING_LENGTH},
        {k->filtered, ENDING_FILTERED},
        {k->no_terminal, ENDING_NOTHING},
        {call->answer.truncated, ENDING_LENGTH},
    };

    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (endings[i].asked)
            return endings[i].ending;
    return ENDING_COMPLETED;
}

static enum outcome ending_outcome(enum ending ending)
{
    static const enum outcome outcomes[] = {
        [ENDING_COMPLETED] = OUTCOME_COMPLETED, [ENDING_LENGTH] = OUTCOME_COMPLETED,
        [ENDING_FILTERED] = OUTCOME_COMPLETED,  [ENDING_FAILED] = OUTCOME_ERROR,
        [ENDING_ERROR] = OUTCOME_ERROR,         [ENDING_ERROR_FLAT] = OUTCOME_ERROR,
        [ENDING_NOTHING] = OUTCOME_CUT,         [ENDING_CUT] = OUTCOME_CUT,
        [ENDING_HANG] = OUTCOME_ERROR,          [ENDING_CANCELLED] = OUTCOME_CANCELLED,
    };

    return outcomes[ending];
}

void call_settle(struct call *call)
{
    call_outcome(call, ending_outcome(call->ending));
}

void calls_pace(int gap_ms)
{
    pace_ms = gap_ms;
}

/* How many deltas come before the ending. */
static unsigned call_stop(const struct call *call)
{
    int after = call->ending == ENDING_HANG ? call->knobs.hang_after : call->knobs.after;

    if (call->ending != ENDING_COMPLETED && after >= 0 && (unsigned)after < call->answer.deltas)
        return (unsigned)after;
    return call->answer.deltas;
}

static void error_headers(struct buffer *out, const struct knobs *k)
{
    if (k->retry_after >= 0)
        buffer_print(out, "Retry-After: %d\r\n", k->retry_after);
    if (k->retry_after_ms >= 0)
        buffer_print(out, "retry-after-ms: %d\r\n", k->retry_after_ms);
    if (k->x_should_retry >= 0)
        buffer_print(out, "x-should-retry: %s\r\n", k->x_should_retry ? "true" : "false");
}

static const struct api_error *error_standard(int status)
{
    static const struct api_error errors[] = {
        {400, "invalid_request_error", NULL, NULL, "Invalid request."},
        {401, "invalid_request_error", "invalid_api_key", NULL, "Incorrect API key provided."},
        {403, "request_forbidden", "unsupported_country_region_territory", NULL,
         "Country, region, or territory not supported"},
        {404, "invalid_request_error", "model_not_found", NULL, "The model does not exist."},
        {408, "timeout", NULL, NULL, "Request timed out."},
        {409, "conflict", NULL, NULL, "The resource was updated by another request."},
        {429, "requests", "rate_limit_exceeded", NULL, "Rate limit reached for requests."},
        {503, "service_unavailable_error", NULL, NULL,
         "The engine is currently overloaded, please try again later"},
        {0, "server_error", NULL, NULL, "The server had an error while processing your request."},
    };
    size_t i = 0;

    while (errors[i].status && errors[i].status != status)
        i++;
    return &errors[i];
}

/* The body of `status`, made at once because behaviours may be replaced while the call waits. */
static char *error_make(const struct behaviour *b, const struct question *q)
{
    const struct api_error *standard = error_standard(b->knobs.status);
    struct buffer message = {0}, body = {0};
    char *text;

    template_write(&message, b->message ? b->message : standard->message, q);
    text = buffer_take(&message);
    error_write(&body, &(struct api_error){.type = b->type ? b->type : standard->type,
                                           .code = b->code ? b->code : standard->code,
                                           .message = text});
    free(text);
    return buffer_take(&body);
}

static void call_error(struct call *call, struct connection *c)
{
    struct buffer headers = {0};

    error_headers(&headers, &call->knobs);
    buffer_add(&headers, "", 1);
    call->status = call->knobs.status;
    call->bytes = strlen(call->error);
    reply_body(c, call->status, headers.data, call->error);
    buffer_free(&headers);
    call_outcome(call, OUTCOME_ERROR);
    follow_leave(&c->follower);
}

/* An error that OpenAI reports with a status when it does not stream. */
static void call_whole_error(struct call *call, struct connection *c)
{
    struct api_error error = *error_standard(500);

    call->status = error.status = 500;
    reply_error(c, &error);
    call_outcome(call, OUTCOME_ERROR);
    follow_leave(&c->follower);
}

/* The JSON answer, whole or broken as asked. */
static void call_whole(struct call *call, struct connection *c)
{
    bool error = call->ending == ENDING_ERROR || call->ending == ENDING_ERROR_FLAT ||
                 (call->ending == ENDING_FAILED && call->dialect->api == QUESTION_COMPLETIONS);
    struct buffer body = {0};
    size_t length;

    if (error)
        return call_whole_error(call, c);
    call->status = 200;
    call->dialect->whole(&body, call);
    length = buffer_length(&body);
    reply_head(c, 200, "application/json", length);
    if (call->knobs.garbage)
        memset(body.data + length / 2, '}', length - length / 2);
    if (call->ending == ENDING_CUT)
        length /= 2;
    buffer_add(&c->out, body.data, length);
    call->bytes += length;
    buffer_free(&body);
    call_settle(call);
    c->reset = call->ending == ENDING_CUT && call->knobs.reset;
    if (call->ending == ENDING_CUT)
        connection_end(c);
    else
        connection_finish(c);
    follow_leave(&c->follower);
}

static void call_pump(struct call *call)
{
    for (struct follower *next, *f = call->followers; f; f = next) {
        next = f->next; /* the last frame detaches the follower */
        follow_pump(f);
    }
}

/* All deltas are out. */
static void call_end(struct call *call)
{
    struct connection *c = call_connection(call);

    if (call->ending == ENDING_HANG)
        return;
    call->state = CALL_ENDED;
    if (call_detached(call))
        call_settle(call);
    else if (!call->question.stream && c)
        call_whole(call, c);
}

/* Up to delta `to`. */
static void call_advance(struct call *call, unsigned to)
{
    while (call->done < to)
        call->text_done = answer_next(&call->answer, call->done++, call->text_done);
}

static void call_tick(struct timer *timer);

/* Produces what is due and sets the timer for the next delta. */
static void call_produce(struct call *call, uint64_t due)
{
    uint64_t now = clock_ms(), gap = (uint64_t)call->knobs.gap_ms;
    bool hold = call->knobs.hold_after >= 0;
    unsigned stop = call->stop;

    if (hold && (unsigned)call->knobs.hold_after < stop)
        stop = (unsigned)call->knobs.hold_after;
    if (!gap && due <= now)
        call_advance(call, stop);
    for (; gap && due <= now && call->done < stop; due += gap)
        call_advance(call, call->done + 1);
    if (call->done < stop || due > now + gap) /* the latter: first_ms before an empty answer */
        timer_set(&call->timer, due, call_tick);
    else if (hold)
        call->state = CALL_HELD;
    else
        call_end(call);
    call_pump(call);
}

static void call_tick(struct timer *timer)
{
    struct call *call = call_of(timer);

    call->references++; /* its last frame may end the last follower */
    call_produce(call, timer->due);
    call_drop(&call);
}

static void call_run(struct call *call)
{
    if (call->outcome != OUTCOME_RUNNING)
        return;
    call->state = CALL_RUNNING;
    call->references++;
    call_produce(call, clock_ms() + (uint64_t)call->knobs.first_ms);
    call_drop(&call);
}

/* The moment of the headers, for an answer that is one. */
static void call_accept(struct call *call, struct connection *c)
{
    struct buffer body = {0};

    call->references++;
    call->accepted = true;
    call->status = 200;
    if (call->question.stream) {
        reply_stream(c);
    } else if (call->question.background) {
        call->dialect->whole(&body, call);
        reply_json(c, &body);
        buffer_free(&body);
        follow_leave(&c->follower);
    }
    call_run(call);
    call_drop(&call);
}

static void call_open(struct call *call)
{
    static const char html[] = "<html><body><h1>It works!</h1></body></html>\n";
    struct connection *c = call_connection(call);

    assert(c); /* a call that lost its client before this has an outcome */
    c->write_max = (size_t)call->knobs.split;
    c->slow_byte_ms = call->knobs.slow_byte_ms;
    if (call->knobs.drop) {
        call_outcome(call, OUTCOME_CUT);
        connection_close(c, call->knobs.reset);
    } else if (call->knobs.status) {
        call_error(call, c);
    } else if (call->knobs.garbage == 2) {
        call->status = 200;
        reply_whole(c, 200, "text/html", html, sizeof html - 1);
        call_outcome(call, OUTCOME_ERROR);
        follow_leave(&c->follower);
    } else if (!call->knobs.hang) {
        call_accept(call, c);
    }
}

static void call_ready(struct timer *timer)
{
    struct call *call = call_of(timer);

    if (call->knobs.hold)
        call->state = CALL_HELD;
    else
        call_open(call);
}

unsigned calls_held(void)
{
    unsigned n = 0;

    for (const struct call *call = calls_running(); call; call = call->next)
        n += call->state == CALL_HELD;
    return n;
}

void calls_release(void)
{
    for (struct call *next, *call = calls_running(); call; call = next) {
        next = call->next;
        if (call->state != CALL_HELD)
            continue;
        if (call->accepted) {
            call->knobs.hold_after = -1;
            call->knobs.first_ms = 0;
            call_run(call);
        } else {
            call_open(call);
        }
    }
}

void call_cancel(struct call *call)
{
    call->references++;
    call_outcome(call, OUTCOME_CANCELLED);
    call_pump(call);
    call_drop(&call);
}

static struct call *call_new(const struct dialect *dialect, struct question *q)
{
    const struct behaviour *b = script_next(q->model);
    struct call *call = calloc(1, sizeof *call);

    if (!call)
        abort();
    call->dialect = dialect;
    call->question = *q;
    *q = (struct question){0};
    call->question.call = calls_last() + 1;
    call->knobs = b->knobs;
    if (call->knobs.gap_ms < 0)
        call->knobs.gap_ms = pace_ms;
    if (b->knobs.status)
        call->error = error_make(b, &call->question);
    answer_make(&call->answer, b, &call->question);
    call->ending = call_ending(call);
    call->stop = call_stop(call);
    call->created_at = time(NULL);
    call->started_us = clock_us();
    calls_add(call);
    return call;
}

void call_start(struct connection *c, const struct dialect *dialect)
{
    struct question question = {0};
    struct api_error error;
    struct call *call;

    if (question_read(&question, buffer_at(&c->body), buffer_length(&c->body), dialect->api,
                      &error)) {
        reply_error(c, &error);
        question_free(&question);
        return;
    }
    call = call_new(dialect, &question);
    call->authorization = c->http.authorization;
    call->request = c->request;
    follow(c, call, 0);
    if (call->knobs.delay_ms)
        timer_set(&call->timer, call->started_us / 1000 + (uint64_t)call->knobs.delay_ms,
                  call_ready);
    else
        call_ready(&call->timer);
}
