-- How many different people did something in the last 365 days.
select count(distinct userid) as users
from product_events
where dt >= cast(cast(current_date - interval '365' day as date) as varchar)
