-- name: open_workspace
insert or ignore into workspaces (workspace_id, created_at_ms)
values (:workspace_id, :created_at_ms)
returning workspace_id

-- name: lock_counters
select workspace_id, endpoints_count, budgets_count, active_count, backlogged_count
  from workspaces
 where workspace_id in (select value from json_each(:workspace_ids))

-- name: add_to_counters
update workspaces
   set active_count = active_count + (r.value ->> 1),
       backlogged_count = backlogged_count + (r.value ->> 2),
       accepted_count = accepted_count + (r.value ->> 3),
       owed_count = owed_count + (r.value ->> 4)
  from json_each(:rows) r
 where workspaces.workspace_id = r.value ->> 0

-- name: write_rates
update workspaces set rate_until_ms = r.value ->> 1
  from json_each(:rows) r where workspaces.workspace_id = r.value ->> 0
