-- +goose Up

-- Databases that had lists of jobs before these were folded in numbered steps lack what counts the steps. Their lists are folded anew.
-- +goose StatementBegin
do $$
begin
    if exists (select from pg_attribute where attrelid = 'job_lists'::regclass and attname = 'folds' and not attisdropped) then
        return;
    end if;
    alter table job_lists add column folds bigint not null default 0;
    truncate job_bits, job_spans, job_columns;
    update job_lists set folded = '0';
    alter table job_spans add column fold bigint not null;
    alter table job_ends add column created_at timestamptz;
    update job_ends e set created_at = j.created_at from jobs j where j.id = e.id;
    delete from job_ends where created_at is null;
    alter table job_ends alter column created_at set not null;
end
$$;
-- +goose StatementEnd

-- Each fold has an id, so that a process sees when the folds that it read are not those of the database any more: after a failover to
-- a server that lacks the last ones, their numbers are given again. Only the latest folds are here.
create table job_folds (
    fold bigint primary key,
    id   uuid not null default gen_random_uuid()
);
insert into job_folds (fold) select folds from job_lists;

-- What is not folded is read by organization: when an open transaction keeps the folder from its work, no organization reads the rows of others.
create index job_list_fresh on job_list (organization_id, xid);
create index job_ends_fresh on job_ends (organization_id, xid);
