-- Oldest schema whose servers may run beside this one: 3.
-- Styles: what trainings made. What was learned and the pictures that show it are artifacts, which
-- this names; a style has the id of its job, which retention may have taken since.
-- A server of the release before goes on beside it; its workers know no trainings, so nobody should
-- ask for one before the last of them is gone.

create table styles (
    style_id      text collate "C" primary key,  -- UUIDv7: sorting by it is sorting by time
    workspace_id  text collate "C" not null,
    owner_id      text collate "C" not null,     -- stands for the token
    token_id      text collate "C" not null,
    title         text not null,
    prompt        text not null,
    model         text collate "C" not null,
    type          text not null,
    engine        text not null,
    artifact      text collate "C" not null,
    previews      text not null,        -- a JSON list of artifacts
    created_at_ms bigint not null,
    urls          text,                 -- a JSON list; null: the previews
    cover_url     text,
    public        bigint not null,
    shared        bigint not null,
    share_id      text collate "C" unique
);

create index styles_of_workspace on styles (workspace_id, style_id);
create index styles_public on styles (style_id) where public = 1;

create table style_likes (
    style_id  text collate "C" not null,
    member_id text collate "C" not null,
    primary key (style_id, member_id)
);
