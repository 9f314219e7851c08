-- name: last_delivery_seq
select coalesce((select seq from deliveries order by seq desc limit 1), 0)

-- name: last_event_seq
select last_value from events_seq

-- name: hold_bulk_operation
-- For a writer, who shall be the only one.
select {bulk_operation_columns} from bulk_operations where bulk_operation_id = :bulk_operation_id for update

-- name: next_deliveries
select seq, {is_wanted} from deliveries
 where workspace_id = :workspace_id and seq > :cursor and seq <= :last_seq
 order by seq limit :window

-- name: next_deliveries_of_endpoint
select seq, {is_wanted} from deliveries
 where endpoint_id = :endpoint_id and seq > :cursor and seq <= :last_seq
 order by seq limit :window

-- name: first_event_from
select seq, created_at_ms from events
 where workspace_id = :workspace_id and seq >= :seq order by seq limit 1

-- name: deliveries_to_endpoint
select d.event_seq, d.seq, d.status from deliveries d
 where d.job_id = :job_id and d.event_seq = :event_seq and d.endpoint_id = :endpoint_id
