-- name: open_workspace
insert into workspaces (workspace_id, created_at_ms) values (:workspace_id, :created_at_ms)
    on conflict do nothing
returning workspace_id

-- name: get_workspace
select workspace_id, created_at_ms from workspaces where workspace_id = :workspace_id

-- name: list_workspaces
select workspace_id, created_at_ms from workspaces
 where workspace_id <> 'ringback:operator' order by workspace_id

-- name: load_of
select workspace_id, endpoints_count, budgets_count, active_count, backlogged_count
  from workspaces
 where workspace_id = any(:workspace_ids::text[]) order by workspace_id for no key update

-- name: change_load
update workspaces
   set active_count = active_count + r.active,
       backlogged_count = backlogged_count + r.backlogged,
       accepted_count = accepted_count + r.accepted,
       owed_count = owed_count + r.owed
  from {rows: workspace_id text, active bigint, backlogged bigint, accepted bigint, owed bigint}
 where workspaces.workspace_id = r.workspace_id

-- name: rates_of
select workspace_id, rate_until_ms from workspaces
 where workspace_id = any(:workspace_ids::text[])

-- name: keep_rates
update workspaces set rate_until_ms = r.until_ms
  from {rows: workspace_id text, until_ms double precision}
 where workspaces.workspace_id = r.workspace_id

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
