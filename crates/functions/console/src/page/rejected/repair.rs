//! The form that retries and settles rejected items, and its answer.
//!
//! It asks for the key of the scope `repair`, and hands it to the API: a session that may look need not be allowed to write, and the console
//! keeps no key that is.

use axum::http::{HeaderMap, StatusCode};
use maud::{Markup, html};
use secrecy::SecretString;
use serde_json::json;
use url::form_urlencoded;

use super::{PATH, TITLE, Wanted, show_with};
use crate::{
    answer::{RejectedItem, Repaired},
    api::ApiFailure,
    config::Deps,
    page::{Page, Tab, Viewer},
    request_origin::RequestOrigin,
    text::{grouped, piece, visible},
};

/// Where the form goes.
pub(crate) const REPAIR_PATH: &str = "/console/rejected/repair";
/// The form, as its token names it.
const REPAIR: &str = "rejected/repair";
/// Keys of stacks have 64 characters; an operator's own may be longer.
const LONGEST_KEY: usize = 512;
const LONGEST_NOTE: usize = 500;
/// A page shows fewer.
const MOST_ITEMS: usize = 100;

/// What is filled in.
#[derive(Default)]
struct Filled {
    token: String,
    key: String,
    note: String,
    action: String,
    ids: Vec<String>,
    /// The query of the page that the form was on.
    list: String,
}

/// What the form shows again after a mistake: all but the key.
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    pub(super) problem: Option<&'static str>,
    pub(super) ids: &'a [String],
    pub(super) note: &'a str,
}

impl Filled {
    fn parse(body: &[u8]) -> Self {
        let mut filled = Self::default();
        for (name, value) in form_urlencoded::parse(body).take(MOST_ITEMS + 10) {
            let value = value.into_owned();
            match &*name {
                "token" => filled.token = value,
                // A key that was copied brings white space along.
                "key" => value.trim().clone_into(&mut filled.key),
                "note" => value.trim().clone_into(&mut filled.note),
                "action" => filled.action = value,
                "id" => filled.ids.push(value),
                "list" => filled.list = value,
                _ => {}
            }
        }
        filled
    }

    /// What is missing, in words.
    fn problem(&self) -> Option<&'static str> {
        if !["retry", "settle"].contains(&self.action.as_str()) {
            return Some("Choose what to do.");
        }
        if self.ids.is_empty() || self.ids.len() > MOST_ITEMS {
            return Some("Choose the items.");
        }
        if self.note.is_empty() && self.action == "settle" {
            return Some("Say why nothing more is to be done: a note is needed to settle items.");
        }
        if self.note.chars().count() > LONGEST_NOTE {
            return Some("The note is too long.");
        }
        (self.key.is_empty() || self.key.len() > LONGEST_KEY)
            .then_some("Give the key of the scope repair.")
    }
}

/// The lower part of the form on the page whose address has the query `list`.
pub(super) fn controls(
    items: &[RejectedItem],
    list: &str,
    draft: &Draft<'_>,
    viewer: &Viewer,
) -> Markup {
    html! {
        @if items.iter().any(|item| item.id.is_some()) {
            div.search {
                input type="hidden" name="token" value=(viewer.forms.of(REPAIR));
                input type="hidden" name="list" value=(list);
                div { label for="note" { "Note" } input id="note" name="note" value=(visible(draft.note)) maxlength=(LONGEST_NOTE) placeholder="what was fixed, or why nothing is to be done"; }
                div { label for="repair-key" { "Key of the scope repair" } input id="repair-key" name="key" type="password" autocomplete="one-time-code" required maxlength=(LONGEST_KEY); }
                div.end { button.main type="submit" name="action" value="retry" { "Send the chosen again" } }
                div.end { button type="submit" name="action" value="settle" { "Settle the chosen" } }
            }
            p.note { "Sent again, an item goes through its pipeline like a new one, and each event is stored once. If it is rejected again, that is another item. The key is used once and kept nowhere; " code { "cistern keys" } " prints it." }
        }
    }
}

/// Answers the form. Without its token, or from another page, nothing is looked at.
pub(crate) async fn repair(
    deps: &Deps,
    viewer: &Viewer,
    origin: &RequestOrigin,
    headers: &HeaderMap,
    body: &[u8],
) -> Option<Page> {
    let filled = Filled::parse(body);
    if !viewer.has_shown(REPAIR, &filled.token, origin, headers) {
        return None;
    }
    if let Some(problem) = filled.problem() {
        return Some(again(deps, viewer, &filled, problem, StatusCode::BAD_REQUEST).await);
    }
    let note = Some(&filled.note).filter(|note| !note.is_empty());
    let request = json!({ "ids": filled.ids, "note": note });
    let key = SecretString::from(filled.key.as_str());
    let back = back(&filled.list, viewer);
    Some(
        match viewer
            .asking(deps)
            .repair(&filled.action, &request, &key)
            .await
        {
            Ok(repaired) => Page::of(
                Tab::Rejected,
                TITLE,
                html! {
                    h1 { (TITLE) }
                    div.panel { (outcome(&repaired, filled.action == "retry")) (back) }
                },
            ),
            // The gateway tells neither apart.
            Err(ApiFailure::Refused { status, .. })
                if [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status) =>
            {
                let problem = "This is not the key of the scope repair, or it has been replaced.";
                again(deps, viewer, &filled, problem, StatusCode::FORBIDDEN).await
            }
            Err(failure) => {
                let head = html! { h1 { (TITLE) } (back) };
                Page::failed_below(Tab::Rejected, TITLE, &head, &failure)
            }
        },
    )
}

/// The list again with what was filled in and what is wrong with it. A list that cannot be read has its own status.
async fn again(
    deps: &Deps,
    viewer: &Viewer,
    filled: &Filled,
    problem: &'static str,
    status: StatusCode,
) -> Page {
    let draft = Draft {
        problem: Some(problem),
        ids: &filled.ids,
        note: &filled.note,
    };
    let page = show_with(deps, viewer, &filled.list, &draft).await;
    Page {
        status: if page.status == StatusCode::OK {
            status
        } else {
            page.status
        },
        ..page
    }
}

/// The way back to the list that the form was on. The query was posted, so it is read and written again.
fn back(list: &str, viewer: &Viewer) -> Markup {
    let query = Wanted::parse(list, viewer.now).0.query();
    html! { p { a href={ (PATH) "?" (query) } { "← rejected items" } } }
}

fn outcome(repaired: &Repaired, is_retry: bool) -> Markup {
    let problems = || {
        let results = repaired.results.iter();
        results.filter_map(|result| Some((&result.id, result.problem.as_ref()?)))
    };
    html! {
        p {
            b { (grouped(repaired.done)) }
            @if repaired.done == 1 { " item was " } @else { " items were " }
            @if is_retry { "sent again. What is rejected once more is listed as another item." } @else { "settled." }
        }
        @for (id, problem) in problems() {
            p.warn { code { (piece(id, 120, 160)) } " was not: " (piece(problem, 200, 400)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told() {
        for (form, problem) in [
            ("action=delete&id=a&key=k", Some("what to do")),
            ("action=retry&key=k", Some("Choose the items")),
            ("action=settle&id=a&key=k&note=+", Some("a note")),
            ("action=retry&id=a&key=+", Some("the key")),
            ("action=retry&id=a&key=k", None),
            ("action=settle&id=a&id=b&key=k&note=n", None),
        ] {
            let told = Filled::parse(form.as_bytes()).problem();
            assert_eq!(told.is_some(), problem.is_some(), "{form}");
            assert!(
                problem.is_none_or(|part| told.is_some_and(|told| told.contains(part))),
                "{told:?}"
            );
        }
    }
}
