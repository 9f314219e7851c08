-- Finds a workspace's destinations that are due, and seeks from one workspace to the next, however
-- many of another's are longer due.
create index destinations_due_of_workspace
    on destinations (workspace_id, max(next_due_at_ms, coalesce(open_until_ms, 0)))
 where next_due_at_ms is not null and paused_at_ms is null and origin not glob 'listener:*';
