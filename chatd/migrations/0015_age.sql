-- Lists are ordered by updated_at, too: where most conversations are those of one account, the planner took
-- the index of all accounts' ages for them, and went through everything newer to find a project's few old
-- ones.  An expression that no list uses keeps the index for what it is made for.
DROP INDEX conversation_by_age;
CREATE INDEX conversation_by_age ON conversation ((updated_at AT TIME ZONE 'UTC'));
