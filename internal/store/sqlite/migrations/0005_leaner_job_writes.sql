-- +goose Up
-- The list of all jobs of an organization is made from the lists of its agents; nothing is kept for it alone any more.
DROP TABLE job_counts;
DROP INDEX jobs_by_organization;
