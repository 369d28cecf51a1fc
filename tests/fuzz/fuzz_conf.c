/* Files of settings: lines, and the values of known names. */
#include <string.h>

#include "common/cleanup.h"
#include "common/conf_table.h"
#include "common/env_file.h"
#include "tests/fuzz/fuzz.h"

static void setting_check(const char *name, const char *value)
{
    int s = setting_named(name);
    char allowed[256];
    int64_t n;

    if (s < 0)
        return;
    setting_allowed((enum setting)s, allowed, sizeof allowed);
    must(strlen(allowed) < sizeof allowed - 1);
    if (setting_read((enum setting)s, value, &n) && setting_rows[s].type == SETTING_I64)
        must(n >= setting_rows[s].min && n <= setting_rows[s].max);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup(free_drop) char *copy = malloc(size + 1);
    const char *name = NULL, *value = NULL, *why = NULL;
    struct env_reader r = {.data = copy, .size = size};
    unsigned line = 0;
    int result;

    must(copy != NULL);
    if (size)
        memcpy(copy, data, size);
    copy[size] = '\0';
    while ((result = env_next(&r, &name, &value, &why)) != 0) {
        must(r.line > line && r.at <= size);
        line = r.line;
        if (result < 0) {
            must(why && *why);
            continue;
        }
        must(*name && name[strlen(name) - 1] != ' ' && !strpbrk(name, "=\n"));
        must(!strchr(value, '\n'));
        must(name >= copy && value + strlen(value) <= copy + size);
        setting_check(name, value);
    }
    must(r.at == size);
    return 0;
}
