-- name: upsert_destinations
insert into destinations (workspace_id, origin, next_due_at_ms)
select * from {rows: workspace_id text, origin text, at_ms bigint}
    on conflict (workspace_id, origin) do update
   set next_due_at_ms = least(destinations.next_due_at_ms, excluded.next_due_at_ms)
returning destination_id, workspace_id, origin

-- name: insert_events
insert into events (event_id, workspace_id, job_id, type, engine, model, created_at_ms, body)
select * from {rows: event_id text, workspace_id text, job_id text, type text, engine text,
               model text, created_at_ms bigint, body text}
returning event_id, seq

-- name: insert_deliveries
insert into deliveries (delivery_id, workspace_id, job_id, event, url, destination, created_at_ms,
                        endpoint_id, lab, status, reason, attempts_count, round_attempts_count,
                        round_started_at_ms, next_attempt_at_ms, ended_at_ms, epoch,
                        destination_id, event_seq, event_id)
select * from {rows: delivery_id text, workspace_id text, job_id text, event text, url text,
               destination text, created_at_ms bigint, endpoint_id text, lab text, status text,
               reason text, attempts_count bigint, round_attempts_count bigint,
               round_started_at_ms bigint, next_attempt_at_ms bigint, ended_at_ms bigint,
               epoch bigint, destination_id bigint, event_seq bigint, event_id text}

-- name: next_due
select greatest(next_due_at_ms, coalesce(open_until_ms, 0)) from destinations
 where next_due_at_ms is not null and paused_at_ms is null and origin not like 'listener:%'
   and greatest(next_due_at_ms, coalesce(open_until_ms, 0)) > :after_ms
 order by greatest(next_due_at_ms, coalesce(open_until_ms, 0)) limit 1

-- name: due_destinations
-- Passing over those that another dispatcher looks at: it is handing them out already.
select {destination_columns} from destinations
 where next_due_at_ms is not null and paused_at_ms is null and origin not like 'listener:%'
   and greatest(next_due_at_ms, coalesce(open_until_ms, 0)) <= :now_ms
 order by greatest(next_due_at_ms, coalesce(open_until_ms, 0)) limit :limit
   for no key update skip locked

-- name: wait_for_due_destination
-- The longest-due one, once whoever writes to it has committed.
select {destination_columns} from destinations
 where next_due_at_ms is not null and paused_at_ms is null and origin not like 'listener:%'
   and greatest(next_due_at_ms, coalesce(open_until_ms, 0)) <= :now_ms
 order by greatest(next_due_at_ms, coalesce(open_until_ms, 0)) limit 1
   for no key update

-- name: due_workspaces
-- Whose deliveries are due, found by seeking from each workspace to the next: the first row of each
-- is its longest-due destination. The last of as many as are looked at comes too, due or not: the
-- next look goes on behind it.
with recursive w (workspace_id, due_ms, looks) as (
    (select workspace_id, greatest(next_due_at_ms, coalesce(open_until_ms, 0)), 1 from destinations
      where workspace_id > :after and workspace_id <= :until
        and next_due_at_ms is not null and paused_at_ms is null and origin not like 'listener:%'
      order by workspace_id, greatest(next_due_at_ms, coalesce(open_until_ms, 0)) limit 1)
    union all
    select d.workspace_id, d.due_ms, w.looks + 1
      from w cross join lateral (
           select workspace_id, greatest(next_due_at_ms, coalesce(open_until_ms, 0)) as due_ms
             from destinations
            where workspace_id > w.workspace_id and workspace_id <= :until
              and next_due_at_ms is not null and paused_at_ms is null
              and origin not like 'listener:%'
            order by workspace_id, greatest(next_due_at_ms, coalesce(open_until_ms, 0)) limit 1) d
     where w.looks < :looks::integer)
select workspace_id, is_due, looks
  from (select workspace_id, looks,
               due_ms <= :now_ms and workspace_id <> all(:without_room::text[]) as is_due
          from w) looked_at
 where is_due or looks = :looks::integer limit :limit

-- name: due_of_workspaces
-- The longest-due destinations of each workspace, but for some that are asked about by number. The
-- workspace is a range, of one, so that it belongs to the order and the index that has it is used:
-- by any other, the destinations of all workspaces might be read.
select {destination_columns} from unnest(:workspace_ids::text[]) l (id)
 cross join lateral (
       select * from destinations d
        where d.workspace_id >= l.id and d.workspace_id <= l.id
          and d.next_due_at_ms is not null and d.paused_at_ms is null
          and d.origin not like 'listener:%'
          and greatest(d.next_due_at_ms, coalesce(d.open_until_ms, 0)) <= :now_ms
          and d.destination_id <> all(:but::bigint[])
        order by d.workspace_id, greatest(d.next_due_at_ms, coalesce(d.open_until_ms, 0))
        limit :share for no key update skip locked) found

-- name: due_among
select {destination_columns} from destinations
 where destination_id = any(:destination_ids::bigint[])
   and next_due_at_ms is not null and paused_at_ms is null and origin not like 'listener:%'
   and greatest(next_due_at_ms, coalesce(open_until_ms, 0)) <= :now_ms
   for no key update skip locked

-- name: due_listener
-- Once whoever writes to it has committed.
select {destination_columns} from destinations
 where workspace_id = :workspace_id and origin = :origin and paused_at_ms is null
   and greatest(next_due_at_ms, coalesce(open_until_ms, 0)) <= :now_ms
   and next_due_at_ms is not null
   for no key update

-- name: is_listener_due
select 1 from destinations
 where workspace_id = :workspace_id and origin = :origin and paused_at_ms is null
   and greatest(next_due_at_ms, coalesce(open_until_ms, 0)) <= :now_ms
   and next_due_at_ms is not null

-- name: due_of
select next_attempt_at_ms, delivery_id from deliveries
 where status = 'waiting' and lease_until_ms is null and destination_id = :destination_id
   and event not in ('job.backlogged', 'job.started', 'job.progress')
   and next_attempt_at_ms <= :now_ms
 order by next_attempt_at_ms limit :limit for update skip locked

-- name: interim_due_of
select next_attempt_at_ms, delivery_id from deliveries
 where status = 'waiting' and lease_until_ms is null and destination_id = :destination_id
   and event in ('job.backlogged', 'job.started', 'job.progress')
   and next_attempt_at_ms <= :now_ms
 order by next_attempt_at_ms limit :limit for update skip locked

-- name: claim_deliveries
update deliveries
   set epoch = epoch + 1, lease_until_ms = :lease_until_ms
 where delivery_id = any(:keys::text[])

-- name: deliveries_in
select d.next_attempt_at_ms, d.seq, {delivery_columns}
  from deliveries d join events e on e.event_id = d.event_id
 where d.delivery_id = any(:keys::text[])

-- name: settle_destinations
-- What is due next, now that deliveries were taken or given back. The lock comes first, in a
-- statement of its own: only then is everything seen that others wrote to it.
update destinations
   set next_due_at_ms = least(
           (select d.next_attempt_at_ms from deliveries d
             where d.status = 'waiting' and d.lease_until_ms is null
               and d.event not in ('job.backlogged', 'job.started', 'job.progress')
               and d.destination_id = destinations.destination_id
             order by d.next_attempt_at_ms limit 1),
           (select d.next_attempt_at_ms from deliveries d
             where d.status = 'waiting' and d.lease_until_ms is null
               and d.event in ('job.backlogged', 'job.started', 'job.progress')
               and d.destination_id = destinations.destination_id
             order by d.next_attempt_at_ms limit 1))
 where destination_id = any(:destination_ids::bigint[])

-- name: hasten_destinations
update destinations
   set next_due_at_ms = least(next_due_at_ms, r.at_ms)
  from {rows: destination_id bigint, at_ms bigint}
 where destinations.destination_id = r.destination_id

-- name: destinations_in
select {destination_columns} from destinations
 where destination_id = any(:destination_ids::bigint[]) order by destination_id
   for no key update

-- name: write_breakers
update destinations
   set failures_count = r.failures_count, open_until_ms = r.open_until_ms,
       openings_count = r.openings_count, flight = r.flight, flying = r.flying
  from {rows: destination_id bigint, failures_count bigint, open_until_ms bigint,
        openings_count bigint, flight bigint, flying bigint}
 where destinations.destination_id = r.destination_id

-- name: record_deliveries
update deliveries
   set status = r.status, attempts_count = r.attempts_count,
       round_attempts_count = r.round_attempts_count, next_attempt_at_ms = r.next_attempt_at_ms,
       ended_at_ms = r.ended_at_ms, reason = r.reason, epoch = deliveries.epoch + 1,
       lease_until_ms = null
  from {rows: delivery_id text, epoch bigint, status text, attempts_count bigint,
        round_attempts_count bigint, next_attempt_at_ms bigint, ended_at_ms bigint, reason text}
 where deliveries.delivery_id = r.delivery_id and deliveries.epoch = r.epoch
returning deliveries.delivery_id, deliveries.epoch

-- name: insert_attempts
insert into attempts (delivery_id, number, started_at_ms, duration_ms, address, status_code, reason,
                      timings, request_headers, response_headers, reused, truncated, response,
                      detail)
select r.delivery_id, r.number, r.started_at_ms, r.duration_ms, r.address, r.status_code, r.reason,
       r.timings, r.request_headers, r.response_headers, r.reused, r.truncated,
       decode(r.response, 'hex'), r.detail
  from {rows: delivery_id text, number bigint, started_at_ms bigint, duration_ms bigint,
        address text, status_code bigint, reason text, timings text, request_headers text,
        response_headers text, reused boolean, truncated boolean, response text, detail text}

-- name: release_deliveries
update deliveries
   set epoch = deliveries.epoch + 1, lease_until_ms = null
  from {rows: delivery_id text, epoch bigint}
 where deliveries.delivery_id = r.delivery_id and deliveries.epoch = r.epoch
returning destination_id

-- name: rescue_deliveries
-- Whoever starts anew frees what dead dispatchers held; a listener's program lives on.
update deliveries set epoch = epoch + 1, lease_until_ms = null
 where lease_until_ms <= :leases_until_ms and (lease_until_ms <= :now_ms or url not like 'listener:%')
returning destination_id

-- name: deliveries_of
select {delivery_columns} from deliveries d join events e on e.event_id = d.event_id
 where d.job_id = :job_id order by d.seq

-- name: get_delivery
select {delivery_columns} from deliveries d join events e on e.event_id = d.event_id
 where d.delivery_id = :delivery_id
