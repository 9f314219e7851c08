-- name: place
select place from prompts_place

-- name: keep_place
update prompts_place set place = :place
