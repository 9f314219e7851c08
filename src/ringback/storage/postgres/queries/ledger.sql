-- name: end_without_delivery
select job_id from jobs j
 where completed_at_ms is not null and webhook_url is not null
   and (webhook_events = '[]'
        or exists (select 1 from jsonb_array_elements_text(j.webhook_events::jsonb) value
                    where value = 'job.' || j.status))
   and not exists (select 1 from deliveries d
                    where d.job_id = j.job_id and d.event = 'job.' || j.status
                      and d.endpoint_id is null)
   and (:workspace_id::text is null or workspace_id = :workspace_id::text)
 limit :limit

-- name: delivery_without_event
select delivery_id from deliveries d
 where not exists (select 1 from events e where e.event_id = d.event_id)
   and (:workspace_id::text is null or workspace_id = :workspace_id::text)
 limit :limit
