//! `GET /api/v1/rejected`: what could not be used, of all pipelines.

mod item;
mod objects;

use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    time::{Duration, Instant},
};

use axum::{
    extract::{RawQuery, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use event_model::{
    Pipeline,
    rejected::{Mark, RejectedId},
};
use event_query::{
    Format, OPENING, RejectedQuery,
    rejected::{RejectedPosition, RejectedRow, RejectedStatus},
};
use event_store::RejectedEvent;
use serde_json::json;
use time::{Date, UtcOffset};
use tokio::time::timeout;
use tracing::info;

use crate::{
    Deps,
    error::SearchError,
    page_body::{Encoding, PageBody},
    search::REQUEST_DEADLINE,
};

pub(crate) use self::objects::ObjectsError;
pub use self::objects::RejectedObjects;

use self::{item::RejectedItem, objects::Position};

/// When a page ends although it is not full. Its link goes on from there.
const PAGE_TIME: Duration = Duration::from_secs(10);

pub(crate) async fn list(
    State(deps): State<Deps>,
    RawQuery(query_string): RawQuery,
    headers: HeaderMap,
) -> Result<Response, SearchError> {
    let began = Instant::now();
    let query = RejectedQuery::parse(&query_string.unwrap_or_default(), (deps.clock)())?;
    let mut page = Page {
        deps: &deps,
        query: &query,
        began,
        body: PageBody::begin(Format::Json, OPENING, Encoding::wanted_by(&headers)),
        item_count: 0,
        last: None,
        object_count: 0,
        marks: HashMap::new(),
    };
    let is_whole = timeout(REQUEST_DEADLINE, page.fill())
        .await
        .map_err(|_| SearchError::Deadline)??;

    let Page {
        body,
        item_count,
        last,
        object_count,
        ..
    } = page;
    let next = last
        .filter(|_| !is_whole)
        .map(|position| query.next_link(position));
    let body = body.finish(&footer(&deps, next.as_deref()));
    info!(
        path = event_query::rejected::PATH,
        item_count,
        object_count,
        body_bytes = body.bytes.len(),
        duration_ms = began.elapsed().as_millis(),
        "rejected items served"
    );
    Ok(body.into_response())
}

/// What follows the items: what was read (`postgres`, and `s3` where this stack lets searches read its bucket), and the link to the
/// next page.
fn footer(deps: &Deps, next: Option<&str>) -> String {
    let s3 = deps.rejected_objects.as_ref().map(|_| "s3");
    let stores: Vec<&str> = std::iter::once("postgres").chain(s3).collect();
    let links = next.map_or_else(|| json!({}), |next| json!({ "next": next }));
    format!(r#"],"stores":{},"links":{links}}}"#, json!(stores))
}

/// A page in the making.
struct Page<'a> {
    deps: &'a Deps,
    query: &'a RejectedQuery,
    began: Instant,
    body: PageBody,
    item_count: u32,
    /// The position of the last item that is in the page or was passed over.
    last: Option<RejectedPosition>,
    object_count: usize,
    /// The marks of the days that were looked at.
    marks: HashMap<(Pipeline, Date), HashMap<String, Mark>>,
}

impl Page<'_> {
    /// Goes day by day until the page is full or its time is over; true when nothing is left.
    async fn fill(&mut self) -> Result<bool, SearchError> {
        let (rows, has_more_rows) = self.fetch_rows().await?;
        let mut rows = rows.into_iter().peekable();
        let folders = self.folders().await?;
        let mut days: BTreeSet<Date> = folders.iter().map(|(_, day)| *day).collect();
        days.extend(rows.clone().map(|row| day_of(&row)));

        for day in days.into_iter().rev() {
            while let Some(row) = rows.next_if(|row| day_of(row) == day) {
                if self.is_full() {
                    return Ok(false);
                }
                if !self.push_row(day, row).await? {
                    return Ok(false);
                }
            }
            if rows.peek().is_none() && has_more_rows {
                // The rows of this day may go on.
                return Ok(false);
            }
            for pipeline in self.query.pipelines() {
                if folders.contains(&(*pipeline, day)) && !self.read_day(*pipeline, day).await? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn is_full(&self) -> bool {
        let is_full = self.item_count >= self.query.per_page();
        is_full || (self.last.is_some() && self.began.elapsed() >= PAGE_TIME)
    }

    async fn fetch_rows(&self) -> Result<(Vec<RejectedEvent>, bool), SearchError> {
        if !self.query.pipelines().contains(&Pipeline::EmailEvents) {
            return Ok((Vec::new(), false));
        }
        // One more than the page holds shows whether more follow.
        let limit = self.query.per_page() + 1;
        let statement = self.query.statement(limit);
        let rows = self.deps.store.fetch_rejected(&statement).await?;
        let has_more = u32::try_from(rows.len()).is_ok_and(|count| count >= limit);
        Ok((rows, has_more))
    }

    /// The folders in S3 that are not done.
    async fn folders(&self) -> Result<BTreeSet<(Pipeline, Date)>, SearchError> {
        let mut folders = BTreeSet::new();
        let Some(objects) = &self.deps.rejected_objects else {
            return Ok(folders);
        };
        let (first, last) = self.query.days();
        for pipeline in self.query.pipelines() {
            let days = objects.days(*pipeline, first, last).await?;
            let left = days
                .into_iter()
                .filter(|day| !self.is_done(*pipeline, *day));
            folders.extend(left.map(|day| (*pipeline, day)));
        }
        Ok(folders)
    }

    fn is_done(&self, pipeline: Pipeline, day: Date) -> bool {
        match self.query.after() {
            None => false,
            Some(RejectedPosition::Row { day: last, .. }) => day > *last,
            Some(RejectedPosition::Line {
                day: last,
                pipeline: last_pipeline,
                ..
            }) => day > *last || (day == *last && pipeline < *last_pipeline),
        }
    }

    /// What was done about an item, if anything was.
    async fn mark(
        &mut self,
        pipeline: Pipeline,
        day: Date,
        id: &RejectedId,
    ) -> Result<Option<Mark>, SearchError> {
        let Some(objects) = &self.deps.rejected_objects else {
            return Ok(None);
        };
        let marks = match self.marks.entry((pipeline, day)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(objects.marks(pipeline, day).await?),
        };
        Ok(marks.get(&id.to_string()).cloned())
    }

    fn accepts(&self, mark: Option<&Mark>) -> bool {
        let status = mark.map_or(RejectedStatus::Open, |mark| {
            RejectedStatus::Marked(mark.status)
        });
        self.query.accepts_status(status)
    }

    /// Adds an item if the response has room for it; false when it ends before it.
    #[must_use]
    fn push(&mut self, item: &RejectedItem) -> bool {
        let written = serde_json::to_vec(item).expect("texts and numbers are JSON");
        let is_in = self.body.push(&written);
        self.item_count += u32::from(is_in);
        is_in
    }

    /// Adds a row if it is asked for; false when the page ended before it.
    async fn push_row(&mut self, day: Date, row: RejectedEvent) -> Result<bool, SearchError> {
        let position = RejectedPosition::Row {
            day,
            row: RejectedRow {
                rejected_at: row.rejected_at,
                batch_key: row.batch_key.clone(),
                ordinal: row.ordinal,
            },
        };
        let id = RejectedId::Row {
            day,
            batch_key: row.batch_key.clone(),
            ordinal: u32::try_from(row.ordinal).unwrap_or(u32::MAX),
            // Rows that stand for several items have no bytes.
            is_many: row.size_bytes == 0,
        };
        let mark = self.mark(Pipeline::EmailEvents, day, &id).await?;
        if self.accepts(mark.as_ref()) && !self.push(&RejectedItem::of_row(row, &id, mark)) {
            return Ok(false);
        }
        self.last = Some(position);
        Ok(true)
    }

    /// Reads the objects of a day; false when the page ended before they did.
    async fn read_day(&mut self, pipeline: Pipeline, day: Date) -> Result<bool, SearchError> {
        let Some(objects) = self.deps.rejected_objects.clone() else {
            return Ok(true);
        };
        let mut resumed = match self.query.after() {
            Some(RejectedPosition::Line {
                day: last,
                pipeline: last_pipeline,
                key,
                end,
            }) if *last == day && *last_pipeline == pipeline => Some((key.clone(), *end)),
            Some(_) | None => None,
        };
        if let Some((key, end)) = resumed.clone()
            && !self
                .read_object(&objects, pipeline, day, objects.open(key, None, end))
                .await?
        {
            return Ok(false);
        }
        let mut after = resumed.take().map(|(key, _)| key);
        loop {
            let listed = objects.objects(pipeline, day, after.as_deref()).await?;
            let Some(last) = listed.last() else {
                return Ok(true);
            };
            after = Some(last.key.clone());
            // Files of the lake that were set aside have a line of their own beside them.
            for object in listed
                .into_iter()
                .filter(|object| object.key.ends_with(".ndjson"))
            {
                let lines = objects.open(object.key, object.last_modified, 0);
                if !self.read_object(&objects, pipeline, day, lines).await? {
                    return Ok(false);
                }
            }
        }
    }

    async fn read_object(
        &mut self,
        objects: &RejectedObjects,
        pipeline: Pipeline,
        day: Date,
        mut lines: objects::Lines<'_>,
    ) -> Result<bool, SearchError> {
        self.object_count += 1;
        if lines.written_at.is_none() {
            lines.written_at = objects.written_at(&lines.name.key).await?;
        }
        loop {
            if self.is_full() {
                return Ok(false);
            }
            let Some(Position { line, begin, end }) = lines.next().await? else {
                return Ok(true);
            };
            if self.query.accepts(&line.reason, &line.detail) {
                let id = RejectedId::of_line(&lines.name.key, begin);
                let mark = match &id {
                    Some(id) => self.mark(pipeline, day, id).await?,
                    None => None,
                };
                if self.accepts(mark.as_ref()) {
                    let item =
                        RejectedItem::of_line(pipeline, line, lines.written_at, id.as_ref(), mark);
                    if !self.push(&item) {
                        return Ok(false);
                    }
                }
            }
            self.last = Some(RejectedPosition::Line {
                day,
                pipeline,
                key: lines.name.key.clone(),
                end,
            });
        }
    }
}

/// Days are those of UTC, as in the keys of objects.
fn day_of(row: &RejectedEvent) -> Date {
    row.rejected_at.to_time().to_offset(UtcOffset::UTC).date()
}
