-- Accounts, sessions, revocations and signing keys: schema auth.
-- Run as authd_owner with search_path = auth.  The login role authd may change rows, never tables.

CREATE TABLE account (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email         text NOT NULL CHECK (octet_length(email) <= 254),
    email_key     text NOT NULL UNIQUE,        -- lower case: addresses compare without case
    password_hash text NOT NULL,               -- Argon2id, PHC string
    role          text NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'admin')),
    disabled      boolean NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE session (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id   bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    refresh_hash bytea NOT NULL UNIQUE CHECK (octet_length(refresh_hash) = 32), -- SHA-256
    client       text NOT NULL DEFAULT '',     -- network address at login
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz
);
CREATE INDEX session_by_account ON session (account_id, expires_at);
CREATE INDEX session_by_expiry ON session (expires_at);

-- Sessions that ended before their time.  No reference to session: its row may be gone earlier.
CREATE TABLE revocation (
    seq        bigint PRIMARY KEY,
    account_id bigint NOT NULL,
    session_id bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX revocation_by_time ON revocation (created_at);

-- One row.  A transaction that appends a revocation takes its number here and keeps the row locked
-- until it commits, so numbers become visible in their order and without gaps.
CREATE TABLE revocation_counter (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq bigint NOT NULL
);
INSERT INTO revocation_counter (seq) VALUES (0);

-- Failed logins per address, whether or not an account has it; the address only as SHA-256.
CREATE TABLE login_failure (
    address_digest bytea PRIMARY KEY CHECK (octet_length(address_digest) = 32),
    failures       bigint NOT NULL DEFAULT 1,
    first_at       timestamptz NOT NULL DEFAULT now(),
    last_at        timestamptz NOT NULL DEFAULT now(),
    client         text NOT NULL DEFAULT ''    -- network address of the last one
);
CREATE INDEX login_failure_by_time ON login_failure (last_at);

CREATE TABLE signing_key (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kid            text NOT NULL UNIQUE,       -- JWK thumbprint (RFC 7638)
    public_pem     text NOT NULL,
    private_sealed bytea NOT NULL,             -- AES-256-GCM under a key derived from SECRET_KEY
    secret_check   bytea NOT NULL,             -- tells whether SECRET_KEY is the right one
    created_at     timestamptz NOT NULL DEFAULT now(),
    retired_at     timestamptz
);

\ir ../../common/migrations/idempotency.sql

-- By default the login role may do everything to rows; here it needs less.
REVOKE ALL ON account, revocation, revocation_counter, signing_key FROM authd;
GRANT SELECT, INSERT, UPDATE ON account, signing_key TO authd;
GRANT SELECT, INSERT, DELETE ON revocation TO authd;
GRANT SELECT, UPDATE ON revocation_counter TO authd;
GRANT SELECT, INSERT, UPDATE, DELETE ON session, login_failure, idempotency TO authd;
