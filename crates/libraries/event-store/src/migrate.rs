//! Applies the files in `migrations/`, which are compiled in.

use sqlx::{PgConnection, migrate::Migrator};

use crate::{StoreError, error::Step, operation::Operation, roles};

static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations");

/// Applies the missing migrations, and grants permissions.
pub(crate) struct Migrate;

/// The version of the latest applied migration; 0 if there is none.
pub(crate) struct Version;

impl Operation for Migrate {
    type Output = ();

    async fn run(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let mut migrations = Migrator::with_migrations(MIGRATIONS.iter().cloned().collect());
        // A deploy that is rolled back runs the previous release's code on the next release's schema. Migrations are
        // compatible with that, so unknown ones must not be an error.
        migrations.set_ignore_missing(true);
        // `Migrator::run` is generic in a way that hides that its future is `Send`; this is what it calls.
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
