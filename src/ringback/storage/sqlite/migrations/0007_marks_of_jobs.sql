-- When each status of a job began, as JSON: what its timeline is drawn from. Jobs of earlier versions
-- have none.
alter table jobs add column marks text not null default '[]';
