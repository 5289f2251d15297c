-- +goose Up
-- What was created under idempotency keys. Sealed columns can be opened only with a key that is not in the database.
CREATE TABLE creations (
    organization_id TEXT    NOT NULL,
    kind            TEXT    NOT NULL,
    key             TEXT    NOT NULL,
    object_id       TEXT    NOT NULL,
    sealed          BLOB    NOT NULL,
    expires_at      INTEGER NOT NULL,
    PRIMARY KEY (organization_id, kind, key)
) STRICT;
CREATE INDEX creations_by_expiry ON creations (expires_at);
