#pragma once
/* What an exported conversation is and an imported one may be; README.md describes it for people.
 */
#include <stddef.h>
#include <stdint.h>

#define MOVED_FORMAT       "chatbot-conversation"
#define MOVED_VERSION      1

#define MOVED_BYTES_MAX    (INT64_C(100) << 20) /* of a file, as for all uploads */
#define MOVED_MESSAGES_MAX 100000
#define MOVED_QUESTION_MAX 65536      /* bytes of what a user said */
#define MOVED_ANSWER_MAX   (4 << 20)  /* bytes of an answer */
#define MOVED_VALUE_MAX    (10 << 20) /* bytes of the JSON of one message */
#define MOVED_FILES_MAX    10         /* of a message */
