-- Tokens that are good once and were used, for as long as they would be let in.
CREATE TABLE used_tokens (
    id           BLOB    PRIMARY KEY, -- the begin of a SHA-256
    until_s      INTEGER NOT NULL,    -- since 1970
    is_forgeable INTEGER NOT NULL    -- whether anybody may have made it, who has one
) STRICT;
