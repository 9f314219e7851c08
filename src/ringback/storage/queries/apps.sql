-- name: add_app
insert into node_apps (version_id, app_id, workspace_id, slug, name, description, version, digest,
                       definition, created_at_ms, app_created_at_ms)
values (:version_id, :app_id, :workspace_id, :slug, :name, :description, :version, :digest,
        :definition, :created_at_ms, :app_created_at_ms)

-- name: get_app
select {app_columns} from node_apps where version_id = :version_id

-- name: latest_app
select {app_columns} from node_apps
 where workspace_id = :workspace_id and slug = :slug
 order by version desc limit 1

-- name: list_apps
-- Without the definitions, of which a page could have a quarter of a gigabyte.
select version_id, app_id, workspace_id, slug, name, description, version, digest,
       '' as definition, created_at_ms, app_created_at_ms
  from node_apps
 where workspace_id = :workspace_id and version_id < :before_id
   and not exists (select 1 from node_apps later
                    where later.workspace_id = node_apps.workspace_id
                      and later.slug = node_apps.slug and later.version > node_apps.version)
 order by version_id desc limit :limit

-- name: count_apps
select count(*) from node_apps where workspace_id = :workspace_id
