-- +goose Up

-- Jobs get a number (seq) that goes up in the order of storing; those that are there are numbered by age.
create sequence job_seq;
drop index jobs_of_agent;
drop index jobs_of_organization;
alter table jobs
    add column seq             bigint,
    add column batch_id        uuid,
    add column batch_index     bigint  not null default 0,
    add column batch_hash      bytea,
    add column cache_key       bytea,
    add column cache_ttl       interval,
    add column cached_from     uuid,
    add column data_deleted_at timestamptz,
    add column refused         boolean not null default false;
update jobs j set seq = n.seq from (select id, row_number() over (order by created_at, id) as seq from jobs) n where n.id = j.id;
select setval('job_seq', coalesce(max(seq), 0) + 1, false) from jobs;
alter table jobs alter column seq set not null;
alter sequence job_seq owned by jobs.seq;

-- Jobs that run or will run again, and open ones of batches. "is true" keeps other queries from taking these indexes: whoever wants one
-- says so. Jobs that wait for their first start are found by their lanes.
create index jobs_working on jobs (organization_id, agent_id) where (status >= 1 and status <= 2) is true;
create index jobs_batch_open on jobs (batch_id) where (status <= 2) is true and batch_id is not null;
create unique index jobs_batch_item on jobs (batch_id, batch_index) include (status) where batch_id is not null;

-- Lists of jobs. job_list gets a row when a job is stored and job_ends one when it has ended; both only grow, so that
-- the transactions that store and end jobs never wait for each other. A folder gathers their rows, soon after they were
-- committed, into sets of jobs by terms (job_bits), the ranges of what the jobs of a chunk have (job_spans) and codes of the values that jobs are
-- ordered by (job_columns). job_lists.folded says how far it is: the rows of all transactions before that
-- one are in them; a reader looks at the other rows itself. job_spans.fold says when something about a chunk was changed last, counted in
-- job_lists.folds, so that readers may keep what did not change. lane stands for an organization's agent, or is the organization, where
-- all its agents are listed together.
create table job_lists (
    one       boolean primary key default true check (one),
    folded    xid8    not null default '0',
    folds     bigint  not null default 0, -- how often rows were folded
    filled    boolean not null, -- the jobs that were stored before there were lists are in job_list and job_ends
    filled_to uuid              -- until then: those up to this id
);
insert into job_lists (filled) select not exists (select from jobs);

create table job_list (
    seq             bigint primary key,
    organization_id uuid             not null,
    agent_id        uuid             not null,
    id              uuid             not null,
    created_at      timestamptz      not null,
    version_name    text             not null,
    labels          text             not null, -- terms of the metadata, divided by blanks
    inputs          text collate "C" not null, -- folded text for searches
    xid             xid8             not null default pg_current_xact_id()
) with (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
create index job_list_unfolded on job_list (xid);

create table job_ends (
    seq             bigint primary key,
    organization_id uuid        not null,
    agent_id        uuid        not null,
    id              uuid        not null,
    created_at      timestamptz not null,
    ended_at        timestamptz not null,
    status          smallint    not null,
    verdict         text        not null,
    verdict_term    text        not null, -- '' means no verdict
    cost            bigint,               -- micro US dollars; null when unknown
    duration        bigint,               -- microseconds; null when it never started
    xid             xid8        not null default pg_current_xact_id()
) with (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
create index job_ends_unfolded on job_ends (xid);
create index job_ends_ended on job_ends (agent_id, ended_at, seq);

create table job_bits (
    lane  uuid             not null,
    term  text collate "C" not null, -- '' is every job
    chunk bigint           not null,
    bits  bytea            not null,
    primary key (lane, term, chunk)
) with (fillfactor = 80);

create table job_spans (
    lane         uuid        not null,
    chunk        bigint      not null,
    fold         bigint      not null,
    created_from timestamptz not null,
    created_to   timestamptz not null,
    ended_from   timestamptz,
    ended_to     timestamptz,
    id_from      uuid        not null,
    id_to        uuid        not null,
    primary key (lane, chunk)
) with (fillfactor = 80);

-- Codes of what jobs are ordered by. The rows stand whole in the table: they are read many at a time.
create table job_columns (
    lane  uuid             not null,
    key   text collate "C" not null,
    block bigint           not null,
    codes bytea            not null,
    primary key (lane, key, block)
) with (fillfactor = 60, toast_tuple_target = 8160);
alter table job_columns alter column codes set storage external;

-- Results that answer equal runs. made_at is the end of the job.
create table job_cache (
    key             bytea       not null,
    organization_id uuid        not null,
    job_id          uuid        not null,
    failed          boolean     not null,
    made_at         timestamptz not null,
    expires_at      timestamptz not null,
    primary key (key, organization_id)
);
create index job_cache_expiry on job_cache (expires_at);

-- counts is set when a batch is completed and taken back when it goes on: a JSON object, '' for a batch whose jobs are to be counted.
create table batches (
    id              uuid primary key,
    organization_id uuid             not null,
    agent_id        uuid             not null,
    version_id      uuid,
    version_name    text             not null,
    creator_id      bigint           not null,
    name            text             not null,
    metadata        text             not null,
    created_at      timestamptz      not null,
    closed_at       timestamptz,
    cancelled_at    timestamptz,
    completed_at    timestamptz,
    idempotency_key text collate "C",
    request_hash    bytea            not null,
    counts          text             not null default ''
);
create index batches_of_organization on batches (organization_id, created_at desc, id desc);
create index batches_of_agent on batches (agent_id, created_at desc, id desc);
create unique index batches_key on batches (idempotency_key, agent_id, organization_id) where idempotency_key is not null;
create index batches_to_complete on batches (closed_at) where closed_at is not null and completed_at is null;
