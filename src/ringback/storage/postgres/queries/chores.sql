-- name: add_chore
insert into chores (chore_id, workspace_id, kind, wanted, created_at_ms, rate, first_seq, cursor,
                    last_seq, done_count, ended_at_ms, cancelled)
values (:chore_id, :workspace_id, :kind, :wanted, :created_at_ms, :rate, :first_seq, :cursor,
        :last_seq, :done_count, :ended_at_ms, :cancelled)

-- name: last_delivery_seq
select coalesce((select seq from deliveries order by seq desc limit 1), 0)

-- name: last_event_seq
select last_value from events_seq

-- name: get_chore
select {chore_columns} from chores where chore_id = :chore_id

-- name: hold_chore
-- For a writer, who shall be the only one.
select {chore_columns} from chores where chore_id = :chore_id for update

-- name: list_chores
select {chore_columns} from chores where workspace_id = :workspace_id
 order by chore_id desc limit :limit

-- name: open_chores
select {chore_columns} from chores where ended_at_ms is null order by created_at_ms

-- name: running_count
-- Of those that somebody asked for; the others follow from changes of endpoints.
select count(*) from chores
 where ended_at_ms is null and workspace_id = :workspace_id and kind in ('redeliver', 'recover')

-- name: move_chore
update chores set cursor = :cursor, done_count = :done_count, ended_at_ms = :ended_at_ms
 where chore_id = :chore_id

-- name: cancel_chore
update chores set ended_at_ms = :now_ms, cancelled = 1
 where chore_id = :chore_id and ended_at_ms is null
returning chore_id

-- name: next_deliveries
select seq, {is_wanted} from deliveries
 where workspace_id = :workspace_id and seq > :cursor and seq <= :last_seq
 order by seq limit :window

-- name: next_deliveries_of_endpoint
select seq, {is_wanted} from deliveries
 where endpoint_id = :endpoint_id and seq > :cursor and seq <= :last_seq
 order by seq limit :window

-- name: next_events
select seq, event_id, workspace_id, job_id, type, engine, model, created_at_ms, body from events
 where workspace_id = :workspace_id and seq > :cursor and seq <= :last_seq
 order by seq limit :window

-- name: first_event_from
select seq, created_at_ms from events
 where workspace_id = :workspace_id and seq >= :seq order by seq limit 1

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

-- name: deliveries_to_endpoint
select d.event_seq, d.seq, d.status from deliveries d
 where d.job_id = :job_id and d.event_seq = :event_seq and d.endpoint_id = :endpoint_id
