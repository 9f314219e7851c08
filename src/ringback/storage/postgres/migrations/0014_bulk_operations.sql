-- Oldest schema whose servers may run beside this one: 3.
-- Work on many deliveries has the name that the API and the documentation give it. A server of the
-- release before goes on beside it: it reads and writes the view that has the table's old names.
alter table chores rename to bulk_operations;
alter table bulk_operations rename column chore_id to bulk_operation_id;
alter index chores_open rename to bulk_operations_open;
alter index chores_of_workspace rename to bulk_operations_of_workspace;
create view chores as
select bulk_operation_id as chore_id, workspace_id, kind, wanted, created_at_ms, rate, first_seq,
       cursor, last_seq, done_count, ended_at_ms, cancelled
  from bulk_operations;
