-- What happens most, by how many people, in the last seven days.
select event, count(*) as events, count(distinct userid) as users
from product_events
where dt >= cast(cast(current_date - interval '7' day as date) as varchar)
group by event
order by events desc, event
limit 100
