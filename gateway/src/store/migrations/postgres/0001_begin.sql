-- Where users can be reached over datagrams; a row for each contact.
CREATE TABLE registrations (
    key           BIGINT PRIMARY KEY,
    "user"        TEXT   NOT NULL,
    contact       TEXT   NOT NULL, -- with its parameters but expires
    path          TEXT   NOT NULL, -- the proxies on the way to it (RFC 3327), as a header field has them
    local         TEXT   NOT NULL, -- address and port of ours that it registered at
    remote        TEXT   NOT NULL, -- address and port that it came from
    user_agent    TEXT   NOT NULL,
    call_id       TEXT   NOT NULL,
    cseq          BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL  -- since 1970
);
-- Calls that go on, as far as they are: what is found here at the start ended with the process.
CREATE TABLE open_calls (
    id          TEXT PRIMARY KEY,
    record      TEXT NOT NULL, -- JSON
    began_up_ms BIGINT         -- by a clock that nobody sets, since that process opened the store
);
-- The records of calls that are over, in the order in which they ended.
CREATE TABLE calls (
    seq         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id          TEXT   NOT NULL UNIQUE,
    began_at_ms BIGINT NOT NULL, -- since 1970
    record      TEXT   NOT NULL  -- JSON
);
CREATE INDEX calls_by_begin ON calls (began_at_ms);
-- When the process is known to have lived last, by the wall clock and by the other, and up to which record the file of lines
-- has them.
CREATE TABLE cdr_state (
    only_row    BIGINT PRIMARY KEY CHECK (only_row = 1),
    alive_at_ms BIGINT NOT NULL,
    alive_up_ms BIGINT NOT NULL,
    lines_seq   BIGINT NOT NULL
);
INSERT INTO cdr_state (only_row, alive_at_ms, alive_up_ms, lines_seq) VALUES (1, 0, 0, 0);
-- Answered calls, as their peers have to be told of that they are over: what is found here at the start ended with the process.
CREATE TABLE sip_calls (
    key        TEXT   PRIMARY KEY,
    call       TEXT   NOT NULL, -- JSON
    kept_at_ms BIGINT NOT NULL  -- since 1970: nobody is told of the end of a call of long ago
);
-- How long somebody's calls to trunks lasted on the latest day on which there were some, where its minutes are limited.
CREATE TABLE spent (
    payer     TEXT   PRIMARY KEY, -- 'user NAME' or 'trunk NAME'
    day       BIGINT NOT NULL,    -- of UTC, since 1970
    talked_ms BIGINT NOT NULL
);
-- Tokens that are good once and were used, for as long as they would be let in.
CREATE TABLE used_tokens (
    id           BYTEA  PRIMARY KEY, -- the begin of a SHA-256
    until_s      BIGINT NOT NULL,    -- since 1970
    is_forgeable BIGINT NOT NULL     -- whether anybody may have made it, who has one
);
