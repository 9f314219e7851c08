-- name: keys_of
select key_id, kind, sealed, public, created_at_ms, retires_at_ms from secrets
 where owner = :owner order by created_at_ms desc, key_id desc

-- name: all_keys
select owner, key_id, kind, sealed, public, created_at_ms, retires_at_ms from secrets
 order by owner, created_at_ms desc, key_id desc

-- name: signing_count
select count(*) from secrets
 where owner = :owner and kind = :kind and (retires_at_ms is null or retires_at_ms > :now_ms)

-- name: add_key
insert into secrets (key_id, owner, kind, sealed, public, created_at_ms, retires_at_ms)
values (:key_id, :owner, :kind, :sealed, :public, :created_at_ms, :retires_at_ms)

-- name: reseal_key
update secrets set sealed = :sealed where key_id = :key_id
returning key_id

-- name: forget_retired
delete from secrets
 where key_id in (select key_id from secrets where retires_at_ms < :before_ms limit :limit)
returning key_id

-- name: forget_keys_of
delete from secrets where owner = :owner
