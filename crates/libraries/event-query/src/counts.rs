//! Counts of events in groups: `GET /api/v1/events/counts`, for plots.

mod choice;
mod dimension;
mod statement;

use time::OffsetDateTime;

pub use self::dimension::Dimension;

use self::choice::{Order, parse_group_by, parse_limit, parse_order, parse_word};
use self::dimension::{Group, TimeUnit};
use crate::endpoint::Endpoint;
use crate::error::ParamError;
use crate::export::TableCell;
use crate::format::Format;
use crate::indexed_keys::IndexedKeys;
use crate::parameter::Parameter;
use crate::position::TimeRange;
use crate::query::EventQuery;

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

/// More groups than this are refused: nobody can read them, and they would not fit into a response.
pub const MAX_GROUPS: u32 = 10_000;

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
        let mut times = self.times();
        let (Some((_, unit)), None) = (times.next(), times.next()) else {
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

    /// The dimensions that are times, with their index.
    fn times(&self) -> impl Iterator<Item = (usize, TimeUnit)> {
        let group_by = self.group_by.iter().enumerate();
        group_by.filter_map(|(index, dimension)| match dimension.group() {
            Group::Time(unit) => Some((index, unit)),
            Group::Values(_) => None,
        })
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
