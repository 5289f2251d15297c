-- +goose Up
-- verdict is the text of the verdict in the outputs, shortened. cache_ttl is in microseconds, 0 for a job that does not fill the cache.
ALTER TABLE jobs ADD COLUMN verdict         TEXT    NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN batch_id        TEXT    NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN batch_index     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN batch_hash      BLOB    NOT NULL DEFAULT x'';
ALTER TABLE jobs ADD COLUMN refused         INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN cache_key       BLOB    NOT NULL DEFAULT x'';
ALTER TABLE jobs ADD COLUMN cache_ttl       INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN cached_from     TEXT    NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN data_deleted_at INTEGER NOT NULL DEFAULT 0;
-- Lists find ended jobs by status through job_bits; what is left to indexes is the order of their ends.
DROP INDEX jobs_ended_by_agent;
DROP INDEX jobs_ended_by_organization;
CREATE INDEX jobs_by_end ON jobs (organization_id, agent_id, ended_at) WHERE status >= 3;
CREATE INDEX jobs_retrying ON jobs (organization_id, agent_id) WHERE status = 2;
-- The items of a batch, by status and by place.
CREATE INDEX jobs_by_batch ON jobs (batch_id, status, batch_index) WHERE batch_id <> '';
CREATE UNIQUE INDEX jobs_by_place ON jobs (batch_id, batch_index) WHERE batch_id <> '';

-- The lists of an organization's agent have a short name: its lane. purged says that the agent is deleted and all data of its jobs.
CREATE TABLE job_lanes (
    id              INTEGER NOT NULL PRIMARY KEY,
    organization_id TEXT    NOT NULL,
    agent_id        TEXT    NOT NULL,
    purged          INTEGER NOT NULL DEFAULT 0,
    UNIQUE (organization_id, agent_id)
) STRICT;
CREATE INDEX job_lanes_by_agent ON job_lanes (agent_id) WHERE purged = 0;

-- Sets of jobs, cut into chunks of numbers (seq); see package joblist. All jobs of a lane, with the ranges of what they have:
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
-- those that have a term:
CREATE TABLE job_bits (
    lane  INTEGER NOT NULL,
    term  TEXT    NOT NULL,
    chunk INTEGER NOT NULL,
    bits  BLOB    NOT NULL,
    PRIMARY KEY (lane, term, chunk)
) STRICT, WITHOUT ROWID;
-- and the codes of what ended jobs are ordered by. place is (lane * 2 + column) * 2^32 + block; column 0 is cost, 1 is duration.
CREATE TABLE job_codes (
    place INTEGER NOT NULL PRIMARY KEY,
    codes BLOB    NOT NULL
) STRICT;

-- What lists are searched for: the id and the folded text of the inputs.
CREATE TABLE job_texts (
    seq  INTEGER NOT NULL PRIMARY KEY,
    id   TEXT    NOT NULL,
    text TEXT    NOT NULL
) STRICT;

-- Jobs that were stored before there were these tables and are not in them yet: numbers from next to last.
CREATE TABLE job_lists_missing (
    next INTEGER NOT NULL,
    last INTEGER NOT NULL
) STRICT;
INSERT INTO job_lists_missing (next, last) SELECT 1, max(seq) FROM jobs HAVING max(seq) IS NOT NULL;

-- Results that answer equal runs.
CREATE TABLE cache (
    key             BLOB    NOT NULL,
    organization_id TEXT    NOT NULL,
    job_seq         INTEGER NOT NULL,
    failed          INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    PRIMARY KEY (key, organization_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX cache_by_expiry ON cache (expires_at);

-- counts is set when a batch is completed and cleared when it goes on: a JSON object, '' for a batch whose jobs are to be counted.
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
