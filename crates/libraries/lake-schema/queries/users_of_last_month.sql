-- How many different people did something in the last full month.
select count(distinct userid) as users
from product_events
where dt >= cast(cast(date_trunc('month', current_date) - interval '1' month as date) as varchar)
  and dt < cast(cast(date_trunc('month', current_date) as date) as varchar)
