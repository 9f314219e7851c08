-- Why an attempt failed, in words, and null where the reason or the answer says it all.
alter table attempts add column detail text;
