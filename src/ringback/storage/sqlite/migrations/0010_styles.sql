-- Styles: what trainings made. What was learned and the pictures that show it are artifacts, which
-- this names; a style has the id of its job, which retention may have taken since.

create table styles (
    style_id      text primary key,  -- UUIDv7: sorting by it is sorting by time
    workspace_id  text not null,
    owner_id      text not null,     -- stands for the token
    token_id      text not null,
    title         text not null,
    prompt        text not null,
    model         text not null,
    type          text not null,
    engine        text not null,
    artifact      text not null,
    previews      text not null,        -- a JSON list of artifacts
    created_at_ms integer not null,
    urls          text,                 -- a JSON list; null: the previews
    cover_url     text,
    public        integer not null,
    shared        integer not null,
    share_id      text unique
) strict;

create index styles_of_workspace on styles (workspace_id, style_id);
create index styles_public on styles (style_id) where public = 1;

create table style_likes (
    style_id  text not null,
    member_id text not null,
    primary key (style_id, member_id)
) strict, without rowid;
