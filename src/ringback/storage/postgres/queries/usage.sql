-- name: add_usage
insert into usage (workspace_id, day, token_id, kind, model, jobs_count, compute_units)
select * from {rows: workspace_id text, day bigint, token_id text, kind text, model text,
               jobs_count bigint, compute_units double precision}
    on conflict (workspace_id, day, token_id, kind, model) do update
   set jobs_count = usage.jobs_count + excluded.jobs_count,
       compute_units = usage.compute_units + excluded.compute_units

-- name: keep_spent
update budgets set spent = r.spent, month = r.month
  from {rows: workspace_id text, token_id text, spent double precision, month bigint}
 where budgets.workspace_id = r.workspace_id and budgets.token_id = r.token_id

-- name: spent_between
select coalesce(sum(compute_units), 0) from usage
 where workspace_id = :workspace_id and day between :first_day and :last_day
   and (:token_id::text = '' or token_id = :token_id::text)

-- name: put_budget
insert into budgets (workspace_id, token_id, period, compute_units, spent, month)
values (:workspace_id, :token_id, :period, :compute_units, :spent, :month)
    on conflict (workspace_id, token_id) do update
   set period = excluded.period, compute_units = excluded.compute_units,
       spent = excluded.spent, month = excluded.month

-- name: usage
select u.day, u.model, u.token_id, sum(u.jobs_count)::bigint, sum(u.compute_units)
  from (select case when :by_day::bigint = 1 then day end as day,
               case when :by_model::bigint = 1 then kind || '/' || model end as model,
               case when :by_token::bigint = 1 then token_id end as token_id,
               jobs_count, compute_units
          from usage
         where workspace_id = :workspace_id and day between :first_day and :last_day) u
 group by u.day, u.model, u.token_id order by u.day, u.model, u.token_id limit :limit
