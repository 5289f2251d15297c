-- Agents can be deleted: their rows stay as long as jobs speak of them, their names are free at once. deleted_at 0 means alive.

-- +goose Up
ALTER TABLE agents ADD COLUMN deleted_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agents DROP COLUMN tags; -- was always empty; see agent_tags
DROP INDEX agents_by_name;
DROP INDEX agents_by_creation;
DROP INDEX agents_by_update;
DROP INDEX agents_by_engine;
CREATE UNIQUE INDEX agents_by_name ON agents (organization_id, name) WHERE deleted_at = 0;
CREATE INDEX agents_by_creation ON agents (organization_id, created_at, id) WHERE deleted_at = 0;
CREATE INDEX agents_by_update ON agents (organization_id, updated_at, id) WHERE deleted_at = 0;
CREATE INDEX agents_by_engine ON agents (organization_id, engine_class_id, id) WHERE deleted_at = 0;
CREATE INDEX agents_deleted ON agents (id) WHERE deleted_at > 0;

ALTER TABLE versions ADD COLUMN deleted_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX versions_by_organization ON versions (organization_id, id, agent_id) WHERE deleted_at = 0;

-- usage_count is the number of agents that have the tag.
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

-- How many jobs an agent has had and when the newest was made, kept by every commit, so that lists of agents need not look at jobs.
CREATE TABLE agent_jobs (
    agent_id TEXT    NOT NULL PRIMARY KEY,
    jobs     INTEGER NOT NULL,
    newest   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO agent_jobs (agent_id, jobs, newest) SELECT agent_id, count(*), max(created_at) FROM jobs GROUP BY agent_id;

-- A kept file holds its blob until it is deleted. dataset_id '' means none.
ALTER TABLE files ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;
ALTER TABLE files ADD COLUMN dataset_id TEXT NOT NULL DEFAULT '';
CREATE INDEX files_kept ON files (organization_id, created_at, id) WHERE kept = 1;
CREATE INDEX files_by_dataset ON files (organization_id, dataset_id, created_at, id) WHERE kept = 1;
