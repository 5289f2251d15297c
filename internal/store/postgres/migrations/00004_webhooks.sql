-- +goose Up

-- Sealed columns can be opened only with a key that is not in the database.
create table webhooks (
    id               uuid primary key,
    organization_id  uuid        not null,
    name             text        not null,
    url              text        not null,
    on_job           boolean     not null, -- asks for job_completed
    on_batch         boolean     not null, -- asks for batch_completed
    is_active        boolean     not null,
    alerts           text        not null,
    include_inputs   boolean     not null,
    notify_cached    boolean     not null,
    failure_count    integer     not null,
    failed_at        timestamptz,
    disabled_reason  text        not null, -- '' for none
    created_at       timestamptz not null,
    updated_at       timestamptz not null,
    secret           bytea       not null,
    old_secret       bytea,
    old_secret_until timestamptz,
    headers          bytea
);
create index webhooks_organization on webhooks (organization_id, created_at desc, id desc);
create index webhooks_inactive on webhooks (is_active) where not is_active;

-- What the triggers look into for every job that ends.
create table webhook_agents (
    agent_id   uuid        not null,
    webhook_id uuid        not null references webhooks (id),
    linked_at  timestamptz not null,
    primary key (agent_id, webhook_id)
);
create index webhook_agents_webhook on webhook_agents (webhook_id, agent_id);

-- Webhooks whose deliveries are still to be swept.
create table deleted_webhooks (
    id uuid primary key
);

-- The outbox. status: 0 pending, 1 delivered, 2 given up. A pending one is due at due_at; whoever claims it moves that to the time by
-- which it must be done, and fence goes up. response_status is 0 when there was no answer.
create table webhook_deliveries (
    seq             bigint generated always as identity primary key,
    id              uuid        not null unique,
    webhook_id      uuid        not null,
    agent_id        uuid        not null,
    job_id          uuid, -- for job_completed
    batch_id        uuid, -- for batch_completed
    status          smallint    not null default 0,
    fence           bigint      not null default 0,
    attempts        integer     not null default 0,
    due_at          timestamptz not null,
    created_at      timestamptz not null,
    attempted_at    timestamptz,
    ended_at        timestamptz,
    duration_ms     bigint      not null default 0,
    response_status integer     not null default 0,
    response_body   text        not null default '',
    error           text        not null default ''
) with (
    -- Every row is written three times within seconds.
    autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_scale_factor = 0.05, autovacuum_analyze_threshold = 5000
);
create index webhook_deliveries_due on webhook_deliveries (webhook_id, due_at) where status = 0;
create index webhook_deliveries_listed on webhook_deliveries (status, webhook_id, seq);
create index webhook_deliveries_delivered on webhook_deliveries (ended_at) where status = 1;
create index webhook_deliveries_failed on webhook_deliveries (ended_at) where status = 2;

-- Shows whether a process has the key that secrets are sealed with.
create table secret_proof (
    id     integer primary key check (id = 1),
    sealed bytea not null
);

-- +goose StatementBegin
-- An id of version 7.
create function new_id(at timestamptz) returns uuid language sql volatile as $$
    select encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        placing substring(int8send((extract(epoch from at) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1), 'hex')::uuid
$$;
-- +goose StatementEnd

-- What ends is told by the database itself, so that no path of the program can forget it. A function runs once for a statement, however
-- many rows that changed, and costs one look-up for each job that ended as long as nobody asks for its events.
-- +goose StatementBegin
create function tell_job_ends() returns trigger language plpgsql as $$
begin
    if not exists (select from changed c join webhook_agents l on l.agent_id = c.agent_id where c.status >= 3) then
        return null;
    end if;
    if tg_op = 'INSERT' then
        insert into webhook_deliveries (id, webhook_id, agent_id, job_id, due_at, created_at)
        select new_id(c.updated_at), w.id, c.agent_id, c.id, c.updated_at, c.updated_at
        from changed c join webhook_agents l on l.agent_id = c.agent_id join webhooks w on w.id = l.webhook_id
        where c.status >= 3 and w.is_active and w.on_job and (c.status <> 6 or w.notify_cached);
        return null;
    end if;
    insert into webhook_deliveries (id, webhook_id, agent_id, job_id, due_at, created_at)
    select new_id(c.updated_at), w.id, c.agent_id, c.id, c.updated_at, c.updated_at
    from changed c join webhook_agents l on l.agent_id = c.agent_id join webhooks w on w.id = l.webhook_id
    -- "not in" is looked up in a hash, a join of the two would compare each with each
    where c.status >= 3 and c.id not in (select b.id from before b where b.status >= 3) and w.is_active and w.on_job;
    return null;
end
$$;
-- +goose StatementEnd
create trigger webhooks_jobs_updated after update on jobs
    referencing old table as before new table as changed for each statement execute function tell_job_ends();
create trigger webhooks_jobs_inserted after insert on jobs
    referencing new table as changed for each statement execute function tell_job_ends();

-- +goose StatementBegin
create function tell_batch_completes() returns trigger language plpgsql as $$
begin
    insert into webhook_deliveries (id, webhook_id, agent_id, batch_id, due_at, created_at)
    select new_id(new.completed_at), w.id, new.agent_id, new.id, new.completed_at, new.completed_at
    from webhook_agents l join webhooks w on w.id = l.webhook_id
    where l.agent_id = new.agent_id and w.is_active and w.on_batch;
    return null;
end
$$;
-- +goose StatementEnd
create trigger webhooks_batch_completed after update of completed_at on batches
    for each row when (new.completed_at is not null and old.completed_at is null) execute function tell_batch_completes();

-- +goose StatementBegin
create function forget_agent() returns trigger language plpgsql as $$
begin
    delete from webhook_deliveries d using webhook_agents l
    where l.agent_id = new.id and d.status = 0 and d.webhook_id = l.webhook_id and d.agent_id = new.id;
    delete from webhook_agents where agent_id = new.id;
    return null;
end
$$;
-- +goose StatementEnd
create trigger webhooks_agent_deleted after update of deleted_at on agents
    for each row when (new.deleted_at is not null and old.deleted_at is null) execute function forget_agent();
