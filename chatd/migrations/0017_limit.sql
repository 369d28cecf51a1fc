-- Two processes could each begin a turn more than an account may have: the lock and the count behind it
-- were one expression, which looks at the table as it was before the lock.  Each statement looks anew.
CREATE OR REPLACE FUNCTION may_run(account bigint, most bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF (SELECT count(*) FROM turn WHERE owner_id = account AND state = 'running') + 16 < most THEN
        RETURN true;
    END IF;
    IF NOT pg_try_advisory_xact_lock(hashtextextended('turn/' || account, 0)) THEN
        RETURN false;
    END IF;
    RETURN (SELECT count(*) FROM turn WHERE owner_id = account AND state = 'running') < most;
END
$$;
