-- name: delete_jobs
-- Files in a run's result are its steps', or assets: they go with those.
delete from jobs where workspace_id = :workspace_id
returning job_id, completed_at_ms is null, case when kind <> 'app' then result end,
          base_url, input_files

-- name: delete_keys
delete from idempotency where workspace_id = :workspace_id

-- name: delete_events
delete from events where workspace_id = :workspace_id
returning event_id

-- name: delete_deliveries
delete from deliveries where workspace_id = :workspace_id
returning delivery_id

-- name: delete_attempts
delete from attempts where delivery_id = any(:delivery_ids::text[])

-- name: delete_bulk_operations
delete from bulk_operations where workspace_id = :workspace_id

-- name: delete_destinations
delete from destinations where workspace_id = :workspace_id

-- name: delete_endpoint_keys
delete from secrets
 where owner in (select 'endpoint:' || endpoint_id from endpoints
                  where workspace_id = :workspace_id)

-- name: delete_endpoints
delete from endpoints where workspace_id = :workspace_id
returning endpoint_id

-- name: delete_assets
delete from assets where workspace_id = :workspace_id
returning artifact

-- name: delete_likes
delete from style_likes
 where style_id in (select style_id from styles where workspace_id = :workspace_id)

-- name: delete_styles
delete from styles where workspace_id = :workspace_id
returning artifact, previews

-- name: delete_apps
delete from node_apps where workspace_id = :workspace_id
returning app_id

-- name: delete_usage
delete from usage where workspace_id = :workspace_id

-- name: unspend_budgets
update budgets set spent = 0 where workspace_id = :workspace_id

-- name: clear_counters
update workspaces
   set active_count = 0, backlogged_count = 0, accepted_count = 0, owed_count = 0,
       jobs_pruned_count = 0, deliveries_pruned_count = 0, endpoints_count = 0, assets_bytes = 0,
       rate_until_ms = 0
 where workspace_id = :workspace_id
