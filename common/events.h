#pragma once
/*
 * The payload of an EVENT message: records, one after the other.  Several turns' news of one round
 * travel in one message.
 *
 * record = topic (STR) what (U8) attempt (U32) cursor (U64) size (U32) data
 *
 * topic "turn:<id>"     attempt, cursor: CONTRACT of streams;  data by what
 * topic "session"       cursor: newest revocation; attempt: how many of the newest are listed;
 *                       data: that many session ids, U64 little endian, oldest first
 * topic "project"       cursor: id of the project whose context changed; data empty
 * topic "queue"         data empty: a turn was accepted or ended
 * topic "cancel"        cursor: turn that whoever runs it shall stop; data empty
 * topic "account:<id>"  attempt 0; data: JSON, one of
 *                       {"event":"turn","turn_id":1,"conversation_id":1,"project_id":1,
 *                       "state":"queued"}, at each change of a turn's state: queued (also when its
 *                       owner was lost), running, completed, failed, cancelled; cursor: turn
 *                       {"event":"conversation","conversation_id":1,"project_id":1,
 *                       "what":"changed"}: created, changed, deleted; cursor: conversation
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum event_what {
    EVENT_STATE,   /* data: name of the state ("running"); repeated each second */
    EVENT_DELTA,   /* data: new text; cursor: bytes of the text after it */
    EVENT_ENDED,   /* data: JSON {"turn": shape turn, "finish_reason": text or null} */
    EVENT_CHANGED, /* data: empty */
    EVENT_REVOKED, /* data: session ids */
    EVENT_KEYS,    /* cursor: changes of the keys that verify tokens, so far */
};

struct event {
    const char *topic;
    enum event_what what;
    uint32_t attempt;
    uint64_t cursor;
    const char *data;
    size_t size;
};

struct text;

/* Appends one record.  The topic has at most 255 bytes. */
void event_append(struct text *to, const struct event *e);

/*
 * Reads the record at *at and moves *at behind it; strings point into data.
 * 1: ret is set; 0: the end; -1: not well formed.
 */
int event_next(const char *data, size_t size, size_t *at, struct event *ret)
    __attribute__((warn_unused_result));
