#pragma once
/* How much an account may have here. */
#define PROJECTS_PER_ACCOUNT 1000
#define PROMPTS_PER_PROJECT  50
