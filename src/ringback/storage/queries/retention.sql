-- name: cursor_of
select cursor from retention where what = :what

-- name: keep_cursor
insert into retention (what, cursor) values (:what, :cursor)
    on conflict (what) do update set cursor = excluded.cursor

-- name: prune_destinations
delete from destinations where destination_id = any(:keys::bigint[])

-- name: prune_bulk_operations
delete from bulk_operations
 where bulk_operation_id in (select bulk_operation_id from bulk_operations where ended_at_ms < :before_ms limit :limit)
returning bulk_operation_id
