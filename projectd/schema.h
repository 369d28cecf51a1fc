#pragma once
/* The newest migration that the statements of projectd know. */
#define PROJECT_SCHEMA_VERSION 5
