//! How many events there are of each kind: `GET /api/v1/events/counts`, for plots.

mod dimension;

use time::{Duration, OffsetDateTime};

pub use self::dimension::Dimension;

use self::dimension::{Group, TimeUnit};
use crate::endpoint::Endpoint;
use crate::error::ParamError;
use crate::format::Format;
use crate::indexed_keys::IndexedKeys;
use crate::parameter::{Item, Parameter, RawParams};
use crate::position::TimeRange;
use crate::query::EventQuery;
use crate::sql::Renderer;
use crate::statement::{Bind, Statement};
use crate::zone::Zone;

/// A search whose matches are counted in groups. It takes `group_by` and the parameters of a search but those that choose
/// a page or its form.
#[derive(Debug, Clone)]
pub struct CountQuery {
    matching: EventQuery,
    group_by: Vec<Dimension>,
}

/// More groups than this are refused: nobody can look at them, and they would not fit into an answer.
pub const MAX_GROUPS: u32 = 10_000;

const MAX_DIMENSIONS: usize = 3;

/// As many hours as a quarter of a year has, and some. Beyond that, looking for each costs more than it saves.
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
        if matching
            .format()
            .is_some_and(|format| format != Format::Json)
        {
            return Err(ParamError::new(
                "format",
                "must be json if it is given, as counts have no other form",
            ));
        }
        let group_by = parse_group_by(&matching.params)?;
        Ok(Self { matching, group_by })
    }

    /// What is grouped by, in the order that was asked for.
    pub fn group_by(&self) -> &[Dimension] {
        &self.group_by
    }

    /// Refuses more than [`MAX_GROUPS`].
    ///
    /// # Errors
    /// Names `group_by`.
    pub fn accept_groups(count: usize) -> Result<(), ParamError> {
        if u32::try_from(count).is_ok_and(|count| count <= MAX_GROUPS) {
            Ok(())
        } else {
            Err(Self::too_many_groups())
        }
    }

    /// What is said when the groups are too many, by number or by size.
    pub fn too_many_groups() -> ParamError {
        ParamError::new(
            "group_by",
            "makes more groups than fit into an answer, which are 10000 at most; group by less, or narrow the search",
        )
    }

    /// Counts the groups. Yields the columns `keys text[]`, one for each dimension, and `count bigint`: groups by time
    /// in its order, others from the largest down. One more than [`MAX_GROUPS`] means that there are too many.
    pub fn statement(&self) -> Statement {
        if let [only] = self.group_by.as_slice()
            && let Group::Time(unit) = only.group()
            && self.can_step_by(unit)
        {
            return self.stepwise_statement(unit);
        }
        self.grouping_statement()
    }

    /// Where days begin.
    fn zone(&self) -> &Zone {
        self.matching.zone()
    }

    /// Whether every step of this unit can be counted for itself: there is nothing else to look at, and all steps begin
    /// at one time of the clock.
    fn can_step_by(&self, unit: TimeUnit) -> bool {
        let TimeRange { from, to } = self.matching.range;
        let longest = Duration::hours(unit.hours.saturating_mul(MAX_STEPS));
        self.matching.filters.is_empty()
            && self.zone().is_fixed()
            && to.to_time() - from.to_time() <= longest
    }

    /// Counts step after step in the index that has the order of time, which takes a seventh of what reading all events
    /// and finding the step of each does.
    fn stepwise_statement(&self, unit: TimeUnit) -> Statement {
        let mut sql = Renderer::new("select");
        let zone = sql.bind(Bind::Text(self.zone().postgres_name()));
        let (from, to) = sql.bind_range(self.matching.range);
        let (name, key) = (unit.name, unit.key_as_sql("step"));
        sql.line(format_args!(
            "  array[{key}]::text[] as keys,
  matching.count
from generate_series(
  date_trunc('{name}', {from} at time zone {zone}), {to} at time zone {zone}, interval '1 {name}'
) as step
cross join lateral (
  select count(*) as count
  from email_events
  where ts >= {from} and ts < {to}
    and ts >= step at time zone {zone} and ts < (step + interval '1 {name}') at time zone {zone}
) as matching
where matching.count > 0
order by step"
        ));
        Self::limit(&mut sql);
        sql.finish()
    }

    fn grouping_statement(&self) -> Statement {
        let mut sql = Renderer::new("select");
        let (mut groups, mut keys, mut order) = (Vec::new(), Vec::new(), Vec::new());
        for dimension in &self.group_by {
            match dimension.group() {
                Group::Values(expression) => {
                    keys.push(format!("({expression})::text"));
                    groups.push(expression.to_owned());
                }
                Group::Time(unit) => {
                    let zone = sql.bind(Bind::Text(self.zone().postgres_name()));
                    let time = format!("date_trunc('{}', ts at time zone {zone})", unit.name);
                    keys.push(unit.key_as_sql(&time));
                    order.push(time.clone());
                    groups.push(time);
                }
            }
        }
        sql.line(format_args!(
            "  array[{}]::text[] as keys,\n  count(*) as count\nfrom email_events",
            keys.join(", ")
        ));
        sql.conditions(&self.matching);
        if !groups.is_empty() {
            sql.line(format_args!("group by {}", groups.join(", ")));
        }
        order.extend(["count(*) desc".to_owned(), "keys".to_owned()]);
        sql.line(format_args!("order by {}", order.join(", ")));
        Self::limit(&mut sql);
        sql.finish()
    }

    fn limit(sql: &mut Renderer) {
        let limit = sql.bind(Bind::BigInt(i64::from(MAX_GROUPS) + 1));
        sql.line(format_args!("limit {limit}"));
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
