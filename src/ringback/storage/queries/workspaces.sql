-- name: get_workspace
select workspace_id, created_at_ms from workspaces where workspace_id = :workspace_id

-- name: list_workspaces
select workspace_id, created_at_ms from workspaces
 where workspace_id <> 'ringback:operator' order by workspace_id

-- name: rates_of
select workspace_id, rate_until_ms from workspaces
 where workspace_id = any(:workspace_ids::text[])

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

-- name: end_session
insert into ended_sessions (session_id, forget_at_ms) values (:session_id, :forget_at_ms)
    on conflict do nothing

-- name: forget_sessions
delete from ended_sessions where forget_at_ms < :now_ms

-- name: is_session_ended
select session_id from ended_sessions where session_id = :session_id
