-- Exports of whole accounts: archives that are made in the background.
CREATE TABLE account_export (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id      bigint NOT NULL,
    state         text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'ready', 'failed')),
    holder        text,                       -- process that makes it until then
    leased_until  timestamptz,
    try           bigint NOT NULL DEFAULT 0,  -- grows with every change of hands; part of the file's name
    due_at        timestamptz NOT NULL DEFAULT now(),
    error         text,
    projects      bigint NOT NULL DEFAULT 0,
    conversations bigint NOT NULL DEFAULT 0,
    files         bigint NOT NULL DEFAULT 0,
    bytes         bigint,
    sha256        text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    finished_at   timestamptz,
    expires_at    timestamptz
);
CREATE INDEX account_export_by_owner ON account_export (owner_id, id);
CREATE INDEX account_export_due ON account_export (due_at) WHERE state IN ('queued', 'running');
CREATE INDEX account_export_expiry ON account_export (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX file_by_owner ON file (owner_id, sha256);
