#pragma once
/* What an account's other tabs are told of its conversations: topic account:<id>, see
 * common/events.h. */
#include <stdint.h>

struct call;

struct conversation_told {
    int64_t id, account, project;
};

enum conversation_news {
    CONVERSATION_CREATED, /* by its first message, or an import */
    CONVERSATION_CHANGED, /* renamed, titled, pinned, archived, another branch is shown */
    CONVERSATION_DELETED, /* by its owner, with its project, or by age */
};

/* Inside of a transaction, or a task's: told after COMMIT. */
void conversation_tell(struct call *c, const struct conversation_told *t,
                       enum conversation_news what);
