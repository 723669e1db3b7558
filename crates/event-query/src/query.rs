//! A search, understood: what the query string of `GET /api/v1/events/message` asks for.

use std::time::Duration;

use event_model::Timestamp;
use time::OffsetDateTime;

use crate::cursor::{Cursor, Position};
use crate::error::ParamError;
use crate::filter::Filters;
use crate::instant;
use crate::parameter::{Given, GivenParameters, Parameter};
use crate::query_string;
use crate::zone::Zone;

/// A search for one page of events.
///
/// Parameters are those of SparkPost's Events API
/// (<https://developers.sparkpost.com/api/events/#events-get-search-for-message-events>). Values within a parameter
/// are alternatives, different parameters narrow each other. Unknown names are ignored and a parameter without a
/// value counts as not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventQuery {
    pub(crate) range: TimeRange,
    pub(crate) filters: Filters,
    per_page: u32,
    start: Option<Cursor>,
    given: GivenParameters,
}

/// Events at or after `from` and before `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    pub from: Timestamp,
    pub to: Timestamp,
}

/// How many events match a whole search, not just a page of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    Exactly(u64),
    /// Counting stopped here.
    AtLeast(u64),
}

/// Where `from` lies when it is not given: this long before now.
const DEFAULT_FROM: Duration = Duration::from_hours(24);
/// Where `to` lies when it is not given. SparkPost holds back the last minute, while events still come in.
const DEFAULT_TO: Duration = Duration::from_mins(1);

const DEFAULT_PER_PAGE: u32 = 1_000;
const MAX_PER_PAGE: u32 = 10_000;

/// The cursor that SparkPost documents for the first page.
const INITIAL_CURSOR: &str = "initial";

impl EventQuery {
    /// Reads the query string of a request, without the question mark. `now` fixes what is not given of the range;
    /// a later page takes it from its cursor instead.
    ///
    /// # Errors
    /// Names the first parameter that cannot be understood or obeyed.
    pub fn parse(query_string: &str, now: OffsetDateTime) -> Result<Self, ParamError> {
        let given = GivenParameters::parse(query_string)?;
        let delimiter = given
            .single(Parameter::Delimiter)
            .map_or(",", |given| given.value.as_str());
        let filters = Filters::parse(&given, delimiter)?;
        let per_page = given
            .single(Parameter::PerPage)
            .map_or(Ok(DEFAULT_PER_PAGE), parse_per_page)?;

        let zone = given
            .single(Parameter::Timezone)
            .map_or(Ok(Zone::UTC), parse_zone)?;
        let instant = |parameter| {
            given
                .single(parameter)
                .map(|given| parse_instant(given, &zone))
                .transpose()
        };
        let (from, to) = (instant(Parameter::From)?, instant(Parameter::To)?);
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            return Err(ParamError::new("from", "must not be later than to"));
        }

        let start = match given.single(Parameter::Cursor) {
            Some(given) => parse_cursor(given, &filters, from, to)?,
            None => None,
        };
        let range = match &start {
            Some(cursor) => cursor.range,
            None => TimeRange {
                from: from.unwrap_or(Timestamp::from_time(now - DEFAULT_FROM)),
                to: to.unwrap_or(Timestamp::from_time(now - DEFAULT_TO)),
            },
        };
        Ok(Self {
            range,
            filters,
            per_page,
            start,
            given,
        })
    }

    /// How many events the page may hold: 1 to 10,000.
    pub fn per_page(&self) -> u32 {
        self.per_page
    }

    /// The row after which the page begins; `None` for the first page.
    pub fn start(&self) -> Option<Position> {
        self.start.as_ref().map(|cursor| cursor.position)
    }

    /// What the first page of this walk counted; `None` on the first page itself.
    pub fn known_total(&self) -> Option<Total> {
        self.start.as_ref().map(|cursor| cursor.total)
    }

    /// The link to the page after the row at `last`: `path` with all parameters of this request and a cursor.
    ///
    /// Host-relative, as SparkPost's are. Parameters keep the names and values that the caller chose.
    pub fn next_link(&self, path: &str, last: Position, total: Total) -> String {
        let cursor = Cursor {
            range: self.range,
            position: last,
            total,
            filters_digest: self.filters.digest(),
        };
        let mut link = format!("{path}?");
        for given in self
            .given
            .iter()
            .filter(|given| given.parameter != Parameter::Cursor)
        {
            query_string::push_pair(&mut link, &given.name, &given.value);
        }
        query_string::push_pair(&mut link, "cursor", &cursor.encode());
        link
    }
}

fn parse_per_page(given: &Given) -> Result<u32, ParamError> {
    let is_number = given.value.bytes().all(|byte| byte.is_ascii_digit());
    let per_page = if is_number {
        given.value.parse().ok()
    } else {
        None
    };

    per_page
        .filter(|per_page| (1..=MAX_PER_PAGE).contains(per_page))
        .ok_or_else(|| given.error("must be a whole number from 1 to 10000"))
}

fn parse_zone(given: &Given) -> Result<Zone, ParamError> {
    // A name is looked up as it is; an offset may have lost its plus sign to form decoding.
    Zone::parse(&given.value).ok_or_else(|| {
        given
            .error("must be an IANA time zone like America/New_York, or an offset like +02:00 or Z")
    })
}

fn parse_instant(given: &Given, zone: &Zone) -> Result<Timestamp, ParamError> {
    instant::parse(&given.value, zone).ok_or_else(|| {
        given.error("must be a date and time like 2026-01-31T12:00:00Z; seconds, fractions and zone may be left out")
    })
}

/// Reads the cursor and holds it against the rest of the request: a walk goes on only with what it began with.
fn parse_cursor(
    given: &Given,
    filters: &Filters,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
) -> Result<Option<Cursor>, ParamError> {
    if given.value == INITIAL_CURSOR {
        return Ok(None);
    }
    let cursor = Cursor::decode(&given.value).map_err(|_| {
        given.error("is damaged or was not handed out by this API; start again without it")
    })?;

    let is_same_range = from.is_none_or(|from| from == cursor.range.from)
        && to.is_none_or(|to| to == cursor.range.to);
    if !is_same_range {
        return Err(
            given.error("belongs to a search with another from or to; repeat them as they were")
        );
    }
    if cursor.filters_digest != filters.digest() {
        return Err(given.error("belongs to a search with other filters; repeat them as they were"));
    }
    Ok(Some(cursor))
}

#[cfg(test)]
mod tests;
