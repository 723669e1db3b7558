//! A search, parsed from the query string of `GET /api/v1/events/message`.

use event_model::Timestamp;
use time::{Duration, OffsetDateTime};

use crate::cursor::Cursor;
use crate::endpoint::Endpoint;
use crate::error::ParamError;
use crate::export::Table;
use crate::filter::Filters;
use crate::format::Format;
use crate::indexed_keys::IndexedKeys;
use crate::instant;
use crate::parameter::Parameter;
use crate::position::{PageStart, TimeRange, Total};
use crate::raw_params::{RawParam, RawParams};
use crate::zone::Zone;

/// A search for one page of events.
///
/// Parameters are those of SparkPost's Events API
/// (<https://developers.sparkpost.com/api/events/#events-get-search-for-message-events>). Values within a parameter are
/// alternatives; different parameters are combined by AND. Unknown names are refused, and a parameter without a value
/// counts as absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventQuery {
    pub(crate) range: TimeRange,
    pub(crate) filters: Filters,
    pub(crate) params: RawParams,
    per_page: u32,
    page_number: u32,
    page_start: PageStart,
    known_total: Option<Total>,
    counting: Counting,
    wants_link_list: bool,
    format: Option<Format>,
    table: Table,
    zone: Zone,
}

/// What `total_count` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// Up to a limit, beyond which the total is a lower bound.
    Capped,
    /// All matches, however many.
    Exact,
    /// Nothing is counted: the total is a lower bound, which a program that follows links needs no better.
    None,
}

/// The default of `from`: this long before now.
const DEFAULT_FROM: Duration = Duration::hours(24);
/// The default of `to`. SparkPost omits the last minute, whose events are still arriving.
const DEFAULT_TO: Duration = Duration::minutes(1);

/// Longer than any time is written. What is longer could make a link too long.
const MAX_INSTANT_BYTES: usize = 64;

const DEFAULT_PER_PAGE: u32 = 1_000;
const MAX_PER_PAGE: u32 = 10_000;

/// How many rows may be skipped to reach a page by its number.
const MAX_SKIPPED: u32 = 100_000;

/// The cursor that SparkPost documents for the first page.
const INITIAL_CURSOR: &str = "initial";

impl EventQuery {
    /// Reads the query string of a request, without the question mark. `now` determines the default range; a later page
    /// takes its range from its cursor instead. `indexed_keys` are those that `metadata.<key>` may name.
    ///
    /// # Errors
    /// Names the first parameter that cannot be understood or obeyed.
    pub fn parse(
        query_string: &str,
        now: OffsetDateTime,
        indexed_keys: &IndexedKeys,
    ) -> Result<Self, ParamError> {
        Self::parse_for(Endpoint::Search, query_string, now, indexed_keys)
    }

    pub(crate) fn parse_for(
        endpoint: Endpoint,
        query_string: &str,
        now: OffsetDateTime,
        indexed_keys: &IndexedKeys,
    ) -> Result<Self, ParamError> {
        let given = RawParams::parse(query_string, endpoint)?;
        let filters = Filters::parse(&given, indexed_keys)?;
        let per_page = given
            .single(Parameter::PerPage)
            .map_or(Ok(DEFAULT_PER_PAGE), parse_per_page)?;
        let page_number = given.single(Parameter::Page).map_or(Ok(1), parse_page)?;

        let zone = given
            .single(Parameter::Timezone)
            .map_or(Ok(Zone::UTC), parse_zone)?;
        let instant = |parameter| {
            given
                .single(parameter)
                .map(|given| parse_instant(given, &zone, now))
                .transpose()
        };
        let (from, to) = (instant(Parameter::From)?, instant(Parameter::To)?);
        let cursor = match given.single(Parameter::Cursor) {
            Some(cursor) => {
                // An age means another time on the next page, which goes on with the range that the first one had.
                let fixed = |parameter, instant: Option<Timestamp>| {
                    instant.filter(|_| !given.single(parameter).is_some_and(is_relative))
                };
                let (from, to) = (fixed(Parameter::From, from), fixed(Parameter::To, to));
                parse_cursor(cursor, &filters, from, to)?
            }
            None => None,
        };
        let page_start = match &cursor {
            Some(cursor) => PageStart::After(cursor.position),
            None => start_of_page(&given, page_number, per_page)?,
        };
        let range = match &cursor {
            Some(cursor) => cursor.range,
            None => range_of(from, to, now)?,
        };
        let counting = parse_counting(&given)?;
        Ok(Self {
            range,
            filters,
            per_page,
            page_number,
            page_start,
            known_total: cursor.map(|cursor| cursor.total),
            counting,
            wants_link_list: is_flag(&given, Parameter::Links, "list")?,
            format: given
                .single(Parameter::Format)
                .map(parse_format)
                .transpose()?,
            table: Table::parse(&given)?,
            zone,
            params: given,
        })
    }

    /// Finds the events with one id, at any time: usually one, but one of each type among SparkPost's samples. The
    /// query string names the format.
    ///
    /// # Errors
    /// Names the first parameter that cannot be understood or obeyed; or `event_id`, when Postgres cannot store its text.
    pub fn of_event(event_id: &str, query_string: &str) -> Result<Self, ParamError> {
        if event_id.contains('\0') {
            return Err(ParamError::new("event_id", "must not hold a NUL character"));
        }
        // Its links lead to a search for the id.
        let given = RawParams::parse(query_string, Endpoint::Event)?.with_event_id(event_id);
        Ok(Self {
            range: TimeRange {
                from: Timestamp::MIN,
                to: Timestamp::MAX,
            },
            filters: Filters::of_event(event_id),
            per_page: DEFAULT_PER_PAGE,
            page_number: 1,
            page_start: PageStart::Beginning,
            known_total: None,
            counting: Counting::Capped,
            wants_link_list: false,
            format: given
                .single(Parameter::Format)
                .map(parse_format)
                .transpose()?,
            table: Table::parse(&given)?,
            zone: Zone::UTC,
            params: given,
        })
    }

    /// The size of the page: 1 to 10,000 events.
    pub fn per_page(&self) -> u32 {
        self.per_page
    }

    /// The number of the page, from 1; a page reached by cursor has a number only if its link carries one.
    pub(crate) fn page_number(&self) -> u32 {
        self.page_number
    }

    /// The start of the page.
    pub fn page_start(&self) -> PageStart {
        self.page_start
    }

    /// The total that an earlier page of this walk counted, if it is precise enough for this one.
    pub fn known_total(&self) -> Option<Total> {
        self.known_total
            .filter(|total| self.counting != Counting::Exact || matches!(total, Total::Exactly(_)))
    }

    /// How the matches of the whole search are counted.
    pub fn counting(&self) -> Counting {
        self.counting
    }

    /// The requested format.
    pub fn format(&self) -> Option<Format> {
        self.format
    }

    /// The zone that `timezone` names.
    pub(crate) fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The options of a table, if that is the format.
    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// Whether `links` is a list, as some connectors expect, rather than SparkPost's documented object.
    pub(crate) fn wants_link_list(&self) -> bool {
        self.wants_link_list
    }
}

/// If a default is beyond the given end, the range is empty.
fn range_of(
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    now: OffsetDateTime,
) -> Result<TimeRange, ParamError> {
    let (default_from, default_to) = (
        instant::before(now, DEFAULT_FROM),
        instant::before(now, DEFAULT_TO),
    );
    Ok(match (from, to) {
        (Some(from), Some(to)) if from > to => {
            return Err(ParamError::new("from", "must not be later than to"));
        }
        (Some(from), Some(to)) => TimeRange { from, to },
        (Some(from), None) => TimeRange {
            from,
            to: default_to.max(from),
        },
        (None, Some(to)) => TimeRange {
            from: default_from.min(to),
            to,
        },
        (None, None) => TimeRange {
            from: default_from,
            to: default_to,
        },
    })
}

fn is_flag(given: &RawParams, parameter: Parameter, value: &str) -> Result<bool, ParamError> {
    match given.single(parameter) {
        None => Ok(false),
        Some(given) if given.value == value => Ok(true),
        Some(given) => Err(given.error(format!("must be {value} if it is given"))),
    }
}

pub(crate) fn parse_format(given: &RawParam) -> Result<Format, ParamError> {
    Format::from_name(&given.value).ok_or_else(|| given.error("must be json, ndjson or csv"))
}

fn parse_page(given: &RawParam) -> Result<u32, ParamError> {
    parse_number(given)
        .filter(|number| *number >= 1)
        .ok_or_else(|| given.error("must be a whole number from 1"))
}

/// Skipped rows are read first, so the cost of a page by number grows with its number.
fn start_of_page(
    given: &RawParams,
    page_number: u32,
    per_page: u32,
) -> Result<PageStart, ParamError> {
    if page_number == 1 {
        return Ok(PageStart::Beginning);
    }
    match skipped_before(page_number, per_page) {
        Some(skipped) => Ok(PageStart::Skipping(skipped)),
        None => Err(ParamError::new(
            given
                .single(Parameter::Page)
                .map_or_else(|| "page".to_owned(), |given| given.name.clone()),
            "lies more than 100000 events deep; follow the links instead, which go as deep as there are events",
        )),
    }
}

/// How many rows are skipped to reach a page by its number; `None` if they are too many.
pub(crate) fn skipped_before(page_number: u32, per_page: u32) -> Option<u32> {
    page_number
        .saturating_sub(1)
        .checked_mul(per_page)
        .filter(|skipped| *skipped <= MAX_SKIPPED)
}

pub(crate) fn parse_number(given: &RawParam) -> Option<u32> {
    let is_number = given.value.bytes().all(|byte| byte.is_ascii_digit());

    if is_number {
        given.value.parse().ok()
    } else {
        None
    }
}

fn parse_per_page(given: &RawParam) -> Result<u32, ParamError> {
    parse_number(given)
        .filter(|per_page| (1..=MAX_PER_PAGE).contains(per_page))
        .ok_or_else(|| given.error("must be a whole number from 1 to 10000"))
}

fn parse_counting(given: &RawParams) -> Result<Counting, ParamError> {
    match given.single(Parameter::TotalCount) {
        None => Ok(Counting::Capped),
        Some(given) => match given.value.as_str() {
            "exact" => Ok(Counting::Exact),
            "none" => Ok(Counting::None),
            _ => Err(given.error("must be exact or none if it is given")),
        },
    }
}

/// Whether a parameter is an end of the range that is given by its age, such as `-7d`.
pub(crate) fn is_relative(given: &RawParam) -> bool {
    matches!(given.parameter, Parameter::From | Parameter::To)
        && instant::parse_relative(&given.value, OffsetDateTime::UNIX_EPOCH).is_some()
}

pub(crate) fn parse_zone(given: &RawParam) -> Result<Zone, ParamError> {
    // A name is looked up unchanged; an offset may have lost its plus sign to form decoding.
    Zone::parse(&given.value).ok_or_else(|| {
        given
            .error("must be an IANA time zone like America/New_York, or an offset like +02:00 or Z")
    })
}

pub(crate) fn parse_instant(
    given: &RawParam,
    zone: &Zone,
    now: OffsetDateTime,
) -> Result<Timestamp, ParamError> {
    if given.value.len() > MAX_INSTANT_BYTES {
        return Err(given.error("must be a date and time like 2026-01-31T12:00:00Z"));
    }
    // Nothing is newer than now, so a range that begins there is a mistake.
    let begins_now = given.parameter == Parameter::From && given.value.trim() == "now";
    instant::parse_relative(&given.value, now)
        .filter(|_| !begins_now)
        .or_else(|| instant::parse(&given.value, zone))
        .ok_or_else(|| {
            given.error("must be a date and time like 2026-01-31T12:00:00Z (seconds, fractions and zone may be left out), or an age like -30m, -24h, -7d or -2w")
        })
}

/// Reads the cursor and compares it with the rest of the request: a walk must keep the parameters it started with.
fn parse_cursor(
    given: &RawParam,
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
