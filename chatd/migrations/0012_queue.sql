-- Whether as many turns wait as may, and none more: QUEUE_MAX is exact.

-- Asked after the caller's own turn was queued, last of all in its transaction, so that nothing
-- else is waited for while the lock is held.  Near the limit those who queue do it one after the
-- other.  Where the limit is far, all the turns that could be on their way at once would find room,
-- as each takes a connection: then they only say that they are under way (the shared lock), and who
-- comes near waits for them.  Each statement in here sees what was committed before it.
CREATE FUNCTION queue_holds(most bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    at_once bigint := current_setting('max_connections')::bigint;
    queue bigint := hashtextextended('queue', 0);
BEGIN
    IF (SELECT count(*) FROM turn WHERE state = 'queued') + 2 * at_once <= most THEN
        PERFORM pg_advisory_xact_lock_shared(queue);
        RETURN (SELECT count(*) FROM turn WHERE state = 'queued') + at_once <= most;
    END IF;
    PERFORM pg_advisory_xact_lock(queue);
    RETURN (SELECT count(*) FROM turn WHERE state = 'queued') <= most;
END
$$;
