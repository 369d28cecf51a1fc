\ir ../../common/migrations/outbox.sql

-- Every message holds its project's row against the erasure.
\ir ../../common/migrations/project_ref.sql
CREATE INDEX conversation_of_project ON conversation (project_id, id);
