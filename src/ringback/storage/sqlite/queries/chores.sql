-- name: add_chore
insert into chores (chore_id, workspace_id, kind, wanted, created_at_ms, rate, first_seq, cursor,
                    last_seq, done_count, ended_at_ms, cancelled)
values (:chore_id, :workspace_id, :kind, :wanted, :created_at_ms, :rate, :first_seq, :cursor,
        :last_seq, :done_count, :ended_at_ms, :cancelled)

-- name: last_delivery_seq
select coalesce(max(seq), 0) from deliveries

-- name: last_event_seq
select coalesce(max(seq), 0) from events
