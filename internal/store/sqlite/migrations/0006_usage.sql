-- +goose Up
-- What the steps of all jobs used, by UTC day (days since the epoch). batch_id '' means outside of batches, provider '' unknown. It takes
-- the place of spending, and begins with what the steps tell.
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

INSERT INTO usage (organization_id, day, agent_id, model, provider, batch_id, calls, input_tokens, cached_tokens, cache_write_tokens,
    output_tokens, reasoning_tokens, micro_usd, unpriced_calls)
SELECT organization_id, day, agent_id, model, '', batch_id, count(*),
    sum(coalesce(u ->> 'input_tokens', 0)), sum(coalesce(u ->> 'cached_tokens', 0)), sum(coalesce(u ->> 'cache_write_tokens', 0)),
    sum(coalesce(u ->> 'output_tokens', 0)), sum(coalesce(u ->> 'reasoning_tokens', 0)),
    sum(coalesce(u ->> 'cost_micro_usd', 0)), sum(kind = 'model' AND u ->> 'cost_micro_usd' IS NULL)
FROM (
    SELECT j.organization_id, j.agent_id, j.batch_id, s.kind, s.model, iif(json_valid(s.usage), s.usage, '{}') AS u,
        s.ended_at / 86400000000 - (s.ended_at % 86400000000 < 0) AS day
    FROM steps s CROSS JOIN jobs j ON j.seq = s.job_seq)
WHERE kind = 'model' OR coalesce(u ->> 'cost_micro_usd', 0) <> 0
GROUP BY organization_id, day, agent_id, model, batch_id;

-- Money whose steps were deleted with the data of their jobs: nothing else is known of it.
INSERT INTO usage (organization_id, day, agent_id, model, provider, batch_id, calls, input_tokens, cached_tokens, cache_write_tokens,
    output_tokens, reasoning_tokens, micro_usd, unpriced_calls)
SELECT organization_id, day, agent_id, '', '', '', 0, 0, 0, 0, 0, 0, spent - known, 0
FROM (
    SELECT s.organization_id, s.agent_id, s.day, s.micro_usd AS spent,
        (SELECT coalesce(sum(u.micro_usd), 0) FROM usage u
        WHERE u.organization_id = s.organization_id AND u.day = s.day AND u.agent_id = s.agent_id) AS known
    FROM spending s)
WHERE spent > known
ON CONFLICT DO UPDATE SET micro_usd = micro_usd + excluded.micro_usd;
DROP TABLE spending;

-- What else is known of steps that asked a model. forget says that the step's output goes when the job has ended.
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
