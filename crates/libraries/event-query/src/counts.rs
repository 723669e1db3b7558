//! Counts of events in groups: `GET /api/v1/events/counts`, for plots.

mod dimension;

use time::{Duration, OffsetDateTime};

pub use self::dimension::Dimension;

use self::dimension::{Group, TimeUnit};
use crate::endpoint::Endpoint;
use crate::error::ParamError;
use crate::export::TableCell;
use crate::format::Format;
use crate::indexed_keys::IndexedKeys;
use crate::parameter::Parameter;
use crate::position::TimeRange;
use crate::query::{EventQuery, parse_number};
use crate::raw_params::{Item, RawParam, RawParams};
use crate::sql::Renderer;
use crate::statement::{Bind, Statement};
use crate::zone::Zone;

/// A search whose matches are counted in groups. It accepts `group_by` and the parameters of a search, except those
/// that choose a page or its format.
#[derive(Debug, Clone)]
pub struct CountQuery {
    matching: EventQuery,
    group_by: Vec<Dimension>,
    counts_recipients: bool,
    has_zeros: bool,
    /// Only the first groups in the order, however many there are.
    limit: Option<u32>,
    order: Order,
}

/// The order of groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Times in their order, and within them the largest first.
    Default,
    /// The largest first.
    Count,
    /// By what is grouped by.
    Group,
}

/// More groups than this are refused: nobody can read them, and they would not fit into a response.
pub const MAX_GROUPS: u32 = 10_000;

const MAX_DIMENSIONS: usize = 3;

/// A little more than the hours of a quarter of a year. Beyond that, one lookup per hour costs more than it saves.
const MAX_STEPS: i64 = 2_400;

impl CountQuery {
    /// Reads the query string of a request, without the question mark, as [`EventQuery::parse`] does.
    ///
    /// # Errors
    /// Names the first parameter that cannot be understood or obeyed.
    pub fn parse(
        query_string: &str,
        now: OffsetDateTime,
        indexed_keys: &IndexedKeys,
    ) -> Result<Self, ParamError> {
        let matching = EventQuery::parse_for(Endpoint::Counts, query_string, now, indexed_keys)?;
        let group_by = parse_group_by(&matching.params)?;
        let limit = matching
            .params
            .single(Parameter::Limit)
            .map(parse_limit)
            .transpose()?;
        let query = Self {
            counts_recipients: parse_word(&matching.params, Parameter::Unique, "recipients")?,
            has_zeros: parse_word(&matching.params, Parameter::Zeros, "true")?,
            order: parse_order(&matching.params)?,
            limit,
            group_by,
            matching,
        };
        query.check_zeros()?;
        Ok(query)
    }

    /// Zeros are for times only, and there may be as many as fit into an answer.
    fn check_zeros(&self) -> Result<(), ParamError> {
        if !self.has_zeros {
            return Ok(());
        }
        let mut units = self
            .group_by
            .iter()
            .filter_map(|dimension| match dimension.group() {
                Group::Time(unit) => Some(unit),
                Group::Values(_) => None,
            });
        let (Some(unit), None) = (units.next(), units.next()) else {
            return Err(ParamError::new(
                "zeros",
                "needs group_by with one of hour, day, week and month",
            ));
        };
        let TimeRange { from, to } = self.matching.range;
        let steps = (to.to_time() - from.to_time()).whole_hours() / unit.hours;
        if steps > i64::from(MAX_GROUPS) {
            return Err(Self::too_many_groups());
        }
        Ok(())
    }

    /// What each group holds beside its keys and `count`.
    pub fn counts_recipients(&self) -> bool {
        self.counts_recipients
    }

    /// The form that was asked for by parameter.
    pub fn format(&self) -> Option<Format> {
        self.matching.format()
    }

    /// The line of names of a table.
    pub fn table_header(&self) -> String {
        let names = self.group_by.iter().map(|dimension| dimension.name());
        let counts = ["count"]
            .into_iter()
            .chain(self.counts_recipients.then_some("recipients"));
        self.matching.table().header_of(names.chain(counts))
    }

    /// A group as a line of a table.
    pub fn table_row(&self, keys: &[Option<String>], counts: &[u64]) -> String {
        let counts: Vec<String> = counts.iter().map(u64::to_string).collect();
        let keys = keys
            .iter()
            .map(|key| key.as_deref().map_or(TableCell::Empty, TableCell::Text));
        let counts = counts.iter().map(|count| TableCell::Plain(count));
        self.matching.table().line(keys.chain(counts))
    }

    /// The dimensions of the groups, in the requested order.
    pub fn group_by(&self) -> &[Dimension] {
        &self.group_by
    }

    /// Refuses more than [`MAX_GROUPS`].
    ///
    /// # Errors
    /// Names `group_by`.
    pub fn accept_groups(&self, count: usize) -> Result<(), ParamError> {
        if self.limit.is_some() || u32::try_from(count).is_ok_and(|count| count <= MAX_GROUPS) {
            Ok(())
        } else {
            Err(Self::too_many_groups())
        }
    }

    /// The error for too many groups, by number or by size.
    pub fn too_many_groups() -> ParamError {
        ParamError::new(
            "group_by",
            "makes more groups than fit into an answer, which are 10000 at most; group by less, narrow the search, or take the first ones by limit",
        )
    }

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
        for dimension in &self.group_by {
            match dimension.group() {
                Group::Values(expression) => {
                    keys.push(format!("({expression})::text"));
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
            "select\n  array[{}]::text[] as keys,\n  count(*) as count,\n  {recipients} as recipients\nfrom email_events",
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
        let place = self
            .group_by
            .iter()
            .position(|dimension| matches!(dimension.group(), Group::Time(_)))
            .unwrap_or(0);
        let unit = self
            .group_by
            .iter()
            .find_map(|dimension| match dimension.group() {
                Group::Time(unit) => Some(unit),
                Group::Values(_) => None,
            });
        let Some(unit) = unit else {
            return sql.finish();
        };
        let zone = sql.bind(Bind::Text(self.zone().postgres_name()));
        let (from, to) = sql.bind_range(self.matching.range);
        let (name, key) = (unit.name, unit.key_as_sql("step"));
        let at = place + 1;
        let others: Vec<String> = (1..=self.group_by.len())
            .filter(|number| *number != at)
            .map(|number| format!("keys[{number}]"))
            .collect();
        let all: Vec<String> = (1..=self.group_by.len())
            .map(|number| {
                if number == at {
                    "steps.key".to_owned()
                } else {
                    format!("others.keys[{number}]")
                }
            })
            .collect();
        // Every other key once; a search without any has one row, so that times alone have their zeros.
        let distinct = if others.is_empty() {
            "select array[]::text[] as keys".to_owned()
        } else {
            format!(
                "select distinct on ({0}) keys from found order by {0}",
                others.join(", ")
            )
        };
        let matches: Vec<String> = (1..=self.group_by.len())
            .map(|number| {
                let wanted = if number == at {
                    "steps.key".to_owned()
                } else {
                    format!("others.keys[{number}]")
                };
                format!("found.keys[{number}] is not distinct from {wanted}")
            })
            .collect();
        let recipients = if self.counts_recipients {
            "coalesce(found.recipients, 0)"
        } else {
            "null::bigint"
        };
        let order = match self.order {
            Order::Default => "steps.step, count desc, keys".to_owned(),
            Order::Count => "count desc, keys".to_owned(),
            Order::Group => "keys".to_owned(),
        };
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
            all.join(", "),
            matches.join(" and ")
        ));
        self.limit(&mut sql);
        sql.finish()
    }

    fn limit(&self, sql: &mut Renderer) {
        let limit = self.limit.unwrap_or(MAX_GROUPS + 1);
        let limit = sql.bind(Bind::BigInt(i64::from(limit)));
        sql.line(format_args!("limit {limit}"));
    }
}

fn parse_limit(given: &RawParam) -> Result<u32, ParamError> {
    parse_number(given)
        .filter(|limit| (1..=MAX_GROUPS).contains(limit))
        .ok_or_else(|| given.error("must be a whole number from 1 to 10000"))
}

fn parse_order(given: &RawParams) -> Result<Order, ParamError> {
    match given.single(Parameter::Order) {
        None => Ok(Order::Default),
        Some(given) => match given.value.as_str() {
            "count" => Ok(Order::Count),
            "group" => Ok(Order::Group),
            _ => Err(given.error("must be count (the largest first) or group")),
        },
    }
}

fn parse_word(given: &RawParams, parameter: Parameter, word: &str) -> Result<bool, ParamError> {
    match given.single(parameter) {
        None => Ok(false),
        Some(given) if given.value == word => Ok(true),
        Some(given) => Err(given.error(format!("must be {word} if it is given"))),
    }
}

fn parse_group_by(given: &RawParams) -> Result<Vec<Dimension>, ParamError> {
    let mut dimensions = Vec::new();
    for item in given.items(Parameter::GroupBy, given.delimiter()) {
        let dimension = parse_dimension(&item)?;
        if !dimensions.contains(&dimension) {
            dimensions.push(dimension);
        }
        if dimensions.len() > MAX_DIMENSIONS {
            return Err(item.error("must hold at most 3 dimensions"));
        }
    }
    if dimensions.is_empty() {
        let choice = Dimension::ALL.map(Dimension::name).join(", ");
        return Err(ParamError::new(
            "group_by",
            format!("must be given; it is one or more of {choice}"),
        ));
    }
    Ok(dimensions)
}

fn parse_dimension(item: &Item<'_>) -> Result<Dimension, ParamError> {
    Dimension::ALL
        .into_iter()
        .find(|dimension| dimension.name() == item.text)
        .ok_or_else(|| {
            let choice = Dimension::ALL.map(Dimension::name).join(", ");
            item.error(format!("must hold known dimensions only: {choice}"))
        })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn parse(query: &str) -> Result<CountQuery, ParamError> {
        CountQuery::parse(
            query,
            datetime!(2026-11-21 12:00 UTC),
            &IndexedKeys::default(),
        )
    }

    #[test]
    fn dimensions_come_in_the_order_asked_for_and_once() {
        assert_eq!(
            parse("group_by=day,type&group_by=day").unwrap().group_by(),
            [Dimension::Day, Dimension::Type]
        );
    }

    #[test]
    fn choices_that_cannot_be_obeyed_name_their_parameter() {
        for (query, param) in [
            ("group_by=type&zeros=true", "zeros"),
            ("group_by=day,hour&zeros=true", "zeros"),
            ("group_by=day&zeros=yes", "zeros"),
            ("group_by=hour&zeros=true&from=1990-01-01", "group_by"),
            ("group_by=day&limit=0", "limit"),
            ("group_by=day&limit=10001", "limit"),
            ("group_by=day&limit=+1", "limit"),
            ("group_by=day&order=up", "order"),
            ("group_by=day&unique=campaigns", "unique"),
            ("group_by=day&match=whole", "match"),
            ("group_by=day&format=xml", "format"),
        ] {
            assert_eq!(parse(query).unwrap_err().param, param, "{query}");
        }
        assert!(
            parse("group_by=week,campaign&zeros=true&limit=10&order=group&unique=recipients")
                .is_ok()
        );
    }

    #[test]
    fn wrong_dimensions_name_the_parameter() {
        for query in [
            "",
            "group_by=",
            "group_by=,",
            "group_by=weekday",
            "group_by=type,day,hour,campaign",
        ] {
            assert_eq!(parse(query).unwrap_err().param, "group_by", "{query}");
        }
        assert_eq!(parse("group_by=type&from=x").unwrap_err().param, "from");
    }
}
