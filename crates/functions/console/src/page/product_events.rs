//! Product events: queries of the lake with their results, and what was rejected.

mod form;
mod result;

use std::time::Duration;

use aws_io::athena::ExecutionId;
use axum::http::StatusCode;
use maud::{Markup, html};

use self::form::{Chosen, Request};
use super::{
    Page, Tab, Viewer, parts,
    pipeline::{self, PRODUCT_EVENTS},
};
use crate::{
    config::Deps,
    lake::{Lake, LakeFailure, Run},
    search::Search,
    text::piece,
};

pub(crate) const PATH: &str = "/console/product-events";
const TITLE: &str = "Product events";
/// The route that runs a query, as its form's token names it.
pub(crate) const RUN: &str = "product-events";
/// Most queries end sooner; the others are looked at again by another request.
const WAIT_LIMIT: Duration = Duration::from_secs(6);
/// Rows of a page, of which a plot may take more than the table shows.
const MOST_ROWS: usize = 1_000;
/// Rows of a file: ten pages of Athena, which take some seconds.
const MOST_FILE_ROWS: usize = 10_000;

/// `GET /console/product-events`: the form, and with `run` the result of a query.
pub(crate) async fn show(deps: &Deps, viewer: &Viewer, query: &str) -> Page {
    let request = Request::read(query.as_bytes());
    let Some(lake) = &deps.lake else {
        let none = html! { p { "This stack has no lake: it was deployed without product events (EnableAnalytics)." } };
        return page(deps, viewer, query, &none, StatusCode::OK).await;
    };
    let Some(id) = &request.run else {
        let form = asking(lake, viewer, &request.chosen, None);
        return page(deps, viewer, query, &form, StatusCode::OK).await;
    };
    let looked = lake.look(id, WAIT_LIMIT, MOST_ROWS).await;
    let status = looked
        .as_ref()
        .map_or_else(LakeFailure::status, |_| StatusCode::OK);
    let chosen = known(&request.chosen, &looked);
    let request = Request {
        chosen,
        ..request.clone()
    };
    let body = html! {
        (asking(lake, viewer, &request.chosen, None))
        @match &looked {
            Ok(run) => {
                (result::section(run, &request.address_of(id, None), &request.address_of(id, Some("csv"))))
                section.panel { h2 { "The same by the command line" } (parts::copyable("command", &html! { pre.line id="command" { (request.chosen.command()) } })) }
            },
            Err(failure) => (failed(failure)),
        }
    };
    page(deps, viewer, query, &body, status).await
}

/// A statement of one's own is in no address: Athena knows it.
fn known(chosen: &Chosen, looked: &Result<Run, LakeFailure>) -> Chosen {
    match (chosen, looked) {
        (Chosen::Free(sql), Ok(run)) if sql.is_empty() => Chosen::Free(run.execution.sql.clone()),
        _ => chosen.clone(),
    }
}

/// What became of a posted form.
pub(crate) enum Posted {
    /// The query runs; its result is at this address.
    Started(String),
    Refused(Box<Page>),
}

/// `POST /console/product-events`: starts a query. The form has been found to be one of ours.
pub(crate) async fn run(deps: &Deps, viewer: &Viewer, body: &[u8]) -> Posted {
    let request = Request::read(body);
    let Some(lake) = &deps.lake else {
        return Posted::Refused(Box::new(show(deps, viewer, "").await));
    };
    let (problem, status) = match request.chosen.sql() {
        Ok(sql) => match lake.start(&sql).await {
            Ok(id) => return Posted::Started(request.address_of(&id, None)),
            Err(failure) => (failed(&failure), failure.status()),
        },
        Err(wrong) => (
            problem(&html! { p { (piece(&wrong.to_string(), 400, 800)) "." } }),
            StatusCode::BAD_REQUEST,
        ),
    };
    let form = asking(lake, viewer, &request.chosen, Some(&problem));
    Posted::Refused(Box::new(page(deps, viewer, "", &form, status).await))
}

/// The rows of a run as a file; none when the address asks for no file.
pub(crate) async fn file(deps: &Deps, query: &str) -> Option<Result<String, LakeFailure>> {
    let request = Request::read(query.as_bytes());
    let (lake, id) = (
        deps.lake.as_ref()?,
        request.run.filter(|_| request.is_file)?,
    );
    Some(rows(lake, &id).await)
}

async fn rows(lake: &Lake, id: &ExecutionId) -> Result<String, LakeFailure> {
    let run = lake.look(id, WAIT_LIMIT, MOST_FILE_ROWS).await?;
    let result = run.result.ok_or(LakeFailure::NoSuchRun)?;
    Ok(result::csv(&result))
}

/// In place of a file that there is none of.
pub(crate) fn no_file(failure: &LakeFailure) -> Page {
    let body = html! { h1 { (TITLE) } (failed(failure)) };
    Page {
        status: failure.status(),
        ..Page::of(Tab::ProductEvents, TITLE, body)
    }
}

fn asking(lake: &Lake, viewer: &Viewer, chosen: &Chosen, problem: Option<&Markup>) -> Markup {
    html! {
        section.panel {
            h2 { "Ask the lake" }
            @if let Some(problem) = problem { (problem) }
            (form::markup(chosen, lake, &viewer.forms.of(RUN)))
        }
    }
}

fn failed(failure: &LakeFailure) -> Markup {
    problem(&html! {
        p { (failure.words()) }
        @if let Some(complaint) = failure.complaint() { p.note { (piece(complaint, 600, 1_500)) } }
    })
}

fn problem(words: &Markup) -> Markup {
    html! { div.panel.problem role="alert" { (words) } }
}

/// The page around the queries: what was rejected, and how events are sent.
async fn page(
    deps: &Deps,
    viewer: &Viewer,
    query: &str,
    asking: &Markup,
    status: StatusCode,
) -> Page {
    let (search, problems) = Search::parse(query, &form::own_names(), viewer.now);
    let rejected = pipeline::rejected_section(&PRODUCT_EVENTS, viewer.asking(deps), &search).await;
    let body = html! {
        h1 { (TITLE) }
        p { "Product events are stored as Parquet in S3, the lake, and are read by SQL. A query is billed by the bytes that it reads; they and their price are shown beside its rows." }
        (parts::problems(&problems, &pipeline::ignored(&search)))
        (asking)
        (parts::range_bar(&Search::of(search.range.clone()), PATH, &[]))
        (rejected)
        (pipeline::more(&PRODUCT_EVENTS, viewer, &search))
    };
    Page {
        status,
        ..Page::of(Tab::ProductEvents, TITLE, body)
    }
}
