-- Where users can be reached over datagrams; a row for each contact.
CREATE TABLE registrations (
    key           INTEGER PRIMARY KEY,
    user          TEXT    NOT NULL,
    contact       TEXT    NOT NULL, -- with its parameters but expires
    local         TEXT    NOT NULL, -- address and port of ours that it registered at
    remote        TEXT    NOT NULL, -- address and port that it came from
    user_agent    TEXT    NOT NULL,
    call_id       TEXT    NOT NULL,
    cseq          INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL  -- since 1970
) STRICT;
