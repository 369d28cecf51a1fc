-- What a daemon knows of projects, which are another schema's.  Rows stay when the project goes:
-- whoever adds to a project holds the row FOR SHARE and is refused when it is gone.
-- A part of the daemons' migrations, never applied alone; common/project_ref.def works with it.
CREATE TABLE project_ref (
    project_id bigint PRIMARY KEY,
    owner_id   bigint NOT NULL,
    gone       boolean NOT NULL DEFAULT false
);
