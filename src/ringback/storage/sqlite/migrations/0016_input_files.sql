-- The names of the files that were stored for a job's input, as a list, and null where there are none:
-- these go with the job, and no other that a text of the input names. Files of jobs from before are
-- not known, so they stay.
alter table jobs add column input_files text;
