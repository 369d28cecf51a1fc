/* import-seed: takes users, projects and prompts over from the platform before this one. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/text.h"
#include "deploy/admin/ask.h"
#include "deploy/admin/commands.h"
#include "deploy/admin/seed.h"
#include "deploy/admin/seed_file.h"
#include "deploy/admin/seed_people.h"

#define EXIT_SKIPPED 3

struct arguments {
    const char *file, *accounts_to, *projects_of;
    bool dry, existing;
};

static void stream_drop(FILE **f)
{
    if (*f && *f != stdin && *f != stdout)
        fclose(*f);
    *f = NULL;
}

/* False: that is no way to call it. */
static bool arguments_read(const struct console *con, struct arguments *ret)
{
    *ret = (struct arguments){0};
    for (int i = 0; i < con->count; i++) {
        const char *argument = con->arguments[i];
        const char **value = strcmp(argument, "--accounts-to") == 0   ? &ret->accounts_to
                             : strcmp(argument, "--projects-of") == 0 ? &ret->projects_of
                                                                      : NULL;
        if (strcmp(argument, "--dry-run") == 0)
            ret->dry = true;
        else if (strcmp(argument, "--existing") == 0)
            ret->existing = true;
        else if (value && i + 1 < con->count)
            *value = con->arguments[++i];
        else if (!value && !ret->file && (argument[0] != '-' || !argument[1]))
            ret->file = argument;
        else
            return false;
    }
    return ret->file && !(ret->accounts_to && ret->projects_of);
}

void seed_tell(const struct seed_run *run, const char *kind, int64_t id, const char *fmt, ...)
{
    cleanup(text_drop) struct text line = {0};
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (!run->json) {
        fprintf(run->report, "%s %" PRId64 ": %s\n", kind, id, text);
        return;
    }
    text_json(&line, text, strlen(text));
    fprintf(run->report, "%s\n{\"kind\":\"%s\",\"id\":%" PRId64 ",\"text\":%.*s}",
            (*run->told)++ ? "," : "", kind, id, (int)line.size, line.data);
}

static void count_tell(const struct seed_run *run, const char *kind, const struct seed_count *n)
{
    if (n->taken || n->there || n->skipped)
        fprintf(run->report, "%s: %" PRId64 " %s, %" PRId64 " there already, %" PRId64 " skipped\n",
                kind, n->taken, run->dry ? "would be taken" : "taken", n->there, n->skipped);
}

static void count_json(const struct seed_run *run, const char *kind, const struct seed_count *n)
{
    fprintf(run->report,
            ",\"%s\":{\"taken\":%" PRId64 ",\"there\":%" PRId64 ",\"skipped\":%" PRId64 "}", kind,
            n->taken, n->there, n->skipped);
}

/* Names of tables are the file's. */
static void others_tell(const struct seed_run *run)
{
    const char *name, *between = "";
    int64_t rows;

    while (seed_other(run->file, &name, &rows)) {
        size_t plain =
            strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
        const char *shown = name[plain] ? "with another name" : name;
        if (run->json)
            fprintf(run->report, "%s{\"table\":\"%s\",\"rows\":%" PRId64 "}", between, shown, rows);
        else
            fprintf(run->report, "table %s: %" PRId64 " rows, not taken\n", shown, rows);
        between = ",";
    }
}

/* {"rows":[...],"not_taken":[...],"dry_run":false,"users":{...},...} */
static void report_end(const struct seed_run *run, bool others)
{
    if (run->json)
        fputs("],\"not_taken\":[", run->report);
    if (others)
        others_tell(run);
    if (run->json)
        fprintf(run->report, "],\"dry_run\":%s", run->dry ? "true" : "false");
    void (*tell)(const struct seed_run *, const char *, const struct seed_count *) =
        run->json ? count_json : count_tell;
    tell(run, "users", &run->users);
    tell(run, "projects", &run->projects);
    tell(run, "prompts", &run->prompts);
    if (run->json)
        fputs("}\n", run->report);
    fflush(run->report);
}

static int people_load(struct seed_run *run, const char *path)
{
    cleanup(stream_drop) FILE *from = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    const char *why = from ? seed_people_read(run->people, from) : "cannot be opened";

    return why ? console_fail(path, why) : EXIT_SUCCESS;
}

static int people_save(struct seed_run *run, const char *path)
{
    cleanup(stream_drop) FILE *to = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");

    if (to)
        seed_people_write(run->people, to);
    return to && fflush(to) == 0 ? EXIT_SUCCESS : console_fail(path, "cannot be written");
}

static int parts_run(struct seed_run *run, const struct arguments *a)
{
    int status;

    if (run->json)
        fputs("{\"rows\":[", run->report);
    status = a->projects_of ? people_load(run, a->projects_of) : seed_users(run);
    if (!status && a->accounts_to)
        status = people_save(run, a->accounts_to);
    else if (!status)
        status = seed_projects(run);
    report_end(run, !status && !a->accounts_to);
    if (status)
        return status;
    return run->users.skipped + run->projects.skipped + run->prompts.skipped ? EXIT_SKIPPED
                                                                             : EXIT_SUCCESS;
}

int command_import_seed(const struct console *con)
{
    cleanup(seed_close) struct seed_file *file = NULL;
    cleanup(seed_people_drop) struct seed_people *people = seed_people_new();
    struct arguments a;
    const char *why;

    if (!arguments_read(con, &a)) {
        console_fail("import-seed", "wrong arguments; import-seed --help tells them");
        return EXIT_USAGE;
    }
    why = seed_open(a.file, &file);
    if (!why)
        why = seed_check(file);
    if (why)
        return console_fail(a.file, why);
    int64_t told = 0;
    struct seed_run run = {.con = con,
                           .file = file,
                           .people = people,
                           .report =
                               a.accounts_to && strcmp(a.accounts_to, "-") == 0 ? stderr : stdout,
                           .json = con->json,
                           .told = &told,
                           .dry = a.dry,
                           .existing = a.existing};
    return parts_run(&run, &a);
}
