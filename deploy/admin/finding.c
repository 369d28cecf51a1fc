/* What `doctor` finds: lines between its parts, and the report. */
#include "deploy/admin/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

#define LINE_MAX_SIZE 4096

static const char *const levels[] = {"ok", "warn", "bad"};

static void field_print(const char *s, char end)
{
    for (; *s; s++)
        putchar(*s == '\t' || *s == '\n' || *s == '\r' ? ' ' : *s);
    putchar(end);
}

void finding_named(const char *level, const char *check, const char *remedy, const char *text)
{
    field_print(level, '\t');
    field_print(check, '\t');
    field_print(text, '\t');
    field_print(remedy ? remedy : "", '\n');
}

void finding(enum finding_level level, const char *check, const char *remedy, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    finding_named(levels[level], check, remedy, text);
}

static void json_member(struct text *t, const char *name, const char *value, const char *end)
{
    text_printf(t, "\"%s\":", name);
    text_json(t, value, strlen(value));
    text_puts(t, end);
}

static void report(struct text *t, bool json, bool first, char *const field[4])
{
    bool fine = strcmp(field[0], "ok") == 0;

    if (json) {
        text_puts(t, first ? "{" : ",\n{");
        json_member(t, "level", field[0], ",");
        json_member(t, "check", field[1], ",");
        json_member(t, "text", field[2], ",");
        json_member(t, "remedy", fine ? "" : field[3], "}");
        return;
    }
    text_printf(t, "%-5s %-17s %s\n", field[0], field[1], field[2]);
    if (!fine && *field[3])
        text_printf(t, "%24s-> %s\n", "", field[3]);
}

int findings_report(bool json)
{
    char line[LINE_MAX_SIZE];
    char empty[] = "";
    struct text t = {0};
    int counts[3] = {0}, n = 0;

    while (fgets(line, sizeof line, stdin)) {
        char *rest = line, *field[4];
        line[strcspn(line, "\n")] = '\0';
        for (int i = 0; i < 4; i++)
            if (!(field[i] = strsep(&rest, "\t")))
                field[i] = empty;
        for (int i = 0; i < 3; i++)
            counts[i] += strcmp(field[0], levels[i]) == 0;
        report(&t, json, n++ == 0, field);
    }
    if (json)
        printf("{\"ok\":%d,\"warn\":%d,\"bad\":%d,\"findings\":[\n", counts[0], counts[1],
               counts[2]);
    fwrite(t.data, 1, t.size, stdout);
    if (json)
        puts("]}");
    else
        printf("%d ok, %d to look at, %d bad\n", counts[0], counts[1], counts[2]);
    text_drop(&t);
    return counts[1] + counts[2] || !n ? EXIT_FOUND : EXIT_SUCCESS;
}
