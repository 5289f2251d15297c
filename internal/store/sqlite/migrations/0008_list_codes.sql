-- +goose Up
-- The codes that lists are ordered by had another form once: costs and durations of more than a quarter of a dollar, or of a second, would
-- stand in the wrong order beside newer ones. They are made again from the jobs, when the database is opened.
DELETE FROM job_codes;
DELETE FROM job_lists_missing;
INSERT INTO job_lists_missing (next, last) SELECT 1, max(seq) FROM jobs HAVING max(seq) IS NOT NULL;
