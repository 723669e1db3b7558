//! What could not be stored, on its way into `events_rejected`.

use event_model::{
    BatchKey,
    sparkpost::{Event, RejectedItem},
};
use sqlx::PgConnection;

use crate::{StoreError, error::Step};

/// How many bytes of raw events go into one statement, so that a batch of nothing but rejected events does not take its
/// size in memory over and over.
const STATEMENT_BYTES: usize = 1024 * 1024;

pub(super) struct Rejections<'a>(Vec<Rejection<'a>>);

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
        Self(rejections.collect())
    }

    /// Adds an event that parsed and cannot be stored.
    pub(super) fn add(&mut self, event: &'a Event<'_>, reason: &str) {
        let raw = event.payload.as_bytes();
        self.0.push(Rejection::new(event.ordinal, reason, raw));
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) async fn insert(
        &self,
        connection: &mut PgConnection,
        key: &BatchKey,
    ) -> Result<(), StoreError> {
        let mut rest = self.0.as_slice();
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
