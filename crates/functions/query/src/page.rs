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
        let rows = store
            .fetch_events(&query.fetch_statement(start, wanted + 1))
            .await?;
        let fetched_all = u32::try_from(rows.len()).is_ok_and(|fetched| fetched <= wanted);

        for row in rows.iter().zip(0..wanted).map(|(row, _)| row) {
            let mut event = Vec::with_capacity(row.event.len() + 128);
            form.writer.write_event(&mut event, row.ts, &row.event)?;
            if !body.push(&event) {
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

fn position_of(row: &EventRow) -> Position {
    Position {
        ts: row.ts,
        event_key: row.event_key,
    }
}
