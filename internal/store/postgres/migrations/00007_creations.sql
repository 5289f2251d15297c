-- +goose Up

-- What was created under idempotency keys. Sealed columns can be opened only with a key that is not in the database.
create table creations (
    organization_id uuid             not null,
    kind            text collate "C" not null,
    key             text collate "C" not null,
    object_id       uuid             not null,
    sealed          bytea            not null,
    expires_at      timestamptz      not null,
    primary key (organization_id, kind, key)
);
create index creations_expiry on creations (expires_at);
