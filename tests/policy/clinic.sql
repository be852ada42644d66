-- What the tests of policy/ decide about. Protected: see conftest.py.
CREATE SCHEMA shadow;
CREATE SCHEMA legacy;
CREATE DOMAIN zip_t AS text CHECK (VALUE ~ '^[0-9]{5}$');
CREATE DOMAIN ssn_t AS text;
CREATE TYPE contact_t AS (email text, phone text);
CREATE TYPE mood AS ENUM ('sad', 'happy');

CREATE TABLE patients (
    id int PRIMARY KEY, mrn text NOT NULL, full_name text, ssn text UNIQUE, dob date, zip zip_t, who contact_t, feeling mood,
    weight numeric(6, 2), initials text GENERATED ALWAYS AS (left(full_name, 1)) STORED,
    room text GENERATED ALWAYS AS ('R' || mrn) STORED
);
INSERT INTO patients VALUES
    (1, 'M-1', 'Quillon Zephyrine', '977-13-4281', '1961-04-17', '94111', ROW('q@example.org', '1'), 'sad', 61.25),
    (2, 'M-2', 'Ada Abbott', '931-02-7715', '1984-11-30', '94112', NULL, NULL, NULL);
CREATE TABLE billing (id int PRIMARY KEY, patient_id int REFERENCES patients ON DELETE CASCADE, card text, amount numeric);
INSERT INTO billing VALUES (1, 1, '9999-7341-2206-4409', 10);
CREATE TABLE "Patients" ("ID" int, "SSN" text, ssn text);
CREATE TABLE staff (id int PRIMARY KEY, name text, ssn text, dept text, boss int REFERENCES staff ON DELETE SET NULL);
INSERT INTO staff VALUES (1, 'Carla', 'BADGE-1', 'er', NULL), (2, 'Dirk', 'BADGE-2', 'icu', 1);
CREATE TABLE shadow.staff (id int, name text, ssn text);
CREATE TABLE legacy.patients (id int, full_name text, ssn text);
CREATE TABLE visits (id int PRIMARY KEY, staff_id int REFERENCES staff, at timestamptz, cost numeric, zip zip_t);
CREATE TABLE people (id int, full_name text);
CREATE TABLE people_vip (perk text) INHERITS (people);
CREATE TABLE encounters (id int, at date, complaint text) PARTITION BY RANGE (at);
CREATE TABLE encounters_2024 PARTITION OF encounters FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE audit_log (id serial PRIMARY KEY, what text);
CREATE TABLE triggered (id int, v text);
CREATE TABLE ruled (id int);
CREATE TABLE secured (id int, owner text);

CREATE VIEW v_patients AS SELECT id, mrn, full_name, ssn FROM patients;
CREATE VIEW v_contacts AS SELECT id AS pid, full_name AS label, ssn AS code FROM v_patients;
CREATE VIEW v_head AS SELECT id, substr(ssn, 1, 7) AS head FROM patients;
CREATE VIEW v_pub AS SELECT id, mrn, weight FROM patients;
CREATE VIEW v_whole AS SELECT p AS rec, p.id FROM patients p;
CREATE VIEW v_union AS SELECT id, name AS val FROM staff UNION ALL SELECT id, ssn FROM patients;
CREATE VIEW v_totals AS SELECT dept, count(*) AS n FROM staff GROUP BY dept;
CREATE MATERIALIZED VIEW mv_hash AS SELECT id, md5(ssn) AS h FROM patients;

CREATE FUNCTION fn_unread(x int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN x; END';
CREATE FUNCTION fn_listed(x int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
CREATE FUNCTION fn_rows() RETURNS SETOF staff LANGUAGE sql AS 'SELECT * FROM public.staff';
CREATE FUNCTION label(patients) RETURNS text LANGUAGE sql AS 'SELECT $1.ssn';
CREATE FUNCTION shadow.lower(varchar) RETURNS text LANGUAGE sql AS 'SELECT $1::text';
CREATE FUNCTION op_join(text, text) RETURNS text LANGUAGE sql AS 'SELECT $1 || $2';
CREATE OPERATOR #+# (FUNCTION = op_join, LEFTARG = text, RIGHTARG = text);
CREATE DOMAIN noted AS text CHECK (public.fn_unread(length(VALUE)) > 0);
CREATE VIEW v_unread AS SELECT id, public.fn_unread(id) AS x FROM staff;

CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.v := (SELECT ssn FROM public.patients LIMIT 1); RETURN NEW; END';
CREATE TRIGGER t BEFORE INSERT OR UPDATE ON triggered FOR EACH ROW EXECUTE FUNCTION trg();
CREATE RULE also AS ON INSERT TO ruled DO ALSO SELECT ssn FROM patients;
ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON secured USING (public.fn_unread(id) > 0);
