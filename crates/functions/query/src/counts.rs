//! `GET /api/v1/events/counts`: the number of events in each group, for plots.

use std::time::Instant;

use axum::{
    extract::{RawQuery, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use event_query::{CountQuery, Dimension, Format, OPENING, ParamError};
use event_store::{GroupRow, StoreError};
use serde::{Serialize, Serializer, ser::SerializeMap};
use tokio::time::timeout;
use tracing::info;

use crate::{
    Deps,
    error::SearchError,
    page_body::{Encoding, FinishedBody, PageBody},
    search::{REQUEST_DEADLINE, accepted_format},
};

pub(crate) const PATH: &str = "/api/v1/events/counts";

/// Keys of groups that are read. Some are members of the payload, which have no limit of their own; compressed, more of them
/// fit into a response than when they are not.
const MAX_KEY_BYTES: usize = 16 * 1024 * 1024;

pub(crate) async fn count_groups(
    State(deps): State<Deps>,
    RawQuery(query_string): RawQuery,
    headers: HeaderMap,
) -> Result<Response, SearchError> {
    let began = Instant::now();
    let query = CountQuery::parse(
        &query_string.unwrap_or_default(),
        (deps.clock)(),
        &deps.indexed_keys,
    )?;

    let format = query.format().unwrap_or_else(|| accepted_format(&headers));
    let statement = query.statement();
    let fetch = deps.store.fetch_groups_within(&statement, MAX_KEY_BYTES);
    let groups = timeout(REQUEST_DEADLINE, fetch)
        .await
        .map_err(|_| SearchError::Deadline)?
        .map_err(naming_the_zone)?;
    if groups.has_more {
        return Err(CountQuery::too_many_groups().into());
    }
    let groups = groups.rows;
    let body = write_groups(&query, &groups, format, Encoding::wanted_by(&headers))?;

    info!(
        path = PATH,
        group_count = groups.len(),
        body_bytes = body.bytes.len(),
        duration_ms = began.elapsed().as_millis(),
        "counts served"
    );
    Ok(body.into_response())
}

/// `invalid_parameter_value`; only the time zone can cause it in this statement.
const UNKNOWN_ZONE: &str = "22023";

/// Postgres has its own list of zones, which may be older than ours or lack former names.
pub(crate) fn naming_the_zone(error: StoreError) -> SearchError {
    if error.sqlstate().as_deref() != Some(UNKNOWN_ZONE) || error.is_of_all() {
        return error.into();
    }
    SearchError::Parameter(ParamError {
        param: "timezone".into(),
        message: "is not a time zone that the database knows; give another name of the zone, or an offset like +02:00"
            .into(),
    })
}

/// `{"results":[{"day":"2026-11-20","type":"bounce","count":3},…]}`, or the groups as lines. Half of the groups would make a
/// wrong plot, so there are all that were asked for or an error.
fn write_groups(
    query: &CountQuery,
    groups: &[GroupRow],
    format: Format,
    encoding: Encoding,
) -> Result<FinishedBody, SearchError> {
    query.accept_groups(groups.len())?;
    let opening = match format {
        Format::Json => OPENING.to_owned(),
        Format::Ndjson => String::new(),
        Format::Csv => query.table_header(),
    };
    let mut body = PageBody::begin(format, &opening, encoding);
    for row in groups {
        let dimensions = query.group_by();
        let group = match format {
            Format::Json => serde_json::to_vec(&Group { dimensions, row }),
            Format::Ndjson => serde_json::to_vec(&Group { dimensions, row }).map(|mut line| {
                line.push(b'\n');
                line
            }),
            Format::Csv => Ok(query.table_row(&row.keys, &row.counts()).into_bytes()),
        };
        if !body.push(&group.expect("texts and numbers are JSON")) {
            return Err(CountQuery::too_many_groups().into());
        }
    }
    Ok(body.finish(match format {
        Format::Json => "]}",
        Format::Ndjson | Format::Csv => "",
    }))
}

/// A group in the response: a member for each dimension, in the requested order, and the count.
struct Group<'a> {
    dimensions: &'a [Dimension],
    row: &'a GroupRow,
}

impl Serialize for Group<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        for (dimension, key) in self.dimensions.iter().zip(&self.row.keys) {
            members.serialize_entry(dimension.name(), key)?;
        }
        members.serialize_entry("count", &self.row.count)?;
        if let Some(recipients) = self.row.recipients {
            members.serialize_entry("recipients", &recipients)?;
        }
        members.end()
    }
}
