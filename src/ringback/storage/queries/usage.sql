-- name: budgets_of
select workspace_id, token_id, period, compute_units, spent, month from budgets
 where workspace_id = any(:workspace_ids::text[]) order by workspace_id, token_id

-- name: drop_budget
delete from budgets where workspace_id = :workspace_id and token_id = :token_id
returning token_id

-- name: count_budgets
update workspaces
   set budgets_count = (select count(*) from budgets b
                         where b.workspace_id = workspaces.workspace_id)
 where workspace_id = :workspace_id
