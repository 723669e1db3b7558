//! The SQL of counts.

use std::fmt::Write;

use time::Duration;

use super::{
    CountQuery, MAX_GROUPS,
    choice::Order,
    dimension::{Group, TimeUnit},
};
use crate::position::TimeRange;
use crate::sql::Renderer;
use crate::statement::{Bind, Statement};
use crate::zone::Zone;

/// A little more than the hours of a quarter of a year. Beyond that, one lookup per hour costs more than it saves.
const MAX_STEPS: i64 = 2_400;

impl CountQuery {
    /// Counts the groups. Yields the columns `keys text[]`, one for each dimension, `count bigint` and `recipients bigint`, which
    /// is null where recipients are not counted: groups by time in its order, others from the largest down, unless
    /// `order` says otherwise. Without `limit`, one more than [`MAX_GROUPS`] means that there are too many.
    pub fn statement(&self) -> Statement {
        if let [only] = self.group_by.as_slice()
            && let Group::Time(unit) = only.group()
            && self.can_step_by(unit)
        {
            return self.stepwise_statement(unit);
        }
        if self.has_zeros {
            return self.filled_statement();
        }
        let mut sql = Renderer::new("");
        self.group(&mut sql);
        sql.finish()
    }

    /// The zone in which days begin.
    fn zone(&self) -> &Zone {
        self.matching.zone()
    }

    /// Whether every step of this unit can be counted separately: there is no other condition, and all steps begin at
    /// the same time of day.
    fn can_step_by(&self, unit: TimeUnit) -> bool {
        let TimeRange { from, to } = self.matching.range;
        let longest = Duration::hours(unit.hours.saturating_mul(MAX_STEPS));
        self.matching.filters.is_empty()
            && !self.counts_recipients
            && self.order == Order::Default
            && self.zone().is_fixed()
            && to.to_time() - from.to_time() <= longest
    }

    /// Counts step after step in the index ordered by time, which takes a seventh of the time of reading all events and
    /// computing the step of each.
    fn stepwise_statement(&self, unit: TimeUnit) -> Statement {
        let mut sql = Renderer::new("select");
        let zone = sql.bind(Bind::Text(self.zone().postgres_name()));
        let (from, to) = sql.bind_range(self.matching.range);
        let (name, key) = (unit.name, unit.key_as_sql("step"));
        let which = if self.has_zeros {
            format!("step < {to} at time zone {zone}")
        } else {
            "matching.count > 0".to_owned()
        };
        sql.line(format_args!(
            "  array[{key}]::text[] as keys,
  matching.count,
  null::bigint as recipients
from generate_series(
  date_trunc('{name}', {from} at time zone {zone}), {to} at time zone {zone}, interval '1 {name}'
) as step
cross join lateral (
  select count(*) as count
  from email_events
  where ts >= {from} and ts < {to}
    and ts >= step at time zone {zone} and ts < (step + interval '1 {name}') at time zone {zone}
) as matching
where {which}
order by step"
        ));
        self.limit(&mut sql);
        sql.finish()
    }

    /// The groups that have events.
    fn group(&self, sql: &mut Renderer) {
        let (mut groups, mut keys, mut times) = (Vec::new(), Vec::new(), Vec::new());
        let mut values = String::new();
        for (number, dimension) in (1..).zip(&self.group_by) {
            match dimension.group() {
                Group::Values(expression) => {
                    keys.push(format!("({expression})::text"));
                    if self.has_zeros {
                        // For the order: the text of a number has another.
                        let _infallible =
                            write!(values, ",\n  {expression} as {}", value_of(number));
                    }
                    groups.push(expression.into_owned());
                }
                Group::Time(unit) => {
                    let zone = sql.bind(Bind::Text(self.zone().postgres_name()));
                    let time = format!("date_trunc('{}', ts at time zone {zone})", unit.name);
                    keys.push(unit.key_as_sql(&time));
                    times.push(time.clone());
                    groups.push(time);
                }
            }
        }
        let recipients = if self.counts_recipients {
            "count(distinct rcpt_to)"
        } else {
            "null::bigint"
        };
        sql.line(format_args!(
            "select\n  array[{}]::text[] as keys,\n  count(*) as count,\n  {recipients} as recipients{values}\nfrom email_events",
            keys.join(", ")
        ));
        sql.conditions(&self.matching);
        if !groups.is_empty() {
            sql.line(format_args!("group by {}", groups.join(", ")));
        }
        let order = match self.order {
            Order::Default => [times, vec!["count(*) desc".to_owned(), "keys".to_owned()]].concat(),
            Order::Count => vec!["count(*) desc".to_owned(), "keys".to_owned()],
            Order::Group => [groups, vec!["keys".to_owned()]].concat(),
        };
        sql.line(format_args!("order by {}", order.join(", ")));
        // With zeros, the whole is cut and not its parts.
        if self.has_zeros {
            let limit = sql.bind(Bind::BigInt(i64::from(MAX_GROUPS) + 1));
            sql.line(format_args!("limit {limit}"));
        } else {
            self.limit(sql);
        }
    }

    /// All times of the range, each with all of the other keys that there are, and 0 where there is no event.
    ///
    /// Hours are stepped through in UTC, so that one that clocks skip is no group. Half of an hour is
    /// the least by which zones differ from each other within an hour, beside quarters that step alike.
    fn filled_statement(&self) -> Statement {
        let mut sql = Renderer::new("with found as (");
        self.group(&mut sql);
        let Some((index, unit)) = self.times().next() else {
            return sql.finish();
        };
        let zone = sql.bind(Bind::Text(self.zone().postgres_name()));
        let (from, to) = sql.bind_range(self.matching.range);
        let (name, key) = (unit.name, unit.key_as_sql("step"));
        // Postgres counts from 1.
        let (at, numbers) = (index + 1, 1..=self.group_by.len());
        let keys: Vec<String> = numbers
            .clone()
            .map(|number| {
                if number == at {
                    "steps.key".to_owned()
                } else {
                    format!("others.keys[{number}]")
                }
            })
            .collect();
        let others: Vec<String> = numbers
            .clone()
            .filter(|number| *number != at)
            .map(|number| format!("keys[{number}]"))
            .collect();
        let columns: Vec<String> = ["keys".to_owned()]
            .into_iter()
            .chain(numbers.filter(|number| *number != at).map(value_of))
            .collect();
        // Every other key once; a search without any has one row, so that times alone have their zeros.
        let distinct = if others.is_empty() {
            "select array[]::text[] as keys".to_owned()
        } else {
            format!(
                "select distinct on ({0}) {1} from found order by {0}",
                others.join(", "),
                columns.join(", ")
            )
        };
        let matches: Vec<String> = (1..)
            .zip(&keys)
            .map(|(number, key)| format!("found.keys[{number}] is not distinct from {key}"))
            .collect();
        let recipients = if self.counts_recipients {
            "coalesce(found.recipients, 0)"
        } else {
            "null::bigint"
        };
        let order = self.filled_order(at);
        sql.line(format_args!(
            "), steps as (
  select step, {key} as key
  from (
    select distinct date_trunc('{name}', instant at time zone {zone}) as step
    from (
      select generate_series({from}, {to} - interval '1 microsecond', interval '30 minutes') as instant
      union all
      select {to} - interval '1 microsecond' where {from} < {to}
    ) as instants
  ) as distinct_steps
), others as (
  {distinct}
)
select
  array[{}]::text[] as keys,
  coalesce(found.count, 0) as count,
  {recipients} as recipients
from steps
cross join others
left join found on {}
order by {order}",
            keys.join(", "),
            matches.join(" and ")
        ));
        self.limit(&mut sql);
        sql.finish()
    }

    /// The order of groups with zeros, which is that of groups without; `at` is the place of the time.
    fn filled_order(&self, at: usize) -> String {
        match self.order {
            Order::Default => "steps.step, count desc, keys".to_owned(),
            Order::Count => "count desc, keys".to_owned(),
            Order::Group => {
                let value = |number| {
                    if number == at {
                        "steps.step".to_owned()
                    } else {
                        format!("others.{}", value_of(number))
                    }
                };
                let values = (1..=self.group_by.len()).map(value);
                let order: Vec<String> = values.chain(["keys".to_owned()]).collect();
                order.join(", ")
            }
        }
    }

    fn limit(&self, sql: &mut Renderer) {
        let limit = self.limit.unwrap_or(MAX_GROUPS + 1);
        let limit = sql.bind(Bind::BigInt(i64::from(limit)));
        sql.line(format_args!("limit {limit}"));
    }
}

/// The column with what is grouped by, as it is compared. Numbers count from 1.
fn value_of(number: usize) -> String {
    format!("value_{number}")
}
