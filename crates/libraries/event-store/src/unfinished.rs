//! Unfinished work of maintenance.

use sqlx::PgConnection;

use crate::{MetadataKey, StoreError, error::Step, operation::Operation};

/// The metadata keys whose index is missing, or not on every partition.
pub(crate) struct UnfinishedKeys<'a>(pub(crate) &'a [MetadataKey]);

impl Operation for UnfinishedKeys<'_> {
    type Output = Vec<String>;

    async fn run(&self, connection: &mut PgConnection) -> Result<Vec<String>, StoreError> {
        let keys: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        sqlx::query_scalar(
            r"
            select key
            from unnest($1::text[]) as key
            where not exists (
                select
                from pg_index
                join pg_class
                    on pg_class.oid = pg_index.indexrelid
                where pg_index.indrelid = 'email_events'::regclass
                    and pg_class.relname = 'email_events_meta_' || key
                    and pg_index.indisvalid
            )
            ",
        )
        .bind(keys)
        .fetch_all(connection)
        .await
        .step("looking for unfinished metadata indexes")
    }
}
