-- Whom the store knows besides the configuration file. What is secret is sealed: AES-256-GCM by store.secret_key, with the nonce before it.
-- Each row has a seal of all its columns.
CREATE TABLE users (
    name       TEXT PRIMARY KEY,
    ha1_md5    BYTEA NOT NULL, -- sealed
    ha1_sha256 BYTEA NOT NULL, -- sealed
    terms      TEXT NOT NULL, -- JSON
    seal       BYTEA NOT NULL
);
CREATE TABLE customers (
    name  TEXT PRIMARY KEY,
    terms TEXT NOT NULL, -- JSON
    seal  BYTEA NOT NULL
);
-- What names that last for a while, and tokens, are made by. Times in s since 1970.
CREATE TABLE keys (
    id           TEXT PRIMARY KEY,
    kind         TEXT NOT NULL, -- edge, customer, page, wt1 or hs256
    secret       BYTEA NOT NULL, -- sealed
    terms        TEXT NOT NULL, -- JSON
    not_before_s BIGINT,
    not_after_s  BIGINT,
    revoked_s    BIGINT,
    seal         BYTEA NOT NULL
);
-- What back ends prove themselves by.
CREATE TABLE api_keys (
    id           TEXT   PRIMARY KEY,
    hash         BYTEA  NOT NULL, -- SHA-256 of its secret
    scopes       TEXT   NOT NULL, -- JSON
    customer     TEXT,             -- absent of the operator's
    created_s    BIGINT NOT NULL,
    not_before_s BIGINT,
    not_after_s  BIGINT,
    revoked_s    BIGINT,
    seal         BYTEA NOT NULL
);
