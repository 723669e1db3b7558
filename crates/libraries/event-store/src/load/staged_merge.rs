//! Writes the rows of a batch, some of which are in the table already or refused by Postgres.
//!
//! Rows are copied into a staging table, and the new ones inserted from there. If Postgres refuses one of them, the
//! savepoint is rolled back and each half of the rows is tried, down to the bad ones.

use event_model::sparkpost::Event;
use sqlx::{Connection, PgConnection};

use super::{
    Attempt, RetryCause,
    copy::{FROM_STAGING, INTO_STAGING, copy_rows},
    rejections::Rejections,
};
use crate::{
    StoreError,
    error::{Step, code, is_bad_data, is_missing_partition, sqlstate},
};

const STEP: &str = "merging events";

/// How often the rows of one batch are written, so that a batch of refused rows ends in time: enough to find 150 of them among 10,000.
/// Events that are left then are rejected untried.
const MAX_MERGES: usize = 2_000;

/// Why an event was not tried. `cistern rejected retry` tries it alone.
const UNTRIED: &str = "not written: Postgres refused too many rows of its batch";

/// The result of merging some rows.
enum Merged {
    /// How many of them were new.
    Rows(u64),
    /// Postgres refused them, and the savepoint was rolled back.
    Refused(sqlx::Error),
}

/// Writes rows that are sorted by time and key; returns how many of them were new. Rows that Postgres refuses are added to
/// the rejections. After [`Attempt::Retry`] the transaction can only be rolled back.
pub(super) async fn write<'a>(
    transaction: &mut PgConnection,
    rows: &[&'a Event<'a>],
    rejections: &mut Rejections<'a>,
) -> Result<Attempt<u64>, StoreError> {
    let mut inserted = 0;
    let mut pieces = vec![rows];
    let mut merges = 0_usize;
    while let Some(piece) = pieces.pop() {
        if merges == MAX_MERGES {
            for event in piece {
                rejections.add(event, UNTRIED);
            }
            continue;
        }
        merges += 1;
        let error = match merge(transaction, piece).await.step(STEP)? {
            Merged::Rows(new) => {
                inserted += new;
                continue;
            }
            Merged::Refused(error) => error,
        };
        if is_missing_partition(&error) {
            return Ok(Attempt::Retry(RetryCause::PartitionMissing));
        }
        if !is_bad_data(&error) {
            return Err(error).step(STEP);
        }
        if let [event] = piece {
            rejections.add(event, &describe(&error));
        } else {
            // The first half first, so that rows are written in the order of their keys.
            let (first, second) = piece.split_at(piece.len() / 2);
            pieces.extend([second, first]);
        }
    }
    Ok(Attempt::Done(inserted))
}

/// Inserts the new rows, within a savepoint.
async fn merge(transaction: &mut PgConnection, rows: &[&Event<'_>]) -> sqlx::Result<Merged> {
    let mut savepoint = transaction.begin().await?;
    match copy_and_insert(&mut savepoint, rows).await {
        Ok(inserted) => {
            savepoint.commit().await?;
            Ok(Merged::Rows(inserted))
        }
        Err(error @ sqlx::Error::Database(_)) => {
            savepoint.rollback().await?;
            Ok(Merged::Refused(error))
        }
        // An error of the connection rather than of Postgres, which has ended the transaction.
        Err(error) => Err(error),
    }
}

async fn copy_and_insert(connection: &mut PgConnection, rows: &[&Event<'_>]) -> sqlx::Result<u64> {
    // Truncated because an earlier piece of the same batch may have left its rows.
    sqlx::raw_sql(
        r"
        create temporary table if not exists events_staging
            (like email_events)
            on commit delete rows;
        truncate pg_temp.events_staging
        ",
    )
    .execute(&mut *connection)
    .await?;
    copy_rows(connection, INTO_STAGING, rows).await?;
    let inserted = sqlx::query(FROM_STAGING).execute(connection).await?;
    Ok(inserted.rows_affected())
}

/// Why Postgres refused an event. Its own message is used only if it cannot quote the event.
fn describe(error: &sqlx::Error) -> String {
    let code = sqlstate(error).unwrap_or_default();
    let problem = match code.as_str() {
        // "index row size 9000 exceeds btree version 4 maximum 2704 for index …" and its like
        "54000" => error
            .as_database_error()
            .map_or("a limit of Postgres is exceeded", |error| error.message()),
        "54001" => "its values are nested too deeply",
        "22003" => "a number is out of range",
        "22007" | code::DATETIME_FIELD_OVERFLOW => "a time is out of range",
        "22021" => "a text is not valid UTF-8",
        "22P02" => "it is not valid JSON",
        "22P05" => "a text holds a character that jsonb cannot hold",
        _ => "it violates a rule of the database",
    };
    format!("refused by Postgres: {problem} (SQLSTATE {code})")
}
