#pragma once
/* Where settings come from, but the command line and the defaults. */
#include "common/conf.h"

/* Takes what a source holds.  where: "environment", "/etc/chatbot/chatbot.conf:3". */
struct conf_sink {
    void *state;
    /* A setting with a known name; its value is not checked yet and belongs to the source. */
    void (*value)(void *state, enum setting s, const char *value, const char *where);
    /* Something is wrong; name is a setting's or unknown name, or NULL.  Never a value. */
    void (*wrong)(void *state, const char *name, const char *where, const char *why);
    /* What is there could not be read now, for a reason that may pass: nobody's mistake. */
    void (*unread)(void *state, const char *where, const char *why);
    /* A file that everybody can read holds this secret. */
    void (*exposed)(void *state, enum setting s, const char *where);
};

/* Files of lower-case names in $CREDENTIALS_DIRECTORY, as systemd's LoadCredential= makes them. */
void conf_from_credentials(const struct conf_sink *to);

void conf_from_environment(const struct conf_sink *to);

/* One file, see env_file.h; one that does not exist is an empty one. */
void conf_from_file(const char *path, const struct conf_sink *to);

/* *.conf in a directory: the last by name first, so that it wins. */
void conf_from_directory(const char *path, const struct conf_sink *to);
