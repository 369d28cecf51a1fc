#pragma once
/* The parts of import-seed, and its report. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct console;
struct seed_file;
struct seed_people;

/* What has become of the rows of one kind. */
struct seed_count {
    int64_t taken, there, skipped;
};

struct seed_run {
    const struct console *con;
    struct seed_file *file;
    struct seed_people *people;
    FILE *report;
    bool json;     /* of the report */
    int64_t *told; /* rows in it */
    bool dry;      /* nothing stays */
    bool existing; /* accounts that were here already get the projects, too */
    struct seed_count users, projects, prompts;
};

/* A line of the report: what has become of row `id` of a kind ("user"). */
void seed_tell(const struct seed_run *run, const char *kind, int64_t id, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Users become accounts, in authd's name; fills people.  Exit status. */
int seed_users(struct seed_run *run);
/* Projects of those people, with their prompts, in projectd's name.  Exit status. */
int seed_projects(struct seed_run *run);
