#pragma once
/* How much an account may have here. */
#define PROJECTS_PER_ACCOUNT    1000
#define PROJECTS_AT_ONCE        100 /* inserts that all processes together may run */
#define PROMPTS_PER_PROJECT     50
#define PROJECT_NAME_MAX        120       /* bytes; of a prompt, too */
#define PROMPT_CONTENT_MAX      32768     /* bytes */
#define IMPORT_BYTES_MAX        (8 << 20) /* of an exported project */
#define PROJECTS_ERASED_AT_ONCE 50        /* in one transaction */
