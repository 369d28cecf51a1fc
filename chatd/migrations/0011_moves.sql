-- Conversations that come from files.

-- How an answer was made that was not made here; of others the turn knows it.
ALTER TABLE message ADD COLUMN made_with jsonb;

-- Files that were imported: the same one again is the same conversation.
CREATE TABLE import (
    owner_id        bigint NOT NULL,
    project_id      bigint NOT NULL,
    digest          bytea NOT NULL, -- SHA-256 of the file
    conversation_id bigint NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner_id, project_id, digest)
);
CREATE INDEX import_by_conversation ON import (conversation_id);

-- Messages of files that are being read, until all of them are there.  What a crash leaves here is
-- nobody's, and is swept away after some hours.
CREATE UNLOGGED TABLE import_message (
    upload     text NOT NULL,   -- random, one for each file that is read
    n          bigint NOT NULL, -- place in the file, from 0
    id         bigint NOT NULL, -- that the message will have
    parent     bigint,          -- place of the one before it
    depth      bigint NOT NULL,
    role       text NOT NULL,
    status     text NOT NULL,
    content    text NOT NULL,
    rating     smallint,
    note       text,
    file_ids   bigint[] NOT NULL,
    made_with  jsonb,
    created_at timestamptz NOT NULL,
    staged_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (upload, n)
);
CREATE INDEX import_message_by_age ON import_message (staged_at);
