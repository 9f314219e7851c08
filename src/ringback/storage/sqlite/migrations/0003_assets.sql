-- Assets: files that users uploaded. The bytes are artifacts, of which this names one each.

create table assets (
    asset_id        text primary key,              -- UUIDv7: sorting by it is sorting by time
    workspace_id    text not null,
    artifact        text not null unique,
    media_type      text not null,
    size_bytes      integer not null,
    created_at_ms   integer not null,
    width           integer,
    height          integer,
    duration_s      real,
    frames          integer,
    filename        text,
    description     text,
    idempotency_key text,
    fingerprint     text not null
) strict;

create index assets_of_workspace on assets (workspace_id, asset_id);
create unique index assets_by_key on assets (workspace_id, idempotency_key)
 where idempotency_key is not null;

alter table workspaces add column assets_bytes integer not null default 0;
