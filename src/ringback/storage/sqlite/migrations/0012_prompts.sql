-- Which jobs have which three characters in their prompts, as numbers (jobs/prompts.py). Written
-- behind the jobs: a submission does not wait for it.
create virtual table prompts using fts5(
    grams, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);

-- All jobs up to that one are in it.
create table prompts_place (place integer not null) strict;
insert into prompts_place values (0);
