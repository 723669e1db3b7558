//! What is a file or data and no page.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, RawQuery, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::html;
use tracing::info;

use super::serving::{Seen, Shared, Show, failed, parameter, served};
use crate::{
    api::event_path,
    config::Deps,
    page::{self, Page, Tab, export::ExportFormat},
    search::Search,
};

pub(super) async fn asset(State(deps): State<Arc<Deps>>, Path(name): Path<String>) -> Response {
    match deps.assets.find(&name) {
        Some((content_type, content)) => {
            let headers = [
                (header::CONTENT_TYPE, content_type),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ];
            (headers, content).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The page of product events, or with `format=csv` what one of its queries found.
pub(super) async fn product_events(
    State(deps): Shared,
    Extension(viewer): Seen,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    match page::product_events::file(&deps, &query).await {
        Some(Ok(csv)) => attachment(
            ExportFormat::Csv.content_type(),
            "cistern-query.csv",
            csv.into_bytes(),
        ),
        Some(Err(failure)) => page::product_events::no_file(&failure).into_response(&deps, &viewer),
        None => {
            let show: Show =
                |deps, viewer, query| Box::pin(page::product_events::show(deps, viewer, query));
            served("product_events", show, &deps, &viewer, &query).await
        }
    }
}

pub(super) async fn new_events(
    State(deps): Shared,
    Extension(viewer): Seen,
    RawQuery(query): RawQuery,
) -> Response {
    match page::events::count_new(viewer.asking(&deps), &query.unwrap_or_default()).await {
        Ok(count) => axum::Json(count).into_response(),
        Err(failure) => failed(&deps, &viewer, &failure),
    }
}

pub(super) async fn event_json(
    State(deps): Shared,
    Extension(viewer): Seen,
    RawQuery(query): RawQuery,
) -> Response {
    let Some(id) = page::event::id(&query.unwrap_or_default()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match viewer.asking(&deps).download(&event_path(&id)).await {
        Ok(file) => attachment("application/json", "cistern-event.json", file.bytes),
        Err(failure) => failed(&deps, &viewer, &failure),
    }
}

pub(super) async fn export(
    State(deps): Shared,
    Extension(viewer): Seen,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    let (search, problems) = Search::parse(&query, &["format"], viewer.now);
    let format = parameter(&query, "format")
        .as_deref()
        .and_then(ExportFormat::parse);
    let Some(format) = format.filter(|_| problems.is_empty()) else {
        let body = html! {
            h1 { "Export" }
            (page::parts::problems(&problems, &search.ignored))
            @if format.is_none() { div.panel.problem { p { "format is csv or ndjson." } } }
        };
        return Page {
            status: StatusCode::BAD_REQUEST,
            ..Page::of(Tab::Events, "Export", body)
        }
        .into_response(&deps, &viewer);
    };
    let (address, name) = page::export::address(&search, format);
    match viewer.asking(&deps).download(&address).await {
        Ok(file) => {
            info!(
                page = "export",
                format = format.name(),
                body_bytes = file.bytes.len(),
                has_more = file.has_more,
                "file served"
            );
            attachment(format.content_type(), &name, file.bytes)
        }
        Err(failure) => failed(&deps, &viewer, &failure),
    }
}

/// A file to keep, never a page: what strangers wrote is not shown by a browser.
pub(super) fn attachment(content_type: &'static str, name: &str, bytes: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    (
        [
            (header::CONTENT_TYPE, content_type),
            (header::CONTENT_DISPOSITION, disposition.as_str()),
        ],
        bytes,
    )
        .into_response()
}
