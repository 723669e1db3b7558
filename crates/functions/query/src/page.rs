//! Fetches a page in chunks until it has reached its number of events or its size, or no event is left.

use event_query::{EventQuery, EventWriter, PageStart, Position};
use event_store::{EventRow, Store};

use crate::{
    error::SearchError,
    page_body::{Encoding, PageBody},
};

/// The format of events.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) writer: EventWriter,
    pub(crate) encoding: Encoding,
}

/// Events in the response's format, without the footer.
pub(crate) struct Page {
    pub(crate) body: PageBody,
    pub(crate) event_count: u32,
    /// The last event, if more events follow.
    pub(crate) more_after: Option<Position>,
}

/// Rows fetched at once. Limits the memory of rows, as a page may have 10,000, and the work wasted when the page reaches its
/// size limit.
const CHUNK_ROWS: u32 = 2_000;
/// The length of their texts. Events may be 4 MiB long, and the function has 256 MB, in which each is written beside its row.
const CHUNK_BYTES: usize = 16 * 1024 * 1024;

pub(crate) async fn fill(
    store: &Store,
    query: &EventQuery,
    form: &Form,
) -> Result<Page, SearchError> {
    let mut body = PageBody::begin(form.writer.format(), &form.writer.opening(), form.encoding);
    let mut event_count = 0;
    let mut start = query.page_start();
    let mut last = None;

    loop {
        let wanted = CHUNK_ROWS.min(query.per_page() - event_count);
        // One more than wanted shows whether more follow.
        let statement = query.fetch_statement(start, wanted + 1);
        let chunk = store.fetch_events_within(&statement, CHUNK_BYTES).await?;
        let is_rest = u32::try_from(chunk.rows.len()).is_ok_and(|fetched| fetched <= wanted);
        let fetched_all = is_rest && !chunk.has_more;

        for row in chunk.rows.iter().zip(0..wanted).map(|(row, _)| row) {
            if !push(&mut body, row, form)? {
                return Ok(Page {
                    body,
                    event_count,
                    more_after: last,
                });
            }
            event_count += 1;
            last = Some(position_of(row));
            start = PageStart::After(position_of(row));
        }

        if fetched_all {
            return Ok(Page {
                body,
                event_count,
                more_after: None,
            });
        }
        if event_count == query.per_page() {
            return Ok(Page {
                body,
                event_count,
                more_after: last,
            });
        }
    }
}

/// Adds an event if the page has room for it. One for which no page has room is shortened: otherwise the walk would end before it.
fn push(body: &mut PageBody, row: &EventRow, form: &Form) -> Result<bool, SearchError> {
    let mut event = Vec::with_capacity(row.event.len() + 128);
    form.writer.write_event(&mut event, row.ts, &row.event)?;
    if body.push(&event) {
        return Ok(true);
    }
    if !body.is_empty() {
        return Ok(false);
    }
    for kept_bytes in KEPT_BYTES {
        event.clear();
        form.writer
            .write_shortened(&mut event, row.ts, &row.event, kept_bytes)?;
        if body.push(&event) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How much of an event that is too long is tried, beside its named fields, which always fit.
const KEPT_BYTES: [usize; 5] = [2_000_000, 1_000_000, 500_000, 100_000, 0];

fn position_of(row: &EventRow) -> Position {
    Position {
        ts: row.ts,
        event_key: row.event_key,
    }
}
