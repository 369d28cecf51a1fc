-- Cancelling, owners that die, and users at their limit.

-- A turn whose owner died soon after starting it, again and again, waits longer each time.
ALTER TABLE turn ADD COLUMN deaths bigint NOT NULL DEFAULT 0; -- within 60 s of a start
COMMENT ON COLUMN turn.tries IS 'its attempts: process, outcome, times, tokens, requests sent to the provider';
CREATE INDEX turn_cancel ON turn (process) WHERE cancel_requested AND state = 'running';

-- Whether one more turn of an account may run.  Near the limit those who ask at the same time do it
-- one after the other, and who comes second is told no: its turn waits in the queue for a moment.
-- Each statement in here sees what was committed before it, which a plain subquery would not.
CREATE FUNCTION may_run(account bigint, most bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF (SELECT count(*) FROM turn WHERE owner_id = account AND state = 'running') + 16 < most THEN
        RETURN true;
    END IF;
    RETURN pg_try_advisory_xact_lock(hashtextextended('turn/' || account, 0))
       AND (SELECT count(*) FROM turn WHERE owner_id = account AND state = 'running') < most;
END
$$;
