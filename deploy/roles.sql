-- Roles, database and schemas of the suite.  Run by a superuser with psql, connected to any
-- database; safe to repeat:   psql -X -d postgres -f deploy/roles.sql
--
-- Each daemon X has its own schema and two roles: X_owner owns what is in it and runs the
-- migrations (nobody logs in as it), X logs in, reads and writes rows there, and can do nothing
-- anywhere else.

\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = warning;

-- Two starts at once must not both find that something is missing.
SELECT pg_advisory_lock(hashtext('chatbot roles')) \g /dev/null

SELECT format('CREATE ROLE %I NOLOGIN', d || '_owner')
  FROM unnest(ARRAY['authd', 'projectd', 'chatd', 'filed']) d
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = d || '_owner')
\gexec
SELECT format('CREATE ROLE %I', d)
  FROM unnest(ARRAY['authd', 'projectd', 'chatd', 'filed']) d
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = d)
\gexec

-- C.UTF-8: order by code point, the same on every host and after every update of libc.
SELECT 'CREATE DATABASE chatbot TEMPLATE template0 ENCODING ''UTF8'''
       ' LC_COLLATE ''C.UTF-8'' LC_CTYPE ''C.UTF-8'''
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'chatbot')
\gexec
REVOKE ALL ON DATABASE chatbot FROM PUBLIC;

\connect chatbot
SET client_min_messages = warning;
SELECT pg_advisory_lock(hashtext('chatbot roles')) \g /dev/null
REVOKE ALL ON SCHEMA public FROM PUBLIC;

DO $$
DECLARE
    d record;
BEGIN
    FOR d IN
        SELECT login, login || '_owner' AS owner, space, connections
          FROM (VALUES ('authd',    'auth',    40),
                       ('projectd', 'project', 40),
                       ('chatd',    'chat',    96), -- one for each of several processes' threads
                       ('filed',    'file',    24)) v (login, space, connections)
    LOOP
        EXECUTE format('ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION'
                       ' NOBYPASSRLS CONNECTION LIMIT %s', d.login, d.connections);
        EXECUTE format('GRANT CONNECT ON DATABASE chatbot TO %I', d.login);

        EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', d.space, d.owner);
        EXECUTE format('REVOKE ALL ON SCHEMA %I FROM PUBLIC', d.space);
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', d.space, d.login);

        -- What the owner makes from now on.
        EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I'
                       ' GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I',
                       d.owner, d.space, d.login);
        EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I'
                       ' GRANT USAGE, SELECT ON SEQUENCES TO %I', d.owner, d.space, d.login);
        EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I REVOKE EXECUTE ON FUNCTIONS'
                       ' FROM PUBLIC', d.owner);
        EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I'
                       ' GRANT EXECUTE ON FUNCTIONS TO %I', d.owner, d.space, d.login);

        -- A process that was stopped or cut off cannot hold a row for longer than this.
        EXECUTE format('ALTER ROLE %I SET idle_in_transaction_session_timeout = ''2s''', d.login);
        EXECUTE format('ALTER ROLE %I SET lock_timeout = ''1s''', d.login);
        EXECUTE format('ALTER ROLE %I SET statement_timeout = ''10s''', d.login);
        -- What people wrote stays out of the server's log: no values, no quoted rows.
        EXECUTE format('ALTER ROLE %I SET log_error_verbosity = terse', d.login);
        EXECUTE format('ALTER ROLE %I SET log_min_error_statement = panic', d.login);
        EXECUTE format('ALTER ROLE %I SET log_parameter_max_length = 0', d.login);
        EXECUTE format('ALTER ROLE %I SET log_parameter_max_length_on_error = 0', d.login);
        EXECUTE format('ALTER ROLE %I SET search_path = %I', d.login, d.space);
        -- The text of timestamps, from which replies are made.
        EXECUTE format('ALTER ROLE %I SET TimeZone = ''UTC''', d.login);
        EXECUTE format('ALTER ROLE %I SET DateStyle = ''ISO, YMD''', d.login);
    END LOOP;
END
$$;
