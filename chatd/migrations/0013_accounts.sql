-- Accounts that are deleted: nothing is made for them any more, and what they have is erased.
\ir ../../common/migrations/account_ref.sql
CREATE INDEX project_ref_by_owner ON project_ref (owner_id);
CREATE INDEX erasure_by_owner ON erasure (owner_id);

-- Whose messages are being read in.
ALTER TABLE import_message ADD COLUMN owner_id bigint;
CREATE INDEX import_message_by_owner ON import_message (owner_id);
