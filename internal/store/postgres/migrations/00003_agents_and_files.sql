-- Agents can be deleted: their rows stay as long as jobs speak of them, their names are free at once.

-- +goose Up

alter table agents add column deleted_at timestamptz;
alter table agents drop column tags; -- was always empty; see agent_tags
alter table agents drop constraint agents_name;
create unique index agents_name on agents (organization_id, name) where deleted_at is null;
drop index agents_created;
create index agents_created on agents (organization_id, created_at, id) where deleted_at is null;
drop index agents_updated;
create index agents_updated on agents (organization_id, updated_at, id) where deleted_at is null;
drop index agents_engine;
create index agents_engine on agents (organization_id, engine_class_id, id) where deleted_at is null;
create index agents_deleted on agents (id) where deleted_at is not null;

alter table versions add column deleted_at timestamptz;
create index versions_organization on versions (organization_id, id, agent_id) where deleted_at is null;

create table tags (
    id              uuid primary key,
    organization_id uuid             not null,
    name            text             not null,
    name_folded     text collate "C" not null,
    color           text             not null,
    created_at      timestamptz      not null,
    creator_id      bigint,
    usage_count     bigint           not null default 0, -- agents that have the tag
    constraint tags_name unique (organization_id, name_folded)
);

create table agent_tags (
    agent_id uuid not null references agents (id),
    tag_id   uuid not null references tags (id),
    primary key (agent_id, tag_id)
);
create index agent_tags_tag on agent_tags (tag_id, agent_id);

-- How many jobs an agent has had and when the newest was made, so that lists of agents need not look at jobs. One transaction at
-- a time writes agent_jobs: the one that gets the lock, which it does not wait for. The others note what they add, each in a row of
-- its own, and the next that gets the lock adds it up.
create table agent_jobs (
    agent_id uuid primary key,
    jobs     bigint      not null,
    newest   timestamptz not null
) with (fillfactor = 50);
create table agent_jobs_log (
    agent_id uuid        not null,
    jobs     bigint      not null,
    newest   timestamptz not null
);
create index agent_jobs_log_agent on agent_jobs_log (agent_id);
insert into agent_jobs (agent_id, jobs, newest) select agent_id, count(*), max(created_at) from jobs group by agent_id;
-- +goose StatementBegin
create function count_jobs_of_agents() returns trigger language plpgsql as $$
begin
    if pg_try_advisory_xact_lock(7310033917564519) then
        with noted as (delete from agent_jobs_log returning agent_id, jobs, newest)
        insert into agent_jobs as n (agent_id, jobs, newest)
        select x.agent_id, sum(x.jobs), max(x.newest) from (
            select agent_id, jobs, newest from noted
            union all
            select agent_id, count(*), max(created_at) from added group by agent_id) x
        group by x.agent_id
        on conflict (agent_id) do update set jobs = n.jobs + excluded.jobs, newest = greatest(n.newest, excluded.newest);
    else
        insert into agent_jobs_log (agent_id, jobs, newest)
        select agent_id, count(*), max(created_at) from added group by agent_id;
    end if;
    return null;
end
$$;
-- +goose StatementEnd
create trigger jobs_of_agents after insert on jobs
    referencing new table as added for each statement execute function count_jobs_of_agents();

-- A kept file holds its blob until it is deleted.
alter table files add column kept boolean not null default false;
alter table files add column dataset_id uuid;
create index files_kept on files (organization_id, created_at desc, id desc) where kept;
create index files_dataset on files (organization_id, dataset_id, created_at desc, id desc) where kept;

