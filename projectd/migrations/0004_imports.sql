-- Projects that were imported: the same file again is the same project.
CREATE TABLE import (
    owner_id   bigint NOT NULL,
    digest     bytea NOT NULL, -- SHA-256 of the file
    project_id bigint NOT NULL REFERENCES project ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner_id, digest)
);
CREATE INDEX import_by_project ON import (project_id);
