-- Oldest schema whose servers may run beside this one: 3.
-- A listener is an endpoint whose deliveries nobody posts: a program comes and takes them. Its
-- destination is listener:NAME, and dispatchers pass over it. One that knows nothing of listeners
-- would call them, so none runs beside.

alter table endpoints add column listener text collate "C";
alter table endpoints add column heard_at_ms bigint;

create unique index endpoints_listening on endpoints (workspace_id, listener)
 where listener is not null;
create index endpoints_heard on endpoints (heard_at_ms)
 where listener is not null and disabled_at_ms is null;

drop index destinations_due;
create index destinations_due on destinations (greatest(next_due_at_ms, coalesce(open_until_ms, 0)))
 where next_due_at_ms is not null and paused_at_ms is null and origin not like 'listener:%';
