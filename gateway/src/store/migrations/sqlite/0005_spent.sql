-- How long somebody's calls to trunks lasted on the latest day on which there were some, where its minutes are limited.
CREATE TABLE spent (
    payer     TEXT    PRIMARY KEY, -- 'user NAME' or 'trunk NAME'
    day       INTEGER NOT NULL,    -- of UTC, since 1970
    talked_ms INTEGER NOT NULL
) STRICT;
