//! `GET /api/v1/events/message` and `GET /api/v1/message-events`.

use std::time::{Duration, Instant};

use axum::{
    extract::{RawQuery, State},
    http::{
        HeaderMap, HeaderValue,
        header::{CONTENT_ENCODING, CONTENT_TYPE, VARY},
    },
    response::{IntoResponse, Response},
};
use event_query::{Dialect, EventQuery, Place, Total, answer};
use event_store::Store;
use tokio::time::timeout;
use tracing::info;

use crate::{
    Deps,
    error::SearchError,
    page::{self, Page},
    page_body::{Encoding, FinishedBody},
};

/// For all statements of a request together. The gateway gives up after 30 s, and its error would say nothing.
pub(crate) const REQUEST_DEADLINE: Duration = Duration::from_secs(25);

/// Where counting stops. Up to here it costs less than fetching the page.
const COUNT_CAP: u32 = 10_000;

pub(crate) async fn search_events(
    State(deps): State<Deps>,
    RawQuery(query_string): RawQuery,
    headers: HeaderMap,
) -> Result<Response, SearchError> {
    search(&deps, Dialect::Events, query_string, &headers).await
}

pub(crate) async fn search_message_events(
    State(deps): State<Deps>,
    RawQuery(query_string): RawQuery,
    headers: HeaderMap,
) -> Result<Response, SearchError> {
    search(&deps, Dialect::MessageEvents, query_string, &headers).await
}

async fn search(
    deps: &Deps,
    dialect: Dialect,
    query_string: Option<String>,
    headers: &HeaderMap,
) -> Result<Response, SearchError> {
    let began = Instant::now();
    let query = EventQuery::parse(
        &query_string.unwrap_or_default(),
        (deps.clock)(),
        &deps.indexed_keys,
    )?;

    let encoding = Encoding::wanted_by(headers);
    let (body, event_count) = timeout(
        REQUEST_DEADLINE,
        answer(&deps.store, dialect, &query, encoding),
    )
    .await
    .map_err(|_| SearchError::Deadline)??;

    info!(
        path = dialect.path(),
        event_count,
        body_bytes = body.bytes.len(),
        is_first_page = query.known_total().is_none(),
        duration_ms = began.elapsed().as_millis(),
        "page served"
    );
    Ok(respond(body))
}

async fn answer(
    store: &Store,
    dialect: Dialect,
    query: &EventQuery,
    encoding: Encoding,
) -> Result<(FinishedBody, u32), SearchError> {
    let page = page::fill(store, dialect, query, encoding).await?;
    let total = total(store, query, &page).await?;
    let links = query.links(dialect, page.more_after, total);

    let closing = answer::closing(total, &links, query.link_form(dialect));
    Ok((page.body.finish(&closing), page.event_count))
}

/// The events of the whole search: known from an earlier page, or from this one if it is the only one, else counted.
async fn total(store: &Store, query: &EventQuery, page: &Page) -> Result<Total, SearchError> {
    if let Some(total) = query.known_total() {
        return Ok(total);
    }
    let is_whole_search = query.place() == Place::Beginning && page.more_after.is_none();
    if is_whole_search {
        return Ok(Total::Exactly(page.event_count.into()));
    }
    let cap = (!query.wants_exact_total()).then_some(COUNT_CAP);
    let counted = store
        .count(&query.count_statement(cap.map(|cap| cap + 1)))
        .await?;
    Ok(match cap {
        Some(cap) if counted > u64::from(cap) => Total::AtLeast(cap.into()),
        Some(_) | None => Total::Exactly(counted),
    })
}

fn respond(body: FinishedBody) -> Response {
    let mut response = body.bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if body.is_gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}
