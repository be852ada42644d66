-- The sample clinic: 50,000 made-up patients with their visits and bills, the same on every machine and every run.
--
-- Every value comes from md5() of a row number, so no random seed and no server version changes it. The social security
-- numbers begin with 9, which the United States never issues; the card numbers begin with 9999, which belongs to no
-- bank; the names are drawn from lists. Loaded into an empty database by hoopfast/sandbox/clinic.py.

BEGIN;

CREATE TABLE departments (
    id   integer PRIMARY KEY,
    name text NOT NULL UNIQUE
);
CREATE TABLE patients (
    id            integer,
    mrn           text NOT NULL,
    full_name     text NOT NULL,
    ssn           text NOT NULL,
    date_of_birth date NOT NULL,
    email         text NOT NULL,
    phone         text,
    city          text NOT NULL
);
CREATE TABLE visits (
    id            integer,
    patient_id    integer NOT NULL,
    department_id integer NOT NULL,
    visited_on    date NOT NULL,
    minutes       integer NOT NULL,
    diagnosis     text NOT NULL
);
CREATE TABLE bills (
    id          integer,
    visit_id    integer NOT NULL,
    issued_on   date NOT NULL,
    amount      numeric(10, 2) NOT NULL,
    card_number text NOT NULL,
    paid        boolean NOT NULL
);

CREATE FUNCTION pg_temp.dice(purpose text, row_number integer, sides integer) RETURNS integer
LANGUAGE sql IMMUTABLE AS
$$ SELECT ('x0' || substr(md5(purpose || ':' || row_number::text), 1, 7))::bit(32)::integer % sides $$;

INSERT INTO departments
SELECT n, name FROM unnest('{Cardiology,Dermatology,Emergency,Neurology,Oncology,Orthopedics,Pediatrics,Radiology}'::text[])
    WITH ORDINALITY AS d (name, n);

INSERT INTO patients
SELECT n, 'MRN-' || lpad(n::text, 8, '0'), given || ' ' || family,
       '9' || lpad((n * 7 % 100)::text, 2, '0') || '-' || lpad((n / 1000 + 11)::text, 2, '0')
           || '-' || lpad((1000 + (n % 1000) * 9 + pg_temp.dice('ssn', n, 9))::text, 4, '0'),
       date '1930-01-01' + pg_temp.dice('born', n, 33000),
       lower(given || '.' || family) || n || '@example.org',
       CASE WHEN pg_temp.dice('phone?', n, 10) > 0 THEN '555-01' || lpad(pg_temp.dice('phone', n, 100)::text, 2, '0') END,
       ('{Alder,Birchwood,Cedar Falls,Elmstead,Hazel Grove,Linden,Maple Hill,Oakham,Pinewood,Willowby}'::text[])
           [1 + pg_temp.dice('city', n, 10)]
FROM (
    SELECT n,
           ('{Ada,Ben,Clara,David,Emma,Felix,Grace,Hugo,Iris,Jonas,Kara,Leo,Maya,Noah,Olga,Paul,Rosa,Sam,Tessa,Victor}'::text[])
               [1 + pg_temp.dice('given', n, 20)] AS given,
           ('{Abbott,Becker,Castillo,Dunn,Eriksen,Fischer,Greene,Hughes,Ivanova,Jensen,Keller,Lopez,Moreau,Novak,Osei,Park}'::text[])
               [1 + pg_temp.dice('family', n, 16)] AS family
    FROM generate_series(1, 50000) AS n
) AS people;

INSERT INTO visits
SELECT n, 1 + pg_temp.dice('patient', n, 50000), 1 + pg_temp.dice('department', n, 8),
       date '2023-01-01' + pg_temp.dice('day', n, 1000), 10 + pg_temp.dice('minutes', n, 80),
       chr(65 + pg_temp.dice('letter', n, 26)) || lpad(pg_temp.dice('code', n, 100)::text, 2, '0')
FROM generate_series(1, 100000) AS n;

INSERT INTO bills
SELECT id, id, visited_on + 7, 40 + pg_temp.dice('amount', id, 90000) / 100.0,
       '9999-' || lpad(pg_temp.dice('card1', id, 10000)::text, 4, '0') || '-'
           || lpad(pg_temp.dice('card2', id, 10000)::text, 4, '0') || '-' || lpad((id % 10000)::text, 4, '0'),
       pg_temp.dice('paid', id, 10) > 1
FROM visits;

-- Keys after the rows: quicker.
ALTER TABLE patients ADD PRIMARY KEY (id), ADD UNIQUE (mrn), ADD UNIQUE (ssn);
ALTER TABLE visits ADD PRIMARY KEY (id), ADD FOREIGN KEY (patient_id) REFERENCES patients,
    ADD FOREIGN KEY (department_id) REFERENCES departments;
ALTER TABLE bills ADD PRIMARY KEY (id), ADD FOREIGN KEY (visit_id) REFERENCES visits;
CREATE INDEX ON visits (patient_id);
CREATE INDEX ON bills (visit_id);
ANALYZE;
COMMIT;
