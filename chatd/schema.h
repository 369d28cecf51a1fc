#pragma once
/* The newest migration that the statements of chatd know. */
#define CHAT_SCHEMA_VERSION 19
