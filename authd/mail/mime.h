#pragma once
/* Parts and headers of a mail as SMTP takes them: 7-bit, lines with CRLF (RFC 2045, 2047, 5322). */
struct text;

/* A header with any UTF-8 for its value, which is encoded where it is not plain ASCII. */
void mime_header(struct text *to, const char *name, const char *value);

/* A header with an address (of address_check()) and a name before it; NULL or "": none. */
void mime_mailbox(struct text *to, const char *header, const char *name, const char *address);

/* Headers and body of a part; text: UTF-8, lines with LF.  What is not ASCII, or has long lines, is
 * quoted-printable. */
void mime_part(struct text *to, const char *type, const char *text);

/* A line, broken at blanks where it is longer than 76 characters, with LF behind each. */
void mime_wrap(struct text *to, const char *line);
