-- Conversations that nobody has written to for long.
CREATE INDEX conversation_by_age ON conversation (updated_at);
