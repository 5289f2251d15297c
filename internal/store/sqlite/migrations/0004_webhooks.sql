-- +goose Up

-- Sealed columns can be opened only with a key that is not in the database. seq is never used twice, because deliveries of a deleted
-- webhook stay behind for a while.
CREATE TABLE webhooks (
    seq              INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id               TEXT    NOT NULL UNIQUE,
    organization_id  TEXT    NOT NULL,
    name             TEXT    NOT NULL,
    url              TEXT    NOT NULL,
    on_job           INTEGER NOT NULL, -- asks for job_completed
    on_batch         INTEGER NOT NULL, -- asks for batch_completed
    is_active        INTEGER NOT NULL,
    alerts           TEXT    NOT NULL,
    include_inputs   INTEGER NOT NULL,
    notify_cached    INTEGER NOT NULL,
    failure_count    INTEGER NOT NULL,
    failed_at        INTEGER NOT NULL,
    disabled_reason  TEXT    NOT NULL, -- '' for none
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    secret           BLOB    NOT NULL,
    old_secret       BLOB,
    old_secret_until INTEGER NOT NULL,
    headers          BLOB
) STRICT;
CREATE INDEX webhooks_by_organization ON webhooks (organization_id, created_at, id);
CREATE INDEX webhooks_inactive ON webhooks (seq) WHERE is_active = 0;

-- What is looked into for every job that ends.
CREATE TABLE webhook_agents (
    agent_id    TEXT    NOT NULL,
    webhook_seq INTEGER NOT NULL REFERENCES webhooks (seq),
    linked_at   INTEGER NOT NULL,
    PRIMARY KEY (agent_id, webhook_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_agents_by_webhook ON webhook_agents (webhook_seq, agent_id);

-- Webhooks whose deliveries are still to be swept.
CREATE TABLE deleted_webhooks (
    seq INTEGER NOT NULL PRIMARY KEY
) STRICT;

-- The outbox. status: 0 pending, 1 delivered, 2 given up. A pending one is due at due_at; whoever claims it moves that to the time by
-- which it must be done, and fence goes up. response_status is 0 when there was no answer.
CREATE TABLE webhook_deliveries (
    seq             INTEGER NOT NULL PRIMARY KEY,
    id              TEXT    NOT NULL UNIQUE,
    webhook_seq     INTEGER NOT NULL,
    agent_id        TEXT    NOT NULL,
    job_id          TEXT    NOT NULL DEFAULT '', -- for job_completed
    batch_id        TEXT    NOT NULL DEFAULT '', -- for batch_completed
    status          INTEGER NOT NULL DEFAULT 0,
    fence           INTEGER NOT NULL DEFAULT 0,
    attempts        INTEGER NOT NULL DEFAULT 0,
    due_at          INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    attempted_at    INTEGER NOT NULL DEFAULT 0,
    ended_at        INTEGER NOT NULL DEFAULT 0,
    duration_ms     INTEGER NOT NULL DEFAULT 0,
    response_status INTEGER NOT NULL DEFAULT 0,
    response_body   TEXT    NOT NULL DEFAULT '',
    error           TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_seq, due_at) WHERE status = 0;
CREATE INDEX webhook_deliveries_listed ON webhook_deliveries (webhook_seq, status, seq);
CREATE INDEX webhook_deliveries_delivered ON webhook_deliveries (ended_at) WHERE status = 1;
CREATE INDEX webhook_deliveries_failed ON webhook_deliveries (ended_at) WHERE status = 2;

-- Shows whether a process has the key that secrets are sealed with.
CREATE TABLE secret_proof (
    id     INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    sealed BLOB    NOT NULL
) STRICT;

-- Batches that are completed are told by the database itself, so that no path of the program can forget it; jobs that have ended, by the
-- program at the end of each transaction. The ids are version 7.
-- +goose StatementBegin
CREATE TRIGGER webhooks_agent_deleted AFTER UPDATE OF deleted_at ON agents
WHEN new.deleted_at > 0 AND old.deleted_at = 0
BEGIN
    DELETE FROM webhook_deliveries WHERE agent_id = new.id AND status = 0
        AND webhook_seq IN (SELECT webhook_seq FROM webhook_agents WHERE agent_id = new.id);
    DELETE FROM webhook_agents WHERE agent_id = new.id;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER webhooks_batch_completed AFTER UPDATE OF completed_at ON batches
WHEN new.completed_at > 0 AND old.completed_at = 0
BEGIN
    INSERT INTO webhook_deliveries (id, webhook_seq, agent_id, batch_id, due_at, created_at)
    SELECT printf('%08x-%04x-7%03x-%04x-%s', new.completed_at / 1000 >> 16, new.completed_at / 1000 & 65535,
            random() & 4095, random() & 16383 | 32768, lower(hex(randomblob(6)))),
        w.seq, new.agent_id, new.id, new.completed_at, new.completed_at
    FROM webhook_agents l CROSS JOIN webhooks w ON w.seq = l.webhook_seq
    WHERE l.agent_id = new.agent_id AND w.is_active AND w.on_batch;
END;
-- +goose StatementEnd
