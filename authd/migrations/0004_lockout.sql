-- Failed log-ins lock an address for a while, whether or not an account has it.

ALTER TABLE login_failure
    ADD COLUMN recent       timestamptz[] NOT NULL DEFAULT '{}', -- the newest ten at most
    ADD COLUMN strikes      integer NOT NULL DEFAULT 0,          -- locks in a row
    ADD COLUMN locked_until timestamptz;
