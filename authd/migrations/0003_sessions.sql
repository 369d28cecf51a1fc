-- Refresh tokens that rotate.  A token is a family's secret (the same for the life of the session)
-- and one of its own; only digests are stored, and the next token sealed under the one before it.

ALTER TABLE session
    ADD COLUMN family_hash   bytea CHECK (octet_length(family_hash) = 32), -- SHA-256
    ADD COLUMN previous_hash bytea CHECK (octet_length(previous_hash) = 32),
    ADD COLUMN next_sealed   bytea, -- the newest token, readable with the previous one
    ADD COLUMN rotated_at    timestamptz,
    ADD COLUMN by_cookie     boolean NOT NULL DEFAULT false,
    ADD COLUMN device        text NOT NULL DEFAULT '' CHECK (octet_length(device) <= 255);
CREATE UNIQUE INDEX session_by_family ON session (family_hash);
