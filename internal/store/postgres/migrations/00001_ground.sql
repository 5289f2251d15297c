-- +goose Up

-- Conventions. Ids are uuid; times are timestamptz, null for "none yet"; JSON is text, because what a caller sent comes back
-- byte for byte; '' in a text column that holds JSON means none. Text that is compared or ordered has collation "C", so that
-- order does not depend on the server's locale.
-- Jobs and what hangs on them have no foreign keys: each would cost a look-up and a row lock on the same few agents for every
-- job. Agents outlive their organization's and creator's rows.

create table organizations (
    id         uuid primary key,
    name       text        not null,
    created_at timestamptz not null
);

create table users (
    id                bigint generated always as identity primary key,
    organization_id   uuid        not null references organizations (id),
    email             text        not null,
    first_name        text        not null,
    last_name         text        not null,
    display_name      text        not null,
    date_joined       timestamptz not null,
    is_staff          boolean     not null,
    is_superuser      boolean     not null,
    is_active         boolean     not null,
    is_first_login    boolean     not null,
    is_email_verified boolean     not null,
    is_mfa_enabled    boolean     not null
);
create index users_organization on users (organization_id, id);

create table keys (
    id              uuid primary key,
    organization_id uuid             not null references organizations (id),
    user_id         bigint           not null references users (id),
    name            text             not null,
    prefix          text collate "C" not null unique,
    hash            bytea            not null,
    scopes          text             not null,
    created_at      timestamptz      not null,
    expires_at      timestamptz,
    last_used_at    timestamptz,
    revoked_at      timestamptz
);
create index keys_organization on keys (organization_id, created_at desc, id desc);

create table agents (
    id                 uuid primary key,
    organization_id    uuid             not null,
    creator_id         bigint,
    created_at         timestamptz      not null,
    updated_at         timestamptz      not null,
    name               text collate "C" not null,
    engine_class_id    text collate "C" not null,
    engine_name        text             not null,
    current_version_id uuid             not null,
    disable_cache      boolean          not null,
    cache_failed_jobs  boolean          not null,
    tags               text             not null,
    name_folded        text collate "C" not null, -- lower case, for searching: the server's lower() depends on its locale
    search_folded      text collate "C" not null, -- name, engine and id, lower case, a line each
    constraint agents_name unique (organization_id, name)
);
create index agents_created on agents (organization_id, created_at, id);
create index agents_updated on agents (organization_id, updated_at, id);
create index agents_engine on agents (organization_id, engine_class_id, id);

create table versions (
    id                uuid primary key,
    agent_id          uuid        not null references agents (id),
    organization_id   uuid        not null,
    version_name      text        not null,
    description       text        not null,
    creator_id        bigint,
    created_at        timestamptz not null,
    engine_class_id   text        not null,
    engine_name       text        not null,
    input_definitions text        not null,
    engine_config     text        not null,
    read_only         boolean     not null,
    supports_memory   boolean     not null,
    post_actions      text        not null,
    warnings          text        not null
);
create index versions_agent on versions (agent_id, created_at desc, id desc);

-- A job is open (status 0 to 2) or terminal (3 to 6). An open one is claimable from run_after on while lease_until is null:
-- queued jobs never have a lease, and a running one loses it by running out, by being handed over or by being taken back.
create table jobs (
    id               uuid primary key,
    organization_id  uuid             not null,
    agent_id         uuid             not null,
    version_id       uuid             not null,
    lane             bytea            not null, -- organization_id, agent_id (16 bytes each) and provider: a queue of its own
    creator_id       bigint           not null,
    created_at       timestamptz      not null,
    updated_at       timestamptz      not null,
    started_at       timestamptz,
    ended_at         timestamptz,
    run_after        timestamptz      not null,
    deadline         timestamptz      not null,
    lease_until      timestamptz,
    fence            bigint           not null default 0,
    attempt          integer          not null default 0,
    crashes          integer          not null default 0,
    status           smallint         not null,
    delayed          boolean          not null, -- run_after was in the future when it was set
    handed_over      boolean          not null default false,
    cancel_requested boolean          not null default false,
    last_chance      boolean          not null default false, -- one more crash makes it poison: it waits beside its lane
    node             text collate "C" not null default '',
    incarnation      text collate "C" not null default '',
    version_name     text             not null,
    engine_class_id  text             not null,
    progress         text             not null default '',
    metadata         text             not null,
    inputs           text             not null,
    outputs          text             not null default '',
    refs             text             not null default '',
    events           text             not null, -- a JSON array, never empty
    failure          text             not null default '',
    usage            text             not null default ''
) with (
    -- Every job's row is written three times within seconds: clean up early, and know the table's size early.
    autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_scale_factor = 0.05, autovacuum_analyze_threshold = 5000, fillfactor = 80
);
-- No two indexes begin with the same column: plans are made while the table is small, when the wrong one looks as good.
-- Lists. Unfiltered ones merge the seven statuses, so two indexes serve every filter.
create index jobs_of_agent on jobs (agent_id, status, created_at desc, id desc);
create index jobs_of_organization on jobs (organization_id, status, created_at desc, id desc);
-- The queue: the lanes, each in the order of run_after.
create index jobs_claimable on jobs (lane, run_after, id)
    where status <= 2 and lease_until is null and not last_chance;
create index jobs_last_chance on jobs (run_after, id)
    where status <= 2 and lease_until is null and last_chance;
-- What ends without being run.
create index jobs_overdue on jobs (deadline)
    where status <= 2 and lease_until is null;
create index jobs_cancelled on jobs (updated_at)
    where status <= 2 and lease_until is null and cancel_requested;
create index jobs_delayed on jobs (run_after)
    where status <= 2 and lease_until is null and delayed;
create index jobs_leased on jobs (lease_until) include (lane)
    where status = 1 and lease_until is not null;

create table idempotency_keys (
    organization_id uuid             not null,
    agent_id        uuid             not null,
    key             text collate "C" not null,
    job_id          uuid             not null,
    request_hash    bytea            not null,
    expires_at      timestamptz      not null,
    primary key (organization_id, agent_id, key)
);
create index idempotency_keys_expiry on idempotency_keys (expires_at);

create table steps (
    seq        bigint generated always as identity, -- the order of recording
    job_id     uuid             not null,
    name       text collate "C" not null,
    kind       text             not null,
    input_hash text             not null,
    output     text             not null,
    attempt    integer          not null,
    started_at timestamptz      not null,
    ended_at   timestamptz      not null,
    usage      text             not null,
    model      text             not null,
    primary key (job_id, name)
);

create table artifacts (
    job_id   uuid             not null,
    key      text collate "C" not null,
    result   text             not null,
    metadata text             not null,
    input    text             not null,
    usage    text             not null,
    primary key (job_id, key)
);

create table spending (
    organization_id uuid   not null,
    agent_id        uuid   not null,
    day             date   not null, -- UTC
    micro_usd       bigint not null,
    primary key (organization_id, agent_id, day)
);

-- A blob lives while a row of files or job_blobs names it. Whoever adds or counts references locks the blob's row first.
create table blobs (
    sha256     text collate "C" primary key,
    size_bytes bigint  not null,
    settled    boolean not null default false, -- the bytes are in place
    dying_at   timestamptz                     -- nobody refers to it; its bytes may be deleted
);
create index blobs_dying on blobs (dying_at) where dying_at is not null;

create table files (
    id              uuid primary key,
    organization_id uuid             not null,
    name            text             not null,
    content_type    text             not null,
    size_bytes      bigint           not null,
    sha256          text collate "C" not null references blobs (sha256),
    source_url      text             not null,
    created_at      timestamptz      not null,
    expires_at      timestamptz -- of the upload's reference; null once a job took the file
);
create index files_blob on files (sha256);
create index files_expiry on files (expires_at) where expires_at is not null;

create table job_files (
    job_id  uuid not null,
    file_id uuid not null references files (id),
    primary key (job_id, file_id)
);
create index job_files_file on job_files (file_id);

create table job_blobs (
    job_id uuid             not null,
    sha256 text collate "C" not null references blobs (sha256),
    primary key (job_id, sha256)
);
create index job_blobs_blob on job_blobs (sha256);

-- +goose Down

drop table job_blobs, job_files, files, blobs, spending, artifacts, steps, idempotency_keys, jobs, versions, agents, keys, users, organizations;
