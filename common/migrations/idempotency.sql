-- Results of requests that may come again: one row per caller, operation and key.
-- A part of the daemons' migrations, never applied alone; common/queries.def works with it.
CREATE TABLE idempotency (
    caller      bigint NOT NULL,
    op          text NOT NULL,
    key_hash    bytea NOT NULL,
    fingerprint bytea NOT NULL,
    http        integer NOT NULL,
    location    text,
    reply       text,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (caller, op, key_hash)
);
CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);
