-- What a daemon knows of accounts, which are another schema's: whether they are gone.  Rows are made
-- when they are first needed, and stay: whoever adds the first thing of a kind for an account holds
-- its row FOR SHARE and is refused when it is gone.
-- A part of the daemons' migrations, never applied alone; common/account_ref.def works with it.
CREATE TABLE account_ref (
    account_id bigint PRIMARY KEY,
    gone       boolean NOT NULL DEFAULT false,
    gone_at    timestamptz
);
