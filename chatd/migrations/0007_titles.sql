-- Titles that the platform makes.
ALTER TABLE conversation ADD COLUMN title_chosen boolean NOT NULL DEFAULT false; -- by the user, also that there be none
ALTER TABLE conversation ADD COLUMN title_due timestamptz;                       -- somebody should make one from then on
ALTER TABLE conversation ADD COLUMN title_tries smallint NOT NULL DEFAULT 0;
UPDATE conversation SET title_chosen = true WHERE title IS NOT NULL;
CREATE INDEX conversation_title_due ON conversation (title_due) WHERE title_due IS NOT NULL;
