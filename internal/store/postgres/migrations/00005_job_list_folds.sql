-- +goose Up

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
