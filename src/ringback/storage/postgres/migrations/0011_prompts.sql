-- Oldest schema whose servers may run beside this one: 3.
-- Which jobs have which three characters in their prompts, as numbers (jobs/prompts.py). Written
-- behind the jobs: a submission does not wait for it. Partitioned as jobs are, and dropped with them.
-- A server of the release before goes on beside it: it neither reads nor writes it.

create table prompts (
    job_id text collate "C" not null,
    grams  integer[] not null,
    primary key (job_id)
) partition by range (job_id);
create index prompts_grams on prompts using gin (grams);
create table prompts_rest partition of prompts default;

-- All jobs up to that one are in it.
create table prompts_place (place text collate "C" not null);
insert into prompts_place values ('');
