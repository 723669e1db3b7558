//! The three pipelines.

/// Which kind of events: what a pipeline is called everywhere, in code, metrics, object keys, tables and documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pipeline {
    /// Events about emails, by `SparkPost`'s webhook: loaded into Postgres, searched, and archived in the lake.
    EmailEvents,
    /// Events of apps, by mParticle's webhook: forwarded to a destination, and archived in the lake.
    AppEvents,
    /// Events of trackers: archived in the lake.
    ProductEvents,
}

impl Pipeline {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::EmailEvents, Self::AppEvents, Self::ProductEvents];

    /// The name: the value of the metrics' dimension, the folder under `rejected/`, and the table in Postgres and in the lake.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EmailEvents => "email_events",
            Self::AppEvents => "app_events",
            Self::ProductEvents => "product_events",
        }
    }

    /// The prefix of its raw objects, which names the sender.
    pub const fn raw_prefix(self) -> &'static str {
        match self {
            Self::EmailEvents => "raw/sparkpost/",
            Self::AppEvents => "raw/mparticle/",
            Self::ProductEvents => "raw/track/",
        }
    }

    /// The scope of the key that its sender presents.
    pub const fn key_scope(self) -> &'static str {
        match self {
            Self::EmailEvents => "sparkpost",
            Self::AppEvents => "mparticle",
            Self::ProductEvents => "track",
        }
    }

    /// The pipeline of a raw object by its key. Older buckets have product events under prefixes of their own, so a key of no other
    /// pipeline is one of theirs.
    pub fn of_raw_key(key: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|pipeline| key.starts_with(pipeline.raw_prefix()))
            .unwrap_or(Self::ProductEvents)
    }

    /// The pipeline of a table by its name.
    pub fn of_table(table: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|pipeline| pipeline.name() == table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_objects_and_tables_lead_back_to_their_pipeline() {
        for pipeline in Pipeline::ALL {
            let key = format!("{}dt=2026-01-31/x.gz", pipeline.raw_prefix());
            assert_eq!(Pipeline::of_raw_key(&key), pipeline);
            assert_eq!(Pipeline::of_table(pipeline.name()), Some(pipeline));
        }
        assert_eq!(
            Pipeline::of_raw_key("analytics_raw/2020/01/31/00/x"),
            Pipeline::ProductEvents
        );
        assert_eq!(Pipeline::of_table("events"), None);
    }
}
