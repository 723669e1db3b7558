//! The searches, as `query` renders them and as the 2017 system did.

use anyhow::{Context, Result};
use event_model::{EventKey, Timestamp};
use event_query::{Bind, CountQuery, EventQuery, IndexedKeys, PageStart, Position, Statement};
use time::{Duration, OffsetDateTime, macros::format_description};
use url::form_urlencoded::Serializer;

use super::{
    SPAN, START, VALUES_FOR_2017,
    sample::{METADATA_KEY, Sample, Samples},
};

/// The rows of a page, and one more.
const LIMIT: u32 = 1_001;
const DAY_TARGET_MS: f64 = 5.0;
const QUARTER_TARGET_MS: f64 = 60.0;

/// One search with many values.
pub(crate) struct Search {
    pub(crate) name: &'static str,
    pub(crate) is_counted: bool,
    /// The limit of the median.
    pub(crate) target_ms: Option<f64>,
    pub(crate) ours: Vec<Statement>,
    /// The first of them for the old table.
    pub(crate) of_2017: Vec<Statement>,
    /// Only counts the events of a result.
    pub(crate) bare_count: Option<Statement>,
}

/// The searches, except pages.
pub(crate) fn all(samples: &Samples) -> Result<Vec<Search>> {
    let any = samples.any.as_slice();
    Ok(vec![
        search("recipient.day", any, Range::Day, |sample| {
            Filter::one("recipients", "rcpt_to", sample.rcpt_to.as_ref())
        })?,
        search("recipient", any, Range::Quarter, |sample| {
            Filter::one("recipients", "rcpt_to", sample.rcpt_to.as_ref())
        })?,
        search("message_id", any, Range::Quarter, |sample| {
            Filter::one("messages", "message_id", sample.message_id.as_ref())
        })?,
        search("transmission", any, Range::Quarter, |sample| {
            let id = sample.transmission_id.as_ref();
            Filter::one("transmissions", "transmission_id", id)
        })?,
        search(
            "bounce_and_campaign.day",
            &samples.bounces,
            Range::Day,
            |sample| {
                let campaign = sample.campaign_id.as_ref();
                let filter = Filter::one("campaigns", "type = 'bounce' and campaign_id", campaign)?;
                Some(filter.and("events", "bounce"))
            },
        )?,
        search("recipient_domain", any, Range::Quarter, |sample| {
            let domain = sample.recipient_domain.as_ref();
            Filter::one("recipient_domains", "recipient_domain", domain)
        })?,
        search("metadata_key", any, Range::Quarter, |sample| {
            let column = "event->'rcpt_meta'->>'user_id'";
            Filter::one("metadata.user_id", column, sample.user_id.as_ref())
        })?,
        search("subject_word", any, Range::Quarter, |sample| {
            let subject = sample.subject.as_deref()?;
            let word = subject
                .split([' ', '-', '_'])
                .max_by_key(|word| word.len())?;
            let mut filter = Filter::one("subjects", "", Some(&word.to_owned()))?;
            r"$3 = any(regexp_split_to_array(lower(subject), '[-_\s]'))"
                .clone_into(&mut filter.of_2017);
            filter.value_of_2017 = word.to_lowercase();
            Some(filter)
        })?,
        counts_by_day()?,
    ])
}

/// Pages of all events of the quarter.
pub(crate) struct Pages {
    pub(crate) first: Statement,
    pub(crate) deep: Statement,
    pub(crate) deep_of_2017: Statement,
}

pub(crate) fn pages() -> Result<Pages> {
    let (from, to) = Range::Quarter.of(START);
    let query = parse(&[], from, to)?;
    let middle = START + SPAN / 2;
    let position = Position {
        ts: Timestamp::from_time(middle),
        event_key: EventKey::from_u128(0),
    };
    let deep_of_2017 = Statement {
        sql: sql_of_2017(r#""timestamp" < extract(epoch from $3)"#),
        binds: [from, to, middle].map(Bind::Timestamp).into(),
    };
    Ok(Pages {
        first: query.fetch_statement(PageStart::Beginning, LIMIT),
        deep: query.fetch_statement(PageStart::After(position), LIMIT),
        deep_of_2017,
    })
}

#[derive(Clone, Copy)]
enum Range {
    Day,
    Quarter,
}

impl Range {
    fn of(self, day: OffsetDateTime) -> (OffsetDateTime, OffsetDateTime) {
        match self {
            Self::Day => (day, day + Duration::DAY),
            Self::Quarter => (START, START + SPAN),
        }
    }

    const fn target_ms(self) -> f64 {
        match self {
            Self::Day => DAY_TARGET_MS,
            Self::Quarter => QUARTER_TARGET_MS,
        }
    }
}

/// One value to search.
struct Filter {
    parameters: Vec<(&'static str, String)>,
    /// The condition on the old table, with the value as `$3`.
    of_2017: String,
    value_of_2017: String,
}

impl Filter {
    fn one(parameter: &'static str, column: &str, value: Option<&String>) -> Option<Self> {
        let value = value?;
        Some(Self {
            parameters: vec![(parameter, value.clone())],
            of_2017: format!("{column} = $3"),
            value_of_2017: value.clone(),
        })
    }

    fn and(mut self, parameter: &'static str, value: &str) -> Self {
        self.parameters.push((parameter, value.to_owned()));
        self
    }
}

fn search(
    name: &'static str,
    samples: &[Sample],
    range: Range,
    filter: impl Fn(&Sample) -> Option<Filter>,
) -> Result<Search> {
    let (mut ours, mut of_2017) = (Vec::new(), Vec::new());
    for sample in samples {
        let filter = filter(sample).with_context(|| format!("{name}: an event lacks the value"))?;
        let (from, to) = range.of(midnight(&sample.day)?);
        ours.push(
            parse(&filter.parameters, from, to)?.fetch_statement(PageStart::Beginning, LIMIT),
        );
        if of_2017.len() < VALUES_FOR_2017 {
            of_2017.push(search_of_2017(&filter, from, to));
        }
    }
    Ok(Search {
        name,
        is_counted: false,
        target_ms: Some(range.target_ms()),
        ours,
        of_2017,
        bare_count: None,
    })
}

fn search_of_2017(filter: &Filter, from: OffsetDateTime, to: OffsetDateTime) -> Statement {
    Statement {
        sql: sql_of_2017(&filter.of_2017),
        binds: vec![
            Bind::Timestamp(from),
            Bind::Timestamp(to),
            Bind::Text(filter.value_of_2017.clone()),
        ],
    }
}

/// The old system's filter on the time as a number. It had no order; the same answer needs one.
fn sql_of_2017(condition: &str) -> String {
    format!(
        r#"select to_timestamp("timestamp"), event_key, event::text
from events_2017
where "timestamp" >= extract(epoch from $1) and "timestamp" < extract(epoch from $2) and {condition}
order by "timestamp" desc, event_key desc
limit {LIMIT}"#
    )
}

fn counts_by_day() -> Result<Search> {
    let (from, to) = Range::Quarter.of(START);
    let query_string = query_string(&[("group_by", "day".to_owned())], from, to)?;
    let query = CountQuery::parse(&query_string, to, &indexed_keys())?;
    let of_2017 = Statement {
        sql: r#"select array[to_char(to_timestamp("timestamp") at time zone 'UTC', 'YYYY-MM-DD')], count(*)
from events_2017
where "timestamp" >= extract(epoch from $1) and "timestamp" < extract(epoch from $2)
group by 1
order by 1"#
            .to_owned(),
        binds: vec![Bind::Timestamp(from), Bind::Timestamp(to)],
    };
    Ok(Search {
        name: "counts_by_day",
        is_counted: true,
        target_ms: None,
        ours: vec![query.statement(); VALUES_FOR_2017],
        of_2017: vec![of_2017; VALUES_FOR_2017],
        bare_count: Some(parse(&[], from, to)?.count_statement(None)),
    })
}

fn parse(
    parameters: &[(&'static str, String)],
    from: OffsetDateTime,
    to: OffsetDateTime,
) -> Result<EventQuery> {
    let query_string = query_string(parameters, from, to)?;
    Ok(EventQuery::parse(&query_string, to, &indexed_keys())?)
}

fn query_string(
    parameters: &[(&'static str, String)],
    from: OffsetDateTime,
    to: OffsetDateTime,
) -> Result<String> {
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    let mut serializer = Serializer::new(String::new());
    serializer
        .append_pair("delimiter", "|")
        .append_pair("from", &from.format(form)?)
        .append_pair("to", &to.format(form)?)
        .extend_pairs(parameters);
    Ok(serializer.finish())
}

fn indexed_keys() -> IndexedKeys {
    IndexedKeys::new([METADATA_KEY.to_owned()])
}

fn midnight(day: &str) -> Result<OffsetDateTime> {
    let form = format_description!("[year]-[month]-[day]");
    let day = time::Date::parse(day, form).context("reading a day")?;
    Ok(day.midnight().assume_utc())
}
