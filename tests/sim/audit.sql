-- What the ledger reads of every commit: each change to a row that matters, on either database.

create trigger audit_job_made after insert on jobs begin
    insert into audit (what, id, a, b, c, d, e)
    values ('job made', new.job_id, new.workspace_id, new.status, new.webhook_url,
            new.webhook_events, new.model);
end;
create trigger audit_job after update on jobs begin
    insert into audit (what, id, a, b, c, d)
    values ('job', new.job_id, old.status, new.status, old.epoch, new.epoch);
end;
create trigger audit_job_gone after delete on jobs begin
    insert into audit (what, id) values ('gone', old.job_id);
end;
create trigger audit_event after insert on events begin
    insert into audit (what, id, a) values ('event', new.seq, new.body);
end;
create trigger audit_delivery_made after insert on deliveries begin
    insert into audit (what, id, a, b, c, d, e, f, g, h)
    values ('delivery made', new.delivery_id, new.job_id, new.event, new.endpoint_id, new.url,
            new.event_seq, new.workspace_id, new.destination_id, new.round_started_at_ms);
end;
create trigger audit_delivery after update on deliveries begin
    insert into audit (what, id, a, b, c, d, e, f, g, h, i)
    values ('delivery', new.delivery_id, old.status, new.status, old.epoch, new.epoch,
            old.attempts_count, new.attempts_count, old.lease_until_ms, new.lease_until_ms,
            new.round_started_at_ms);
end;
create trigger audit_delivery_gone after delete on deliveries begin
    insert into audit (what, id) values ('gone', old.delivery_id);
end;
create trigger audit_attempt after insert on attempts begin
    insert into audit (what, id, a) values ('attempt', new.delivery_id, new.number);
end;
create trigger audit_endpoint_made after insert on endpoints begin
    insert into audit (what, id, a, b, c, d)
    values ('endpoint', new.endpoint_id, new.workspace_id, new.events, new.disabled_at_ms, new.url);
end;
create trigger audit_endpoint after update on endpoints begin
    insert into audit (what, id, a, b, c, d)
    values ('endpoint', new.endpoint_id, new.workspace_id, new.events, new.disabled_at_ms, new.url);
end;
create trigger audit_endpoint_gone after delete on endpoints begin
    insert into audit (what, id) values ('endpoint gone', old.endpoint_id);
end;
create trigger audit_breaker after update of open_until_ms, flight, flying on destinations begin
    insert into audit (what, id, a, b, c)
    values ('breaker', new.destination_id, new.open_until_ms, new.flight, new.flying);
end;
