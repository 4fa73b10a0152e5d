-- The proxies on the way to a contact (RFC 3327), as a header field has them.
ALTER TABLE registrations ADD COLUMN path TEXT NOT NULL DEFAULT '';
