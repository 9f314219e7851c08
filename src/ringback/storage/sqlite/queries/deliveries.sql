-- name: insert_deliveries
insert into deliveries (delivery_id, workspace_id, job_id, event, engine, url, destination, body,
                        created_at_ms, status, attempts_count, next_attempt_at_ms, ended_at_ms, epoch)
select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
       value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13
  from jsonb_each(:rows)

-- name: due_origins
-- One index seek for each destination that has anything waiting, however long its line is.
with recursive origins (destination) as (
    select min(destination) from deliveries where status = 'waiting' and lease_until_ms is null
    union all
    select (select min(destination) from deliveries
             where status = 'waiting' and lease_until_ms is null
               and destination > origins.destination)
      from origins where origins.destination is not null)
select destination,
       (select min(next_attempt_at_ms) from deliveries
         where status = 'waiting' and lease_until_ms is null
           and destination = origins.destination) as due_at_ms
  from origins
 where destination is not null
 order by due_at_ms

-- name: due_of
select next_attempt_at_ms, seq from deliveries
 where status = 'waiting' and lease_until_ms is null and destination = :destination
   and next_attempt_at_ms <= :now_ms
 order by next_attempt_at_ms limit :limit_each

-- name: claim_deliveries
update deliveries
   set epoch = epoch + 1, lease_until_ms = :lease_until_ms
 where seq in (select value from json_each(:seqs))
returning next_attempt_at_ms, seq, {columns}

-- name: record_deliveries
update deliveries
   set status = r.value ->> 2, attempts_count = r.value ->> 3, next_attempt_at_ms = r.value ->> 4,
       ended_at_ms = r.value ->> 5, epoch = epoch + 1, lease_until_ms = null
  from jsonb_each(:rows) r
 where deliveries.delivery_id = r.value ->> 0 and deliveries.epoch = r.value ->> 1
returning deliveries.delivery_id, deliveries.epoch

-- name: insert_attempts
insert into attempts (delivery_id, number, started_at_ms, duration_ms, address, status_code, reason,
                      response)
select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
       unhex(value ->> 7)
  from jsonb_each(:rows)

-- name: release_deliveries
update deliveries
   set epoch = epoch + 1, lease_until_ms = null
  from json_each(:rows) r
 where deliveries.delivery_id = r.value ->> 0 and deliveries.epoch = r.value ->> 1

-- name: rescue_deliveries
update deliveries set epoch = epoch + 1, lease_until_ms = null
 where lease_until_ms <= :now_ms
returning delivery_id

-- name: deliveries_of
select {columns} from deliveries where job_id = :job_id order by seq

-- name: attempts_of
select number, started_at_ms, duration_ms, address, status_code, reason, response
  from attempts where delivery_id = :delivery_id order by number

-- name: count_deliveries
select status, count(*) from deliveries group by status
