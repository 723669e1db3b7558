//! The accounts of each day: `GET /api/v1/sums`.

use time::{Duration, OffsetDateTime};

use crate::endpoint::Endpoint;
use crate::error::ParamError;
use crate::parameter::Parameter;
use crate::position::TimeRange;
use crate::query::parse_zone;
use crate::raw_params::RawParams;
use crate::rejected::parse_range;
use crate::sql::Renderer;
use crate::statement::{Bind, Statement};
use crate::zone::Zone;

/// What was received in a range of days, and what became of it.
#[derive(Debug, Clone)]
pub struct SumsQuery {
    range: TimeRange,
    zone: Zone,
}

const DEFAULT_FROM: Duration = Duration::days(7);
/// Postgres remembers batches for 90 days.
const MAX_DAYS: i64 = 366;

impl SumsQuery {
    /// Reads the query string of a request, without the question mark.
    ///
    /// # Errors
    /// Names the first parameter that cannot be understood or obeyed.
    pub fn parse(query_string: &str, now: OffsetDateTime) -> Result<Self, ParamError> {
        let given = RawParams::parse(query_string, Endpoint::Sums)?;
        let zone = given
            .single(Parameter::Timezone)
            .map_or(Ok(Zone::UTC), parse_zone)?;
        let range = parse_range(&given, &zone, now, DEFAULT_FROM, MAX_DAYS)?;
        Ok(Self { range, zone })
    }

    /// The sums of every day of the range that is not over before it begins, in its order and with days without a batch:
    /// `day text, batches bigint, received bigint, stored bigint, rejected bigint, erased bigint, last_loaded_at timestamptz`.
    pub fn statement(&self) -> Statement {
        let mut sql = Renderer::new("with days as (");
        let zone = sql.bind(Bind::Text(self.zone.postgres_name()));
        let (from, to) = sql.bind_range(self.range);
        sql.line(format_args!(
            "  select generate_series(
    date_trunc('day', {from} at time zone {zone}),
    ({to} - interval '1 microsecond') at time zone {zone},
    interval '1 day'
  ) as day
), loaded as (
  select
    date_trunc('day', loaded_at at time zone {zone}) as day,
    count(*) as batches,
    sum(events)::bigint as received,
    sum(inserted)::bigint as stored,
    sum(rejected)::bigint as rejected,
    sum(erased)::bigint as erased,
    max(loaded_at) as last_loaded_at
  from batches
  where loaded_at >= {from} and loaded_at < {to}
  group by 1
)
select
  to_char(days.day, 'YYYY-MM-DD'),
  coalesce(loaded.batches, 0),
  coalesce(loaded.received, 0),
  coalesce(loaded.stored, 0),
  coalesce(loaded.rejected, 0),
  coalesce(loaded.erased, 0),
  loaded.last_loaded_at
from days
left join loaded using (day)
order by days.day"
        ));
        sql.finish()
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn parameters_of_searches_have_no_effect_and_are_refused() {
        let parse = |query: &str| SumsQuery::parse(query, datetime!(2026-11-21 12:00 UTC));

        assert!(parse("from=-30d&to=now&timezone=Europe/Berlin").is_ok());
        for (query, param) in [
            ("events=open", "events"),
            ("from=-367d", "from"),
            ("timezone=Mars", "timezone"),
            ("to=soon", "to"),
        ] {
            assert_eq!(parse(query).unwrap_err().param, param, "{query}");
        }
    }
}
