-- name: endpoints_count
select endpoints_count from workspaces where workspace_id = :workspace_id for no key update

-- name: hold_endpoint
-- For a writer, who shall be the only one.
select {endpoint_columns} from endpoints where endpoint_id = :endpoint_id for update

-- name: endpoints_in
select {endpoint_columns} from endpoints
 where endpoint_id = any(:endpoint_ids::text[]) order by endpoint_id for update
