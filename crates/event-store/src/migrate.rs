//! Applies the files in `migrations/`, which are compiled in.

use sqlx::{PgConnection, migrate::Migrator};

use crate::{StoreError, error::Step};

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");

pub(crate) async fn migrate(connection: &mut PgConnection) -> Result<(), StoreError> {
    let mut migrations = Migrator::with_migrations(MIGRATIONS.iter().cloned().collect());
    // A deploy that is rolled back runs the code of the last release on the schema of the next. Migrations are such
    // that it can, so it must not stop at those that it does not know.
    migrations.set_ignore_missing(true);
    migrations
        .run(connection)
        .await
        .map_err(StoreError::Migrate)
}

pub(crate) async fn version(connection: &mut PgConnection) -> Result<i64, StoreError> {
    sqlx::query_scalar(
        r"
        select coalesce(max(version), 0)
        from _sqlx_migrations
        where success
        ",
    )
    .fetch_one(connection)
    .await
    .step("reading the migration version")
}
