-- Of the people first seen in a week, how many came back one, two, three weeks later and so on. The last twelve weeks.
with weeks as (
  select distinct userid, cast(date_trunc('week', datetime) as date) as week
  from product_events
  where userid is not null
    and dt >= cast(cast(date_trunc('week', current_date) - interval '84' day as date) as varchar)
),
cohorts as (
  select userid, min(week) as first_week
  from weeks
  group by userid
)
select
  cohorts.first_week,
  date_diff('week', cohorts.first_week, weeks.week) as weeks_later,
  count(*) as users
from weeks
join cohorts on cohorts.userid = weeks.userid
group by cohorts.first_week, date_diff('week', cohorts.first_week, weeks.week)
order by cohorts.first_week, weeks_later
