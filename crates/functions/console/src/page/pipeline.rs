//! What the pages of the two pipelines share whose events are not in Postgres: what was rejected, how a first event is sent, and which
//! command lines read them.

use maud::{Markup, html};

use super::{Viewer, parts, rejected};
use crate::{
    answer::RejectedPage,
    api::{ApiFailure, Asking, REJECTED_PATH},
    search::Search,
    text::{grouped, piece, shell_word},
};

/// What differs between the two.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pipeline {
    pub(super) name: &'static str,
    /// The path that takes events, the header of the key, and a body.
    first: (&'static str, &'static str, &'static str),
    scope: &'static str,
    /// The variable with the key of the scope, as `cistern env` exports it.
    key_variable: &'static str,
    /// Command lines, and what each shows.
    commands: &'static [(&'static str, &'static str)],
}

pub(crate) const PRODUCT_EVENTS: Pipeline = Pipeline {
    name: "product_events",
    first: (
        "/track",
        "x-api-key",
        r#"{"event":"Signed up","userId":"u-1"}"#,
    ),
    scope: "track",
    key_variable: "TRACK_KEY",
    commands: &[
        (
            "cistern query --list",
            "the named queries: users, logins, the top events, a funnel, retention",
        ),
        (
            "cistern query --named top_events --set days=30",
            "the most frequent events, with bytes read and their price",
        ),
        (
            "cistern query \"select event, count(*) as n from product_events group by event order by n desc\"",
            "any statement over the view of all events",
        ),
    ],
};

pub(crate) const APP_EVENTS: Pipeline = Pipeline {
    name: "app_events",
    first: (
        "/webhooks/mparticle",
        "Authorization",
        r#"{"mpid":"1","user_identities":{"customer_id":"u-1"},"events":[{"event_type":"screen_view","data":{"screen_name":"Home"}}]}"#,
    ),
    scope: "mparticle",
    key_variable: "MPARTICLE_KEY",
    commands: &[
        (
            "cistern forward --dry-run FILE",
            "what each event of a file would become, and why",
        ),
        (
            "cistern forward",
            "the local stack forwards now; on a deployed stack the forwarder runs by its schedule (ForwardSchedule), or at once by aws lambda invoke",
        ),
        (
            "cistern query \"select event_type, count(*) as n from app_events group by event_type order by n desc\"",
            "events in the lake by type",
        ),
    ],
};

/// What of an address is no parameter of these pages.
pub(super) fn ignored(search: &Search) -> Vec<String> {
    let mut ignored = search.ignored.clone();
    ignored.extend(search.filters.iter().map(|(name, _)| name.to_string()));
    ignored
}

/// What was rejected in the range, by reason.
pub(super) async fn rejected_section(
    pipeline: &Pipeline,
    asking: Asking<'_>,
    search: &Search,
) -> Markup {
    let search = Search::of(search.range.clone());
    let page = rejected::newest(asking, &search.range, pipeline.name).await;
    html! {
        section.panel {
            h2 { "Rejected in this range" }
            (rejected_of(pipeline, &page, &search))
        }
    }
}

/// How else they are read, and how one is sent.
pub(super) fn more(pipeline: &Pipeline, viewer: &Viewer, search: &Search) -> Markup {
    let search = Search::of(search.range.clone());
    html! {
        section.panel { h2 { "By the command line" } (commands(pipeline)) }
        (first(pipeline, &viewer.origin))
        (parts::by_the_api(&viewer.origin, REJECTED_PATH, &asked(pipeline, &search)))
    }
}

fn asked(pipeline: &Pipeline, search: &Search) -> crate::api::Params {
    let mut params = search.params();
    params.push(("pipeline".to_owned(), pipeline.name.to_owned()));
    params
}

fn rejected_of(
    pipeline: &Pipeline,
    page: &Result<RejectedPage, ApiFailure>,
    search: &Search,
) -> Markup {
    let page = match page {
        Ok(page) => page,
        Err(failure) => return html! { p.note { "Not known: " (failure.words()) } },
    };
    let own = [("pipeline", pipeline.name)];
    html! {
        @if !page.stores.iter().any(|store| store == "s3") { p.warn { "This stack's API may not read rejected items in S3." } }
        @else if page.results.is_empty() { p { "None." } }
        @else {
            div.scroll tabindex="0" role="region" aria-label="Rejected items by reason" {
                table {
                    thead { tr { th scope="col" { "Reason" } th.num scope="col" { "Items" } } }
                    tbody {
                        @for ((_, reason), count) in rejected::by_reason(&page.results).into_iter().take(12) {
                            tr { td.wide { (piece(reason, 160, 400)) } td.num { (grouped(count)) } }
                        }
                    }
                }
            }
            p {
                @if page.next_cursor().is_some() { "Of the newest " (grouped(page.results.len() as u64)) " items. " }
                a href=(search.link_with(rejected::PATH, &own)) { "All of them, with what was received" }
            }
        }
    }
}

fn commands(pipeline: &Pipeline) -> Markup {
    html! {
        @for (line, meaning) in pipeline.commands { p { (meaning) ":" } pre.line { (line) } }
        p.note { code { "cistern query --stack NAME" } " asks the Athena of a deployed stack; without it DuckDB answers the same statements from the local stack." }
    }
}

fn first(pipeline: &Pipeline, origin: &str) -> Markup {
    let (path, header, body) = pipeline.first;
    let line = format!(
        "curl -H \"{header}: ${}\" -H 'Content-Type: application/json' {} -d {}",
        pipeline.key_variable,
        shell_word(&format!("{origin}{path}")),
        shell_word(body)
    );
    html! {
        section.panel {
            h2 { "Send one" }
            p { "$" (pipeline.key_variable) " is the key of the scope " (pipeline.scope) "; " code { "cistern env" } " exports it." }
            (parts::copyable("first", &html! { pre.line id="first" { (line) } }))
            @if pipeline.name == "app_events" { p.note { "On a deployed stack mParticle has an address of its own: the output MParticleWebhookUrl." } }
        }
    }
}
