#pragma once
/* The newest migration that the statements of filed know. */
#define FILE_SCHEMA_VERSION 4
