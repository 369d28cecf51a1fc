/* Profiles: what people say of themselves, and what their clients remember. */
#include "authd/language.h"
#include "authd/queries.h"
#include "common/call.h"
#include "common/db.h"

/* Names stand in mails and lists of admins: one line each. */
static bool is_one_line(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            return false;
    return true;
}

int user_update(struct call *c, const struct user_update_in *in)
{
    if (in->name && !is_one_line(in->name))
        return refuse(c, BAD_INPUT, "name", "name: holds a control character");
    if (in->language && !language_is_tag(in->language))
        return refuse(c, BAD_INPUT, "language", "language: must be a tag like de or pt-BR");
    return db_one(c, Q_profile_change,
                  ARGS(c->caller, in->has_name, in->name, in->has_language, in->language,
                       in->has_preferences, in->preferences));
}
