-- The role that the gateway signs in as. Adapt the names, then run this as the owner of the tables, who must have
-- CREATEROLE as well (or as a superuser), with the role's password-to-be in the environment:
--
--   export CLINIC_PASSWORD="$(openssl rand -hex 24)"
--   psql -h HOST -U OWNER -d clinic -f upstream-role.sql
--
-- The gateway's policy comes on top of these rights and does not replace them: grant what the jobs need, and no more.

\set ON_ERROR_STOP on
\set password `printenv CLINIC_PASSWORD`
SELECT :'password' = '' AS no_password \gset
\if :no_password
  DO $$BEGIN RAISE 'no password for the role: export CLINIC_PASSWORD first'; END$$;
\endif

BEGIN;

CREATE ROLE hoopfast LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
  CONNECTION LIMIT 100 PASSWORD :'password';

GRANT CONNECT ON DATABASE clinic TO hoopfast;
GRANT USAGE ON SCHEMA public TO hoopfast;

-- Reading. Name the tables where not all of them are needed.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO hoopfast;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO hoopfast;

-- Writing, only where the policy allows it too:
-- GRANT INSERT, UPDATE, DELETE ON staging.visits TO hoopfast;

-- A floor under the policy: no statement of this role runs for longer than this.
ALTER ROLE hoopfast SET statement_timeout = '1h';

COMMIT;

-- In pg_hba.conf, admit this role from the gateway's address only, and by scram-sha-256:
--   hostssl  clinic  hoopfast  GATEWAY-ADDRESS/32  scram-sha-256
