#pragma once
/* Numbers of files that are no settings. */
#define FILE_BYTES_MAX       (INT64_C(100) << 20)
#define FILES_PER_PROJECT    1000
#define FILES_ERASED_AT_ONCE 50    /* in one transaction */
#define BLOB_UNUSED_S        3600  /* a content without a file stays that long */
#define BLOBS_AT_ONCE        16    /* collected in one transaction */
#define INCOMING_OLD_S       3600  /* what another process left half written stays that long */
#define MIME_SAMPLE          65536 /* bytes that a type is found by */
#define EXPORTS_PER_ACCOUNT  3     /* kept, one of them unfinished */
#define EXPORT_HOURS         48    /* a finished one is kept */
#define EXPORT_LEASE_S       10    /* a process that does not say more loses the one it makes */
#define EXPORT_TRIES_MAX     30    /* of one export, with pauses of up to a minute */
#define COPY_LEASE_S         10    /* a process that does not say more loses what it works on */
#define COPY_FAILURES_MAX    20    /* of one file's uploads, then it has failed */
