-- Sessions of the page that were ended by logging out, until their cookies could not be renewed any
-- more. A session itself is a sealed cookie and has no row.

create table ended_sessions (
    session_id   text not null primary key,
    forget_at_ms integer not null
) strict, without rowid;
create index ended_sessions_forget on ended_sessions (forget_at_ms);
