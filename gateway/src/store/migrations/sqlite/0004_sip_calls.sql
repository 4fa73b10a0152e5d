-- Answered calls, as their peers have to be told of that they are over: what is found here at the start ended with the process.
CREATE TABLE sip_calls (
    key  TEXT PRIMARY KEY,
    call TEXT NOT NULL -- JSON
) STRICT;
