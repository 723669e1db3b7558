-- How often something happened in the last 365 days. Reads one column, sorted: next to nothing.
select count(*) as logins
from product_events
where event = 'LOGIN'
  and dt >= cast(cast(current_date - interval '365' day as date) as varchar)
