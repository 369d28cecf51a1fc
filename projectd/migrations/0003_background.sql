-- Whether the provider goes on with an answer when nobody reads it (and keeps it for a while).
ALTER TABLE project ADD COLUMN background boolean NOT NULL DEFAULT false;

-- A view knows the columns of its making.
DROP VIEW project_access;
CREATE VIEW project_access AS
SELECT p.*, p.owner_id AS account_id FROM project p;
