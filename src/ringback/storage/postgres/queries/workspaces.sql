-- name: open_workspace
insert into workspaces (workspace_id, created_at_ms) values (:workspace_id, :created_at_ms)
    on conflict do nothing
returning workspace_id

-- name: lock_counters
select workspace_id, endpoints_count, budgets_count, active_count, backlogged_count
  from workspaces
 where workspace_id = any(:workspace_ids::text[]) order by workspace_id for no key update

-- name: add_to_counters
update workspaces
   set active_count = active_count + r.active,
       backlogged_count = backlogged_count + r.backlogged,
       accepted_count = accepted_count + r.accepted,
       owed_count = owed_count + r.owed
  from {rows: workspace_id text, active bigint, backlogged bigint, accepted bigint, owed bigint}
 where workspaces.workspace_id = r.workspace_id

-- name: write_rates
update workspaces set rate_until_ms = r.until_ms
  from {rows: workspace_id text, until_ms double precision}
 where workspaces.workspace_id = r.workspace_id
