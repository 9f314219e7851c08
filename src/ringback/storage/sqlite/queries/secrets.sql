-- name: retire_keys
update secrets
   set retires_at_ms = min(coalesce(retires_at_ms, :at_ms), :at_ms)
 where owner = :owner and kind = :kind and key_id <> :besides
   and (retires_at_ms is null or retires_at_ms > :at_ms)
returning key_id
