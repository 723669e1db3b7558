//! What could not be used: `GET /api/v1/rejected`.

mod cursor;

use event_model::{Pipeline, Timestamp, rejected::MarkStatus};
use sha2::{Digest, Sha256};
use time::{Date, Duration, OffsetDateTime};

pub use self::cursor::{RejectedPosition, RejectedRow};

use self::cursor::RejectedCursor;
use crate::endpoint::Endpoint;
use crate::error::ParamError;
use crate::instant;
use crate::parameter::Parameter;
use crate::position::TimeRange;
use crate::query::{is_relative, parse_instant, parse_number, parse_zone};
use crate::query_string::push_pair;
use crate::raw_params::RawParams;
use crate::sql::Renderer;
use crate::statement::{Bind, Statement};
use crate::zone::Zone;

/// A search for rejected items, newest day first.
#[derive(Debug, Clone)]
pub struct RejectedQuery {
    range: TimeRange,
    pipelines: Vec<Pipeline>,
    /// In lower case, found anywhere in the reason or its details.
    reason: Option<String>,
    status: Option<RejectedStatus>,
    per_page: u32,
    after: Option<RejectedPosition>,
    params: RawParams,
}

/// What became of a rejected item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectedStatus {
    /// Nobody did anything about it.
    Open,
    /// It was marked.
    Marked(MarkStatus),
}

impl RejectedStatus {
    const ALL: [Self; 3] = [
        Self::Open,
        Self::Marked(MarkStatus::Retried),
        Self::Marked(MarkStatus::Settled),
    ];

    /// The name in parameters and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Marked(status) => status.name(),
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// How much of an item is shown. All of it is in the object that it came from.
pub const SHOWN_BYTES: usize = 4 * 1024;

const DEFAULT_FROM: Duration = Duration::days(7);
const DEFAULT_PER_PAGE: u32 = 100;
const MAX_PER_PAGE: u32 = 1_000;
/// Folders of days are listed in one request.
const MAX_DAYS: i64 = 1_000;

/// Where the search is.
pub const PATH: &str = "/api/v1/rejected";

impl RejectedQuery {
    /// Reads the query string of a request, without the question mark.
    ///
    /// # Errors
    /// Names the first parameter that cannot be understood or obeyed.
    pub fn parse(query_string: &str, now: OffsetDateTime) -> Result<Self, ParamError> {
        let given = RawParams::parse(query_string, Endpoint::Rejected)?;
        let zone = given
            .single(Parameter::Timezone)
            .map_or(Ok(Zone::UTC), parse_zone)?;
        let cursor = parse_cursor(&given)?;
        // The defaults and ages of a later request would be another range.
        let range = match &cursor {
            Some(cursor) => same_range(&given, &zone, now, cursor.range)?,
            None => parse_range(&given, &zone, now, DEFAULT_FROM, MAX_DAYS)?,
        };
        let pipelines = parse_pipelines(&given)?;
        let reason = given
            .single(Parameter::ReasonContains)
            .map(|given| given.value.trim().to_lowercase());
        let status = parse_status(&given)?;
        let per_page = given
            .single(Parameter::PerPage)
            .map_or(Ok(DEFAULT_PER_PAGE), |given| {
                parse_number(given)
                    .filter(|per_page| (1..=MAX_PER_PAGE).contains(per_page))
                    .ok_or_else(|| given.error("must be a whole number from 1 to 1000"))
            })?;
        let query = Self {
            range,
            pipelines,
            reason,
            status,
            per_page,
            after: cursor.as_ref().map(|cursor| cursor.position.clone()),
            params: given,
        };
        match cursor {
            Some(cursor) if cursor.conditions_digest != query.conditions_digest() => {
                Err(other_search(&query.params))
            }
            Some(_) | None => Ok(query),
        }
    }

    /// Distinguishes what is asked for from all else, apart from its range; a cursor carries it. A reason would make a link too long that
    /// has it as a parameter already.
    fn conditions_digest(&self) -> u64 {
        let mut hasher = Sha256::new();
        for pipeline in &self.pipelines {
            hasher.update(pipeline.name());
            hasher.update([0]);
        }
        hasher.update([0]);
        if let Some(status) = self.status {
            hasher.update(status.name());
        }
        hasher.update([0]);
        if let Some(reason) = &self.reason {
            hasher.update(reason);
        }
        let digest: [u8; 32] = hasher.finalize().into();
        u64::from_be_bytes(digest.first_chunk().copied().unwrap_or_default())
    }

    /// The pipelines that were asked for; all of them if none is.
    pub fn pipelines(&self) -> &[Pipeline] {
        &self.pipelines
    }

    /// Whether items that became this are asked for.
    pub fn accepts_status(&self, status: RejectedStatus) -> bool {
        self.status.is_none_or(|wanted| wanted == status)
    }

    /// How many items a page may hold: 1 to 1,000.
    pub fn per_page(&self) -> u32 {
        self.per_page
    }

    /// The item after which the page begins.
    pub fn after(&self) -> Option<&RejectedPosition> {
        self.after.as_ref()
    }

    /// The days of the range in UTC, the first and the last. What is in S3 is chosen by the day of its folder.
    pub fn days(&self) -> (Date, Date) {
        days_of(self.range)
    }

    /// Whether the reason or its details hold what was asked for.
    pub fn accepts(&self, reason: &str, detail: &str) -> bool {
        self.reason.as_ref().is_none_or(|part| {
            reason.to_lowercase().contains(part) || detail.to_lowercase().contains(part)
        })
    }

    /// Fetches at most `limit` rejected email events that Postgres holds, newest first, from before the start of the page
    /// on: `rejected_at timestamptz, batch_key text, ordinal integer, reason text, size integer, item bytea`.
    pub fn statement(&self, limit: u32) -> Statement {
        let mut sql = Renderer::new("select");
        let shown = sql.bind(Bind::BigInt(i64::try_from(SHOWN_BYTES).unwrap_or(0)));
        sql.line(format_args!(
            "  rejected_at, batch_key, ordinal, reason, octet_length(raw), substring(raw for {shown}::integer)\nfrom email_events_rejected"
        ));
        let (from, to) = sql.bind_range(self.range);
        sql.line(format_args!(
            "where rejected_at >= {from} and rejected_at < {to}"
        ));
        if let Some(reason) = &self.reason {
            let reason = sql.bind(Bind::Text(reason.clone()));
            sql.line(format_args!("  and strpos(lower(reason), {reason}) > 0"));
        }
        match self.after() {
            None => {}
            Some(RejectedPosition::Row { row, .. }) => {
                let at = sql.bind(Bind::Timestamp(row.rejected_at.to_time()));
                let batch = sql.bind(Bind::Text(row.batch_key.clone()));
                let ordinal = sql.bind(Bind::BigInt(row.ordinal.into()));
                sql.line(format_args!(
                    "  and (rejected_at, batch_key, ordinal) < ({at}, {batch}, {ordinal})"
                ));
            }
            // The rows of a day come before its objects, so they are done.
            Some(RejectedPosition::Line { day, .. }) => {
                let midnight = sql.bind(Bind::Timestamp(day.midnight().assume_utc()));
                sql.line(format_args!("  and rejected_at < {midnight}"));
            }
        }
        let limit = sql.bind(Bind::BigInt(limit.into()));
        sql.line(format_args!(
            "order by rejected_at desc, batch_key desc, ordinal desc\nlimit {limit}"
        ));
        sql.finish()
    }

    /// The link to the page after this item, host-relative.
    pub fn next_link(&self, position: RejectedPosition) -> String {
        let cursor = RejectedCursor {
            range: self.range,
            conditions_digest: self.conditions_digest(),
            position,
        };
        let mut link = format!("{PATH}?");
        for given in self.params.iter() {
            if given.parameter != Parameter::Cursor && !is_relative(given) {
                push_pair(&mut link, &given.name, &given.value);
            }
        }
        push_pair(&mut link, "cursor", &cursor.encode());
        link
    }
}

fn parse_cursor(given: &RawParams) -> Result<Option<RejectedCursor>, ParamError> {
    let Some(given) = given.single(Parameter::Cursor) else {
        return Ok(None);
    };
    RejectedCursor::decode(&given.value)
        .map(Some)
        .ok_or_else(|| {
            given.error("is damaged or was not handed out by this path; start again without it")
        })
}

/// The range of a cursor, if the times that are given are its own. Ages are not compared: they mean another time on each page.
fn same_range(
    given: &RawParams,
    zone: &Zone,
    now: OffsetDateTime,
    range: TimeRange,
) -> Result<TimeRange, ParamError> {
    for (parameter, of_cursor) in [(Parameter::From, range.from), (Parameter::To, range.to)] {
        if let Some(end) = given.single(parameter)
            && parse_instant(end, zone, now)? != of_cursor
            && !is_relative(end)
        {
            return Err(other_search(given));
        }
    }
    Ok(range)
}

fn other_search(given: &RawParams) -> ParamError {
    let name = given
        .single(Parameter::Cursor)
        .map_or_else(|| "cursor".to_owned(), |given| given.name.clone());
    ParamError::new(
        name,
        "belongs to a search with other parameters; repeat them as they were",
    )
}

/// The first and the last day of a range in UTC.
fn days_of(range: TimeRange) -> (Date, Date) {
    let last = range.to.to_time() - Duration::microseconds(1);
    let first = range.from.to_time();
    (first.date(), last.max(first).date())
}

/// The range of a path that goes by days.
pub(crate) fn parse_range(
    given: &RawParams,
    zone: &Zone,
    now: OffsetDateTime,
    default_from: Duration,
    max_days: i64,
) -> Result<TimeRange, ParamError> {
    let end = |parameter, default: Timestamp| {
        given
            .single(parameter)
            .map_or(Ok(default), |given| parse_instant(given, zone, now))
    };
    let to = end(Parameter::To, instant::before(now, Duration::ZERO))?;
    let default = instant::before(now, default_from).min(to);
    let from = end(Parameter::From, default)?;
    if from > to {
        return Err(ParamError::new("from", "must not be later than to"));
    }
    if to.to_time() - from.to_time() > Duration::days(max_days) {
        return Err(ParamError::new(
            "from",
            format!("must be at most {max_days} days before to"),
        ));
    }
    Ok(TimeRange { from, to })
}

/// In the order of [`Pipeline::ALL`], each once.
fn parse_pipelines(given: &RawParams) -> Result<Vec<Pipeline>, ParamError> {
    let mut wanted = Vec::new();
    for item in given.items(Parameter::Pipeline, given.delimiter()) {
        let pipeline = Pipeline::of_table(item.text).ok_or_else(|| {
            let known = Pipeline::ALL.map(Pipeline::name).join(", ");
            item.error(format!("must hold names of pipelines only: {known}"))
        })?;
        wanted.push(pipeline);
    }
    let all = Pipeline::ALL.into_iter();
    Ok(all
        .filter(|pipeline| wanted.is_empty() || wanted.contains(pipeline))
        .collect())
}

fn parse_status(given: &RawParams) -> Result<Option<RejectedStatus>, ParamError> {
    let Some(given) = given.single(Parameter::Status) else {
        return Ok(None);
    };
    match given.value.trim() {
        "all" => Ok(None),
        name => RejectedStatus::of_name(name)
            .map(Some)
            .ok_or_else(|| given.error("must be open, retried, settled or all")),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 12:00 UTC);

    fn parse(query: &str) -> Result<RejectedQuery, ParamError> {
        RejectedQuery::parse(query, NOW)
    }

    fn position() -> RejectedPosition {
        RejectedPosition::Line {
            day: date!(2026 - 11 - 20),
            pipeline: Pipeline::AppEvents,
            key: "rejected/app_events/dt=2026-11-20/x.ndjson".to_owned(),
            end: 7,
        }
    }

    #[test]
    fn week_of_all_pipelines_is_the_default() {
        let query = parse("").unwrap();

        assert_eq!(query.pipelines(), Pipeline::ALL);
        assert_eq!(query.days(), (date!(2026 - 11 - 14), date!(2026 - 11 - 21)));
        assert_eq!(query.per_page(), 100);
    }

    #[test]
    fn wrong_parameters_are_named() {
        for (query, param) in [
            ("pipeline=emails", "pipeline"),
            ("from=-1001d", "from"),
            ("from=2026-11-20&to=2026-11-19", "from"),
            ("per_page=1001", "per_page"),
            ("status=done", "status"),
            ("cursor=abc", "cursor"),
            ("events=bounce", "events"),
            ("reasons=x", "reasons"),
        ] {
            assert_eq!(parse(query).unwrap_err().param, param, "{query}");
        }
    }

    #[test]
    fn next_page_goes_on_with_the_same_range_and_parameters() {
        let first = parse("pipeline=app_events&from=-3d&reason=Bad&status=open").unwrap();
        let link = first.next_link(position());
        let (_, query) = link.split_once('?').unwrap();

        let next = RejectedQuery::parse(query, NOW + Duration::hours(30)).unwrap();

        assert_eq!(next.after(), Some(&position()));
        assert_eq!(next.days(), first.days());
        // Some clients pad what they pass on.
        let (_, cursor) = query.split_once("cursor=").unwrap();
        let padded = format!("{query}{}", "=".repeat((4 - cursor.len() % 4) % 4));
        assert_eq!(parse(&padded).unwrap().after(), Some(&position()));
        for (given, other) in [("Bad", "Worse"), ("open", "settled")] {
            let other = query.replace(given, other);
            assert_eq!(
                RejectedQuery::parse(&other, NOW).unwrap_err().param,
                "cursor"
            );
        }
        let cut = query.get(..query.len() - 1).unwrap();
        assert_eq!(RejectedQuery::parse(cut, NOW).unwrap_err().param, "cursor");
    }

    #[test]
    fn values_are_binds() {
        let statement = parse("reason=planted").unwrap().statement(3);

        assert!(!statement.sql.contains("planted"), "{}", statement.sql);
        assert!(!format!("{statement:?}").contains("planted"));
    }
}
