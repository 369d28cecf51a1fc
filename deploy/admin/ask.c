/* What the person at the console is asked and told. */
#include "deploy/admin/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

int console_fail(const char *what, const char *why)
{
    fprintf(stderr, "chatbot-admin: %s%s%s\n", what, why ? ": " : "", why ? why : "");
    return EXIT_FAILURE;
}

/* One line without its end; false at the end of input, or when it is too long. */
static bool line_read(char ret[ASKED_MAX])
{
    size_t n;

    if (!fgets(ret, ASKED_MAX, stdin))
        return false;
    n = strcspn(ret, "\n");
    if (!ret[n] && n == ASKED_MAX - 1)
        return false;
    ret[n] = '\0';
    return true;
}

bool secret_ask(const char *prompt, char ret[ASKED_MAX])
{
    struct termios shown, hidden;
    bool read;

    if (tcgetattr(STDIN_FILENO, &shown))
        return line_read(ret);
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    fputs(prompt, stderr);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    read = line_read(ret);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    fputc('\n', stderr);
    return read;
}
