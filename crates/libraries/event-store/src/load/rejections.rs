//! The rejected items of a batch, for `email_events_rejected`.

use event_model::{
    BatchKey,
    sparkpost::{Event, MAX_REJECTED_ITEMS, RejectedItem},
};
use sqlx::PgConnection;

use crate::{
    StoreError,
    error::Step,
    partition::{Refusal, Span},
};

/// The most bytes of raw events in one statement, so that a batch of rejected events is not copied in memory several
/// times.
const STATEMENT_BYTES: usize = 1024 * 1024;

/// The most bytes kept here of a rejected item. The archived object has all of it.
const MAX_RAW_BYTES: usize = 256 * 1024;

/// A row, and the number of items that it stands for.
#[derive(Default)]
pub(super) struct Rejections<'a> {
    rows: Vec<Rejection<'a>>,
    count: usize,
    /// Events that parsed, cannot be stored, and are too many for a row each: the index and reason of the first, and
    /// the number.
    more: Option<More>,
}

struct More {
    first: u32,
    reason: String,
    count: usize,
}

struct Rejection<'a> {
    ordinal: i32,
    reason: String,
    raw: &'a [u8],
}

impl<'a> Rejections<'a> {
    /// Starts with the items that the parser rejected.
    pub(super) fn of_parser(items: &'a [RejectedItem<'_>]) -> Self {
        let rows = items
            .iter()
            .map(|item| Rejection::new(item.ordinal, &item.reason.to_string(), &item.raw));
        Self {
            rows: rows.collect(),
            count: items.iter().map(RejectedItem::count).sum(),
            more: None,
        }
    }

    /// Adds an event that parsed and cannot be stored.
    pub(super) fn add(&mut self, event: &'a Event<'_>, reason: &str) {
        self.count += 1;
        // Twice the parser's limit, so that these have rows in addition to those.
        if self.rows.len() < 2 * MAX_REJECTED_ITEMS {
            let raw = event.payload.as_bytes();
            self.rows.push(Rejection::new(event.ordinal, reason, raw));
            return;
        }
        let more = self.more.get_or_insert_with(|| More {
            first: event.ordinal,
            reason: reason.to_owned(),
            count: 0,
        });
        more.first = more.first.min(event.ordinal);
        more.count += 1;
    }

    /// Rejects the events whose times cannot have a partition; returns the others.
    ///
    /// Those past the retention share one row without their bytes: it would be kept for as long again, although their
    /// time is over. The archived object has them.
    pub(super) fn set_apart(
        &mut self,
        events: &[&'a Event<'a>],
        refused: &[(Span, Refusal)],
    ) -> Vec<&'a Event<'a>> {
        let mut expired: Option<(u32, Span)> = None;
        let mut expired_count = 0_usize;
        let mut others = Vec::with_capacity(events.len());
        for event in events {
            let refusal = refused
                .iter()
                .find(|(span, _)| span.contains(event.timestamp));
            match refusal {
                None => others.push(*event),
                Some((_, Refusal::OutOfRange)) => {
                    self.add(event, "`timestamp` is outside of the range that is stored");
                }
                Some((span, Refusal::PastRetention)) => {
                    expired_count += 1;
                    expired.get_or_insert((event.ordinal, *span));
                }
            }
        }
        if let Some((ordinal, span)) = expired {
            let reason = format!(
                "past_retention: `timestamp` is before {}, from where on events are kept (RetentionDays); \
                 {expired_count} of the batch's events are, and are not stored",
                span.end().to_time().date(),
            );
            self.rows.push(Rejection::new(ordinal, &reason, b""));
            self.count += expired_count;
        }
        others
    }

    /// The number of rejected items.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) async fn insert(
        &self,
        connection: &mut PgConnection,
        key: &BatchKey,
    ) -> Result<(), StoreError> {
        let more = self.more.as_ref().map(More::as_rejection);
        if let Some(more) = more {
            insert(connection, key, &[more]).await?;
        }
        let mut rest = self.rows.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(count_for_one_statement(rest));
            insert(connection, key, now).await?;
            rest = later;
        }
        Ok(())
    }
}

impl<'a> Rejection<'a> {
    fn new(ordinal: u32, reason: &str, raw: &'a [u8]) -> Self {
        // The one character that Postgres cannot store in a text.
        let mut reason = reason.replace('\0', "\u{fffd}");
        let kept = raw.get(..MAX_RAW_BYTES).unwrap_or(raw);
        if kept.len() < raw.len() {
            let length = raw.len();
            reason = format!(
                "{reason} (the first {MAX_RAW_BYTES} bytes of {length} are kept here, all of them in the archived object)"
            );
        }
        Self {
            ordinal: i32::try_from(ordinal).unwrap_or(i32::MAX),
            reason,
            raw: kept,
        }
    }
}

impl More {
    fn as_rejection(&self) -> Rejection<'static> {
        let Self {
            first,
            reason,
            count,
        } = self;
        let reason = format!(
            "{count} more events, this one the first of them, cannot be stored either, as this one: {reason}. They are kept in the archived object"
        );
        Rejection::new(*first, &reason, &[])
    }
}

/// As many as fit into [`STATEMENT_BYTES`], but at least one.
fn count_for_one_statement(rejections: &[Rejection<'_>]) -> usize {
    let mut bytes = 0_usize;
    let fitting = rejections.iter().take_while(|rejection| {
        bytes = bytes.saturating_add(rejection.raw.len() + rejection.reason.len());
        bytes <= STATEMENT_BYTES
    });
    fitting.count().max(1)
}

async fn insert(
    connection: &mut PgConnection,
    key: &BatchKey,
    rejections: &[Rejection<'_>],
) -> Result<(), StoreError> {
    let ordinals: Vec<_> = rejections
        .iter()
        .map(|rejection| rejection.ordinal)
        .collect();
    let reasons: Vec<_> = rejections
        .iter()
        .map(|rejection| rejection.reason.as_str())
        .collect();
    let raws: Vec<_> = rejections.iter().map(|rejection| rejection.raw).collect();
    // If a batch is delivered again after its row in `batches` expired, its rejected events are here already.
    sqlx::query!(
        r#"
        insert into email_events_rejected (batch_key, ordinal, reason, raw)
        select $1, item.ordinal, item.reason, item.raw
        from unnest($2::integer[], $3::text[], $4::bytea[]) as item (ordinal, reason, raw)
        on conflict (batch_key, ordinal) do nothing
        "#,
        key.as_str(),
        &ordinals,
        &reasons as &[&str],
        &raws as &[&[u8]],
    )
    .execute(connection)
    .await
    .step("keeping rejected events")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_size(bytes: &[u8]) -> Rejection<'_> {
        Rejection::new(0, "", bytes)
    }

    #[test]
    fn statement_takes_as_many_as_fit_and_at_least_one() {
        let quarter = vec![0; STATEMENT_BYTES / 4];
        let huge = "x".repeat(STATEMENT_BYTES * 2);

        let quarters = [&quarter; 5].map(|raw| of_size(raw));
        assert_eq!(count_for_one_statement(&quarters), 4);
        let huge_first = [Rejection::new(0, &huge, b""), of_size(&quarter)];
        assert_eq!(count_for_one_statement(&huge_first), 1);
    }

    #[test]
    fn long_item_is_kept_in_part_and_the_reason_says_so() {
        let raw = vec![b'x'; MAX_RAW_BYTES + 1];

        let whole = Rejection::new(0, "no JSON", &raw[..MAX_RAW_BYTES]);
        let cut = Rejection::new(0, "no JSON", &raw);

        assert_eq!(
            (whole.raw.len(), whole.reason.as_str()),
            (MAX_RAW_BYTES, "no JSON")
        );
        assert_eq!(cut.raw.len(), MAX_RAW_BYTES);
        assert_eq!(
            cut.reason,
            "no JSON (the first 262144 bytes of 262145 are kept here, all of them in the archived object)"
        );
    }

    #[test]
    fn reason_holds_no_character_that_text_cannot_hold() {
        let rejection = Rejection::new(0, "class \"a\0b\" is odd", b"");

        assert_eq!(rejection.reason, "class \"a\u{fffd}b\" is odd");
    }
}
