//! The routes, and what each answers.

use std::{sync::Arc, time::Instant};

use axum::{
    Extension, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{from_fn_with_state, map_response},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use futures::future::BoxFuture;
use maud::html;
use tracing::info;
use url::form_urlencoded;

use crate::{
    api::{ApiFailure, Asking, event_path},
    config::Deps,
    guard, page,
    page::{Page, Tab, Viewer, export::ExportFormat, product_events, product_events::Posted},
    request_origin::{self, Origin},
    search::Search,
    sign_in,
};

/// The gateway's routes that lead here.
pub const ROUTES: [&str; 7] = [
    "GET /",
    "GET /console",
    "GET /console/{proxy+}",
    "POST /console/sign-in",
    "POST /console/sign-out",
    "POST /console/product-events",
    "POST /console/rejected/repair",
];

/// A form of ours has a token and a path, a key, or a statement; of a statement, each byte may take three.
const MOST_FORM_BYTES: usize = 16 << 10;

/// The function as an HTTP service.
pub fn router(deps: Deps) -> Router {
    let deps = Arc::new(deps);
    let pages = pages()
        .fallback(not_found)
        .layer(from_fn_with_state(Arc::clone(&deps), guard::authenticate));
    // Open to everybody: they tell nothing.
    let open = Router::new()
        .route("/", get(async || redirect("/console")))
        .route("/console/assets/{name}", get(asset))
        .route(
            "/console/sign-in",
            post(sign_in::sign_in).get(async || redirect("/console")),
        )
        .route(
            "/console/sign-out",
            post(sign_in::sign_out).get(async || redirect("/console")),
        );
    pages
        .merge(open)
        .layer(DefaultBodyLimit::max(MOST_FORM_BYTES))
        .layer(map_response(plain_refusal))
        .layer(from_fn_with_state(
            Arc::clone(&deps),
            request_origin::protect,
        ))
        .with_state(deps)
}

/// What needs a session.
fn pages() -> Router<Arc<Deps>> {
    Router::new()
        .route(
            "/console",
            page("overview", |deps, viewer, query| {
                Box::pin(page::overview::show(deps, viewer, query))
            }),
        )
        .route(
            "/console/events",
            page("events", |deps, viewer, query| {
                Box::pin(page::events::show(deps, viewer, query))
            }),
        )
        .route("/console/events/new", get(new_events))
        .route(
            "/console/event",
            page("event", |deps, viewer, query| {
                Box::pin(page::event::show(deps, viewer, query))
            }),
        )
        .route("/console/event/json", get(event_json))
        .route(
            "/console/message",
            page("message", |deps, viewer, query| {
                Box::pin(page::message::show(deps, viewer, query))
            }),
        )
        .route(
            "/console/recipient",
            page("recipient", |deps, viewer, query| {
                Box::pin(page::recipient::show(deps, viewer, query))
            }),
        )
        .route(
            "/console/reports/bounces",
            report(
                "bounces",
                |deps, viewer, query| Box::pin(page::bounces::show(deps, viewer, query)),
                "cistern-bounces.csv",
                |asking, query| Box::pin(page::bounces::csv(asking, query)),
            ),
        )
        .route(
            "/console/reports/engagement",
            report(
                "engagement",
                |deps, viewer, query| Box::pin(page::engagement::show(deps, viewer, query)),
                "cistern-engagement.csv",
                |asking, query| Box::pin(page::engagement::csv(asking, query)),
            ),
        )
        .route(
            "/console/reports/time-to-open",
            report(
                "time_to_open",
                |deps, viewer, query| Box::pin(page::time_to_open::show(deps, viewer, query)),
                "cistern-time-to-open.csv",
                |asking, query| Box::pin(page::time_to_open::csv(asking, query)),
            ),
        )
        .route(
            "/console/rejected",
            page("rejected", |deps, viewer, query| {
                Box::pin(page::rejected::show(deps, viewer, query))
            }),
        )
        .route(
            page::rejected::REPAIR_PATH,
            post(repair).get(async || redirect(page::rejected::PATH)),
        )
        .route(
            "/console/product-events",
            get(product_events).post(run_query),
        )
        .route(
            "/console/app-events",
            page("app_events", |deps, viewer, query| {
                Box::pin(page::app_events::show(deps, viewer, query))
            }),
        )
        .route("/console/export", get(export))
}

fn redirect(path: &'static str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, path)]).into_response()
}

/// Gives words to refusals that have none, such as another method.
async fn plain_refusal(response: Response) -> Response {
    let status = response.status();
    let is_bare = (status.is_client_error() || status.is_server_error())
        && !response.headers().contains_key(header::CONTENT_TYPE);
    if !is_bare {
        return response;
    }
    let words = match status {
        StatusCode::METHOD_NOT_ALLOWED => "This address takes another method.",
        StatusCode::FORBIDDEN => {
            "This form is not one of this browser's session. Go back to the console and try again."
        }
        StatusCode::NOT_FOUND => "There is nothing at this address.",
        _ => "The console cannot answer at the moment. Try again in a few seconds.",
    };
    let (parts, _) = response.into_parts();
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    (
        parts.status,
        parts.headers,
        [(header::CONTENT_TYPE, text)],
        format!("{words}\n"),
    )
        .into_response()
}

async fn asset(State(deps): State<Arc<Deps>>, Path(name): Path<String>) -> Response {
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

type Shared = State<Arc<Deps>>;
type Seen = Extension<Viewer>;

/// Makes a page for the parameters of its address.
type Show = for<'a> fn(&'a Deps, &'a Viewer, &'a str) -> BoxFuture<'a, Page>;
/// Makes the file of a report.
type Table = for<'a> fn(Asking<'a>, &'a str) -> BoxFuture<'a, Result<String, ApiFailure>>;

/// A page, of which is logged which it was and how it went, but nothing of what was looked for.
fn page(name: &'static str, show: Show) -> MethodRouter<Arc<Deps>> {
    get(
        async move |State(deps): Shared, Extension(viewer): Seen, RawQuery(query): RawQuery| {
            served(name, show, &deps, &viewer, &query.unwrap_or_default()).await
        },
    )
}

/// A page that is a file too, with `format=csv`.
fn report(
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

async fn served(
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

/// The page of product events, or with `format=csv` what one of its queries found.
async fn product_events(
    State(deps): Shared,
    Extension(viewer): Seen,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    match product_events::file(&deps, &query).await {
        Some(Ok(csv)) => attachment(
            ExportFormat::Csv.content_type(),
            "cistern-query.csv",
            csv.into_bytes(),
        ),
        Some(Err(failure)) => product_events::no_file(&failure).into_response(&deps, &viewer),
        None => {
            let show: Show =
                |deps, viewer, query| Box::pin(product_events::show(deps, viewer, query));
            served("product_events", show, &deps, &viewer, &query).await
        }
    }
}

/// Starts a query, which costs money: only for a form of a page of this session.
async fn run_query(
    State(deps): Shared,
    Extension(viewer): Seen,
    origin: Origin,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let encoded = str::from_utf8(&body).unwrap_or_default();
    let token = parameter(encoded, "token").unwrap_or_default();
    if !viewer.has_shown(product_events::RUN, &token, &origin.0, &headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    match product_events::run(&deps, &viewer, &body).await {
        Posted::Started(address) => {
            info!("query started");
            (StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response()
        }
        Posted::Refused(page) => page.into_response(&deps, &viewer),
    }
}

async fn new_events(
    State(deps): Shared,
    Extension(viewer): Seen,
    RawQuery(query): RawQuery,
) -> Response {
    match page::events::count_new(viewer.asking(&deps), &query.unwrap_or_default()).await {
        Ok(count) => axum::Json(count).into_response(),
        Err(failure) => failed(&deps, &viewer, &failure),
    }
}

async fn event_json(
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

async fn export(
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

async fn repair(
    State(deps): Shared,
    Extension(viewer): Seen,
    origin: Origin,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match page::rejected::repair(&deps, &viewer, &origin.0, &headers, &body).await {
        Some(page) => {
            info!(
                page = "repair",
                status = page.status.as_u16(),
                "form answered"
            );
            page.into_response(&deps, &viewer)
        }
        None => StatusCode::FORBIDDEN.into_response(),
    }
}

async fn not_found(State(deps): Shared, Extension(viewer): Seen) -> Response {
    let body = html! { h1 { "Not found" } div.panel { p { "There is no such page. " a href="/console" { "Overview" } } } };
    Page {
        status: StatusCode::NOT_FOUND,
        title: "Not found",
        tab: None,
        body,
    }
    .into_response(&deps, &viewer)
}

/// A file to keep, never a page: what strangers wrote is not shown by a browser.
fn attachment(content_type: &'static str, name: &str, bytes: Vec<u8>) -> Response {
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

/// A page for what the API has no answer for.
fn failed(deps: &Deps, viewer: &Viewer, failure: &ApiFailure) -> Response {
    Page::failed(Tab::Events, "Events", failure).into_response(deps, viewer)
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs
        .find(|(given, _)| given == name)
        .map(|(_, value)| value.into_owned())
}
