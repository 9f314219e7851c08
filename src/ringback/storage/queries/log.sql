-- name: window_of_all
select seq, {is_wanted} from deliveries
 where seq >= :first_seq and seq < :before_seq order by seq desc limit :window

-- name: first_of_all_from
select seq, created_at_ms from deliveries where seq >= :seq order by seq limit 1

-- name: get_destination
select {destination_columns} from destinations
 where workspace_id = :workspace_id and origin = :origin

-- name: list_destinations
select {destination_columns} from destinations
 where workspace_id = :workspace_id and origin > :after_origin order by origin limit :limit

-- name: pause_destination
update destinations set paused_at_ms = :paused_at_ms where destination_id = :destination_id
returning destination_id
