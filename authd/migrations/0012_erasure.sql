-- Accounts that are deleted: their rows here go at once, what others keep follows by the outbox.
CREATE TABLE erasure (
    account_id   bigint PRIMARY KEY,
    receipt      text NOT NULL UNIQUE,  -- random; whoever has it may ask how far it is
    requested_by bigint NOT NULL,       -- the account itself, an admin, or 0: the console
    requested_at timestamptz NOT NULL DEFAULT now(),
    project_at   timestamptz,           -- when that part was gone; what was here went with the request
    chat_at      timestamptz,
    file_at      timestamptz,
    provider_at  timestamptz,
    erased_at    timestamptz            -- all of them
);
CREATE INDEX erasure_open ON erasure (account_id) WHERE erased_at IS NULL;
CREATE INDEX erasure_by_end ON erasure (erased_at) WHERE erased_at IS NOT NULL;
CREATE INDEX outbox_objects ON outbox (object);

GRANT DELETE ON account TO authd;
