//! Stores some rows of a batch within a savepoint, so that what fails leaves nothing behind and the batch goes on.

use event_model::sparkpost::Event;
use sqlx::{Connection, PgConnection, PgTransaction};

use super::copy::{self, copy_rows};
use crate::{
    StoreError,
    error::{Step, code, has_code, is_bad_data, is_missing_partition, sqlstate},
};

/// What became of the rows.
pub(super) enum Fate {
    /// All are in the table, `rows` of them new.
    Stored { rows: u64 },
    /// None were stored: there is no partition for one of them.
    WeekMissing,
    /// None were stored: Postgres cannot take one of them.
    Unusable { reason: String },
}

/// Stores rows that are sorted by time and key. Of rows that are equal in both the first is meant.
pub(super) async fn store_piece(
    transaction: &mut PgConnection,
    rows: &[&Event<'_>],
) -> Result<Fate, StoreError> {
    const STEP: &str = "storing events";

    let mut stored = copy_straight(transaction, rows).await.step(STEP)?;
    if let Err(error) = &stored
        && has_code(error, code::UNIQUE_VIOLATION)
    {
        stored = merge(transaction, rows).await.step(STEP)?;
    }
    match stored {
        Ok(rows) => Ok(Fate::Stored { rows }),
        Err(error) if is_missing_partition(&error) => Ok(Fate::WeekMissing),
        Err(error) if is_bad_data(&error) => Ok(Fate::Unusable {
            reason: describe(&error),
        }),
        Err(error) => Err(error).step(STEP),
    }
}

/// Copies the rows into the table, which takes them only if none is there yet. The inner error is one whose traces are
/// gone.
async fn copy_straight(
    transaction: &mut PgConnection,
    rows: &[&Event<'_>],
) -> sqlx::Result<sqlx::Result<u64>> {
    let mut savepoint = transaction.begin().await?;
    let copied = copy_rows(&mut savepoint, copy::INTO_EVENTS, rows).await;
    settle(savepoint, copied).await
}

/// Copies the rows beside the table and inserts those that are not in it. The inner error is one whose traces are gone.
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
            (like events)
            on commit delete rows;
        truncate pg_temp.events_staging
        ",
    )
    .execute(&mut *connection)
    .await?;
    copy_rows(connection, copy::INTO_STAGING, rows).await?;
    let inserted = sqlx::query(copy::FROM_STAGING).execute(connection).await?;
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
