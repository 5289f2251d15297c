-- The schema as migration 8 left it.
PRAGMA application_id = 1400141668;
CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
CREATE TABLE organizations (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE users (
    id                INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    organization_id   TEXT    NOT NULL REFERENCES organizations (id),
    email             TEXT    NOT NULL,
    first_name        TEXT    NOT NULL,
    last_name         TEXT    NOT NULL,
    display_name      TEXT    NOT NULL,
    date_joined       INTEGER NOT NULL,
    is_staff          INTEGER NOT NULL,
    is_superuser      INTEGER NOT NULL,
    is_active         INTEGER NOT NULL,
    is_first_login    INTEGER NOT NULL,
    is_email_verified INTEGER NOT NULL,
    is_mfa_enabled    INTEGER NOT NULL
) STRICT;
CREATE INDEX users_by_organization ON users (organization_id);
CREATE TABLE keys (
    id              TEXT    NOT NULL PRIMARY KEY,
    organization_id TEXT    NOT NULL REFERENCES organizations (id),
    user_id         INTEGER NOT NULL REFERENCES users (id),
    name            TEXT    NOT NULL,
    prefix          TEXT    NOT NULL UNIQUE,
    hash            BLOB    NOT NULL,
    scopes          TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    last_used_at    INTEGER NOT NULL,
    revoked_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX keys_by_organization ON keys (organization_id, created_at);
CREATE INDEX keys_by_user ON keys (user_id);
CREATE TABLE agents (
    id                 TEXT    NOT NULL PRIMARY KEY,
    organization_id    TEXT    NOT NULL,
    creator_id         INTEGER NOT NULL,
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL,
    name               TEXT    NOT NULL,
    name_folded        TEXT    NOT NULL,
    search_folded      TEXT    NOT NULL,
    disable_cache      INTEGER NOT NULL,
    cache_failed_jobs  INTEGER NOT NULL,
    engine_class_id    TEXT    NOT NULL,
    engine_name        TEXT    NOT NULL,
    current_version_id TEXT    NOT NULL,
    deleted_at INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE versions (
    id                TEXT    NOT NULL PRIMARY KEY,
    agent_id          TEXT    NOT NULL REFERENCES agents (id),
    organization_id   TEXT    NOT NULL,
    version_name      TEXT    NOT NULL,
    creator_id        INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    description       TEXT    NOT NULL,
    engine_class_id   TEXT    NOT NULL,
    engine_name       TEXT    NOT NULL,
    input_definitions TEXT    NOT NULL,
    engine_config     TEXT    NOT NULL,
    readonly          INTEGER NOT NULL,
    supports_memory   INTEGER NOT NULL,
    post_actions      TEXT    NOT NULL,
    warnings          TEXT    NOT NULL
, deleted_at INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX versions_by_agent ON versions (agent_id, created_at);
CREATE TABLE jobs (
    seq              INTEGER NOT NULL PRIMARY KEY,
    id               TEXT    NOT NULL UNIQUE,
    organization_id  TEXT    NOT NULL,
    agent_id         TEXT    NOT NULL,
    provider         TEXT    NOT NULL,
    status           INTEGER NOT NULL,
    run_after        INTEGER NOT NULL,
    lease_end        INTEGER NOT NULL DEFAULT 0,
    fence            INTEGER NOT NULL DEFAULT 0,
    node             TEXT    NOT NULL DEFAULT '',
    incarnation      TEXT    NOT NULL DEFAULT '',
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    last_chance      INTEGER NOT NULL DEFAULT 0,
    deadline         INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    started_at       INTEGER NOT NULL DEFAULT 0,
    ended_at         INTEGER NOT NULL DEFAULT 0,
    attempt          INTEGER NOT NULL DEFAULT 0,
    crashes          INTEGER NOT NULL DEFAULT 0,
    version_id       TEXT    NOT NULL,
    version_name     TEXT    NOT NULL,
    engine_class_id  TEXT    NOT NULL,
    creator_id       INTEGER NOT NULL,
    progress         TEXT    NOT NULL DEFAULT '',
    failure          TEXT    NOT NULL DEFAULT '',
    usage            TEXT    NOT NULL DEFAULT '',
    events           TEXT    NOT NULL,
    metadata         TEXT    NOT NULL,
    refs             TEXT    NOT NULL DEFAULT '[]',
    outputs          TEXT    NOT NULL DEFAULT '[]',
    inputs           TEXT    NOT NULL
, verdict         TEXT    NOT NULL DEFAULT '', batch_id        TEXT    NOT NULL DEFAULT '', batch_index     INTEGER NOT NULL DEFAULT 0, batch_hash      BLOB    NOT NULL DEFAULT x'', refused         INTEGER NOT NULL DEFAULT 0, cache_key       BLOB    NOT NULL DEFAULT x'', cache_ttl       INTEGER NOT NULL DEFAULT 0, cached_from     TEXT    NOT NULL DEFAULT '', data_deleted_at INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX jobs_ready ON jobs (last_chance, organization_id, agent_id, provider, run_after) WHERE status IN (0, 2);
CREATE INDEX jobs_due ON jobs (last_chance, run_after) WHERE status IN (0, 2);
CREATE INDEX jobs_deadline ON jobs (deadline) WHERE status IN (0, 2);
CREATE INDEX jobs_running ON jobs (lease_end, organization_id, agent_id, provider) WHERE status = 1;
CREATE INDEX jobs_by_agent ON jobs (organization_id, agent_id, created_at);
CREATE TABLE idempotency (
    organization_id TEXT    NOT NULL,
    agent_id        TEXT    NOT NULL,
    key             TEXT    NOT NULL,
    job_id          TEXT    NOT NULL,
    request_hash    BLOB    NOT NULL,
    expires_at      INTEGER NOT NULL,
    PRIMARY KEY (organization_id, agent_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);
CREATE TABLE steps (
    seq        INTEGER NOT NULL PRIMARY KEY,
    job_seq    INTEGER NOT NULL REFERENCES jobs (seq),
    name       TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    input_hash TEXT    NOT NULL,
    attempt    INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL,
    model      TEXT    NOT NULL,
    usage      TEXT    NOT NULL,
    output     TEXT    NOT NULL,
    UNIQUE (job_seq, name)
) STRICT;
CREATE TABLE artifacts (
    job_seq  INTEGER NOT NULL REFERENCES jobs (seq),
    key      TEXT    NOT NULL,
    result   TEXT    NOT NULL,
    metadata TEXT    NOT NULL,
    input    TEXT    NOT NULL,
    usage    TEXT    NOT NULL,
    PRIMARY KEY (job_seq, key)
) STRICT;
CREATE TABLE blobs (
    sha256     TEXT    NOT NULL PRIMARY KEY,
    size_bytes INTEGER NOT NULL,
    state      INTEGER NOT NULL,
    dying_at   INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX blobs_dying ON blobs (dying_at) WHERE state = 2;
CREATE TABLE files (
    id              TEXT    NOT NULL PRIMARY KEY,
    organization_id TEXT    NOT NULL,
    sha256          TEXT    NOT NULL REFERENCES blobs (sha256),
    name            TEXT    NOT NULL,
    content_type    TEXT    NOT NULL,
    size_bytes      INTEGER NOT NULL,
    source_url      TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL
, kept INTEGER NOT NULL DEFAULT 0, dataset_id TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;
CREATE INDEX files_by_blob ON files (sha256);
CREATE INDEX files_by_expiry ON files (expires_at) WHERE expires_at > 0;
CREATE TABLE blob_jobs (
    sha256  TEXT    NOT NULL REFERENCES blobs (sha256),
    job_seq INTEGER NOT NULL REFERENCES jobs (seq),
    PRIMARY KEY (sha256, job_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX blob_jobs_by_job ON blob_jobs (job_seq);
CREATE INDEX jobs_by_end ON jobs (organization_id, agent_id, ended_at) WHERE status >= 3;
CREATE INDEX jobs_retrying ON jobs (organization_id, agent_id) WHERE status = 2;
CREATE INDEX jobs_by_batch ON jobs (batch_id, status, batch_index) WHERE batch_id <> '';
CREATE UNIQUE INDEX jobs_by_place ON jobs (batch_id, batch_index) WHERE batch_id <> '';
CREATE TABLE job_lanes (
    id              INTEGER NOT NULL PRIMARY KEY,
    organization_id TEXT    NOT NULL,
    agent_id        TEXT    NOT NULL,
    purged          INTEGER NOT NULL DEFAULT 0,
    UNIQUE (organization_id, agent_id)
) STRICT;
CREATE INDEX job_lanes_by_agent ON job_lanes (agent_id) WHERE purged = 0;
CREATE TABLE job_chunks (
    lane         INTEGER NOT NULL,
    chunk        INTEGER NOT NULL,
    bits         BLOB    NOT NULL,
    created_from INTEGER NOT NULL,
    created_to   INTEGER NOT NULL,
    ended_from   INTEGER NOT NULL,
    ended_to     INTEGER NOT NULL,
    id_from      TEXT    NOT NULL,
    id_to        TEXT    NOT NULL,
    PRIMARY KEY (lane, chunk)
) STRICT, WITHOUT ROWID;
CREATE TABLE job_bits (
    lane  INTEGER NOT NULL,
    term  TEXT    NOT NULL,
    chunk INTEGER NOT NULL,
    bits  BLOB    NOT NULL,
    PRIMARY KEY (lane, term, chunk)
) STRICT, WITHOUT ROWID;
CREATE TABLE job_codes (
    place INTEGER NOT NULL PRIMARY KEY,
    codes BLOB    NOT NULL
) STRICT;
CREATE TABLE job_texts (
    seq  INTEGER NOT NULL PRIMARY KEY,
    id   TEXT    NOT NULL,
    text TEXT    NOT NULL
) STRICT;
CREATE TABLE job_lists_missing (
    next INTEGER NOT NULL,
    last INTEGER NOT NULL
) STRICT;
CREATE TABLE cache (
    key             BLOB    NOT NULL,
    organization_id TEXT    NOT NULL,
    job_seq         INTEGER NOT NULL,
    failed          INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    PRIMARY KEY (key, organization_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX cache_by_expiry ON cache (expires_at);
CREATE TABLE batches (
    id              TEXT    NOT NULL PRIMARY KEY,
    organization_id TEXT    NOT NULL,
    agent_id        TEXT    NOT NULL,
    version_id      TEXT    NOT NULL,
    version_name    TEXT    NOT NULL,
    creator_id      INTEGER NOT NULL,
    name            TEXT    NOT NULL,
    metadata        TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    closed_at       INTEGER NOT NULL DEFAULT 0,
    cancelled_at    INTEGER NOT NULL DEFAULT 0,
    completed_at    INTEGER NOT NULL DEFAULT 0,
    idempotency_key TEXT    NOT NULL DEFAULT '',
    request_hash    BLOB    NOT NULL,
    counts          TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX batches_by_organization ON batches (organization_id, created_at, id);
CREATE INDEX batches_by_agent ON batches (organization_id, agent_id, created_at, id);
CREATE UNIQUE INDEX batches_by_key ON batches (organization_id, agent_id, idempotency_key) WHERE idempotency_key <> '';
CREATE INDEX batches_to_complete ON batches (closed_at) WHERE closed_at > 0 AND completed_at = 0;
CREATE UNIQUE INDEX agents_by_name ON agents (organization_id, name) WHERE deleted_at = 0;
CREATE INDEX agents_by_creation ON agents (organization_id, created_at, id) WHERE deleted_at = 0;
CREATE INDEX agents_by_update ON agents (organization_id, updated_at, id) WHERE deleted_at = 0;
CREATE INDEX agents_by_engine ON agents (organization_id, engine_class_id, id) WHERE deleted_at = 0;
CREATE INDEX agents_deleted ON agents (id) WHERE deleted_at > 0;
CREATE INDEX versions_by_organization ON versions (organization_id, id, agent_id) WHERE deleted_at = 0;
CREATE TABLE tags (
    id              TEXT    NOT NULL PRIMARY KEY,
    organization_id TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    name_folded     TEXT    NOT NULL,
    color           TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    creator_id      INTEGER NOT NULL,
    usage_count     INTEGER NOT NULL DEFAULT 0,
    UNIQUE (organization_id, name_folded)
) STRICT, WITHOUT ROWID;
CREATE TABLE agent_tags (
    agent_id TEXT NOT NULL REFERENCES agents (id),
    tag_id   TEXT NOT NULL REFERENCES tags (id),
    PRIMARY KEY (agent_id, tag_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX agent_tags_by_tag ON agent_tags (tag_id, agent_id);
CREATE TABLE agent_jobs (
    agent_id TEXT    NOT NULL PRIMARY KEY,
    jobs     INTEGER NOT NULL,
    newest   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX files_kept ON files (organization_id, created_at, id) WHERE kept = 1;
CREATE INDEX files_by_dataset ON files (organization_id, dataset_id, created_at, id) WHERE kept = 1;
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
CREATE TABLE webhook_agents (
    agent_id    TEXT    NOT NULL,
    webhook_seq INTEGER NOT NULL REFERENCES webhooks (seq),
    linked_at   INTEGER NOT NULL,
    PRIMARY KEY (agent_id, webhook_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_agents_by_webhook ON webhook_agents (webhook_seq, agent_id);
CREATE TABLE deleted_webhooks (
    seq INTEGER NOT NULL PRIMARY KEY
) STRICT;
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
CREATE TABLE secret_proof (
    id     INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    sealed BLOB    NOT NULL
) STRICT;
CREATE TRIGGER webhooks_agent_deleted AFTER UPDATE OF deleted_at ON agents
WHEN new.deleted_at > 0 AND old.deleted_at = 0
BEGIN
    DELETE FROM webhook_deliveries WHERE agent_id = new.id AND status = 0
        AND webhook_seq IN (SELECT webhook_seq FROM webhook_agents WHERE agent_id = new.id);
    DELETE FROM webhook_agents WHERE agent_id = new.id;
END;
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
CREATE TABLE usage (
    organization_id    TEXT    NOT NULL,
    day                INTEGER NOT NULL,
    agent_id           TEXT    NOT NULL,
    model              TEXT    NOT NULL,
    provider           TEXT    NOT NULL,
    batch_id           TEXT    NOT NULL,
    calls              INTEGER NOT NULL,
    input_tokens       INTEGER NOT NULL,
    cached_tokens      INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    output_tokens      INTEGER NOT NULL,
    reasoning_tokens   INTEGER NOT NULL,
    micro_usd          INTEGER NOT NULL,
    unpriced_calls     INTEGER NOT NULL,
    PRIMARY KEY (organization_id, day, agent_id, model, provider, batch_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_by_batch ON usage (batch_id) WHERE batch_id <> '';
CREATE TABLE model_calls (
    job_seq     INTEGER NOT NULL REFERENCES jobs (seq),
    name        TEXT    NOT NULL,
    provider    TEXT    NOT NULL,
    output_hash TEXT    NOT NULL,
    prompt      TEXT    NOT NULL, -- JSON, '' for one that is not kept
    forget      INTEGER NOT NULL,
    PRIMARY KEY (job_seq, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX model_calls_to_forget ON model_calls (job_seq) WHERE forget = 1;
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
INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, 1);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (2, 1);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (3, 1);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (4, 1);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (5, 1);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (6, 1);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (7, 1);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (8, 1);
