#!/bin/sh
# Prints the manual page chatbot-admin(8) from what the program itself says.
# admin.sh PROGRAM
set -e
cat <<'MAN'
.TH CHATBOT-ADMIN 8 "" "Chatbot Platform"
.SH NAME
chatbot-admin \- look after accounts, invitations and keys of the Chatbot Platform
.SH DESCRIPTION
Run as root on the host of the services. It works as the user of authd, with authd's secret.
.B rotate-secret
without a FILE makes a new secret, puts it in the place of
.I /etc/chatbot/credentials/secret_key
and restarts authd.
.PP
.nf
MAN
"$1" --help | sed 's/\\/\\e/g; s/-/\\-/g; s/^\([.'"'"']\)/\\\&\1/'
cat <<'MAN'
.fi
.SH SEE ALSO
.BR chatbot\-authd (8),
.BR chatbot.conf (5),
.BR chatbot\-platform (7)
MAN
