//! Writes the rows of a batch of which some are in the table already, or cannot be.
//!
//! Rows are copied beside the table, and those inserted that are not in it. If Postgres does not take one of them, all is
//! undone up to a savepoint and done again with the halves of the rows, down to those that are at fault.

use event_model::sparkpost::Event;
use sqlx::{Connection, PgConnection, PgTransaction};

use super::{
    Obstacle,
    copy::{FROM_STAGING, INTO_STAGING, copy_rows},
    rejections::Rejections,
};
use crate::{
    StoreError,
    error::{Step, code, is_bad_data, is_missing_partition, sqlstate},
};

const STEP: &str = "merging events";

/// Writes rows that are sorted by time and key; returns how many of them were new. What Postgres does not take is added
/// to the rejections. With any obstacle the transaction is over.
pub(super) async fn write<'a>(
    transaction: &mut PgConnection,
    rows: &[&'a Event<'a>],
    rejections: &mut Rejections<'a>,
) -> Result<Result<u64, Obstacle>, StoreError> {
    let mut inserted = 0;
    let mut pieces = vec![rows];
    while let Some(piece) = pieces.pop() {
        match (merge(transaction, piece).await.step(STEP)?, piece) {
            (Ok(new), _) => inserted += new,
            (Err(error), _) if is_missing_partition(&error) => {
                return Ok(Err(Obstacle::PartitionMissing));
            }
            (Err(error), _) if !is_bad_data(&error) => return Err(error).step(STEP),
            (Err(error), [event]) => rejections.add(event, &describe(&error)),
            (Err(_), _) => {
                // The first half first, so that rows go on being written in the order of their keys.
                let (first, second) = piece.split_at(piece.len() / 2);
                pieces.extend([second, first]);
            }
        }
    }
    Ok(Ok(inserted))
}

/// Inserts those of the rows that are new. The inner error is one whose traces are gone.
async fn merge(
    transaction: &mut PgConnection,
    rows: &[&Event<'_>],
) -> sqlx::Result<sqlx::Result<u64>> {
    let mut savepoint = transaction.begin().await?;
    let merged = copy_and_insert(&mut savepoint, rows).await;
    settle(savepoint, merged).await
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

/// Ends the savepoint according to the result within it. An error that is not of Postgres, but of the connection, has
/// ended everything by itself.
async fn settle<T>(
    savepoint: PgTransaction<'_>,
    result: sqlx::Result<T>,
) -> sqlx::Result<sqlx::Result<T>> {
    match result {
        Ok(value) => {
            savepoint.commit().await?;
            Ok(Ok(value))
        }
        Err(error @ sqlx::Error::Database(_)) => {
            savepoint.rollback().await?;
            Ok(Err(error))
        }
        Err(error) => Err(error),
    }
}

/// What Postgres had against an event, for a person. Its own words are used only where they cannot quote the event.
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
