//! The routes, and what each answers.

mod files;
mod forms;
mod serving;

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{from_fn_with_state, map_response},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use maud::html;

use self::{
    files::{asset, event_json, export, new_events, product_events},
    forms::{repair, run_query},
    serving::{Seen, Shared, page, report},
};
use crate::{config::Deps, guard, page, page::Page, request_origin, sign_in};

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
