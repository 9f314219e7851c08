-- name: upsert_destinations
insert into destinations (workspace_id, origin, next_due_at_ms)
select value ->> 0, value ->> 1, value ->> 2 from json_each(:rows) where true
    on conflict (workspace_id, origin) do update
   set next_due_at_ms = min(coalesce(next_due_at_ms, excluded.next_due_at_ms),
                            excluded.next_due_at_ms)
returning destination_id, workspace_id, origin

-- name: insert_events
insert into events (event_id, workspace_id, job_id, type, engine, model, created_at_ms, body)
select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
       value ->> 7
  from jsonb_each(:rows)
returning event_id, seq

-- name: insert_deliveries
insert into deliveries (delivery_id, workspace_id, job_id, event, url, destination, created_at_ms,
                        endpoint_id, lab, status, reason, attempts_count, round_attempts_count,
                        round_started_at_ms, next_attempt_at_ms, ended_at_ms, epoch,
                        destination_id, event_seq)
select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
       value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12,
       value ->> 13, value ->> 14, value ->> 15, value ->> 16, value ->> 17, value ->> 18
  from jsonb_each(:rows)

-- name: next_due
select max(next_due_at_ms, coalesce(open_until_ms, 0)) from destinations
 where next_due_at_ms is not null and paused_at_ms is null and origin not glob 'listener:*'
   and max(next_due_at_ms, coalesce(open_until_ms, 0)) > :after_ms
 order by max(next_due_at_ms, coalesce(open_until_ms, 0)) limit 1

-- name: due_destinations
select {destination_columns} from destinations
 where next_due_at_ms is not null and paused_at_ms is null and origin not glob 'listener:*'
   and max(next_due_at_ms, coalesce(open_until_ms, 0)) <= :now_ms
 order by max(next_due_at_ms, coalesce(open_until_ms, 0)) limit :limit

-- name: due_workspaces
-- Whose deliveries are due, found by seeking from each workspace to the next. The last of as many
-- as are looked at comes too, due or not: the next look goes on behind it.
with recursive w (workspace_id, looks) as (
    select min(workspace_id), 1 from destinations
     where workspace_id > :after and workspace_id <= :until
       and next_due_at_ms is not null and paused_at_ms is null and origin not glob 'listener:*'
    union all
    select (select min(d.workspace_id) from destinations d
             where d.workspace_id > w.workspace_id and d.workspace_id <= :until
               and d.next_due_at_ms is not null and d.paused_at_ms is null
               and d.origin not glob 'listener:*'), looks + 1
      from w where w.workspace_id is not null and looks < :looks)
select workspace_id, is_due, looks
  from (select w.workspace_id, looks,
               w.workspace_id not in (select value from json_each(:without_room))
               and exists (select 1 from destinations d
                            where d.workspace_id = w.workspace_id
                              and d.next_due_at_ms is not null and d.paused_at_ms is null
                              and d.origin not glob 'listener:*'
                              and max(d.next_due_at_ms, coalesce(d.open_until_ms, 0)) <= :now_ms)
               as is_due
          from w where w.workspace_id is not null)
 where is_due or looks = :looks limit :limit

-- name: due_of_workspaces
-- The longest-due destinations of each workspace, but for some that are asked about by number.
select {destination_columns} from destinations
 where destination_id in (
       select d.destination_id
         from json_each(:workspace_ids) l
         join destinations d on d.destination_id in (
              select destination_id from destinations
               where workspace_id = l.value
                 and next_due_at_ms is not null and paused_at_ms is null
                 and origin not glob 'listener:*'
                 and max(next_due_at_ms, coalesce(open_until_ms, 0)) <= :now_ms
                 and destination_id not in (select value from json_each(:but))
               order by max(next_due_at_ms, coalesce(open_until_ms, 0)) limit :share))

-- name: due_among
select {destination_columns} from destinations
 where destination_id in (select value from json_each(:destination_ids))
   and next_due_at_ms is not null and paused_at_ms is null and origin not glob 'listener:*'
   and max(next_due_at_ms, coalesce(open_until_ms, 0)) <= :now_ms

-- name: due_listener
select {destination_columns} from destinations
 where workspace_id = :workspace_id and origin = :origin and paused_at_ms is null
   and max(next_due_at_ms, coalesce(open_until_ms, 0)) <= :now_ms

-- name: is_listener_due
select 1 from destinations
 where workspace_id = :workspace_id and origin = :origin and paused_at_ms is null
   and max(next_due_at_ms, coalesce(open_until_ms, 0)) <= :now_ms

-- name: wait_for_due_destination
-- Nobody else writes meanwhile, so there is none to wait for.
select {destination_columns} from destinations where false

-- name: due_of
select next_attempt_at_ms, seq from deliveries
 where status = 'waiting' and lease_until_ms is null and destination_id = :destination_id
   and event not in ('job.backlogged', 'job.started', 'job.progress')
   and next_attempt_at_ms <= :now_ms
 order by next_attempt_at_ms limit :limit

-- name: interim_due_of
select next_attempt_at_ms, seq from deliveries
 where status = 'waiting' and lease_until_ms is null and destination_id = :destination_id
   and event in ('job.backlogged', 'job.started', 'job.progress')
   and next_attempt_at_ms <= :now_ms
 order by next_attempt_at_ms limit :limit

-- name: claim_deliveries
update deliveries
   set epoch = epoch + 1, lease_until_ms = :lease_until_ms
 where seq in (select value from json_each(:keys))

-- name: deliveries_in
select d.next_attempt_at_ms, d.seq, {delivery_columns}
  from deliveries d join events e on e.seq = d.event_seq
 where d.seq in (select value from json_each(:keys))

-- name: settle_destinations
-- What is due next, now that deliveries were taken or given back.
update destinations
   set next_due_at_ms = (
           select min(at_ms) from (
               select min(next_attempt_at_ms) as at_ms from deliveries d
                where d.status = 'waiting' and d.lease_until_ms is null
                  and d.event not in ('job.backlogged', 'job.started', 'job.progress')
                  and d.destination_id = destinations.destination_id
                union all
               select min(next_attempt_at_ms) from deliveries d
                where d.status = 'waiting' and d.lease_until_ms is null
                  and d.event in ('job.backlogged', 'job.started', 'job.progress')
                  and d.destination_id = destinations.destination_id))
 where destination_id in (select value from json_each(:destination_ids))

-- name: hasten_destinations
update destinations
   set next_due_at_ms = min(coalesce(next_due_at_ms, r.value ->> 1), r.value ->> 1)
  from json_each(:rows) r
 where destination_id = r.value ->> 0

-- name: destinations_in
select {destination_columns} from destinations
 where destination_id in (select value from json_each(:destination_ids))

-- name: write_breakers
update destinations
   set failures_count = r.value ->> 1, open_until_ms = r.value ->> 2, openings_count = r.value ->> 3,
       flight = r.value ->> 4, flying = r.value ->> 5
  from json_each(:rows) r
 where destination_id = r.value ->> 0

-- name: record_deliveries
update deliveries
   set status = r.value ->> 2, attempts_count = r.value ->> 3,
       round_attempts_count = r.value ->> 4, next_attempt_at_ms = r.value ->> 5,
       ended_at_ms = r.value ->> 6, reason = r.value ->> 7, epoch = epoch + 1,
       lease_until_ms = null
  from jsonb_each(:rows) r
 where deliveries.delivery_id = r.value ->> 0 and deliveries.epoch = r.value ->> 1
returning deliveries.delivery_id, deliveries.epoch

-- name: insert_attempts
insert into attempts (delivery_id, number, started_at_ms, duration_ms, address, status_code, reason,
                      timings, request_headers, response_headers, reused, truncated, response,
                      detail)
select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
       value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, unhex(value ->> 12),
       value ->> 13
  from jsonb_each(:rows)

-- name: release_deliveries
update deliveries
   set epoch = epoch + 1, lease_until_ms = null
  from json_each(:rows) r
 where deliveries.delivery_id = r.value ->> 0 and deliveries.epoch = r.value ->> 1
returning destination_id

-- name: rescue_deliveries
-- Whoever starts anew frees what dead dispatchers held; a listener's program lives on.
update deliveries set epoch = epoch + 1, lease_until_ms = null
 where lease_until_ms <= :leases_until_ms and (lease_until_ms <= :now_ms or url not glob 'listener:*')
returning destination_id

-- name: deliveries_of
select {delivery_columns} from deliveries d join events e on e.seq = d.event_seq
 where d.job_id = :job_id order by d.seq

-- name: get_delivery
select {delivery_columns} from deliveries d join events e on e.seq = d.event_seq
 where d.delivery_id = :delivery_id
