#pragma once
/*
 * Mails as text: what each kind says, in each language, and how it is written for SMTP (RFC 5322):
 * plain text and HTML of the same words.  Nothing that somebody typed can become a header: names
 * and addresses are checked where they come in, and encoded here.
 */
#include <stdbool.h>

struct text;

enum mail_kind {
#define MAIL(name, ...) MAIL_##name,
#include "authd/mail/letters.def"
    MAIL_KINDS
};

/* The kind's name, as it is stored ("reset"), and back: MAIL_KINDS for an unknown one. */
const char *mail_kind_name(enum mail_kind k);
enum mail_kind mail_kind_named(const char *name);

/* How long its link is good, minutes; 0: it has none. */
int mail_kind_minutes(enum mail_kind k);

/* How many of it an account gets within an hour at most. */
int mail_kind_limit(enum mail_kind k);

/* What the words have holes for; NULL: "". */
struct letter {
    enum mail_kind kind;
    const char *language; /* a tag, "de-AT"; one that there are no words in is English */
    const char *site;     /* what the platform calls itself */
    const char *link;
    const char *details; /* an address, a name, an IP address: what happened */
    const char *time;
    /* the head */
    const char *from, *from_name, *to;
    const char *id; /* unique and the same in each try, [0-9a-f-]+ */
    long long date; /* seconds since the epoch */
};

/* Appends the whole mail, lines with CRLF. */
void letter_write(const struct letter *l, struct text *to);

/* Whether there are words in the language of a tag (BCP 47). */
bool letter_has_language(const char *language);
