-- name: add_asset
insert into assets (asset_id, workspace_id, artifact, media_type, size_bytes, created_at_ms, width,
                    height, duration_s, frames, filename, description, idempotency_key, fingerprint)
values (:asset_id, :workspace_id, :artifact, :media_type, :size_bytes, :created_at_ms, :width,
        :height, :duration_s, :frames, :filename, :description, :idempotency_key, :fingerprint)

-- name: get_asset
select {asset_columns} from assets where asset_id = :asset_id

-- name: asset_of_file
select {asset_columns} from assets where artifact = :artifact

-- name: asset_of_key
select {asset_columns} from assets
 where workspace_id = :workspace_id and idempotency_key = :idempotency_key

-- name: list_assets
select {asset_columns} from assets
 where workspace_id = :workspace_id and asset_id < :before_id
 order by asset_id desc limit :limit

-- name: delete_asset
delete from assets where asset_id = :asset_id
returning workspace_id, size_bytes

-- name: assets_bytes
select assets_bytes from workspaces where workspace_id = :workspace_id

-- name: count_assets_bytes
update workspaces set assets_bytes = assets_bytes + :by where workspace_id = :workspace_id
