-- By which key of store.secret_key a row is sealed: the begin of its hash. Rows of before do not say.
ALTER TABLE users ADD COLUMN sealed_by TEXT;
ALTER TABLE customers ADD COLUMN sealed_by TEXT;
ALTER TABLE keys ADD COLUMN sealed_by TEXT;
ALTER TABLE api_keys ADD COLUMN sealed_by TEXT;
-- Users' accounts at trunks.
CREATE TABLE upstream (
    "user"    TEXT NOT NULL,
    trunk     TEXT NOT NULL,
    terms     TEXT NOT NULL, -- JSON
    password  BYTEA NOT NULL, -- sealed
    seal      BYTEA NOT NULL,
    sealed_by TEXT,
    PRIMARY KEY ("user", trunk)
);
-- Passwords of accounts at providers, by the names that tokens have for them.
CREATE TABLE account_passwords (
    name      TEXT PRIMARY KEY,
    customer  TEXT,          -- whose tokens may name it; absent, those of no customer
    password  BYTEA NOT NULL, -- sealed
    seal      BYTEA NOT NULL,
    sealed_by TEXT
);
