//! The index of events of other providers than SparkPost, see [`event_query::provider`].
//!
//! It is created here and not by a migration, because existing partitions may be large.

use event_query::provider::index_definition;
use sqlx::PgConnection;

use super::{Report, partition_index::PartitionIndex};
use crate::StoreError;

pub(super) async fn create_missing(
    connection: &mut PgConnection,
    report: &mut Report,
) -> Result<(), StoreError> {
    let index = PartitionIndex {
        name: "email_events_provider_ts_idx".to_owned(),
        part_suffix: "_provider_ts_idx".to_owned(),
        definition: index_definition(),
    };
    index.create_missing(connection, report).await
}
