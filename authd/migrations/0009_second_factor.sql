-- Second factors: codes of an app (TOTP), and recovery codes in their place.

CREATE TABLE totp (
    account_id    bigint PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    secret_sealed bytea NOT NULL,              -- AES-256-GCM under a key derived from SECRET_KEY
    last_step     bigint NOT NULL DEFAULT 0,   -- time step of the newest code that was used
    created_at    timestamptz NOT NULL DEFAULT now(),
    confirmed_at  timestamptz                  -- NULL: told, but not in use yet
);

CREATE TABLE recovery_code (
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    code_hash  bytea NOT NULL CHECK (octet_length(code_hash) = 32), -- SHA-256: the code is random
    PRIMARY KEY (account_id, code_hash)
);
