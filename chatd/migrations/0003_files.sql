-- Files of messages, which are filed's, and turns that have to wait for another service.

ALTER TABLE message ADD COLUMN file_ids bigint[] NOT NULL DEFAULT '{}'; -- in the order given
ALTER TABLE turn ADD COLUMN file_ids bigint[] NOT NULL DEFAULT '{}'; -- that the model was given
ALTER TABLE turn ADD COLUMN not_before timestamptz; -- queued: not claimed earlier

-- The first messages of a conversation, among which are the siblings of the first one.
CREATE INDEX message_roots ON message (conversation_id, id) WHERE parent_id IS NULL;
