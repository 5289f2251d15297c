-- +goose Up

-- What the steps of all jobs used, by UTC day. batch_id 0 means outside of batches, provider '' unknown. The transactions that record
-- steps only add rows to usage_news, so that they never wait for each other; a folder adds these to usage soon after, and readers look at
-- both. It takes the place of spending, and begins with what the steps tell.
create table usage (
    organization_id    uuid             not null,
    day                date             not null,
    agent_id           uuid             not null,
    model              text collate "C" not null,
    provider           text collate "C" not null,
    batch_id           uuid             not null,
    calls              bigint           not null,
    input_tokens       bigint           not null,
    cached_tokens      bigint           not null,
    cache_write_tokens bigint           not null,
    output_tokens      bigint           not null,
    reasoning_tokens   bigint           not null,
    micro_usd          bigint           not null,
    unpriced_calls     bigint           not null,
    primary key (organization_id, day, agent_id, model, provider, batch_id)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
create index usage_of_batch on usage (batch_id) where batch_id <> '00000000-0000-0000-0000-000000000000';

create table usage_news (
    organization_id    uuid   not null,
    seq                bigint generated always as identity,
    day                date   not null,
    agent_id           uuid   not null,
    model              text collate "C" not null,
    provider           text collate "C" not null,
    batch_id           uuid   not null,
    calls              bigint not null,
    input_tokens       bigint not null,
    cached_tokens      bigint not null,
    cache_write_tokens bigint not null,
    output_tokens      bigint not null,
    reasoning_tokens   bigint not null,
    micro_usd          bigint not null,
    unpriced_calls     bigint not null,
    primary key (organization_id, seq)
) with (
    -- Every row lives for a second or two.
    autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0
);

-- Usage in rows is JSON that only this program wrote, compact and with numbers that are whole.
insert into usage
select j.organization_id, (s.ended_at at time zone 'UTC')::date, j.agent_id, s.model, '', coalesce(j.batch_id, '00000000-0000-0000-0000-000000000000'),
    count(*),
    sum(coalesce(substring(s.usage from '"input_tokens":([0-9]+)')::bigint, 0)),
    sum(coalesce(substring(s.usage from '"cached_tokens":([0-9]+)')::bigint, 0)),
    sum(coalesce(substring(s.usage from '"cache_write_tokens":([0-9]+)')::bigint, 0)),
    sum(coalesce(substring(s.usage from '"output_tokens":([0-9]+)')::bigint, 0)),
    sum(coalesce(substring(s.usage from '"reasoning_tokens":([0-9]+)')::bigint, 0)),
    sum(coalesce(substring(s.usage from '"cost_micro_usd":(-?[0-9]+)')::bigint, 0)),
    count(*) filter (where s.kind = 'model' and s.usage !~ '"cost_micro_usd":-?[0-9]')
from steps s join jobs j on j.id = s.job_id
where s.kind = 'model' or coalesce(substring(s.usage from '"cost_micro_usd":(-?[0-9]+)')::bigint, 0) <> 0
group by 1, 2, 3, 4, 6;

-- Money whose steps were deleted with the data of their jobs: nothing else is known of it.
insert into usage as u
select s.organization_id, s.day, s.agent_id, '', '', '00000000-0000-0000-0000-000000000000', 0, 0, 0, 0, 0, 0, s.micro_usd - coalesce(k.known, 0), 0
from spending s
left join (select organization_id, day, agent_id, sum(micro_usd) as known from usage group by 1, 2, 3) k
    on k.organization_id = s.organization_id and k.day = s.day and k.agent_id = s.agent_id
where s.micro_usd > coalesce(k.known, 0)
on conflict (organization_id, day, agent_id, model, provider, batch_id) do update set micro_usd = u.micro_usd + excluded.micro_usd;
drop table spending;

-- What else is known of steps that asked a model. forget says that the step's output goes when the job has ended.
create table model_calls (
    job_id      uuid             not null,
    name        text collate "C" not null,
    provider    text             not null,
    output_hash text collate "C" not null,
    prompt      text             not null, -- JSON, '' for one that is not kept
    forget      boolean          not null,
    primary key (job_id, name)
);
create index model_calls_to_forget on model_calls (job_id) where forget;

-- What calls under way may cost, where there are limits; micro_usd is null when nobody knows. One counts as long as its job's lease.
create table holds (
    id              uuid   primary key,
    organization_id uuid   not null,
    agent_id        uuid   not null,
    job_id          uuid   not null,
    fence           bigint not null,
    micro_usd       bigint
) with (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
create index holds_of_organization on holds (organization_id);
