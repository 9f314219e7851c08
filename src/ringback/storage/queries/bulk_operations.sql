-- name: add_bulk_operation
insert into bulk_operations (bulk_operation_id, workspace_id, kind, wanted, created_at_ms, rate, first_seq, cursor,
                    last_seq, done_count, ended_at_ms, cancelled)
values (:bulk_operation_id, :workspace_id, :kind, :wanted, :created_at_ms, :rate, :first_seq, :cursor,
        :last_seq, :done_count, :ended_at_ms, :cancelled)

-- name: get_bulk_operation
select {bulk_operation_columns} from bulk_operations where bulk_operation_id = :bulk_operation_id

-- name: list_bulk_operations
select {bulk_operation_columns} from bulk_operations where workspace_id = :workspace_id
 order by bulk_operation_id desc limit :limit

-- name: open_bulk_operations
select {bulk_operation_columns} from bulk_operations where ended_at_ms is null order by created_at_ms

-- name: running_count
-- Of those that somebody asked for; the others follow from changes of endpoints.
select count(*) from bulk_operations
 where ended_at_ms is null and workspace_id = :workspace_id and kind in ('redeliver', 'recover')

-- name: move_bulk_operation
update bulk_operations set cursor = :cursor, done_count = :done_count, ended_at_ms = :ended_at_ms
 where bulk_operation_id = :bulk_operation_id

-- name: cancel_bulk_operation
update bulk_operations set ended_at_ms = :now_ms, cancelled = 1
 where bulk_operation_id = :bulk_operation_id and ended_at_ms is null
returning bulk_operation_id

-- name: next_events
select seq, event_id, workspace_id, job_id, type, engine, model, created_at_ms, body from events
 where workspace_id = :workspace_id and seq > :cursor and seq <= :last_seq
 order by seq limit :window

-- name: begin_rounds
update deliveries
   set status = 'waiting', round_attempts_count = 0, round_started_at_ms = :now_ms,
       next_attempt_at_ms = :now_ms, ended_at_ms = null, epoch = epoch + 1
 where seq = any(:seqs::bigint[]) and lease_until_ms is null
   and event not in ('job.backlogged', 'job.started', 'job.progress')
   -- What nobody takes would be discarded, and the log say so of what was delivered.
   and (endpoint_id is null
        or exists (select 1 from endpoints e
                    where e.endpoint_id = deliveries.endpoint_id and e.disabled_at_ms is null))
returning destination_id

-- name: discard
update deliveries
   set status = 'discarded', ended_at_ms = :now_ms, next_attempt_at_ms = null, epoch = epoch + 1,
       lease_until_ms = null
 where seq = any(:seqs::bigint[]) and status = 'waiting'
returning destination_id

-- name: move
-- Whoever holds one of them makes its attempt at the old URL, and finds its epoch past.
update deliveries
   set url = :url, destination = :destination, destination_id = :destination_id,
       epoch = epoch + 1, lease_until_ms = null
 where seq = any(:seqs::bigint[]) and status = 'waiting'
   and (url <> :url or destination_id <> :destination_id)
returning next_attempt_at_ms
