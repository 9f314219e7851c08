-- name: last_delivery_seq
select coalesce(max(seq), 0) from deliveries

-- name: last_event_seq
select coalesce(max(seq), 0) from events

-- name: hold_bulk_operation
-- For a writer, who shall be the only one.
select {bulk_operation_columns} from bulk_operations where bulk_operation_id = :bulk_operation_id

-- name: next_deliveries
select seq, {is_wanted} from deliveries indexed by deliveries_of_workspace
 where workspace_id = :workspace_id and seq > :cursor and seq <= :last_seq
 order by seq limit :window

-- name: next_deliveries_of_endpoint
select seq, {is_wanted} from deliveries indexed by deliveries_of_endpoint
 where endpoint_id = :endpoint_id and seq > :cursor and seq <= :last_seq
 order by seq limit :window

-- name: first_event_from
select seq, created_at_ms from events indexed by events_of_workspace
 where workspace_id = :workspace_id and seq >= :seq order by seq limit 1

-- name: deliveries_to_endpoint
select d.event_seq, d.seq, d.status from deliveries d indexed by deliveries_of_job
 where d.job_id = :job_id and d.event_seq = :event_seq and d.endpoint_id = :endpoint_id
