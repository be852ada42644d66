-- What the running sandboxes of the tests hold. The canaries are those of canaries.py.
CREATE TABLE patients (
    id        integer PRIMARY KEY,
    full_name text NOT NULL,
    ssn       text,
    born      date,
    account   bigint,
    notes     text,
    city      text NOT NULL
);
INSERT INTO patients VALUES
    (1, 'Quillon Zephyrine', '977-13-4281', '1961-04-17', 8841977203, 'xylographic pangolin', 'Oakham'),
    (2, 'Ada Abbott', '931-02-7715', '1984-11-30', 7730021945, NULL, 'Linden'),
    (3, 'Ben Becker', NULL, NULL, NULL, NULL, 'Pinewood');

CREATE TABLE billing (
    id          integer PRIMARY KEY,
    patient_id  integer NOT NULL REFERENCES patients,
    card_number varchar(25) NOT NULL,
    amount      numeric(10, 2) NOT NULL
);
INSERT INTO billing VALUES (1, 1, '9999-7341-2206-4409', 120.50), (2, 2, '9999-1105-8874-3312', 75.00);

-- Same name, same column: public's is for everybody, shadow's is protected.
CREATE TABLE staff (id integer PRIMARY KEY, name text NOT NULL, ssn text NOT NULL);
INSERT INTO staff VALUES (1, 'Carla', 'BADGE-1'), (2, 'Dirk', 'BADGE-2');
CREATE SCHEMA shadow;
CREATE TABLE shadow.staff (id integer PRIMARY KEY, name text NOT NULL, ssn text NOT NULL);
INSERT INTO shadow.staff VALUES (1, 'Carla', '977-13-4281'), (2, 'Dirk', '931-02-7715');

CREATE TABLE plain (id integer PRIMARY KEY, label text, made timestamptz, amount numeric(12, 3), tags text[]);
INSERT INTO plain VALUES (1, 'one', '2024-05-01 12:00+00', 1.250, '{a,b}'), (2, 'two', NULL, -2.5, NULL);
CREATE TABLE parents (id integer PRIMARY KEY);
CREATE TABLE children (
    id        integer PRIMARY KEY,
    parent_id integer REFERENCES parents DEFERRABLE INITIALLY DEFERRED
);

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY '{patients,billing,staff,shadow.staff,plain,parents,children}'::text[] LOOP
        EXECUTE 'ALTER TABLE ' || t || ' OWNER TO hoop_app';
    END LOOP;
    EXECUTE 'ALTER SCHEMA shadow OWNER TO hoop_app';
END $$;
