-- +goose Up

-- The codes that lists are ordered by had another form once: costs and durations of more than a quarter of a dollar, or of a second, would
-- stand in the wrong order beside newer ones. They are made again from what is folded, as all of it is folded anew.
truncate job_columns;
update job_lists set folded = '0';
