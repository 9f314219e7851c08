-- name: add_usage
insert into usage (workspace_id, day, token_id, kind, model, jobs_count, compute_units)
select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
  from json_each(:rows) where true
    on conflict do update
   set jobs_count = jobs_count + excluded.jobs_count,
       compute_units = compute_units + excluded.compute_units

-- name: keep_spent
update budgets set spent = r.value ->> 2, month = r.value ->> 3
  from json_each(:rows) r
 where budgets.workspace_id = r.value ->> 0 and budgets.token_id = r.value ->> 1

-- name: spent_between
select coalesce(sum(compute_units), 0.0) from usage
 where workspace_id = :workspace_id and day between :first_day and :last_day
   and (:token_id = '' or token_id = :token_id)

-- name: put_budget
insert or replace into budgets (workspace_id, token_id, period, compute_units, spent, month)
values (:workspace_id, :token_id, :period, :compute_units, :spent, :month)

-- name: usage
select iif(:by_day, day, null), iif(:by_model, kind || '/' || model, null),
       iif(:by_token, token_id, null), sum(jobs_count), sum(compute_units)
  from usage
 where workspace_id = :workspace_id and day between :first_day and :last_day
 group by 1, 2, 3 order by 1, 2, 3 limit :limit
