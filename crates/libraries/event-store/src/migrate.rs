//! Applies the files in `migrations/`, which are compiled in.

use sqlx::{PgConnection, migrate::Migrator};

use crate::{StoreError, error::Step, operation::Operation, roles};

static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations");

/// Applies what is missing, and gives rights on it.
pub(crate) struct Migrate;

/// The version of the latest migration that was applied; 0 if there is none.
pub(crate) struct Version;

impl Operation for Migrate {
    type Output = ();

    async fn run(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let mut migrations = Migrator::with_migrations(MIGRATIONS.iter().cloned().collect());
        // A deploy that is rolled back runs the code of the last release on the schema of the next. Migrations are such
        // that it can, so it must not stop at those that it does not know.
        migrations.set_ignore_missing(true);
        // `Migrator::run` is generic in a way that hides that its future can move between threads; this is what it calls.
        migrations
            .run_direct(None, connection, false)
            .await
            .map_err(StoreError::Migrate)?;
        roles::grant(connection).await
    }
}

impl Operation for Version {
    type Output = i64;

    async fn run(&self, connection: &mut PgConnection) -> Result<i64, StoreError> {
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
}
