-- Mails to accounts, and addresses that are proved by them.

ALTER TABLE account
    ADD COLUMN verified_at   timestamptz,      -- the address was proved to be theirs
    ADD COLUMN pending_email text CHECK (octet_length(pending_email) <= 254), -- wanted, not proved yet
    ADD COLUMN pending_at    timestamptz;

-- Mails to be sent: rows are added in the transaction of their cause.  What was sent stays for a
-- day without its contents, so that nobody gets too many.
CREATE TABLE mail (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text NOT NULL,
    account_id bigint REFERENCES account ON DELETE CASCADE, -- NULL: whoever has the address
    address    text,                           -- NULL: the account's own
    details    text,
    seed       uuid NOT NULL DEFAULT gen_random_uuid(), -- its token is made of this and SECRET_KEY
    tries      integer NOT NULL DEFAULT 0,
    next_at    timestamptz NOT NULL DEFAULT now(),
    parked_at  timestamptz,                    -- given up
    sent_at    timestamptz,
    error      text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX mail_due ON mail (next_at) WHERE sent_at IS NULL AND parked_at IS NULL;
CREATE INDEX mail_by_account ON mail (account_id, kind);
CREATE INDEX mail_done ON mail (sent_at) WHERE sent_at IS NOT NULL;
-- Who asks twice by an address gets one.
CREATE UNIQUE INDEX mail_by_address ON mail (kind, address)
    WHERE account_id IS NULL AND sent_at IS NULL AND parked_at IS NULL;

CREATE TABLE email_token (
    token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32), -- SHA-256
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    email      text NOT NULL,                  -- the address that it proves
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX email_token_by_account ON email_token (account_id);
CREATE INDEX email_token_by_expiry ON email_token (expires_at);

ALTER TABLE reset_token ADD COLUMN by_mail boolean NOT NULL DEFAULT false; -- who has it has the address
