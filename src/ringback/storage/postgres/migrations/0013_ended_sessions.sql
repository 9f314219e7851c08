-- Oldest schema whose servers may run beside this one: 3.
-- Sessions of the page that were ended by logging out, until their cookies could not be renewed any
-- more. A session itself is a sealed cookie and has no row. A server of the release before goes on
-- beside it: it neither reads nor writes it.

create table ended_sessions (
    session_id   text collate "C" not null primary key,
    forget_at_ms bigint not null
);
create index ended_sessions_forget on ended_sessions (forget_at_ms);
