-- Oldest schema whose servers may run beside this one: 3.
-- Why an attempt failed, in words, and null where the reason or the answer says it all. A server of the
-- release before writes none.
alter table attempts add column detail text;
