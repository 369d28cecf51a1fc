-- Files, their contents in the blob directory, and the provider's copies.

-- This installation's name at the provider: part of every copy's name, so that copies of others
-- who use the same key are left alone.  One row.
CREATE TABLE installation (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    name     text NOT NULL DEFAULT replace(gen_random_uuid()::text, '-', '')::varchar(16),
    swept_at timestamptz NOT NULL DEFAULT now() -- last time that every copy was looked for
);
INSERT INTO installation DEFAULT VALUES;

\ir ../../common/migrations/project_ref.sql

-- Bytes of all files of an account.
CREATE TABLE storage (
    owner_id bigint PRIMARY KEY,
    bytes    bigint NOT NULL CHECK (bytes >= 0)
);

-- A content in the blob directory, once per account.  Its row comes before the content and goes
-- after it; without files it is collected.
CREATE TABLE blob (
    owner_id     bigint NOT NULL,
    sha256       text NOT NULL,
    refs         bigint NOT NULL CHECK (refs >= 0), -- files that have it
    unused_since timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner_id, sha256)
);
CREATE INDEX blob_unused ON blob (unused_since) WHERE refs = 0;

CREATE TABLE file (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id   bigint NOT NULL,
    project_id bigint NOT NULL,
    filename   text NOT NULL,
    bytes      bigint NOT NULL,
    mime       text NOT NULL,
    sha256     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX file_by_project ON file (project_id, id);

-- The provider's copy of a file.  It outlives the file until the provider has deleted it; a copy
-- that is gone has no row.
CREATE TABLE copy (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    file_id          bigint NOT NULL,
    state            text NOT NULL CHECK (state IN ('wanted', 'uploading', 'present', 'failed', 'deleting')),
    try              bigint NOT NULL DEFAULT 0, -- uploads begun; part of the name
    provider_file_id text UNIQUE,
    error            text,                      -- of the last try
    failures         bigint NOT NULL DEFAULT 0, -- in a row
    due_at           timestamptz NOT NULL DEFAULT now(),
    holder           text,                      -- process that works on it until then
    leased_until     timestamptz,
    unsure_at        timestamptz,               -- what came of a try was not known then
    seen_at          timestamptz                -- when the provider last listed it
);
CREATE UNIQUE INDEX copy_of_file ON copy (file_id) WHERE state <> 'deleting';
CREATE INDEX copy_by_file ON copy (file_id);
CREATE INDEX copy_due ON copy (due_at) WHERE state IN ('wanted', 'uploading', 'deleting');

\ir ../../common/migrations/idempotency.sql
