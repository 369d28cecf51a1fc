-- What admins do: invitations, resets of passwords, settings that override the file's.

ALTER TABLE account ADD COLUMN reset_required boolean NOT NULL DEFAULT false; -- its password is void
CREATE INDEX account_by_prefix ON account (email_key text_pattern_ops);

CREATE TABLE invite (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_hash bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32), -- SHA-256
    email_key  text,                          -- NULL: for anybody
    created_by bigint NOT NULL,               -- 0: on the console
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_by    bigint
);
CREATE INDEX invite_by_expiry ON invite (expires_at);

CREATE TABLE reset_token (
    token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32), -- SHA-256
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX reset_token_by_account ON reset_token (account_id);
CREATE INDEX reset_token_by_expiry ON reset_token (expires_at);

CREATE TABLE setting (
    name       text PRIMARY KEY,
    value      text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by bigint NOT NULL
);
