-- Accounts that were taken over from the platform before this one.

-- Their hashes until they log in for the first time; the longest of them is what every refused
-- log-in is padded to.
CREATE INDEX account_by_old_rounds ON account ((split_part(password_hash, '$', 3)::integer))
    WHERE password_hash ^@ '$pbkdf2-sha256$';

-- Who has become whom, so that the same users again change nothing.
CREATE TABLE seed_user (
    seed_id    bigint NOT NULL,
    email_key  text NOT NULL,               -- as it was there
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (seed_id, email_key)
);
CREATE INDEX seed_user_by_account ON seed_user (account_id);
