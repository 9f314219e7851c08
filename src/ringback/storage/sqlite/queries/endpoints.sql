-- name: endpoints_count
select endpoints_count from workspaces where workspace_id = :workspace_id

-- name: hold_endpoint
-- For a writer, who shall be the only one.
select {endpoint_columns} from endpoints where endpoint_id = :endpoint_id

-- name: endpoints_in
select {endpoint_columns} from endpoints
 where endpoint_id in (select value from json_each(:endpoint_ids))
