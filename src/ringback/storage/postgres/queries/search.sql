-- name: step_back
-- If the clock was set back, jobs are made before the place again. Adding them is once.
update prompts_place set place = :until_id where place > :until_id

-- name: next
-- By the time in their ids, and not the very newest: those may have been committed in another order.
select job_id, job_id, workspace_id, input from jobs
 where job_id > :place and job_id < :until_id
 order by job_id limit :limit

-- name: add
insert into prompts (job_id, grams)
select r.job_id, ('{' || r.grams || '}')::integer[] from {rows: job_id text, grams text}
    on conflict (job_id) do nothing

-- name: window
-- The next jobs of a workspace, and whether all of them are in the index.
select count(*), min(job_id), min(seq), max(seq),
       max(job_id) <= (select place from prompts_place)
  from (select job_id, seq from jobs
         where workspace_id = :workspace_id and job_id < :before_id
         order by job_id desc limit :window) next

-- name: hits
select {job_columns} from jobs
 where job_id in (select p.job_id from prompts p
                   where p.grams @> :grams::integer[]
                     and p.job_id >= :first_id and p.job_id < :before_id)
   and workspace_id = :workspace_id
 order by job_id desc limit :limit
