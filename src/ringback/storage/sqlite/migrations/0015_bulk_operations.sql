-- Work on many deliveries has the name that the API and the documentation give it.
alter table chores rename to bulk_operations;
alter table bulk_operations rename column chore_id to bulk_operation_id;
drop index chores_open;
drop index chores_of_workspace;
create index bulk_operations_open on bulk_operations (created_at_ms) where ended_at_ms is null;
create index bulk_operations_of_workspace on bulk_operations (workspace_id, bulk_operation_id);
