-- name: step_back
-- Places here are in the order of commits, which no clock sets back.
select place from prompts_place where false

-- name: next
select seq, job_id, workspace_id, input from jobs where seq > :place order by seq limit :limit

-- name: add
insert into prompts (rowid, grams) select value ->> 0, value ->> 1 from json_each(:rows)

-- name: window
-- The next jobs of a workspace, and whether all of them are in the index.
select count(*), min(job_id), min(seq), max(seq), max(seq) <= (select place from prompts_place)
  from (select job_id, seq from jobs
         where workspace_id = :workspace_id and job_id < :before_id
         order by job_id desc limit :window)

-- name: hits
select {job_columns} from jobs
 where seq in (select rowid from prompts
                where prompts match :match and rowid between :first_seq and :last_seq)
   and workspace_id = :workspace_id and job_id >= :first_id and job_id < :before_id
 order by job_id desc limit :limit
