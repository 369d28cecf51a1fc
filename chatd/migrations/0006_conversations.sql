-- Conversations as people see them: lists, the tree, what they thought of answers, and deleting.

-- The list of a project: by last activity, archived ones apart.
DROP INDEX conversation_by_project;
CREATE INDEX conversation_by_activity ON conversation (owner_id, project_id, archived, updated_at DESC, id DESC);
CREATE INDEX conversation_pinned ON conversation (owner_id, project_id, archived, updated_at DESC, id DESC) WHERE pinned;

-- First messages, which have no parent to be found by.
CREATE INDEX message_root ON message (conversation_id, id) WHERE parent_id IS NULL;

ALTER TABLE message ADD COLUMN rating smallint CHECK (rating IN (-1, 1)); -- of an answer; NULL: none
ALTER TABLE message ADD COLUMN note text;                                 -- why

-- Conversations that are deleted: for their owner they are gone with their row; messages and turns
-- follow a batch at a time, once no turn of theirs runs or waits.
CREATE TABLE erasure (
    conversation_id bigint PRIMARY KEY,
    owner_id        bigint NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now()
);
