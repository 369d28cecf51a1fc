/*
 * The scripted model provider: OpenAI's API without a model, for the demo and for tests.
 * It owns no data beyond its memory and needs no rights but its port; whoever takes it over can
 * give false answers and read what is asked of it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "connection.h"
#include "files.h"
#include "loop.h"
#include "routes.h"
#include "script.h"

enum { EXIT_USAGE = 2 };

struct options {
    const char *listen, *port_file, *script, *log, *key;
    int port, pace;
    bool help, manual;
};

static const char help_text[] =
    "usage: provider [options]\n"
    "An OpenAI-compatible server without a model: a demo, and a scripted fake for tests.\n"
    "  --listen ADDRESS   numeric IPv4 address (127.0.0.1)\n"
    "  --port N           0: any free port (0)\n"
    "  --port-file FILE   write the port there once it listens\n"
    "  --script FILE      what models do, as JSON\n"
    "  --log FILE         append one line for each call\n"
    "  --key KEY          ask for this API key\n"
    "  --pace MS          gap between deltas where nothing else is said (0)\n"
    "  --manual           print all model names and script keys, as Markdown\n"
    "  --help\n";

/* True for a whole number in the range. */
static bool number_read(const char *text, long max, int *ret_number)
{
    char *end;
    long number = strtol(text, &end, 10);

    *ret_number = (int)number;
    return *text && !*end && number >= 0 && number <= max;
}

static bool options_read(int argc, char **argv, struct options *o)
{
    static const struct option known[] = {
        {"listen", required_argument, NULL, 0}, {"port-file", required_argument, NULL, 0},
        {"script", required_argument, NULL, 0}, {"log", required_argument, NULL, 0},
        {"key", required_argument, NULL, 0},    {"port", required_argument, NULL, 'p'},
        {"pace", required_argument, NULL, 'a'}, {"manual", no_argument, NULL, 'm'},
        {"help", no_argument, NULL, 'h'},       {0},
    };
    const char **texts[] = {&o->listen, &o->port_file, &o->script, &o->log, &o->key};
    bool good = true;

    for (int option, i; good && (option = getopt_long(argc, argv, "", known, &i)) != -1;) {
        if (option == 0)
            *texts[i] = optarg;
        else if (option == 'p')
            good = number_read(optarg, 65535, &o->port);
        else if (option == 'a')
            good = number_read(optarg, 60000, &o->pace);
        else if (option == 'm')
            o->manual = true;
        else
            good = o->help = option == 'h';
    }
    return good && optind == argc;
}

static bool script_file(const char *path)
{
    FILE *file = fopen(path, "re");
    struct buffer text = {0};
    char why[BEHAVIOUR_WHY];
    size_t got;
    bool good;

    if (!file) {
        fprintf(stderr, "<3>provider: %s: %s\n", path, strerror(errno));
        return false;
    }
    while ((got = fread(buffer_reserve(&text, 4096), 1, 4096, file)))
        buffer_took(&text, got);
    fclose(file);
    good = script_load(text.data, buffer_length(&text), why);
    if (!good)
        fprintf(stderr, "<3>provider: %s: %s\n", path, why);
    buffer_free(&text);
    return good;
}

/* Written beside and renamed, so that a reader never sees half of it. */
static bool port_write(const char *path, int port)
{
    char beside[4096];
    FILE *file;
    bool good;

    snprintf(beside, sizeof beside, "%s.new", path);
    file = fopen(beside, "we");
    good = file && fprintf(file, "%d\n", port) > 0;
    if (file)
        good = !fclose(file) && good;
    good = good && !rename(beside, path);
    if (!good)
        fprintf(stderr, "<3>provider: %s: %s\n", path, strerror(errno));
    return good;
}

static int serve(const struct options *o)
{
    int port;

    if (loop_open() || connections_open(o->listen, o->port, &port)) {
        fprintf(stderr, "<3>provider: cannot listen on %s:%d: %s\n", o->listen, o->port,
                strerror(errno));
        return EXIT_FAILURE;
    }
    if (o->port_file && !port_write(o->port_file, port))
        return EXIT_FAILURE;
    printf("provider: http://%s:%d/v1\n", o->listen, port);
    fflush(stdout);
    if (loop_run(connections_round)) {
        fprintf(stderr, "<3>provider: epoll: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct options options = {.listen = "127.0.0.1"};
    struct buffer manual = {0};
    int result = EXIT_FAILURE;

    if (!options_read(argc, argv, &options)) {
        fputs(help_text, stderr);
        return EXIT_USAGE;
    }
    if (options.help || options.manual) {
        behaviour_manual(&manual);
        fwrite(options.help ? help_text : manual.data, 1,
               options.help ? sizeof help_text - 1 : buffer_length(&manual), stdout);
        buffer_free(&manual);
        return EXIT_SUCCESS;
    }
    routes_key(options.key);
    calls_pace(options.pace);
    calls_log(options.log);
    if (!options.script || script_file(options.script))
        result = serve(&options);
    connections_close();
    calls_reset();
    calls_log(NULL);
    files_reset();
    script_reset(true);
    timers_free();
    loop_close();
    return result;
}
