//! What all pages have: the head, the way around, the foot of a refusal.

pub(crate) mod accounts;
pub(crate) mod app_events;
pub(crate) mod bounces;
pub(crate) mod engagement;
pub(crate) mod event;
pub(crate) mod events;
pub(crate) mod export;
pub(crate) mod message;
pub(crate) mod overview;
pub(crate) mod parts;
pub(crate) mod pipeline;
mod plot;
pub(crate) mod product_events;
mod queues;
pub(crate) mod recipient;
mod reconciliation;
pub(crate) mod rejected;
pub(crate) mod table;
pub(crate) mod tally;
pub(crate) mod time_to_open;

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};
use tracing::info;

use crate::{
    api::{ApiFailure, Asking},
    config::Deps,
    guard::SIGN_OUT,
    request_origin::RequestOrigin,
    session::FormTokens,
    sign_in::Denial,
};

/// Who looks: a session, and where the browser believes to be.
#[derive(Clone, Debug)]
pub(crate) struct Viewer {
    pub(crate) now: Timestamp,
    /// For lines that a person copies.
    pub(crate) origin: String,
    /// For what changes something or costs something.
    pub(crate) forms: FormTokens,
}

impl Viewer {
    /// The API, for one page.
    pub(crate) fn asking<'a>(&self, deps: &'a Deps) -> Asking<'a> {
        Asking {
            api: &deps.api,
            keys: &deps.keys,
            now: self.now,
        }
    }

    /// Whether a posted form is `form` as a page of this session has shown it. One that is not is logged.
    pub(crate) fn has_shown(
        &self,
        form: &str,
        token: &str,
        origin: &RequestOrigin,
        headers: &HeaderMap,
    ) -> bool {
        let is_ours = origin.posted(headers) && self.forms.fit(form, token);
        if !is_ours {
            info!(
                status = 403,
                reason = Denial::Form.reason(),
                "request denied"
            );
        }
        is_ours
    }
}

/// The sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tab {
    Overview,
    Events,
    Reports,
    Rejected,
    ProductEvents,
    AppEvents,
}

const TABS: [(Tab, &str, &str); 6] = [
    (Tab::Overview, "/console", "Overview"),
    (Tab::Events, "/console/events", "Events"),
    (Tab::Reports, "/console/reports/bounces", "Reports"),
    (Tab::Rejected, "/console/rejected", "Rejected"),
    (
        Tab::ProductEvents,
        "/console/product-events",
        "Product events",
    ),
    (Tab::AppEvents, "/console/app-events", "App events"),
];

/// A page to be.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) title: &'static str,
    pub(crate) tab: Option<Tab>,
    pub(crate) body: Markup,
}

impl Page {
    pub(crate) fn of(tab: Tab, title: &'static str, body: Markup) -> Self {
        Self {
            status: StatusCode::OK,
            title,
            tab: Some(tab),
            body,
        }
    }

    /// In place of a page that the API has no answer for.
    pub(crate) fn failed(tab: Tab, title: &'static str, failure: &ApiFailure) -> Self {
        Self::failed_below(tab, title, &html! { h1 { (title) } }, failure)
    }

    /// The same below the head of the page, whose form stays, so that the request can be changed.
    pub(crate) fn failed_below(
        tab: Tab,
        title: &'static str,
        head: &Markup,
        failure: &ApiFailure,
    ) -> Self {
        let body = html! { (head) (parts::failure(failure)) };
        Self {
            status: failure.status(),
            ..Self::of(tab, title, body)
        }
    }

    /// As it is sent to somebody who is signed in.
    pub(crate) fn into_response(self, deps: &Deps, viewer: &Viewer) -> Response {
        let head = html! {
            nav aria-label="Sections" {
                @for (tab, path, label) in TABS {
                    a href=(path) aria-current=[(self.tab == Some(tab)).then_some("page")] { (label) }
                }
            }
            form method="post" action="/console/sign-out" {
                input type="hidden" name="token" value=(viewer.forms.of(SIGN_OUT));
                button type="submit" { "Sign out" }
            }
        };
        respond(deps, self.status, self.title, &head, &self.body)
    }

    /// As it is sent to somebody who is not.
    pub(crate) fn into_public_response(self, deps: &Deps) -> Response {
        respond(deps, self.status, self.title, &html! {}, &self.body)
    }
}

fn respond(deps: &Deps, status: StatusCode, title: &str, head: &Markup, body: &Markup) -> Response {
    let stack = deps.config.stack_name();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                title { (title) " · Cistern " (stack) }
                link rel="stylesheet" href=(deps.assets.style_path());
                link rel="icon" type="image/svg+xml" href=(deps.assets.icon_path());
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header { b { "Cistern · " (stack) } (head) }
                main id="main" { (body) }
                script src=(deps.assets.script_path()) defer {}
            }
        }
    };
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    (status, [(header::CONTENT_TYPE, html)], page.into_string()).into_response()
}
