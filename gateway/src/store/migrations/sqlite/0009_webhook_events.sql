-- What waits for webhooks. They are sent one after the other, each until its receiver has taken it.
CREATE TABLE webhook_events (
    seq      INTEGER PRIMARY KEY, -- their order, of all hooks
    hook     TEXT    NOT NULL,    -- its name
    customer TEXT,                -- whose the hook was: NULL is the operator's
    id       TEXT    NOT NULL,    -- the event's name
    body     TEXT    NOT NULL,    -- JSON
    until_ms INTEGER NOT NULL     -- since 1970: it is given up then
) STRICT;
