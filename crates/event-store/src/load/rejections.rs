//! What could not be stored, on its way into `events_rejected`.

use event_model::{
    BatchKey,
    sparkpost::{Event, RejectedItem},
};
use sqlx::PgConnection;

use crate::{
    StoreError,
    error::Step,
    partition::{Refusal, Span},
};

/// How many bytes of raw events go into one statement, so that a batch of nothing but rejected events does not take its
/// size in memory over and over.
const STATEMENT_BYTES: usize = 1024 * 1024;

pub(super) struct Rejections<'a> {
    rows: Vec<Rejection<'a>>,
    /// Rejected events that have no row of their own, as another row tells of them.
    without_row: usize,
}

struct Rejection<'a> {
    ordinal: i32,
    reason: String,
    raw: &'a [u8],
}

impl<'a> Rejections<'a> {
    /// Begins with what the parser rejected.
    pub(super) fn of_parser(items: &'a [RejectedItem<'_>]) -> Self {
        let rejections = items
            .iter()
            .map(|item| Rejection::new(item.ordinal, &item.reason.to_string(), &item.raw));
        Self {
            rows: rejections.collect(),
            without_row: 0,
        }
    }

    /// Adds an event that parsed and cannot be stored.
    pub(super) fn add(&mut self, event: &'a Event<'_>, reason: &str) {
        let raw = event.payload.as_bytes();
        self.rows.push(Rejection::new(event.ordinal, reason, raw));
    }

    /// Rejects the events whose times can have no partition; returns the others.
    ///
    /// Those that are past the retention have one row together and leave no bytes in it: it would be kept for as long
    /// again, although their time is over. The archived object holds them.
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
            self.without_row += expired_count - 1;
        }
        others
    }

    /// How many events are rejected.
    pub(super) fn len(&self) -> usize {
        self.rows.len() + self.without_row
    }

    pub(super) async fn insert(
        &self,
        connection: &mut PgConnection,
        key: &BatchKey,
    ) -> Result<(), StoreError> {
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
        Self {
            ordinal: i32::try_from(ordinal).unwrap_or(i32::MAX),
            // The one character that a text in Postgres cannot hold.
            reason: reason.replace('\0', "\u{fffd}"),
            raw,
        }
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
    // A batch whose row in `batches` was deleted for its age and that comes once more has its rejected events here.
    sqlx::query!(
        r#"
        insert into events_rejected (batch_key, ordinal, reason, raw)
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
        let half = vec![0; STATEMENT_BYTES / 2];
        let huge = vec![0; STATEMENT_BYTES * 2];

        let halves = [of_size(&half), of_size(&half), of_size(&half)];
        assert_eq!(count_for_one_statement(&halves), 2);
        let huge_first = [of_size(&huge), of_size(&half)];
        assert_eq!(count_for_one_statement(&huge_first), 1);
    }

    #[test]
    fn reason_holds_no_character_that_text_cannot_hold() {
        let rejection = Rejection::new(0, "class \"a\0b\" is odd", b"");

        assert_eq!(rejection.reason, "class \"a\u{fffd}b\" is odd");
    }
}
