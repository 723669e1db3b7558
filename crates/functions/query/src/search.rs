//! `GET /api/v1/events/message`, `GET /api/v1/events/message/{event_id}` and `GET /api/v1/message-events`.

use std::time::{Duration, Instant};

use axum::{
    extract::{Path, RawQuery, State, rejection::PathRejection},
    http::{
        HeaderMap, HeaderValue,
        header::{ACCEPT, LINK, VARY},
    },
    response::{IntoResponse, Response},
};
use event_query::{
    Counting, Dialect, EventQuery, Format, PageStart, Total, is_blank, write_page_footer,
};
use event_store::Store;
use tokio::time::timeout;
use tracing::info;

use crate::{
    Deps,
    error::SearchError,
    page::{self, Form, Page},
    page_body::{Encoding, FinishedBody},
};

/// The limit for all statements of a request together. The gateway gives up after 30 s, with an error that explains
/// nothing.
pub(crate) const REQUEST_DEADLINE: Duration = Duration::from_secs(25);

/// Where counting stops. Up to here, counting costs less than fetching the page.
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
    let format = query.format().unwrap_or_else(|| accepted_format(headers));
    let form = Form {
        writer: query.writer(dialect, format),
        encoding: Encoding::wanted_by(headers),
    };

    let response = timeout(REQUEST_DEADLINE, serve(&deps.store, &query, &form))
        .await
        .map_err(|_| SearchError::Deadline)??;

    info!(
        path = dialect.path(),
        response.event_count,
        body_bytes = response.body.bytes.len(),
        is_first_page = query.known_total().is_none(),
        duration_ms = began.elapsed().as_millis(),
        "page served"
    );
    Ok(response.into_response())
}

/// `GET /api/v1/events/message/{event_id}`: the same envelope, as SparkPost's samples show one id under many types.
pub(crate) async fn show_event(
    State(deps): State<Deps>,
    event_id: Result<Path<String>, PathRejection>,
    RawQuery(query_string): RawQuery,
    headers: HeaderMap,
) -> Result<Response, SearchError> {
    // A segment that is not UTF-8, or that Postgres cannot store, is the id of no event; nor is one with white space around it, which
    // the parameter of a link could not say.
    let event_id = match event_id {
        Ok(Path(event_id)) if is_id(&event_id) => event_id,
        Ok(_) | Err(_) => return Err(SearchError::NoSuchEvent),
    };
    let query = EventQuery::of_event(&event_id, &query_string.unwrap_or_default())?;
    let format = query.format().unwrap_or_else(|| accepted_format(&headers));
    let form = Form {
        writer: query.writer(Dialect::Events, format),
        encoding: Encoding::wanted_by(&headers),
    };

    let response = timeout(REQUEST_DEADLINE, serve(&deps.store, &query, &form))
        .await
        .map_err(|_| SearchError::Deadline)??;

    if response.event_count == 0 {
        return Err(SearchError::NoSuchEvent);
    }
    Ok(response.into_response())
}

fn is_id(text: &str) -> bool {
    !text.contains('\0') && !is_blank(text) && text.trim() == text
}

pub(crate) fn accepted_format(headers: &HeaderMap) -> Format {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    accept.and_then(Format::from_accept).unwrap_or(Format::Json)
}

/// A page with the link to the next one.
struct SearchResponse {
    event_count: u32,
    body: FinishedBody,
    /// For formats without `links`.
    next: Option<String>,
}

async fn serve(
    store: &Store,
    query: &EventQuery,
    form: &Form,
) -> Result<SearchResponse, SearchError> {
    let page = page::fill(store, query, form).await?;
    let (dialect, format) = (form.writer.dialect(), form.writer.format());
    let (footer, next) = match format {
        Format::Json => {
            let total = total(store, query, &page).await?;
            let links = query.links(dialect, page.more_after, total);
            (
                write_page_footer(total, &links, query.link_form(dialect)),
                None,
            )
        }
        Format::Ndjson | Format::Csv => {
            // The response has no total, so it is not counted.
            let total = query
                .known_total()
                .unwrap_or(Total::AtLeast(page.event_count.into()));
            (
                String::new(),
                query.links(dialect, page.more_after, total).next,
            )
        }
    };
    Ok(SearchResponse {
        event_count: page.event_count,
        body: page.body.finish(&footer),
        next,
    })
}

/// The total of the whole search: known from an earlier page, or from this one if it is the only one, else counted.
async fn total(store: &Store, query: &EventQuery, page: &Page) -> Result<Total, SearchError> {
    if let Some(total) = query.known_total() {
        return Ok(total);
    }
    let is_whole_search = query.page_start() == PageStart::Beginning && page.more_after.is_none();
    if is_whole_search {
        return Ok(Total::Exactly(page.event_count.into()));
    }
    let cap = match query.counting() {
        Counting::Capped => Some(COUNT_CAP),
        Counting::Exact => None,
        // There is at least one after the last of the page.
        Counting::None => {
            let more = u64::from(page.more_after.is_some());
            return Ok(Total::AtLeast(u64::from(page.event_count) + more));
        }
    };
    let counted = store
        .count(&query.count_statement(cap.map(|cap| cap + 1)))
        .await?;
    Ok(match cap {
        Some(cap) if counted > u64::from(cap) => Total::AtLeast(cap.into()),
        Some(_) | None => Total::Exactly(counted),
    })
}

impl IntoResponse for SearchResponse {
    fn into_response(self) -> Response {
        let mut response = self.body.into_response();
        let headers = response.headers_mut();
        headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
        // RFC 8288. A link is percent-encoded, so it is a valid header value.
        let link = self.next.map(|next| format!(r#"<{next}>; rel="next""#));
        if let Some(link) = link.and_then(|link| HeaderValue::try_from(link).ok()) {
            headers.insert(LINK, link);
        }
        response
    }
}
