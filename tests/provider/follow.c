/* Followers: render a call's frames for one connection, as far as it has room. */
#include "follow.h"

#include "call.h"
#include "connection.h"
#include "reply.h"

void follow(struct connection *c, struct call *call, unsigned from)
{
    struct follower *f = &c->follower;
    unsigned before = call->dialect->before(call);

    *f = (struct follower){.call = call, .connection = c, .frame = from, .next = call->followers};
    if (f->next)
        f->next->previous = f;
    call->followers = f;
    call->references++;
    call_counts.streams += call->question.stream;
    if (from > before)
        f->offset = answer_offset(&call->answer, from - before);
}

void follow_leave(struct follower *f)
{
    struct call *call = f->call;

    if (!call)
        return;
    if (f->previous)
        f->previous->next = f->next;
    else
        call->followers = f->next;
    if (f->next)
        f->next->previous = f->previous;
    call_counts.streams -= call->question.stream;
    *f = (struct follower){0};
    if (!call_detached(call))
        call_outcome(call, OUTCOME_CLIENT_CLOSED);
    call_drop(&call);
}

/* In small chunks when the behaviour asks for it. */
static void frames_send(struct connection *c, const struct call *call, const struct buffer *frames)
{
    size_t piece = call->knobs.split ? (size_t)call->knobs.split : buffer_length(frames);
    size_t left = buffer_length(frames);

    for (const char *at = buffer_at(frames); left; at += piece, left -= piece) {
        piece = left < piece ? left : piece;
        reply_chunk(c, at, piece);
    }
}

/* A delta that breaks off inside its JSON, but ends like an event. */
static void garbage_write(struct buffer *out, const struct call *call, unsigned frame)
{
    size_t start = out->end;

    call->dialect->delta(out, call, frame, "garbage", 7);
    out->end = start + (out->end - start) * 2 / 3;
    buffer_text(out, "\n\n");
}

/* The deltas between `before` and `before + done`. */
static void deltas_write(struct buffer *out, struct follower *f, unsigned before)
{
    const struct call *call = f->call;
    unsigned bad = call->knobs.garbage == 1 ? (unsigned)call->knobs.after : 0;
    size_t room = OUT_HIGH - buffer_length(&f->connection->out);

    while (f->frame >= before && f->frame - before < call->done && buffer_length(out) < room) {
        unsigned nth = f->frame - before;
        size_t end = answer_next(&call->answer, nth, f->offset);
        if (call->knobs.garbage == 1 && nth == (bad < call->stop ? bad : call->stop - 1))
            garbage_write(out, call, f->frame);
        else
            call->dialect->delta(out, call, f->frame, call->answer.text + f->offset,
                                 end - f->offset);
        f->offset = end;
        f->frame++;
    }
}

static void follow_end(struct follower *f)
{
    struct connection *c = f->connection;
    struct call *call = f->call;
    struct buffer half = {0};

    call->references++;
    call_settle(call);
    if (call->ending == ENDING_CUT) {
        call->dialect->delta(&half, call, f->frame, "cut", 3);
        reply_chunk_part(c, half.data, buffer_length(&half) / 2, buffer_length(&half));
        c->reset = call->knobs.reset;
        connection_end(c);
    } else {
        reply_end(c);
    }
    buffer_free(&half);
    follow_leave(f);
    call_drop(&call);
}

void follow_pump(struct follower *f)
{
    static struct buffer frames; /* scratch, empty between calls */
    struct call *call = f->call;
    struct connection *c = f->connection;
    unsigned before = call->dialect->before(call), behind;

    if (!call->accepted || !call->question.stream || buffer_length(&c->out) >= OUT_HIGH)
        return;
    for (; f->frame < before; f->frame++)
        call->dialect->open(&frames, call, f->frame);
    deltas_write(&frames, f, before);
    behind = call->state == CALL_ENDED ? call->dialect->behind(call) : 0;
    if (call->state == CALL_ENDED && f->frame >= before + call->done)
        for (; f->frame < before + call->done + behind; f->frame++)
            call->dialect->close(&frames, call, f->frame - before - call->done, f->frame);
    call->bytes += buffer_length(&frames);
    frames_send(c, call, &frames);
    buffer_clear(&frames);
    if (call->state == CALL_ENDED && f->frame >= before + call->done + behind)
        follow_end(f);
}
