-- Each window is a bounded stretch of the log, newest first, by the index that it names; the last
-- column says whether the filter holds.

-- name: window_of_job
select seq, {is_wanted} from deliveries indexed by deliveries_of_job
 where job_id = :job_id and seq >= :first_seq and seq < :before_seq order by seq desc limit :window

-- name: window_of_endpoint
select seq, {is_wanted} from deliveries indexed by deliveries_of_endpoint
 where endpoint_id = :endpoint_id and seq >= :first_seq and seq < :before_seq order by seq desc limit :window

-- name: window_of_destination
select seq, {is_wanted} from deliveries indexed by deliveries_to
 where destination_id = (select destination_id from destinations
                          where workspace_id = :workspace_id and origin = :destination)
   and seq >= :first_seq and seq < :before_seq order by seq desc limit :window

-- name: window_of_reason
select seq, {is_wanted} from deliveries indexed by deliveries_by_reason
 where workspace_id = :workspace_id and reason = :reason and reason is not null
   and seq >= :first_seq and seq < :before_seq order by seq desc limit :window

-- name: window_of_troubled
select seq, {is_wanted} from deliveries indexed by deliveries_troubled
 where workspace_id = :workspace_id and status = :status
   and status not in ('waiting', 'delivered') and seq >= :first_seq and seq < :before_seq
 order by seq desc limit :window

-- name: window_of_workspace
select seq, {is_wanted} from deliveries indexed by deliveries_of_workspace
 where workspace_id = :workspace_id and seq >= :first_seq and seq < :before_seq order by seq desc limit :window

-- name: first_from
select seq, created_at_ms from deliveries indexed by deliveries_of_workspace
 where workspace_id = :workspace_id and seq >= :seq order by seq limit 1

-- name: count_some
select count(*) from (
    select 1 from deliveries indexed by deliveries_of_workspace
     where workspace_id = :workspace_id limit :limit)

-- name: count_some_of_all
select count(*) from (select 1 from deliveries where seq > 0 limit :limit)

-- name: deliveries_at
select d.seq, {delivery_columns} from deliveries d join events e on e.seq = d.event_seq
 where d.seq in (select value from json_each(:seqs))

-- name: events_after
select seq, event_id, workspace_id, job_id, type, engine, model, created_at_ms, body,
       (select json_group_array(delivery_id) from deliveries d indexed by deliveries_of_job
         where d.job_id = e.job_id and d.event_seq = e.seq)
  from events e where workspace_id = :workspace_id and seq > :seq order by seq limit :limit

-- name: last_event_of
select coalesce(max(seq), 0) from events where workspace_id = :workspace_id

-- name: waiting_at
select value, min(:limit, (select count(*) from (
           select 1 from deliveries indexed by deliveries_due
            where destination_id = value and status = 'waiting' and lease_until_ms is null
              and event not in ('job.backlogged', 'job.started', 'job.progress')
            limit :limit)) + (select count(*) from (
           select 1 from deliveries indexed by deliveries_passing_due
            where destination_id = value and status = 'waiting' and lease_until_ms is null
              and event in ('job.backlogged', 'job.started', 'job.progress')
            limit :limit)))
  from json_each(:destination_ids)

-- name: waiting_before
select count(*) from (
    select 1 from deliveries indexed by deliveries_due
     where status = 'waiting' and lease_until_ms is null and destination_id = :destination_id
       and event not in ('job.backlogged', 'job.started', 'job.progress')
       and (next_attempt_at_ms, seq)
         < (:at_ms, (select seq from deliveries where delivery_id = :delivery_id))
     limit :limit)
