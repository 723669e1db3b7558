-- How many people saw a page, then put something into the cart, then bought, in the last 30 days.
-- A step counts only after the step before it.
with viewed as (
  select userid, min(datetime) as at
  from product_events
  where event = 'page_view'
    and dt >= cast(cast(current_date - interval '30' day as date) as varchar)
  group by userid
),
carted as (
  select viewed.userid, min(product_events.datetime) as at
  from viewed
  join product_events on product_events.userid = viewed.userid and product_events.datetime >= viewed.at
  where product_events.event = 'add_to_cart'
    and product_events.dt >= cast(cast(current_date - interval '30' day as date) as varchar)
  group by viewed.userid
),
bought as (
  select carted.userid
  from carted
  join product_events on product_events.userid = carted.userid and product_events.datetime >= carted.at
  where product_events.event = 'purchase'
    and product_events.dt >= cast(cast(current_date - interval '30' day as date) as varchar)
  group by carted.userid
)
select 1 as step, 'page_view' as event, count(*) as users from viewed
union all
select 2, 'add_to_cart', count(*) from carted
union all
select 3, 'purchase', count(*) from bought
order by step
