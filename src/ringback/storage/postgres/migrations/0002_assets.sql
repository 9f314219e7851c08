-- Oldest schema whose servers may run beside this one: 1.
-- Assets: files that users uploaded. The bytes are artifacts, of which this names one each.

create table assets (
    asset_id        text collate "C" primary key,  -- UUIDv7: sorting by it is sorting by time
    workspace_id    text collate "C" not null,
    artifact        text collate "C" not null unique,
    media_type      text not null,
    size_bytes      bigint not null,
    created_at_ms   bigint not null,
    width           bigint,
    height          bigint,
    duration_s      double precision,
    frames          bigint,
    filename        text,
    description     text,
    idempotency_key text collate "C",
    fingerprint     text not null
);

create index assets_of_workspace on assets (workspace_id, asset_id);
create unique index assets_by_key on assets (workspace_id, idempotency_key)
 where idempotency_key is not null;

alter table workspaces add column assets_bytes bigint not null default 0;
