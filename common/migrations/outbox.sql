-- What this daemon owes to others: rows are added in the transaction of their cause, delivered at
-- least once, in order per object, to the internal operation that they name.
-- A part of the daemons' migrations, never applied alone; common/queries.def works with it.
CREATE TABLE outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    op         text NOT NULL,
    object     text NOT NULL,
    account_id bigint NOT NULL,            -- on whose behalf
    params     bytea NOT NULL,             -- inputs, as on the bus
    tries      integer NOT NULL DEFAULT 0,
    next_at    timestamptz NOT NULL DEFAULT now(),
    parked_at  timestamptz,                -- given up; blocks no other row
    error      text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_due ON outbox (next_at) WHERE parked_at IS NULL;
CREATE INDEX outbox_by_object ON outbox (object, id) WHERE parked_at IS NULL;
