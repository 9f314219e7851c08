-- name: add_endpoint
insert into endpoints (endpoint_id, workspace_id, url, destination, created_at_ms, description,
                       events, models, headers, header_names, schedule_s, disabled_at_ms,
                       disabled_reason, failing_since_ms, warned_percent, missed_since_ms,
                       listener, heard_at_ms)
values (:endpoint_id, :workspace_id, :url, :destination, :created_at_ms, :description, :events,
        :models, :headers, :header_names, :schedule_s, :disabled_at_ms, :disabled_reason,
        :failing_since_ms, :warned_percent, :missed_since_ms, :listener, :heard_at_ms)

-- name: count_endpoint
update workspaces set endpoints_count = endpoints_count + :by::bigint where workspace_id = :workspace_id

-- name: get_endpoint
select {endpoint_columns} from endpoints where endpoint_id = :endpoint_id

-- name: listener_named
select {endpoint_columns} from endpoints
 where workspace_id = :workspace_id and listener = :listener

-- name: unheard_listeners
select {endpoint_columns} from endpoints
 where listener is not null and disabled_at_ms is null and heard_at_ms < :before_ms
 order by heard_at_ms limit :limit

-- name: list_endpoints
select {endpoint_columns} from endpoints where workspace_id = :workspace_id order by endpoint_id

-- name: listening_endpoints
select {endpoint_columns} from endpoints
 where workspace_id = :workspace_id and disabled_at_ms is null order by endpoint_id

-- name: change_endpoint
update endpoints
   set url = :url, destination = :destination, description = :description, events = :events,
       models = :models, headers = :headers, header_names = :header_names,
       schedule_s = :schedule_s, disabled_at_ms = :disabled_at_ms,
       disabled_reason = :disabled_reason, failing_since_ms = :failing_since_ms,
       warned_percent = :warned_percent, missed_since_ms = :missed_since_ms,
       listener = :listener, heard_at_ms = :heard_at_ms
 where endpoint_id = :endpoint_id
returning endpoint_id

-- name: delete_endpoint
delete from endpoints where endpoint_id = :endpoint_id
returning workspace_id
