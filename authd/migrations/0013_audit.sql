-- What happened to accounts: who did what, when.  Never what people wrote, and no address: an entry
-- names accounts by their numbers, so that it can stay when an account is erased.

-- Entries as their cause's transaction leaves them; a task appends them to the chain.
CREATE TABLE audit_pending (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    actor_id   bigint NOT NULL,             -- who did it; 0: the console, or nobody who is known
    account_id bigint NOT NULL,             -- whom it concerns; 0: the platform
    action     text NOT NULL CHECK (action ~ '^[a-z_]{3,40}$'),
    object     text NOT NULL DEFAULT '' CHECK (object !~ '[\x01-\x1f]' AND octet_length(object) <= 80),
    detail     text NOT NULL DEFAULT '' CHECK (detail !~ '[\x01-\x1f]' AND octet_length(detail) <= 200),
    source     text NOT NULL DEFAULT 'auth',
    event_id   bigint,                      -- of the source's outbox
    address    text NOT NULL DEFAULT ''     -- the client's
);
CREATE UNIQUE INDEX audit_pending_event ON audit_pending (source, event_id) WHERE event_id IS NOT NULL;

-- Each entry's hash is over the one before it: nothing can be changed or left out without a trace.
CREATE TABLE audit (
    id         bigint PRIMARY KEY,          -- without gaps
    at         timestamptz NOT NULL,
    actor_id   bigint NOT NULL,
    account_id bigint NOT NULL,
    action     text NOT NULL,
    object     text NOT NULL,
    detail     text NOT NULL,
    source     text NOT NULL,
    event_id   bigint,
    hash       bytea NOT NULL CHECK (octet_length(hash) = 32) -- SHA-256, see authd/audit_chain.h
);
CREATE INDEX audit_by_account ON audit (account_id, id);
CREATE INDEX audit_by_actor ON audit (actor_id, id);
CREATE INDEX audit_by_action ON audit (action, id);
CREATE INDEX audit_by_time ON audit (at);
CREATE UNIQUE INDEX audit_event ON audit (source, event_id) WHERE event_id IS NOT NULL;

-- Where from: kept apart, so that it goes with the account.
CREATE TABLE audit_origin (
    audit_id   bigint PRIMARY KEY,
    actor_id   bigint NOT NULL,
    account_id bigint NOT NULL,
    address    text NOT NULL
);
CREATE INDEX audit_origin_by_actor ON audit_origin (actor_id);
CREATE INDEX audit_origin_by_account ON audit_origin (account_id);

-- Where the chain begins when its oldest entries were cut off: the last one that was, and its hash.
CREATE TABLE audit_checkpoint (
    audit_id bigint PRIMARY KEY,
    hash     bytea NOT NULL,
    cut_at   timestamptz NOT NULL DEFAULT now()
);

-- The login role appends and reads; it cannot change an entry, nor delete one.
REVOKE ALL ON audit, audit_checkpoint FROM authd;
GRANT SELECT, INSERT ON audit TO authd;
GRANT SELECT ON audit_checkpoint TO authd;

-- Cuts entries off that are older than so many days, 30 at the least, at most so many at once, oldest
-- first; as the owner, who alone may delete.  Returns how many.
CREATE FUNCTION audit_cut(days bigint, most bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = auth, pg_temp AS $$
DECLARE
    last bigint;
    cut bigint;
BEGIN
    SELECT max(id) INTO last FROM (SELECT id, at FROM audit ORDER BY id LIMIT least(most, 10000)) a
     WHERE at < now() - make_interval(days => greatest(days, 30)::int);
    IF last IS NULL OR EXISTS (SELECT FROM audit WHERE id < last
                               AND at >= now() - make_interval(days => greatest(days, 30)::int)) THEN
        RETURN 0;
    END IF;
    INSERT INTO audit_checkpoint (audit_id, hash) SELECT id, hash FROM audit WHERE id = last;
    DELETE FROM audit_checkpoint WHERE audit_id < last;
    DELETE FROM audit_origin WHERE audit_id <= last;
    DELETE FROM audit WHERE id <= last;
    GET DIAGNOSTICS cut = ROW_COUNT;
    RETURN cut;
END
$$;
REVOKE ALL ON FUNCTION audit_cut(bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_cut(bigint, bigint) TO authd;
