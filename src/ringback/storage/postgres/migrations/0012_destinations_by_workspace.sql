-- Oldest schema whose servers may run beside this one: 3.
-- Finds a workspace's destinations that are due, and seeks from one workspace to the next, however
-- many of another's are longer due. A server of the release before goes on beside it: it claims by
-- the index that it knows.
create index destinations_due_of_workspace
    on destinations (workspace_id, greatest(next_due_at_ms, coalesce(open_until_ms, 0)))
 where next_due_at_ms is not null and paused_at_ms is null and origin not like 'listener:%';
