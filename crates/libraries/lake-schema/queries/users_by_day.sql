-- How many different people did something on each day, and how often. The last 30 days.
select dt as day, count(distinct userid) as users, count(*) as events
from product_events
where dt >= cast(cast(current_date - interval '30' day as date) as varchar)
group by dt
order by day
