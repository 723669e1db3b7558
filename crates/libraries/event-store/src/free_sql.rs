//! Statements that callers write, on connections of their own.
//!
//! Each has a connection to itself, which is closed afterwards: so nothing of it lasts, be it a setting, a lock of the
//! session, a prepared statement or a subscription. It runs as a role that may only read, in a transaction that is
//! read-only and never committed. How many run at once is limited here for this process, and by the role's connection limit for
//! all of them together.

mod answer;
mod rights;

use std::{sync::Arc, time::Duration};

use event_query::{FreeStatement, StatementKind};
use futures::TryStreamExt;
use sqlx::{
    AssertSqlSafe, Column, Connection, Either, Executor, PgConnection, SqlSafeStr, Statement as _,
    TypeInfo, raw_sql,
};
use tokio::{sync::Semaphore, time::timeout};

pub use self::answer::{FreeAnswer, FreeColumn, FreeSqlError};

use self::answer::AnswerBuilder;
use crate::{DatabaseConfig, StoreError, connections::connect, error::Step, login::Target};

/// The database for statements of callers.
#[derive(Clone)]
pub struct FreeSql {
    target: Target,
    connect_timeout: Duration,
    statement_timeout: Duration,
    permits: Arc<Semaphore>,
}

/// How many statements of one process run at once.
const MAX_STATEMENTS: usize = 4;
/// How long one waits for its turn.
const TURN: Duration = Duration::from_secs(2);
/// What a call may take on top of its statement.
const MARGIN: Duration = Duration::from_secs(3);

/// More columns are refused, as a row of them might not fit into memory.
const MAX_COLUMNS: usize = 200;
/// How many characters of a cell are fetched.
const MAX_CELL_CHARS: usize = 64 * 1024;

impl FreeSql {
    /// Prepares the connections. Nothing is connected before the first call.
    ///
    /// # Errors
    /// [`StoreError::Url`] when the URL is not one.
    pub fn connect_lazy(config: &DatabaseConfig) -> Result<Self, StoreError> {
        Ok(Self {
            target: config.free_target()?,
            connect_timeout: config.connect_timeout,
            statement_timeout: config.statement_timeout,
            permits: Arc::new(Semaphore::new(MAX_STATEMENTS)),
        })
    }

    /// Runs a statement and reads at most `max_rows` rows, and as many as are about `max_bytes` long.
    ///
    /// # Errors
    /// [`FreeSqlError::Statement`] when Postgres does not take the statement.
    pub async fn run(
        &self,
        statement: &FreeStatement,
        max_rows: usize,
        max_bytes: usize,
    ) -> Result<FreeAnswer, FreeSqlError> {
        let _permit = timeout(TURN, self.permits.acquire())
            .await
            .map_err(|_| FreeSqlError::Busy)?
            .map_err(|_| FreeSqlError::Busy)?;
        let mut connection = connect(&self.target, self.connect_timeout).await?;
        let limit = self.statement_timeout + MARGIN;
        let builder = AnswerBuilder::new(max_rows, max_bytes, MAX_CELL_CHARS);
        let answer = timeout(limit, read(&mut connection, statement, builder))
            .await
            .map_err(|_| StoreError::Unresponsive { limit })??;
        // Postgres rolls back when a connection ends. One whose rows were not all read is dropped, as closing would read them.
        if !answer.is_truncated {
            let _closed_in_any_case = timeout(self.connect_timeout, connection.close()).await;
        }
        Ok(answer)
    }
}

impl std::fmt::Debug for FreeSql {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FreeSql").finish_non_exhaustive()
    }
}

async fn read(
    connection: &mut PgConnection,
    statement: &FreeStatement,
    mut builder: AnswerBuilder,
) -> Result<FreeAnswer, FreeSqlError> {
    raw_sql("begin transaction read only")
        .execute(&mut *connection)
        .await
        .step("beginning to read")?;
    rights::refuse_more_than_reading(connection).await?;

    // Prepared as it is, the text must be one whole statement: it cannot end the parenthesis that it is put into.
    let text = statement.text();
    let prepared = connection
        .prepare(AssertSqlSafe(text).into_sql_str())
        .await
        .map_err(FreeSqlError::of)?;
    let columns: Vec<FreeColumn> = prepared
        .columns()
        .iter()
        .map(|column| FreeColumn {
            name: column.name().to_owned(),
            type_name: column.type_info().name().to_lowercase(),
        })
        .collect();
    let has_parameters = match prepared.parameters() {
        Some(Either::Left(types)) => !types.is_empty(),
        Some(Either::Right(count)) => count > 0,
        None => false,
    };
    if has_parameters {
        return Err(FreeSqlError::Parameters);
    }
    if columns.is_empty() {
        return Err(FreeSqlError::NoColumns);
    }
    if columns.len() > MAX_COLUMNS {
        return Err(FreeSqlError::TooManyColumns { most: MAX_COLUMNS });
    }
    let wrapped = match statement.kind() {
        StatementKind::Query => as_texts(text, columns.len(), builder.max_rows() + 1),
        StatementKind::Report => text.to_owned(),
    };
    let mut rows = sqlx::query(AssertSqlSafe(wrapped))
        .persistent(false)
        .fetch(&mut *connection);
    while let Some(row) = rows.try_next().await.map_err(FreeSqlError::of)? {
        if !builder.push(&row)? {
            break;
        }
    }
    Ok(builder.finish(columns))
}

/// Every value as a text of limited length: whatever its type, and however long it is, no more of it comes here.
fn as_texts(text: &str, column_count: usize, max_rows: usize) -> String {
    let names: Vec<String> = (1..=column_count)
        .map(|number| format!("c{number}"))
        .collect();
    let kept = MAX_CELL_CHARS + 1;
    let values: Vec<String> = names
        .iter()
        .map(|name| format!("left({name}::text, {kept})"))
        .collect();
    format!(
        "select {}\nfrom (\n{text}\n) as answer ({})\nlimit {max_rows}",
        values.join(", "),
        names.join(", ")
    )
}
