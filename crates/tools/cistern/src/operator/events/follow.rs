//! Printing events as they arrive, until the program is interrupted.

use std::time::Duration;

use anyhow::{Context as _, Result};
use time::OffsetDateTime;
use tokio::time::sleep;

use super::{
    page::{Event, Page, cell},
    shown::{Form, Lines},
    window,
};
use crate::{
    operator::{api::Api, once::Once, patience::Patience},
    output::line,
};

/// The pause between two searches.
const PAUSE: Duration = Duration::from_secs(2);
/// How far each search goes back. SparkPost posts a batch within minutes of its events; a search of this length is short.
const OVERLAP: Duration = Duration::from_mins(10);
/// Bounds one search. More than that cannot be read on a terminal anyway.
const MAX_PAGES: usize = 10;
const ROWS_PER_PAGE: usize = 1_000;

/// What is followed.
#[derive(Debug)]
pub(super) struct Follow {
    pub(super) filters: Vec<(String, String)>,
    /// Where the first search begins.
    pub(super) from: OffsetDateTime,
    /// How many events of the past are printed at the start.
    pub(super) limit: usize,
    pub(super) form: Form,
    pub(super) lines: Lines,
}

impl Follow {
    /// Prints events in the order in which they happened, each once. Ends when it fails from the start, or again and again.
    pub(super) async fn run(&self, api: &Api) -> Result<()> {
        let mut once = Once::default();
        let mut from = self.from;
        let mut number = 0;
        let mut past = self.limit;
        let mut patience = Patience::default();
        if matches!(self.form, Form::Table { .. }) {
            line!("{}", self.lines.header())?;
        }
        loop {
            let now = OffsetDateTime::now_utc();
            let (mut events, is_whole) = match self.search(api, from, now).await {
                Ok(found) => found,
                Err(error) => {
                    patience.wait(error).await?;
                    continue;
                }
            };
            patience.succeeded();
            // Oldest first.
            events.reverse();
            let mut new = Vec::new();
            for event in events {
                let at = cell(&event, "timestamp").unwrap_or_default();
                if once.is_new(&at, &serde_json::to_string(&event)?) {
                    new.push(event);
                }
            }
            let shown = new.split_off(new.len().saturating_sub(past));
            past = usize::MAX;
            self.print(&shown, number + 1)?;
            number += shown.len();
            if !is_whole {
                eprintln!(
                    "note: more than {} events in {} minutes; only the newest are shown. Filters narrow the search",
                    MAX_PAGES * ROWS_PER_PAGE,
                    (now - from).whole_minutes().max(1)
                );
            }
            // Never back, also when the clock of this machine is set back: what was forgotten must not be found again.
            from = from.max(now - OVERLAP);
            once.forget_before(&window::bound(from)?);
            sleep(PAUSE).await;
        }
    }

    /// The events since a time, newest first, and whether these are all.
    async fn search(
        &self,
        api: &Api,
        from: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<(Vec<Event>, bool)> {
        let mut query = self.filters.clone();
        query.extend(window::pairs(from, now)?);
        query.push(("per_page".to_owned(), ROWS_PER_PAGE.to_string()));
        let mut page = Page::first(api, &query).await.context("searching")?;
        let mut events = std::mem::take(&mut page.results);
        for _ in 1..MAX_PAGES {
            let Some(mut next) = page.next(api).await.context("searching")? else {
                return Ok((events, true));
            };
            events.append(&mut next.results);
            page = next;
        }
        Ok((events, page.is_last()))
    }

    fn print(&self, events: &[Event], first_number: usize) -> Result<()> {
        match &self.form {
            Form::Table { .. } => events
                .iter()
                .try_for_each(|event| line!("{}", self.lines.line(event))),
            form => form.print(events, first_number),
        }
    }
}
