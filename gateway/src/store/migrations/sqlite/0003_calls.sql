-- Calls that go on, as far as they are: what is found here at the start ended with the process.
CREATE TABLE open_calls (
    id     TEXT PRIMARY KEY,
    record TEXT NOT NULL -- JSON
) STRICT;
-- The records of calls that are over, in the order in which they ended.
CREATE TABLE calls (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT    NOT NULL UNIQUE,
    began_at_ms INTEGER NOT NULL, -- since 1970
    record      TEXT    NOT NULL  -- JSON
) STRICT;
CREATE INDEX calls_by_begin ON calls (began_at_ms);
-- When the process is known to have lived last, and up to which record the file of lines has them.
CREATE TABLE cdr_state (
    only_row    INTEGER PRIMARY KEY CHECK (only_row = 1),
    alive_at_ms INTEGER NOT NULL,
    lines_seq   INTEGER NOT NULL
) STRICT;
INSERT INTO cdr_state (only_row, alive_at_ms, lines_seq) VALUES (1, 0, 0);
