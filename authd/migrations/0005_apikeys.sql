-- API keys: for programs, in place of a session.

CREATE TABLE apikey (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id   bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    name         text NOT NULL,
    key_hash     bytea NOT NULL UNIQUE CHECK (octet_length(key_hash) = 32), -- SHA-256: the key is random
    hint         text NOT NULL,              -- how it begins, to tell it from others
    scopes       text NOT NULL,              -- "read chat"
    project_id   bigint,                     -- NULL: all of the account's
    rate         bigint,                     -- requests a minute, NULL: the platform's
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz
);
CREATE INDEX apikey_by_account ON apikey (account_id, id);
CREATE INDEX apikey_ended ON apikey (revoked_at) WHERE revoked_at IS NOT NULL;
