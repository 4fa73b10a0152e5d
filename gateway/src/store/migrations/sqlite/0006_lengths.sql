-- When each call began, and the process lived last, by a clock that nobody sets: in milliseconds since that process opened the
-- store. Absent of a call that a version before kept.
ALTER TABLE open_calls ADD COLUMN began_up_ms INTEGER;
ALTER TABLE cdr_state ADD COLUMN alive_up_ms INTEGER NOT NULL DEFAULT 0;
-- When it was kept, since 1970: nobody is told of the end of a call of long ago.
ALTER TABLE sip_calls ADD COLUMN kept_at_ms INTEGER NOT NULL DEFAULT 0;
UPDATE sip_calls SET kept_at_ms = CAST(strftime('%s', 'now') AS INTEGER) * 1000;
