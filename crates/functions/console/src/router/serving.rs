//! Pages and reports: what is taken from a request, and what is logged of it.

use std::{sync::Arc, time::Instant};

use axum::{
    Extension,
    extract::{RawQuery, State},
    response::Response,
    routing::{MethodRouter, get},
};
use futures::future::BoxFuture;
use tracing::info;
use url::form_urlencoded;

use super::files::attachment;
use crate::{
    api::{ApiFailure, Asking},
    config::Deps,
    page::{Page, Tab, Viewer, export::ExportFormat},
};

pub(super) type Shared = State<Arc<Deps>>;
pub(super) type Seen = Extension<Viewer>;

/// Makes a page for the parameters of its address.
pub(super) type Show = for<'a> fn(&'a Deps, &'a Viewer, &'a str) -> BoxFuture<'a, Page>;
/// Makes the file of a report.
pub(super) type Table =
    for<'a> fn(Asking<'a>, &'a str) -> BoxFuture<'a, Result<String, ApiFailure>>;

/// A page, of which is logged which it was and how it went, but nothing of what was looked for.
pub(super) fn page(name: &'static str, show: Show) -> MethodRouter<Arc<Deps>> {
    get(
        async move |State(deps): Shared, Extension(viewer): Seen, RawQuery(query): RawQuery| {
            served(name, show, &deps, &viewer, &query.unwrap_or_default()).await
        },
    )
}

/// A page that is a file too, with `format=csv`.
pub(super) fn report(
    name: &'static str,
    show: Show,
    file_name: &'static str,
    table: Table,
) -> MethodRouter<Arc<Deps>> {
    get(
        async move |State(deps): Shared, Extension(viewer): Seen, RawQuery(query): RawQuery| {
            let query = query.unwrap_or_default();
            if parameter(&query, "format").as_deref() != Some("csv") {
                return served(name, show, &deps, &viewer, &query).await;
            }
            match table(viewer.asking(&deps), &query).await {
                Ok(csv) => attachment(
                    ExportFormat::Csv.content_type(),
                    file_name,
                    csv.into_bytes(),
                ),
                Err(failure) => failed(&deps, &viewer, &failure),
            }
        },
    )
}

pub(super) async fn served(
    name: &'static str,
    show: Show,
    deps: &Deps,
    viewer: &Viewer,
    query: &str,
) -> Response {
    let began = Instant::now();
    let page = show(deps, viewer, query).await;
    info!(
        page = name,
        status = page.status.as_u16(),
        duration_ms = began.elapsed().as_millis(),
        "page served"
    );
    page.into_response(deps, viewer)
}

/// A page for what the API has no answer for.
pub(super) fn failed(deps: &Deps, viewer: &Viewer, failure: &ApiFailure) -> Response {
    Page::failed(Tab::Events, "Events", failure).into_response(deps, viewer)
}

pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs
        .find(|(given, _)| given == name)
        .map(|(_, value)| value.into_owned())
}
