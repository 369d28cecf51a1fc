#pragma once
/* The newest migration that the statements of authd know. */
#define AUTH_SCHEMA_VERSION 13
