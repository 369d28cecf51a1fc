-- Projects, their prompts, and the keys of repeated requests.

CREATE TABLE project (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id          bigint NOT NULL,
    name              text NOT NULL,
    model             text,
    temperature       double precision,
    max_output_tokens bigint,
    version           bigint NOT NULL DEFAULT 1,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX project_by_owner ON project (owner_id, id);

CREATE TABLE prompt (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id bigint NOT NULL REFERENCES project ON DELETE CASCADE,
    owner_id   bigint NOT NULL,
    name       text NOT NULL,
    content    text NOT NULL,
    position   bigint NOT NULL,
    enabled    boolean NOT NULL DEFAULT true,
    version    bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX prompt_by_project ON prompt (project_id, id);

-- Who may use which project; every statement asks here.
CREATE VIEW project_access AS
SELECT p.*, p.owner_id AS account_id FROM project p;

\ir ../../common/migrations/idempotency.sql
