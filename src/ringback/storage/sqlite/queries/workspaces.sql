-- name: open_workspace
insert or ignore into workspaces (workspace_id, created_at_ms)
values (:workspace_id, :created_at_ms)
returning workspace_id

-- name: get_workspace
select workspace_id, created_at_ms from workspaces where workspace_id = :workspace_id

-- name: list_workspaces
select workspace_id, created_at_ms from workspaces
 where workspace_id <> 'ringback:operator' order by workspace_id

-- name: load_of
select workspace_id, endpoints_count, budgets_count, active_count, backlogged_count
  from workspaces
 where workspace_id in (select value from json_each(:workspace_ids))

-- name: change_load
update workspaces
   set active_count = active_count + (r.value ->> 1),
       backlogged_count = backlogged_count + (r.value ->> 2),
       accepted_count = accepted_count + (r.value ->> 3),
       owed_count = owed_count + (r.value ->> 4)
  from json_each(:rows) r
 where workspaces.workspace_id = r.value ->> 0

-- name: rates_of
select workspace_id, rate_until_ms from workspaces
 where workspace_id in (select value from json_each(:workspace_ids))

-- name: keep_rates
update workspaces set rate_until_ms = r.value ->> 1
  from json_each(:rows) r where workspaces.workspace_id = r.value ->> 0

-- name: add_token
insert into tokens (token_id, workspace_id, digest, hint, created_at_ms)
values (:token_id, :workspace_id, :digest, :hint, :created_at_ms)

-- name: find_token
select token_id, workspace_id, digest, hint, created_at_ms, revoked_at_ms
  from tokens where digest = :digest and revoked_at_ms is null

-- name: list_tokens
select token_id, workspace_id, digest, hint, created_at_ms, revoked_at_ms
  from tokens order by created_at_ms, token_id

-- name: revoke_token
update tokens set revoked_at_ms = :now_ms
 where token_id = :token_id and revoked_at_ms is null
returning token_id
