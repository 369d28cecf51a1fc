/* Exported projects: what is taken keeps the bounds of the rows that projects have. */
#include <json-c/json.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "projectd/import_check.h"
#include "proto/api.h"
#include "tests/fuzz/fuzz.h"

static void within(const char *s, size_t max)
{
    must(s && *s && strlen(s) <= max && utf8_check(s, strlen(s)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup(json_drop) struct json_object *o = NULL;
    static struct import_project p;
    const char *why;
    int r;

    if (json_parse((const char *)data, size, &o, &why))
        return 0;
    r = import_check(o, &p);
    must(r == DONE || (r == BAD_INPUT && p.why && p.field[0]));
    if (r)
        return 0;
    within(p.name, 120);
    if (p.model)
        within(p.model, 120);
    must(!p.has_temperature || (p.temperature >= 0 && p.temperature <= 2));
    must(!p.has_max_output_tokens || (p.max_output_tokens >= 1 && p.max_output_tokens <= 131072));
    must(p.prompt_count <= PROMPTS_PER_PROJECT);
    for (size_t i = 0; i < p.prompt_count; i++) {
        within(p.prompts[i].name, 120);
        within(p.prompts[i].content, 32768);
        must(p.prompts[i].position >= 0 && p.prompts[i].position <= 1000000);
    }
    return 0;
}
