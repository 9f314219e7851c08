-- name: add_style
insert into styles (style_id, workspace_id, owner_id, token_id, title, prompt, model, type, engine,
                    artifact, previews, created_at_ms, urls, cover_url, public, shared, share_id)
values (:style_id, :workspace_id, :owner_id, :token_id, :title, :prompt, :model, :type, :engine,
        :artifact, :previews, :created_at_ms, :urls, :cover_url, :public, :shared, :share_id)

-- name: find_styles
select {style_columns} from styles s where s.style_id = any(:names::text[])
union all
select {style_columns} from styles s where s.share_id = any(:names::text[])

-- name: list_styles
-- The workspace's own, and then other workspaces' that are public: each along an index.
with own as (
    select s.* from styles s
     where s.workspace_id = :workspace_id
       and (:own::bigint = 1
            and (s.owner_id = :member_id::text
                 or not exists (select 1 from tokens t
                                 where t.token_id = s.token_id and t.revoked_at_ms is null))
            or :shared::bigint = 1 and s.shared = 1
            or :public::bigint = 1 and s.public = 1)
       and s.style_id < :before_id
       and (:ids::text[] is null or s.style_id = any(:ids::text[]))
       and (:owner_id::text is null or s.owner_id = :owner_id::text)
       and (:model::text is null or s.model = :model::text)
       and (:liked::bigint = 0
            or exists (select 1 from style_likes l
                        where l.style_id = s.style_id and l.member_id = :member_id::text))
     order by s.style_id desc limit :limit),
others as (
    select s.* from styles s
     where :public::bigint = 1 and s.public = 1 and s.workspace_id <> :workspace_id
       and s.style_id < :before_id
       and (:ids::text[] is null or s.style_id = any(:ids::text[]))
       and (:owner_id::text is null or s.owner_id = :owner_id::text)
       and (:model::text is null or s.model = :model::text)
       and (:liked::bigint = 0
            or exists (select 1 from style_likes l
                        where l.style_id = s.style_id and l.member_id = :member_id::text))
     order by s.style_id desc limit :limit)
select {style_columns} from (select * from own union all select * from others) s
 order by s.style_id desc limit :limit

-- name: change_style
update styles
   set title = coalesce(:title::text, title), urls = coalesce(:urls::text, urls),
       cover_url = coalesce(:cover_url::text, cover_url),
       public = coalesce(:public::bigint, public), shared = coalesce(:shared::bigint, shared)
 where style_id = :style_id
returning style_id

-- name: open_link
update styles set share_id = :share_id where style_id = :style_id and share_id is null
returning style_id

-- name: close_link
update styles set share_id = null where style_id = :style_id and share_id is not null
returning style_id

-- name: like_style
insert into style_likes (style_id, member_id)
select style_id, :member_id::text from styles where style_id = :style_id
    on conflict do nothing

-- name: unlike_style
delete from style_likes where style_id = :style_id and member_id = :member_id

-- name: delete_style
delete from styles where style_id = :style_id
returning style_id

-- name: forget_likes
delete from style_likes where style_id = :style_id
